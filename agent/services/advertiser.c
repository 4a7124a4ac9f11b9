// SPDX-License-Identifier: Apache-2.0
#include "advertiser.h"

#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/table.h"
#include "ra.h"
#include "timer.h"

// RFC 4861, sections 6.2.1 and 10.
enum {
	INTERVAL_LEAST_MS = 200 * 1000,
	INTERVAL_MOST_MS = 600 * 1000,
	INITIAL_COUNT = 3,
	INITIAL_MS = 16 * 1000,
	REFRESH_MS = 50 /* changes come in bursts */,
	TICK_MS = 1000
};

struct listener {
	uint32_t port; // its key
	uint32_t ifindex, mtu;
	bool seen; // in this round
	unsigned sent;
	uint64_t due;
	struct answer said;
	UT_hash_handle hh;
};

struct advertiser {
	const struct directory *directory;
	const struct compiler *compiler;
	struct sender *sender;
	struct timer *refresh, *tick;
	struct listener *listeners; // hash by port
	uint64_t sent;
};

static uint64_t interval(const struct listener *listener)
{
	uint32_t random = 0;
	if (listener->sent < INITIAL_COUNT)
		return INITIAL_MS;
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = listener->port;
	return INTERVAL_LEAST_MS + random % (INTERVAL_MOST_MS - INTERVAL_LEAST_MS);
}

static void say(struct advertiser *advertiser, struct listener *listener)
{
	// One that does not go out (the device is down) is followed by the next, and whoever comes up asks.
	if (!sender_send(advertiser->sender, listener->ifindex, listener->mtu, &listener->said))
		advertiser->sent++;
	listener->sent++;
	listener->due = clock_monotonic_ms() + interval(listener);
}

static bool same(const struct answer *a, const struct answer *b)
{
	return a->length == b->length && !mac_compare(&a->source, &b->source) &&
	       !memcmp(a->payload, b->payload, a->length);
}

static void see_port(void *context, const struct compiler_port *seen)
{
	struct advertiser *advertiser = context;
	const struct port *port = directory_port(advertiser->directory, seen->key);
	struct binding binding;
	struct listener *listener;
	if (!port || !seen->ifindex || seen->problem ||
		binding_make(&binding, advertiser->directory, port) ||
		!network_advertises(binding.network))
		return;
	HASH_FIND(hh, advertiser->listeners, &seen->key, sizeof(seen->key), listener);
	if (!listener) {
		listener = memory_new(sizeof(*listener));
		listener->port = seen->key;
		HASH_ADD(hh, advertiser->listeners, port, sizeof(listener->port), listener);
	}
	struct answer answer;
	ra_advertise(&binding, &answer);
	listener->seen = true;
	if (listener->ifindex == seen->ifindex && same(&listener->said, &answer))
		return;
	listener->ifindex = seen->ifindex;
	listener->mtu = binding.network->mtu;
	listener->said = answer;
	listener->sent = 0;
	say(advertiser, listener);
}

static void refresh(void *context)
{
	struct advertiser *advertiser = context;
	struct listener *listener, *next;
	compiler_ports(advertiser->compiler, see_port, advertiser);
	HASH_ITER (hh, advertiser->listeners, listener, next) {
		bool seen = listener->seen;
		listener->seen = false;
		if (seen)
			continue;
		HASH_DEL(advertiser->listeners, listener);
		free(listener);
	}
}

static void tick(void *context)
{
	struct advertiser *advertiser = context;
	uint64_t now = clock_monotonic_ms();
	for (struct listener *listener = advertiser->listeners; listener;
		listener = listener->hh.next)
		if (listener->due <= now)
			say(advertiser, listener);
}

void advertiser_new(struct advertiser **out, uv_loop_t *loop, const struct directory *directory,
	const struct compiler *compiler, struct sender *sender)
{
	struct advertiser *advertiser = memory_new(sizeof(*advertiser));
	advertiser->directory = directory;
	advertiser->compiler = compiler;
	advertiser->sender = sender;
	agent_timer_new(&advertiser->refresh, loop, refresh, advertiser);
	agent_timer_new(&advertiser->tick, loop, tick, advertiser);
	agent_timer_start(advertiser->tick, TICK_MS, TICK_MS);
	*out = advertiser;
}

void advertiser_refresh(struct advertiser *advertiser)
{
	if (!agent_timer_active(advertiser->refresh))
		agent_timer_start(advertiser->refresh, REFRESH_MS, 0);
}

uint64_t advertiser_sent(const struct advertiser *advertiser)
{
	return advertiser->sent;
}

void advertiser_free(struct advertiser *advertiser)
{
	struct listener *listener, *next;
	if (!advertiser)
		return;
	agent_timer_free(&advertiser->refresh);
	agent_timer_free(&advertiser->tick);
	HASH_ITER (hh, advertiser->listeners, listener, next) {
		HASH_DEL(advertiser->listeners, listener);
		free(listener);
	}
	free(advertiser);
}
