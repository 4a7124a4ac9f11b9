// SPDX-License-Identifier: Apache-2.0
// How long something has been so, for people.
#pragma once

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"

// "0.3s", "12s", "3m12s", "2h5m", "4d3h". Returns `text`.
enum { AGE_TEXT = 32 };
char *age_format(uint64_t milliseconds, char *text /* AGE_TEXT bytes */);

// When that ends which lasts so long from now, as the API writes it; a part of a second counts as a whole
// one. 0, or -EINVAL where that is at once, or not before the year 10000: --OPTION is wrong.
int age_end(const char *option, uint64_t milliseconds, char *text /* CLOCK_TEXT bytes */,
	struct error *error);
