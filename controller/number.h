// SPDX-License-Identifier: Apache-2.0
// Numbers and durations as they stand in paths and queries.
#pragma once

#include <stdint.h>

// Decimal digits and nothing else, up to 2^63 - 1. 0 or -EINVAL, `out` then untouched.
int number_parse(const char *text, uint64_t *out);
// "500ms", "30s", "2m", in milliseconds; an hour at most. 0 or -EINVAL, `out` then untouched.
int duration_parse(const char *text, uint64_t *milliseconds);
