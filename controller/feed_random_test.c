// SPDX-License-Identifier: Apache-2.0
// Two controllers that publish the same random revisions, and hosts that read as they like: fast,
// slowly, not at all; that break off in the middle of a batch and come back, to the same controller
// or the other, from where they were or from what they made up. One client is a relay, which hosts join
// and leave. Whatever they do, each commit's digest
// is that of what they hold, one that reads to the end holds exactly what the oracle says, and nothing
// is kept beyond the limits.
//
// Connections break and the controller learns it late or never, requests for streams arrive after newer
// ones, and what the controllers tell each other of who is connected takes any time. Still no
// controller ever ends the newest stream of a host, and once all is said no other is left.
#include "feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/log.h"
#include "base/memory.h"
#include "channel.h"
#include "model/digest.h"
#include "model/patch.h"

enum {
	HOSTS = 6,
	NETWORKS = 4,
	PORTS = 40,
	POLICIES = 3,
	FIRST_NETWORK = HOSTS,
	FIRST_PORT = FIRST_NETWORK + NETWORKS,
	FIRST_POLICY = FIRST_PORT + PORTS,
	OBJECTS = FIRST_POLICY + POLICIES,
	STEPS = 60000,
	BACKLOG_BYTES = 64 << 10,
	SNAPSHOT_BYTES = 8 << 10,
	CONTROLLERS = 2,
	RELAY = HOSTS, // among the clients
};

// The newest attempt of each host and of the relay, and by which the relay has each host.
static uint64_t newest[HOSTS + 1], relayed[HOSTS];
// When the host was deleted last: nobody remembers what was before.
static uint64_t deleted[HOSTS];

// The relay: at which controller it is, which hosts are with it, and which of them a controller has not
// forgotten.
static int relay_at;
static bool with_relay[HOSTS], behind[CONTROLLERS][HOSTS];

static const char history[] = "0123456789abcdef";

static int at_random(int count)
{
	return rand() % count;
}

// ---- a client, in the place of channel.c and what it stands on ----

struct channel {
	struct channel_events events;
	struct bytes *queue[4096];
	size_t first, last, offset;
	size_t unread;
	bool ended; // by the controller
	int slot;
	uint64_t attempt;
};

struct client {
	struct request request; // by which channel_open knows it
	char host[16];
	struct channel *channel;
	char line[1 << 16];
	size_t length;
	// What it holds: the revisions of objects; 0: none. And with what has come since the last commit.
	uint64_t held[OBJECTS], draft[OBJECTS];
	bool snapshot, in_batch;
	struct place place;
	int slot;
};

// Connections that their clients have given up, of which the controllers know nothing.
enum { FORGOTTEN = 32 };
static struct channel *forgotten[FORGOTTEN];
static bool forgetting; // a host is deleted

static struct {
	size_t resumed, snapshots, snapshots_inside, most_unread, late, late_taken, yielded,
		patched;
} seen;

struct channel *channel_open(struct request *request, const struct channel_events *events)
{
	struct client *client = (struct client *)request;
	client->channel = memory_new(sizeof(*client->channel));
	client->channel->events = *events;
	client->channel->slot = client->slot;
	client->channel->attempt = client->place.attempt;
	return client->channel;
}

void channel_push(struct channel *channel, struct bytes *line)
{
	if (channel->ended)
		return;
	assert_true(channel->last < array_count(channel->queue));
	channel->queue[channel->last++] = bytes_ref(line);
	channel->unread += line->length;
	if (channel->unread > seen.most_unread)
		seen.most_unread = channel->unread;
}

void channel_wake(struct channel *channel)
{
	(void)channel;
}

bool channel_overdue(const struct channel *channel)
{
	return channel->unread > CHANNEL_UNREAD_LIMIT;
}

bool channel_idle(const struct channel *channel)
{
	return channel->first == channel->last;
}

void channel_end(struct channel *channel)
{
	channel->ended = true;
}

void channel_drop(struct channel *channel)
{
	assert_true(forgetting || channel->attempt != newest[channel->slot]);
	channel->ended = true;
}

static void close_channel(struct channel *channel)
{
	if (!channel)
		return;
	channel->events.closed(channel->events.context);
	while (channel->first < channel->last)
		bytes_unref(channel->queue[channel->first++]);
	free(channel);
}

static void hang_up(struct client *client, bool noticed)
{
	struct channel *channel = steal(client->channel);
	if (!channel)
		return;
	if (!noticed) {
		int place = at_random(FORGOTTEN);
		close_channel(forgotten[place]);
		forgotten[place] = channel;
	} else {
		close_channel(channel);
	}
	client->length = 0;
	client->in_batch = client->snapshot = false;
	memcpy(client->draft, client->held, sizeof(client->draft));
}

// ---- objects ----

static const struct slots {
	enum model_kind kind;
	int first;
	char letter;
} all_slots[] = {
	{MODEL_HOST, 0, 'h'},
	{MODEL_NETWORK, FIRST_NETWORK, 'n'},
	{MODEL_PORT, FIRST_PORT, 'p'},
	{MODEL_POLICY, FIRST_POLICY, 'f'},
};

static struct object *current[OBJECTS], *next[OBJECTS];
// All that ever were.
static struct {
	struct object **items;
	size_t count, capacity;
} versions[OBJECTS];
static uint64_t revision;

static const struct slots *slots_of(int slot)
{
	const struct slots *slots = all_slots;
	while (slots + 1 < all_slots + array_count(all_slots) && slots[1].first <= slot)
		slots++;
	return slots;
}

static int slot_of(enum model_kind kind, const char *name)
{
	const struct slots *slots = all_slots;
	while (slots->kind != kind)
		slots++;
	return slots->first + atoi(name + 1);
}

static void remember(int slot)
{
	if (!next[slot])
		return;
	if (versions[slot].count == versions[slot].capacity) {
		versions[slot].capacity = 2 * versions[slot].capacity + 8;
		versions[slot].items = memory_resize(versions[slot].items, versions[slot].capacity,
			sizeof(*versions[slot].items));
	}
	versions[slot].items[versions[slot].count++] = object_ref(next[slot]);
}

static struct object *version_of(int slot, uint64_t of_revision)
{
	for (size_t i = versions[slot].count; i--;)
		if (versions[slot].items[i]->revision == of_revision)
			return versions[slot].items[i];
	fail_msg("there never was revision %llu of %d", (unsigned long long)of_revision, slot);
	return NULL;
}

static void forget_versions(void)
{
	for (int slot = 0; slot < OBJECTS; slot++) {
		for (size_t i = 0; i < versions[slot].count; i++)
			object_unref(versions[slot].items[i]);
		free(versions[slot].items);
	}
}

static void set_slot(int slot, json_t *fields)
{
	const struct slots *slots = slots_of(slot);
	char name[16];
	struct error error = {0};
	snprintf(name, sizeof(name), "%c%d", slots->letter, slot - slots->first);
	if (next[slot] != current[slot])
		object_unref(next[slot]);
	if (object_decode(&next[slot], slots->kind, slots->kind == MODEL_HOST ? NULL : "t", name,
		    fields, true, &error))
		fail_msg("%s: %s: %s", name, error.field, error.message);
	next[slot]->revision = revision + 1;
	json_decref(fields);
}

static void clear_slot(int slot)
{
	if (next[slot] != current[slot])
		object_unref(next[slot]);
	next[slot] = NULL;
}

static const char *pick(int first, int count)
{
	int slot = first + at_random(count);
	return next[slot] ? next[slot]->name : NULL;
}

static void set_port(int slot, const char *network, const char *host)
{
	static int key;
	char label[200];
	memset(label, 'x', sizeof(label) - 1);
	label[40 + at_random(20)] = '\0';
	set_slot(slot, json_pack("{s:s, s:s*, s:i, s:{s:s}}", "network", network, "host", host,
			       "key", ++key, "labels", "l", label));
}

static void set_policy(int slot)
{
	json_t *rules = json_array();
	for (int i = 0; i < 6; i++)
		if (at_random(6))
			json_array_append_new(
				rules, json_pack("{s:o, s:s}", "name", json_sprintf("r%d", i),
					       "action", at_random(4) ? "drop" : "allow"));
	set_slot(slot, json_pack("{s:o}", "rules", rules));
}

static void delete_with_ports(int slot)
{
	const char *name = next[slot]->name;
	for (int i = FIRST_PORT; i < FIRST_POLICY; i++) {
		const struct port *port = (const struct port *)next[i];
		if (port &&
			(!strcmp(port->network, name) || (port->host && !strcmp(port->host, name))))
			clear_slot(i);
	}
	clear_slot(slot);
}

static void change_something(void)
{
	static int serial;
	int slot = at_random(OBJECTS);
	switch (slots_of(slot)->kind) {
	case MODEL_HOST:
		if (next[slot] && at_random(20) == 0) {
			delete_with_ports(slot);
			return;
		}
		char vtep[32];
		serial++;
		snprintf(vtep, sizeof(vtep), "10.%d.%d.%d", serial >> 16 & 255, serial >> 8 & 255,
			serial & 255);
		set_slot(slot, json_pack("{s:s}", "vtep", vtep));
		break;
	case MODEL_NETWORK:
		if (next[slot] && at_random(10) == 0)
			delete_with_ports(slot);
		else
			set_slot(slot, json_pack("{s:i}", "mtu", 1300 + at_random(100)));
		break;
	case MODEL_PORT: {
		const char *network = pick(FIRST_NETWORK, NETWORKS);
		if (next[slot] && (!network || at_random(4) == 0))
			clear_slot(slot);
		else if (network)
			set_port(slot, network, pick(0, HOSTS));
		break;
	}
	default:
		if (next[slot] && at_random(3) == 0)
			clear_slot(slot);
		else
			set_policy(slot);
	}
}

// ---- controllers ----

struct controller_side {
	struct topology *topology;
	struct feed *feed;
	uint64_t revision;
};

static struct controller_side controllers[CONTROLLERS];

// What one has to tell the other, in order: its bulletin.
static struct {
	int slot;
	struct attempt attempt;
} said[CONTROLLERS][1 << 16];
static size_t said_count[CONTROLLERS], heard_count[CONTROLLERS];

static void note_connected(void *context, const char *host, bool up, uint64_t since)
{
	const struct controller_side *side = context;
	ptrdiff_t at = side - controllers;
	(void)since;
	assert_int_equal(feed_connected(side->feed, host, NULL), up);
	if (!up)
		return;
	assert_true(said_count[at] < array_count(said[at]));
	said[at][said_count[at]].slot = atoi(host + 1);
	said[at][said_count[at]++].attempt = feed_attempt(side->feed, host);
}

// The other controller hears one thing more of what this one has said. False: it has heard all.
static bool hear(int speaker)
{
	if (heard_count[speaker] == said_count[speaker])
		return false;
	char host[16];
	size_t index = heard_count[speaker]++;
	snprintf(host, sizeof(host), "h%d", said[speaker][index].slot);
	feed_yield(controllers[!speaker].feed, host, said[speaker][index].attempt);
	return true;
}

// Once all is said nobody has a stream but by the newest attempt, and no two have one.
static void settle(void)
{
	for (int i = 0; i < CONTROLLERS; i++)
		while (hear(i))
			;
	for (int slot = 0; slot < HOSTS; slot++) {
		char host[16];
		int count = 0;
		snprintf(host, sizeof(host), "h%d", slot);
		for (int i = 0; i < CONTROLLERS; i++) {
			if (!feed_connected(controllers[i].feed, host, NULL))
				continue;
			count++;
			assert_int_equal(
				feed_attempt(controllers[i].feed, host).host, newest[slot]);
		}
		assert_true(count <= 1);
	}
}

static uint64_t revision_of(void *context)
{
	return ((struct controller_side *)context)->revision;
}

static const char *history_of(void *context)
{
	(void)context;
	return history;
}

static void publish(void)
{
	struct topology_change changes[OBJECTS];
	size_t count = 0;
	for (int steps = 1 + at_random(at_random(10) ? 3 : 40); steps; steps--)
		change_something();
	for (int slot = 0; slot < OBJECTS; slot++)
		if (current[slot] != next[slot])
			changes[count++] = (struct topology_change){current[slot], next[slot]};
	revision++;
	for (int i = 0; i < CONTROLLERS; i++) {
		const char **hosts;
		controllers[i].revision = revision;
		forgetting = true;
		feed_publish(controllers[i].feed, changes, count, revision, &hosts);
		free(hosts);
		for (int slot = 0; slot < HOSTS; slot++)
			if (current[slot] && !next[slot]) {
				behind[i][slot] = with_relay[slot] = false;
				deleted[slot] = newest[slot];
				feed_forget(controllers[i].feed, current[slot]->name);
			}
		forgetting = false;
	}
	for (int slot = 0; slot < OBJECTS; slot++) {
		if (current[slot] == next[slot])
			continue;
		object_unref(current[slot]);
		current[slot] = next[slot];
		remember(slot);
	}
}

// ---- what a client reads ----

static uint64_t digest_of(const uint64_t *held)
{
	uint64_t digest = 0;
	for (int slot = 0; slot < OBJECTS; slot++) {
		char name[16];
		const struct slots *slots = slots_of(slot);
		snprintf(name, sizeof(name), "%c%d", slots->letter, slot - slots->first);
		struct object object = {.kind = slots->kind,
			.revision = held[slot],
			.tenant = slots->kind == MODEL_HOST ? NULL : (char *)"t",
			.name = name};
		if (held[slot])
			digest += object_digest(&object);
	}
	return digest;
}

static int slot_in(const json_t *json)
{
	enum model_kind kind;
	assert_int_equal(
		model_kind_find(json_string_value(json_object_get(json, "kind")), &kind), 0);
	return slot_of(kind, json_string_value(json_object_get(json, "name")));
}

static void take_commit(struct client *client, const json_t *message)
{
	uint64_t digest;
	assert_int_equal(
		digest_parse(json_string_value(json_object_get(message, "digest")), &digest), 0);
	assert_int_equal(digest, digest_of(client->draft));
	memcpy(client->held, client->draft, sizeof(client->held));
	client->place.digest = digest;
	client->place.history = history;
	client->place.revision = (uint64_t)json_integer_value(json_object_get(message, "revision"));
	client->in_batch = client->snapshot = false;
}

// The relay ends the older stream of the host, which is never the newest.
static void take_yield(const json_t *message)
{
	int slot = atoi(json_string_value(json_object_get(message, "host")) + 1);
	json_int_t elsewhere = json_integer_value(json_object_get(message, "attempt"));
	if (!with_relay[slot] || (uint64_t)elsewhere < relayed[slot])
		return;
	assert_true(relayed[slot] != newest[slot]);
	with_relay[slot] = false;
	seen.yielded++;
}

// From just what the client holds to just what was.
static void take_patch(struct client *client, const json_t *message)
{
	int slot = slot_in(message);
	uint64_t base = (uint64_t)json_integer_value(json_object_get(message, "base"));
	uint64_t wanted = (uint64_t)json_integer_value(json_object_get(message, "revision"));
	struct object *patched;
	struct error error = {0};
	assert_true(base);
	assert_int_equal(base, client->held[slot]);
	assert_int_equal(base, client->draft[slot]);
	if (object_patch(&patched, version_of(slot, base), json_object_get(message, "patch"),
		    wanted, &error))
		fail_msg("%s: %s: %s", error.object, error.field, error.message);
	assert_true(object_equal(patched, version_of(slot, wanted)));
	object_unref(patched);
	client->draft[slot] = wanted;
	client->in_batch = true;
	seen.patched++;
}

static void take_line(struct client *client)
{
	json_t *message = json_loadb(client->line, client->length, 0, NULL);
	const char *type = json_string_value(json_object_get(message, "type"));
	const json_t *object = json_object_get(message, "object");
	assert_non_null(type);
	if (!strcmp(type, "commit")) {
		take_commit(client, message);
	} else if (!strcmp(type, "snapshot")) {
		seen.snapshots_inside += client->in_batch;
		memset(client->draft, 0, sizeof(client->draft));
		client->snapshot = client->in_batch = true;
		seen.snapshots++;
	} else if (!strcmp(type, "put")) {
		client->draft[slot_in(object)] =
			(uint64_t)json_integer_value(json_object_get(object, "revision"));
		client->in_batch = true;
	} else if (!strcmp(type, "patch")) {
		assert_true(client->place.patches);
		take_patch(client, message);
	} else if (!strcmp(type, "yield")) {
		take_yield(message);
	} else if (strcmp(type, "joined")) {
		assert_string_equal(type, "delete");
		assert_true(client->draft[slot_in(message)]); // it is told to forget what it holds
		client->draft[slot_in(message)] = 0;
		client->in_batch = true;
	}
	json_decref(message);
}

static bool read_some(struct client *client, size_t size)
{
	struct channel *channel = client->channel;
	if (channel_idle(channel)) {
		channel->first = channel->last = 0;
		if (!channel->ended)
			channel->events.more(channel->events.context);
	}
	if (channel_idle(channel))
		return false;
	struct bytes *bytes = channel->queue[channel->first];
	for (; size && channel->offset < bytes->length; size--) {
		char letter = bytes->data[channel->offset++];
		channel->unread--;
		if (letter != '\n') {
			client->line[client->length++] = letter;
			assert_true(client->length < sizeof(client->line));
			continue;
		}
		take_line(client);
		client->length = 0;
	}
	if (channel->offset == bytes->length) {
		bytes_unref(bytes);
		channel->first++;
		channel->offset = 0;
	}
	return true;
}

static void note_object(
	void *context, const char *host, struct object *before, struct object *after)
{
	(void)host, (void)before;
	((uint64_t *)context)[slot_of(after->kind, after->name)] = after->revision;
}

static void read_to_the_end(struct client *client, bool is_relay)
{
	uint64_t wanted[OBJECTS] = {0};
	struct object *objects[OBJECTS];
	size_t count = 0;
	while (read_some(client, SIZE_MAX))
		;
	for (int slot = 0; slot < OBJECTS; slot++)
		if (current[slot])
			objects[count++] = current[slot];
	for (int slot = 0; slot < HOSTS; slot++) {
		char host[16];
		snprintf(host, sizeof(host), "h%d", slot);
		if (is_relay ? behind[relay_at][slot] : !strcmp(host, client->host))
			topology_recompute(objects, count, host, note_object, wanted);
	}
	assert_memory_equal(client->held, wanted, sizeof(wanted));
	assert_false(client->in_batch);
}

static void join(int slot)
{
	char host[16];
	snprintf(host, sizeof(host), "h%d", slot);
	with_relay[slot] = feed_join(controllers[relay_at].feed, host, "r", relayed[slot]);
	assert_true(with_relay[slot] || relayed[slot] != newest[slot]);
	if (with_relay[slot])
		behind[relay_at][slot] = true;
}

static void join_or_leave(int slot)
{
	char host[16];
	snprintf(host, sizeof(host), "h%d", slot);
	if (current[slot] && at_random(3)) {
		relayed[slot] = ++newest[slot];
		join(slot);
		return;
	}
	feed_leave(controllers[relay_at].feed, host, "r");
	with_relay[slot] = false;
}

// A request that was sent before the newest stream was opened, and arrives now, at either controller.
static void arrive_late(int slot)
{
	static struct client late;
	if (!current[slot] || newest[slot] < deleted[slot] + 2)
		return;
	late.slot = slot;
	late.place.attempt = newest[slot] - 1;
	struct feed *feed = controllers[at_random(CONTROLLERS)].feed;
	feed_open(feed, current[slot]->name, &late.request, &late.place);
	seen.late++;
	seen.late_taken += feed_attempt(feed, current[slot]->name).host == late.place.attempt;
	hang_up(&late, false);
}

static void come_back(struct client *client, int slot)
{
	hang_up(client, at_random(2));
	if (slot != RELAY && !current[slot])
		return; // nobody has a stream to a host that is not
	int at = at_random(CONTROLLERS);
	struct feed *feed = controllers[at].feed;
	client->place.attempt = ++newest[slot];
	client->place.patches = at_random(4);
	struct place place = client->place;
	int whim = at_random(20);
	if (whim == 0)
		place.digest++;
	else if (whim == 1)
		place.history = "another";
	else if (whim == 2)
		place.revision += 3;
	else if (whim == 3)
		place.revision -= place.revision ? 1 : 0;
	if (slot == RELAY) {
		relay_at = at;
		assert_true(feed_relay_speaks(feed, "r", place.attempt));
		for (int host = 0; host < HOSTS; host++)
			if (with_relay[host])
				join(host);
		feed_open_relay(feed, "r", &client->request, &place);
	} else {
		feed_open(feed, client->host, &client->request, &place);
	}
	size_t before = seen.snapshots;
	read_some(client, SIZE_MAX);
	if (seen.snapshots == before)
		seen.resumed++;
}

static void relay_says(const struct client *relay)
{
	if (relay->channel && !relay->channel->ended)
		join_or_leave(at_random(HOSTS));
}

// ---- the test ----

static void test_random(void **state)
{
	(void)state;
	const struct feed_options options = {BACKLOG_BYTES, SNAPSHOT_BYTES};
	static struct client clients[HOSTS + 1];
	for (int i = 0; i < CONTROLLERS; i++) {
		const struct feed_events events = {
			note_connected, revision_of, history_of, &controllers[i]};
		topology_new(&controllers[i].topology);
		feed_new(&controllers[i].feed, uv_default_loop(), controllers[i].topology, &options,
			&events);
	}
	for (int i = 0; i < HOSTS; i++)
		snprintf(clients[i].host, sizeof(clients[i].host), "h%d", i);
	for (int i = 0; i <= RELAY; i++)
		clients[i].slot = i;
	for (int step = 0; step < STEPS; step++) {
		int slot = at_random(HOSTS + 1), what = at_random(100);
		struct client *client = &clients[slot];
		if (at_random(10) == 0)
			hear(at_random(CONTROLLERS));
		if (at_random(100) == 0)
			arrive_late(at_random(HOSTS));
		if (at_random(200) == 0)
			settle();
		if (what < 15)
			publish();
		else if (what < 16)
			relay_says(&clients[RELAY]);
		else if (!client->channel || client->channel->ended || what < 18)
			come_back(client, slot);
		else if (what < 95 && slot) // h0 hardly ever reads
			read_some(client, (size_t)at_random(at_random(10) ? 300 : 3000));
		else if (what > 97)
			read_to_the_end(client, slot == RELAY);
	}
	printf("%zu revisions; %zu resumed, %zu snapshots, %zu of them inside a batch; "
	       "at most %zu bytes unread; of %zu late requests %zu taken for a while; "
	       "%zu streams of the relay ended; %zu times told what differs\n",
		(size_t)revision, seen.resumed, seen.snapshots, seen.snapshots_inside,
		seen.most_unread, seen.late, seen.late_taken, seen.yielded, seen.patched);
	assert_true(seen.late_taken > 10 && seen.late > 2 * seen.late_taken && seen.yielded > 10);
	assert_true(seen.patched > 1000);
	assert_true(seen.resumed > 100 && seen.snapshots > 100 && seen.snapshots_inside > 10);
	// What is queued for a host is what was pushed last.
	assert_true(seen.most_unread < 40 << 10);
	for (int i = 0; i <= RELAY; i++)
		hang_up(&clients[i], true);
	for (int i = 0; i < FORGOTTEN; i++)
		close_channel(steal(forgotten[i]));
	for (int i = 0; i < CONTROLLERS; i++) {
		assert_int_equal(feed_count(controllers[i].feed), 0);
		feed_free(controllers[i].feed);
		topology_free(controllers[i].topology);
	}
	for (int slot = 0; slot < OBJECTS; slot++)
		object_unref(current[slot]);
	forget_versions();
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	uv_loop_close(uv_default_loop());
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};
	unsigned seed = (unsigned)time(NULL);
	const char *given = getenv("WEFT_TEST_SEED");
	if (given)
		seed = (unsigned)strtoul(given, NULL, 10);
	printf("WEFT_TEST_SEED=%u\n", seed);
	srand(seed);
	log_set_level(LOG_LEVEL_WARNING);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
