// SPDX-License-Identifier: Apache-2.0
// Packets in words: one line a header, through tunnels too. Whatever the bytes are, it ends with the last that it knows.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <utarray.h>

// Append a line for each header to `lines`, an array of char * (ut_str_icd).
void packet_lines(const uint8_t *bytes, size_t length, UT_array *lines);
// "tcp 10.0.0.2:49152 > 10.0.0.3:5432", of the outermost headers. Owned by the caller (free).
char *packet_summary(const uint8_t *bytes, size_t length);
// From hexadecimal digits, as the API has frames. Owned by the caller (free); what is no hexadecimal ends it.
uint8_t *packet_decode(const char *text, size_t *length);
