// SPDX-License-Identifier: Apache-2.0
// A timer on the loop that may be freed at any time, also from its own callback.
#pragma once

#include <stdbool.h>
#include <uv.h>

struct timer;
typedef void (*agent_timer_callback)(void *context);

void agent_timer_new(
	struct timer **out, uv_loop_t *loop, agent_timer_callback callback, void *context);
void agent_timer_free(struct timer **timer); // and NULLs it; NULL inside is fine
// After so many milliseconds, and then every `repeat` (0: once). Started again: the new times
// count.
void agent_timer_start(struct timer *timer, uint64_t after_ms, uint64_t repeat_ms);
void agent_timer_stop(struct timer *timer);
bool agent_timer_active(const struct timer *timer);
