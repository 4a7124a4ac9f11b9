// SPDX-License-Identifier: Apache-2.0
// JSON as compact text, one after the other in one buffer. What json_dumps(…, JSON_COMPACT) says, at a
// tenth of its cost: a cold start writes every object that there is.
#pragma once

#include <jansson.h>
#include <stddef.h>

struct writer {
	char *text; // not terminated
	size_t length, capacity;
};

// Zeroed, it is empty.
void writer_json(struct writer *writer, const json_t *json);
void writer_append(struct writer *writer, const char *text, size_t length);
void writer_done(struct writer *writer);
