// SPDX-License-Identifier: Apache-2.0
// How long something has been so, for people.
#pragma once

#include <stdint.h>

// "0.3s", "12s", "3m12s", "2h5m", "4d3h". Returns `text`.
enum { AGE_TEXT = 32 };
char *age_format(uint64_t milliseconds, char *text /* AGE_TEXT bytes */);
