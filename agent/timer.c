// SPDX-License-Identifier: Apache-2.0
#include "timer.h"

#include "base/memory.h"

struct timer {
	uv_timer_t handle; // first: closing frees the whole
	agent_timer_callback callback;
	void *context;
};

static void fire(uv_timer_t *handle)
{
	struct timer *timer = (struct timer *)handle;
	timer->callback(timer->context);
}

void agent_timer_new(
	struct timer **out, uv_loop_t *loop, agent_timer_callback callback, void *context)
{
	struct timer *timer = memory_new(sizeof(*timer));
	timer->callback = callback;
	timer->context = context;
	uv_timer_init(loop, &timer->handle);
	*out = timer;
}

static void closed(uv_handle_t *handle)
{
	free(handle);
}

void agent_timer_free(struct timer **timer)
{
	if (*timer)
		uv_close((uv_handle_t *)&(*timer)->handle, closed);
	*timer = NULL;
}

void agent_timer_start(struct timer *timer, uint64_t after_ms, uint64_t repeat_ms)
{
	// libuv counts from the loop's idea of now, which is old after a long callback.
	uv_update_time(timer->handle.loop);
	uv_timer_start(&timer->handle, fire, after_ms, repeat_ms);
}

void agent_timer_stop(struct timer *timer)
{
	uv_timer_stop(&timer->handle);
}

bool agent_timer_active(const struct timer *timer)
{
	return uv_is_active((const uv_handle_t *)&timer->handle);
}
