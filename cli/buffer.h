// SPDX-License-Identifier: Apache-2.0
// Bytes that arrive piece by piece. A UT_string grows by what is asked for, so that many pieces cost the square of their
// number; this one doubles.
#pragma once

#include <stddef.h>
#include <utstring.h>

static inline void buffer_append(UT_string *text, const void *data, size_t length)
{
	if (text->n - text->i < length + 1)
		utstring_reserve(text, text->i + length + 1);
	utstring_bincpy(text, data, length);
}
