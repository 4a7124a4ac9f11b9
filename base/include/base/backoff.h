// SPDX-License-Identifier: Apache-2.0
// How long to wait before trying again: half as long again each time, from 50 ms to 5 s, and at random
// between half of it and the whole, so that many agents do not come back in one moment. Who was gone for
// a while is found again after at most half of that while more.
#pragma once

#include <stdint.h>
#include <stdlib.h>

struct backoff {
	uint32_t next_ms; // 0: the first
};

enum { BACKOFF_FIRST_MS = 50, BACKOFF_LAST_MS = 5000 };

static inline uint32_t backoff_ms(struct backoff *backoff)
{
	uint32_t whole = backoff->next_ms ? backoff->next_ms : BACKOFF_FIRST_MS;
	backoff->next_ms = whole * 3 / 2 < BACKOFF_LAST_MS ? whole * 3 / 2 : BACKOFF_LAST_MS;
	return whole / 2 + arc4random_uniform(whole / 2 + 1);
}

static inline void backoff_reset(struct backoff *backoff)
{
	backoff->next_ms = 0;
}
