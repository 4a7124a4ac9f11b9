// SPDX-License-Identifier: Apache-2.0
// Time. Durations and deadlines use the monotonic clock, so that a clock that jumps harms nothing.
#pragma once

#include <stdint.h>

uint64_t clock_monotonic_ms(void);
uint64_t clock_monotonic_ns(void);
uint64_t clock_realtime_ms(void); // for people, and for what ends at a date
uint64_t clock_realtime_us(void);
// Seconds since 1970 as "2026-11-26T07:00:00Z" (RFC 3339, UTC); returns the text.
enum { CLOCK_TEXT = 32 };
char *clock_format(int64_t seconds, char *text /* CLOCK_TEXT bytes */);
// The same back. -EINVAL with `seconds` untouched: no such time, or not of 1970 to 9999.
int clock_parse(const char *text, int64_t *seconds);
