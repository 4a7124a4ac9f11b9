// SPDX-License-Identifier: Apache-2.0
// Bytes as letters that need no quoting in a URL, a header or a command line (RFC 4648, section 5,
// without padding).
#pragma once

#include <stddef.h>
#include <stdint.h>

// Bytes that the text of `count` bytes takes, its end included.
#define BASE64URL_TEXT(count) (((count)*4 + 2) / 3 + 1)

// `out` has room for BASE64URL_TEXT(count) bytes.
void base64url_encode(const uint8_t *bytes, size_t count, char *out);
