// SPDX-License-Identifier: Apache-2.0
// Bytes that grow. `struct bytes bytes = {0};` is an empty one.
#pragma once

#include <stddef.h>

struct bytes {
	unsigned char *data; // owned; NULL while nothing was ever appended
	size_t length, capacity;
};

void bytes_append(struct bytes *bytes, const void *data, size_t length);
void bytes_drop(struct bytes *bytes, size_t length); // the first ones
void bytes_done(struct bytes *bytes);

#define cleanup_bytes __attribute__((cleanup(bytes_done)))

// RFC 4648, section 4, with padding. Encoding gives a text that the caller frees; decoding appends,
// or answers -EINVAL and appends nothing.
char *base64_encode(const void *data, size_t length, size_t *text_length);
int base64_decode(struct bytes *out, const char *text, size_t length);
