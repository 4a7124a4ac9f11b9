// SPDX-License-Identifier: Apache-2.0
// Bytes that many connections share: a line that goes to a thousand hosts exists once.
#pragma once

#include <jansson.h>
#include <stddef.h>

struct bytes {
	unsigned references;
	size_t length;
	char data[];
};

// All with one reference. One line: the compact JSON with a line feed; takes the reference of `json`.
struct bytes *bytes_line(json_t *json);
struct bytes *bytes_copy(const char *text, size_t length);
struct bytes *bytes_ref(struct bytes *bytes);
void bytes_unref(struct bytes *bytes); // NULL is fine
