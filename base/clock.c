// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <time.h>

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t clock_monotonic_ns(void)
{
	return now_ns(CLOCK_MONOTONIC);
}

uint64_t clock_monotonic_ms(void)
{
	return now_ns(CLOCK_MONOTONIC) / 1000000;
}

uint64_t clock_realtime_ms(void)
{
	return now_ns(CLOCK_REALTIME) / 1000000;
}
