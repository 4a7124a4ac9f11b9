// SPDX-License-Identifier: Apache-2.0
// Texts one after the other in one buffer, and JSON among them, compact.
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
