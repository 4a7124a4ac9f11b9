// SPDX-License-Identifier: Apache-2.0
#include "presence.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/table.h"
#include "feed.h"

// Times are monotonic milliseconds.
struct whereabouts {
	char host[64];
	bool here, answered;
	uint64_t here_since;           // is, or is not
	struct peer_controller *there; // NULL: at no other controller
	uint64_t there_since;
	UT_hash_handle hh;
};

struct presence {
	struct whereabouts *by_host;
};

static struct whereabouts *find(const struct controller *controller, const char *host)
{
	struct whereabouts *at;
	HASH_FIND_STR(controller->presence->by_host, host, at);
	return at;
}

static struct whereabouts *get(struct controller *controller, const char *host)
{
	struct whereabouts *at = find(controller, host);
	if (!at) {
		at = memory_new(sizeof(*at));
		snprintf(at->host, sizeof(at->host), "%s", host);
		at->here_since = at->there_since = clock_monotonic_ms();
		HASH_ADD_STR(controller->presence->by_host, host, at);
	}
	return at;
}

static bool is_connected(const struct whereabouts *at)
{
	return at->here || at->there;
}

// Of the connection that there is, or of the end of the last.
static uint64_t since_of(const struct whereabouts *at)
{
	if (at->here)
		return at->here_since;
	if (at->there)
		return at->there_since;
	return at->here_since > at->there_since ? at->here_since : at->there_since;
}

static void tell_receipts(struct controller *controller, const struct whereabouts *at)
{
	receipts_host_connected(
		controller->receipts, at->host, is_connected(at), clock_monotonic_ms());
}

void presence_start(struct controller *controller)
{
	controller->presence = memory_new(sizeof(*controller->presence));
}

void presence_free(struct controller *controller)
{
	struct whereabouts *at, *next;
	HASH_ITER (hh, controller->presence->by_host, at, next) {
		HASH_DEL(controller->presence->by_host, at);
		free(at);
	}
	free(steal(controller->presence));
}

void presence_introduce(struct controller *controller, const char *host)
{
	tell_receipts(controller, get(controller, host));
}

void presence_forget(struct controller *controller, const char *host)
{
	struct whereabouts *at = find(controller, host);
	if (!at)
		return;
	HASH_DEL(controller->presence->by_host, at);
	free(at);
}

void presence_here(struct controller *controller, const char *host, bool connected, uint64_t since)
{
	struct whereabouts *at = get(controller, host);
	at->here = connected;
	at->answered = false;
	at->here_since = since;
	tell_receipts(controller, at);
}

void presence_answered(struct controller *controller, const char *host)
{
	struct whereabouts *at = find(controller, host);
	if (at)
		at->answered = at->here;
}

bool presence_settled(const struct controller *controller, const char *host)
{
	const struct whereabouts *at = find(controller, host);
	return at && at->answered && !receipts_owes(controller->receipts, host);
}

bool presence_there(struct controller *controller, struct peer_controller *peer, const char *host,
	struct attempt attempt, uint64_t since)
{
	struct whereabouts *at = get(controller, host);
	struct peer_controller *before = at->there;
	bool here = at->here;
	at->there = peer; // first, so that it is connected all the time
	bool yielded = feed_yield(controller->feed, host, attempt);
	if (yielded)
		at->there_since = since;
	else
		at->there = before == peer ? NULL : before;
	tell_receipts(controller, at);
	return here && yielded;
}

void presence_not_there(struct controller *controller, struct peer_controller *peer,
	const char *host, uint64_t since)
{
	struct whereabouts *at = get(controller, host);
	if (at->there == peer) {
		at->there = NULL;
		at->there_since = since;
	}
	tell_receipts(controller, at);
}

void presence_lost(struct controller *controller, const struct peer_controller *peer)
{
	struct whereabouts *at, *next;
	HASH_ITER (hh, controller->presence->by_host, at, next) {
		if (at->there != peer)
			continue;
		at->there = NULL;
		at->there_since = clock_monotonic_ms();
		tell_receipts(controller, at);
	}
}

bool presence_connected(const struct controller *controller, const char *host, uint64_t *since_ms)
{
	const struct whereabouts *at = find(controller, host);
	if (since_ms)
		*since_ms = at ? clock_monotonic_ms() - since_of(at) : 0;
	return at && is_connected(at);
}

struct peer_controller *presence_peer(const struct controller *controller, const char *host)
{
	const struct whereabouts *at = find(controller, host);
	return at && !at->here ? at->there : NULL;
}

bool presence_is_here(const struct controller *controller, const char *host, uint64_t *since)
{
	const struct whereabouts *at = find(controller, host);
	if (!at || !at->here)
		return false;
	*since = at->here_since;
	return true;
}

size_t presence_count(const struct controller *controller, const struct peer_controller *peer)
{
	size_t count = 0;
	const struct whereabouts *at;
	for (at = controller->presence->by_host; at; at = at->hh.next)
		count += at->here ? !peer : peer && at->there == peer;
	return count;
}

void presence_each_here(const struct controller *controller, presence_visit visit, void *context)
{
	const struct whereabouts *at;
	for (at = controller->presence->by_host; at; at = at->hh.next)
		if (at->here)
			visit(context, at->host, at->here_since);
}
