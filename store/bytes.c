// SPDX-License-Identifier: Apache-2.0
#include "bytes.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void bytes_append(struct bytes *bytes, const void *data, size_t length)
{
	if (length > bytes->capacity - bytes->length) {
		size_t capacity = bytes->capacity ? bytes->capacity : 256;
		while (capacity - bytes->length < length)
			capacity *= 2;
		bytes->data = memory_resize(bytes->data, capacity, 1);
		bytes->capacity = capacity;
	}
	if (length)
		memcpy(bytes->data + bytes->length, data, length);
	bytes->length += length;
}

void bytes_drop(struct bytes *bytes, size_t length)
{
	bytes->length -= length;
	if (length && bytes->length)
		memmove(bytes->data, bytes->data + length, bytes->length);
}

void bytes_done(struct bytes *bytes)
{
	free(bytes->data);
	*bytes = (struct bytes){0};
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *data, size_t length, size_t *text_length)
{
	const unsigned char *in = data;
	*text_length = (length + 2) / 3 * 4;
	char *text = memory_resize(NULL, *text_length + 1, 1), *out = text;
	for (; length >= 3; in += 3, length -= 3) {
		uint32_t group = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
		*out++ = alphabet[group >> 18];
		*out++ = alphabet[group >> 12 & 63];
		*out++ = alphabet[group >> 6 & 63];
		*out++ = alphabet[group & 63];
	}
	if (length) {
		uint32_t group = (uint32_t)in[0] << 16 | (length > 1 ? (uint32_t)in[1] << 8 : 0);
		*out++ = alphabet[group >> 18];
		*out++ = alphabet[group >> 12 & 63];
		*out++ = length > 1 ? alphabet[group >> 6 & 63] : '=';
		*out++ = '=';
	}
	*out = '\0';
	return text;
}

// The value of a digit, or 64.
static unsigned digit(unsigned char character)
{
	if (character >= 'A' && character <= 'Z')
		return character - 'A';
	if (character >= 'a' && character <= 'z')
		return character - 'a' + 26;
	if (character >= '0' && character <= '9')
		return character - '0' + 52;
	return character == '+' ? 62 : character == '/' ? 63 : 64;
}

int base64_decode(struct bytes *out, const char *text, size_t length)
{
	size_t before = out->length, padding = 0;
	if (length % 4)
		return -EINVAL;
	while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < length; i += 4) {
		size_t digits = i + 4 == length ? 4 - padding : 4;
		uint32_t group = 0;
		for (size_t j = 0; j < 4; j++) {
			unsigned value = j < digits ? digit((unsigned char)text[i + j]) : 0;
			if (value > 63) {
				out->length = before;
				return -EINVAL;
			}
			group = group << 6 | value;
		}
		unsigned char octets[] = {(unsigned char)(group >> 16), (unsigned char)(group >> 8),
			(unsigned char)group};
		bytes_append(out, octets, digits - 1);
	}
	return 0;
}
