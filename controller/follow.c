// SPDX-License-Identifier: Apache-2.0
#include "follow.h"

#include <errno.h>
#include <inttypes.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "journal.h"
#include "loop.h"
#include "news.h"

enum { RETRY_MS = 300 };

static const struct error stopping = {.code = EAGAIN, .message = "the controller stops"};

struct follower {
	follow_done done;
	void *context;
	struct follower *next;
};

struct follow {
	struct journal_job job; // first
	struct controller *controller;
	bool running, ending, unreachable;
	uint64_t since;       // it is reachable, or is not; monotonic milliseconds
	struct error trouble; // why it is not
	// Those of the run under way, and those that came when it had begun: it may have looked too
	// early for them.
	struct follower *riding, *waiting;
	uv_poll_t *poll;   // on the store's descriptor
	uv_timer_t *retry; // after a failure
	uint64_t known;    // before
	int rc;
	struct error error;
	struct news news;
};

static void run(struct follow *follow);

static void on_retry(uv_timer_t *timer)
{
	run(timer->data);
}

static void on_news(uv_poll_t *poll, int status, int events)
{
	(void)status, (void)events;
	run(poll->data);
}

static void look(struct journal_job *job, struct store *store)
{
	struct follow *follow = (struct follow *)job;
	follow->error = (struct error){0};
	follow->rc = store_refresh(store, &follow->error);
	if (!follow->rc)
		follow->rc = news_collect(&follow->news, store, follow->known, &follow->error);
}

static void tell(struct follower *list, int rc, const struct error *error)
{
	struct follower *follower, *next;
	LL_FOREACH_SAFE(list, follower, next)
	{
		follower->done(follower->context, rc, error);
		free(follower);
	}
}

static void note_reachable(struct follow *follow)
{
	if (follow->rc && !follow->unreachable)
		log_warning("writes and fresh reads have to wait: %s", follow->error.message);
	if (!follow->rc && follow->unreachable)
		log_info("the store answers again, at revision %" PRIu64,
			follow->controller->revision);
	if (follow->unreachable != !!follow->rc)
		follow->since = clock_monotonic_ms();
	follow->unreachable = follow->rc;
	follow->trouble = follow->error;
}

static void looked(struct journal_job *job)
{
	struct follow *follow = (struct follow *)job;
	struct follower *riding = steal(follow->riding);
	follow->running = false;
	if (follow->rc)
		LL_CONCAT(riding, steal(follow->waiting));
	if (!follow->rc)
		news_take(follow->controller, &follow->news);
	news_done(&follow->news);
	note_reachable(follow);
	tell(riding, follow->rc, &follow->error);
	if (follow->ending)
		return;
	if (follow->waiting)
		run(follow);
	else if (follow->rc)
		uv_timer_start(follow->retry, on_retry, RETRY_MS, 0);
	else
		uv_poll_start(follow->poll, UV_READABLE, on_news);
}

static void run(struct follow *follow)
{
	if (follow->running || follow->ending)
		return;
	follow->running = true;
	uv_poll_stop(follow->poll);
	uv_timer_stop(follow->retry);
	follow->riding = steal(follow->waiting);
	follow->known = follow->controller->revision;
	journal_submit(follow->controller->journal, &follow->job);
}

// ---- life ----

void follow_start(struct controller *controller)
{
	int descriptor = store_descriptor(controller->store);
	if (descriptor < 0)
		return;
	struct follow *follow = memory_new(sizeof(*follow));
	follow->job = (struct journal_job){.work = look, .done = looked, .urgent = true};
	follow->controller = controller;
	follow->since = clock_monotonic_ms();
	follow->poll = memory_new(sizeof(*follow->poll));
	follow->poll->data = follow;
	uv_poll_init(controller->loop, follow->poll, descriptor);
	uv_poll_start(follow->poll, UV_READABLE, on_news);
	follow->retry = memory_new(sizeof(*follow->retry));
	follow->retry->data = follow;
	uv_timer_init(controller->loop, follow->retry);
	controller->follow = follow;
}

bool follow_reaches(const struct controller *controller, uint64_t *since_ms)
{
	const struct follow *follow = controller->follow;
	if (since_ms)
		*since_ms = clock_monotonic_ms() - (follow ? follow->since : controller->started);
	return !follow || !follow->unreachable;
}

void follow_now(struct controller *controller, follow_done done, void *context)
{
	struct follow *follow = controller->follow;
	if (follow->ending || follow->unreachable) {
		const struct error error = follow->ending ? stopping : follow->trouble;
		done(context, -EAGAIN, &error);
		return;
	}
	struct follower *follower = memory_new(sizeof(*follower));
	follower->done = done;
	follower->context = context;
	LL_APPEND(follow->waiting, follower);
	run(follow);
}

void follow_doubt(struct controller *controller)
{
	if (controller->follow)
		run(controller->follow);
}

void follow_end(struct controller *controller)
{
	struct follow *follow = controller->follow;
	if (!follow)
		return;
	follow->ending = true;
	loop_close(steal(follow->poll));
	loop_close(steal(follow->retry));
	tell(steal(follow->waiting), -EAGAIN, &stopping);
}

void follow_free(struct controller *controller)
{
	free(steal(controller->follow));
}
