// SPDX-License-Identifier: Apache-2.0
#include "base/base64url.h"

void base64url_encode(const uint8_t *bytes, size_t count, char *out)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint32_t held = 0;
	unsigned bits = 0;
	for (size_t i = 0; i < count; i++) {
		held = held << 8 | bytes[i];
		for (bits += 8; bits >= 6; bits -= 6)
			*out++ = letters[held >> (bits - 6) & 63];
	}
	if (bits)
		*out++ = letters[held << (6 - bits) & 63];
	*out = '\0';
}
