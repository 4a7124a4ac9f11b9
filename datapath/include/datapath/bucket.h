// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// A token bucket in one number (the generic cell rate algorithm, ITU-T I.371): when it will be full again. CPUs that race take one
// token for two, which does no harm. A token is given back by taking its interval off.
#pragma once

#include <linux/types.h>
#ifndef __bpf__
#include <stdbool.h>
#endif

// Nanoseconds: `now` and `full` on one clock, `interval` to the next token, `room` until an empty one is full, at least `interval`.
static inline bool dp_bucket_take(__u64 *full, __u64 now, __u64 interval, __u64 room)
{
	__s64 lacking = (__s64)(*full - now); // what is given back brings it as low as it likes

	if (lacking < 0)
		lacking = 0;
	if (lacking > (__s64)(room - interval))
		return false;
	*full = now + (__u64)lacking + interval;
	return true;
}
