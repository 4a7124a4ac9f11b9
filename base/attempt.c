// SPDX-License-Identifier: Apache-2.0
#include "base/attempt.h"

#include "base/clock.h"

bool attempt_number_newer(uint64_t one, uint64_t other)
{
	uint64_t ahead = (one - other) & ATTEMPT_LAST;
	if (!one || !other)
		return one && !other;
	return ahead && ahead <= ATTEMPT_LAST / 2;
}

bool attempt_newer(struct attempt one, struct attempt other)
{
	if (one.host != other.host)
		return attempt_number_newer(one.host, other.host);
	return attempt_number_newer(one.relay, other.relay);
}

uint64_t attempt_next_at(uint64_t last, uint64_t now_us)
{
	uint64_t next = last < ATTEMPT_LAST ? last + 1 : 1;
	return !last || attempt_number_newer(now_us, next) ? now_us : next;
}

uint64_t attempt_next(uint64_t last)
{
	return attempt_next_at(last, clock_realtime_us());
}
