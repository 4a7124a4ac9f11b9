// SPDX-License-Identifier: Apache-2.0
// Time. Durations and deadlines use the monotonic clock, so that a clock that jumps harms nothing.
#pragma once

#include <stdint.h>

uint64_t clock_monotonic_ms(void);
uint64_t clock_monotonic_ns(void);
uint64_t clock_realtime_ms(void); // for people only
