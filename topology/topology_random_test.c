// SPDX-License-Identifier: Apache-2.0
// Random transactions, held against the oracle. Each host's set is built from what is emitted
// alone, and after each transaction must be exactly what the definition says. So must its digest, which
// follows the same emissions.
#include "topology/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/memory.h"
#include "model/digest.h"

// Small, so that hosts meet in several networks, lose the last port of one, and stand empty, and
// segments merge and split. Tenants use the same names.
enum {
	TENANTS = 2,
	HOSTS = 9,
	NETWORKS = 7, // of each tenant, as the following
	PORTS = 35,
	ROUTERS = 5,
	SETS = 2,
	POLICIES = 3,
	FIRST_NETWORK = HOSTS,
	FIRST_PORT = FIRST_NETWORK + TENANTS * NETWORKS,
	FIRST_ROUTER = FIRST_PORT + TENANTS * PORTS,
	FIRST_SET = FIRST_ROUTER + TENANTS * ROUTERS,
	FIRST_POLICY = FIRST_SET + TENANTS * SETS,
	OBJECTS = FIRST_POLICY + TENANTS * POLICIES,
	RELAYS = 2,
	CHANGES = 100000,
};

// Every object that can be has a slot; NULL: it does not exist.
static struct object *current[OBJECTS]; // before the transaction
static struct object *next[OBJECTS];    // after it
// Built from what was emitted; the last two are the relays. The digests likewise: old content out, new
// content in.
static struct object *held[HOSTS + RELAYS][OBJECTS];
static uint64_t digests[HOSTS + RELAYS];
static int behind[HOSTS]; // the number of the relay, or -1

static int at_random(int count)
{
	return rand() % count;
}

// ---- slots ----

static const struct slots {
	enum model_kind kind;
	int first, count; // of each tenant
	char letter;
} all_slots[] = {
	{MODEL_HOST, 0, HOSTS, 'h'},
	{MODEL_NETWORK, FIRST_NETWORK, NETWORKS, 'n'},
	{MODEL_PORT, FIRST_PORT, PORTS, 'p'},
	{MODEL_ROUTER, FIRST_ROUTER, ROUTERS, 'r'},
	{MODEL_ADDRESS_SET, FIRST_SET, SETS, 's'},
	{MODEL_POLICY, FIRST_POLICY, POLICIES, 'f'},
};

static const struct slots *slots_of(int slot)
{
	const struct slots *slots = all_slots;
	while (slots + 1 < all_slots + array_count(all_slots) && slots[1].first <= slot)
		slots++;
	return slots;
}

static enum model_kind kind_of(int slot)
{
	return slots_of(slot)->kind;
}

static int tenant_of(int slot)
{
	return (slot - slots_of(slot)->first) / slots_of(slot)->count;
}

static int slot_of(const struct object *object)
{
	const struct slots *slots = all_slots;
	while (slots->kind != object->kind)
		slots++;
	int tenant = object->tenant ? atoi(object->tenant + 1) : 0;
	return slots->first + tenant * slots->count + atoi(object->name + 1);
}

static struct port *port_at(int slot)
{
	return (struct port *)next[slot];
}

// ---- making objects; a serial number makes each content new ----

static void set_slot(int slot, json_t *fields)
{
	const struct slots *slots = slots_of(slot);
	enum model_kind kind = slots->kind;
	char name[16], tenant[16];
	snprintf(name, sizeof(name), "%c%d", slots->letter, (slot - slots->first) % slots->count);
	snprintf(tenant, sizeof(tenant), "t%d", tenant_of(slot));
	object_unref(next[slot]);
	struct error error = {0};
	if (object_decode(&next[slot], kind, kind == MODEL_HOST ? NULL : tenant, name, fields, true,
		    &error))
		fail_msg("%s: %s: %s", name, error.field, error.message);
	static uint64_t revision;
	next[slot]->revision = ++revision;
	json_decref(fields);
}

static void clear_slot(int slot)
{
	object_unref(next[slot]);
	next[slot] = NULL;
}

static void set_host(int slot)
{
	static unsigned serial;
	char vtep[32];
	serial++;
	snprintf(vtep, sizeof(vtep), "10.%u.%u.%u", serial >> 16 & 255, serial >> 8 & 255,
		serial & 255);
	set_slot(slot, json_pack("{s:s}", "vtep", vtep));
}

static void set_network(int slot)
{
	set_slot(slot, json_pack("{s:i}", "mtu", 1300 + at_random(100)));
}

static void set_port(int slot, const char *network, const char *host)
{
	static int serial;
	set_slot(slot,
		json_pack("{s:s, s:s*, s:i}", "network", network, "host", host, "key", ++serial));
}

// Joins some networks of its tenant, often the ones that it joined already, of which `without` is
// none.
static void set_router(int slot, const char *without)
{
	static int serial;
	const struct router *before = (const struct router *)next[slot];
	json_t *networks = json_array();
	bool same = before && (without || at_random(2));
	for (int i = 0; same && i < (int)before->networks.count; i++)
		if (!without || strcmp(before->networks.items[i].network, without) != 0)
			json_array_append_new(
				networks, json_string(before->networks.items[i].network));
	int first = FIRST_NETWORK + tenant_of(slot) * NETWORKS;
	for (int i = first; !same && i < first + NETWORKS; i++)
		if (next[i] && at_random(3) == 0)
			json_array_append_new(networks, json_string(next[i]->name));
	set_slot(slot, json_pack("{s:o, s:i}", "networks", networks, "key", ++serial));
}

static void set_item(int slot)
{
	static int serial;
	char prefix[32];
	serial++;
	if (kind_of(slot) == MODEL_POLICY) {
		set_slot(slot, json_pack("{s:[{s:s, s:i}]}", "rules", "action", "drop", "priority",
				       serial % 65536));
		return;
	}
	snprintf(prefix, sizeof(prefix), "10.%d.%d.0/24", serial >> 8 & 255, serial & 255);
	set_slot(slot, json_pack("{s:[s]}", "addresses", prefix));
}

// ---- one random step; references stay whole ----

// Some existing slot of [first, first + count), or -1.
static int pick(int first, int count)
{
	int start = at_random(count);
	for (int i = 0; i < count; i++)
		if (next[first + (start + i) % count])
			return first + (start + i) % count;
	return -1;
}

static const char *name_at(int slot)
{
	return slot < 0 ? NULL : next[slot]->name;
}

static const char *random_host(void)
{
	return at_random(6) ? name_at(pick(0, HOSTS)) : NULL;
}

// Create a port, or give it new content, another host, none, or another network.
static void step_port(int slot)
{
	int network = pick(FIRST_NETWORK + tenant_of(slot) * NETWORKS, NETWORKS);
	struct port *port = port_at(slot);
	cleanup_free char *old_host = port ? memory_text(port->host) : NULL;
	cleanup_free char *old_network = port ? memory_text(port->network) : NULL;
	if (!port && network >= 0)
		set_port(slot, name_at(network), random_host());
	else if (port && at_random(5) == 0)
		clear_slot(slot);
	else if (port && at_random(5) == 0)
		set_port(slot, name_at(network), old_host);
	else if (port)
		set_port(slot, old_network, at_random(3) ? random_host() : old_host);
}

// A host that goes has its ports moved elsewhere, or nowhere, or deleted.
static void delete_host(int slot)
{
	cleanup_free char *host = memory_text(next[slot]->name);
	clear_slot(slot);
	for (int i = FIRST_PORT; i < FIRST_ROUTER; i++) {
		struct port *port = port_at(i);
		if (!port || !port->host || strcmp(port->host, host) != 0)
			continue;
		cleanup_free char *network = memory_text(port->network);
		if (at_random(3))
			set_port(i, network, random_host());
		else
			clear_slot(i);
	}
}

static bool joins(const struct router *router, const char *network)
{
	for (size_t i = 0; i < router->networks.count; i++)
		if (!strcmp(router->networks.items[i].network, network))
			return true;
	return false;
}

// Its ports go with it, and routers leave it.
static void delete_network(int slot)
{
	for (int i = FIRST_ROUTER; i < FIRST_SET; i++)
		if (next[i] && tenant_of(i) == tenant_of(slot) &&
			joins((struct router *)next[i], next[slot]->name))
			set_router(i, next[slot]->name);
	for (int i = FIRST_PORT; i < FIRST_ROUTER; i++)
		if (port_at(i) && tenant_of(i) == tenant_of(slot) &&
			strcmp(port_at(i)->network, next[slot]->name) == 0)
			clear_slot(i);
	clear_slot(slot);
}

static void step(void)
{
	int slot = at_random(OBJECTS);
	enum model_kind kind = kind_of(slot);
	if (kind == MODEL_PORT)
		step_port(slot);
	else if (kind > MODEL_PORT && next[slot] && at_random(3) == 0)
		clear_slot(slot);
	else if (kind == MODEL_ROUTER)
		set_router(slot, NULL);
	else if (kind > MODEL_ROUTER)
		set_item(slot);
	else if (!next[slot] || at_random(4))
		kind == MODEL_HOST ? set_host(slot) : set_network(slot);
	else if (kind == MODEL_HOST)
		delete_host(slot);
	else if (at_random(3) == 0)
		delete_network(slot);
}

// ---- what is emitted ----

struct emissions {
	bool seen[HOSTS + RELAYS][OBJECTS];
	enum model_kind last;
	bool removing;
	size_t count;
};

// "h3", or "relay:1".
static int place_of(const char *host)
{
	const char *relay = strchr(host, ':');
	return relay ? HOSTS + atoi(relay + 1) : atoi(host + 1);
}

static void take_emission(
	void *context, const char *host, struct object *before, struct object *after)
{
	struct emissions *emissions = context;
	struct object *object = after ? after : before;
	bool gone = !after;
	int host_slot = place_of(host), slot = slot_of(object);
	struct object **place = &held[host_slot][slot];
	assert_false(emissions->seen[host_slot][slot]);
	emissions->seen[host_slot][slot] = true;
	emissions->count++;
	// Puts come first, in order of kinds; then removals, in the opposite one.
	if (gone && !emissions->removing)
		emissions->last = MODEL_KIND_COUNT;
	assert_true(gone || !emissions->removing);
	assert_true(gone ? object->kind <= emissions->last : object->kind >= emissions->last);
	emissions->removing = gone;
	emissions->last = object->kind;
	digests[host_slot] += object_digest(after) - object_digest(before);
	assert_ptr_equal(*place, before);    // what it is said to have held, it holds
	assert_ptr_not_equal(*place, after); // and it is never told what it knows
	if (after)
		assert_ptr_equal(after, next[slot]);
	*place = after;
}

struct set {
	struct object *objects[OBJECTS];
	enum model_kind last;
};

static void add_to_set(
	void *context, const char *host, struct object *before, struct object *object)
{
	struct set *set = context;
	(void)host;
	assert_null(before);
	assert_true(object->kind >= set->last);
	assert_null(set->objects[slot_of(object)]);
	set->objects[slot_of(object)] = object;
	set->last = object->kind;
}

static void mark_host(void *context, const char *host)
{
	bool *hosts = context;
	assert_false(hosts[atoi(host + 1)]);
	hosts[atoi(host + 1)] = true;
}

// ---- the check ----

static size_t apply(struct topology *topology)
{
	struct topology_change changes[OBJECTS];
	size_t count = 0;
	for (int slot = 0; slot < OBJECTS; slot++) {
		if (current[slot] == next[slot])
			continue;
		// Inserted at random: the order inside a transaction does not matter.
		int place = at_random((int)count + 1);
		changes[count++] = changes[place];
		changes[place] = (struct topology_change){current[slot], next[slot]};
	}
	struct emissions emissions = {0};
	topology_apply(topology, changes, count, take_emission, &emissions);
	return count;
}

// Rolls together are the set; only hosts come twice, and nothing before what it refers to.
static void check_rolls(struct topology *topology, const char *host, const struct set *expected)
{
	struct topology_roll **rolls;
	struct set set = {0};
	size_t count = topology_rolls(topology, host, &rolls);
	for (size_t i = 0; i < count; i++) {
		set.last = 0;
		for (size_t j = 0; j < rolls[i]->count; j++) {
			struct object *object = rolls[i]->objects[j];
			assert_int_equal(object->kind == MODEL_HOST, j < rolls[i]->hosts);
			if (j < rolls[i]->hosts)
				set.objects[slot_of(object)] = NULL;
			add_to_set(&set, host, NULL, object);
		}
		topology_roll_unref(rolls[i]);
	}
	free(rolls);
	assert_memory_equal(set.objects, expected->objects, sizeof(set.objects));
}

static void check_host(
	struct topology *topology, int host, struct object *const *objects, size_t count)
{
	char name[16];
	uint64_t digest = 0;
	struct set expected = {0}, direct = {0};
	snprintf(name, sizeof(name), "h%d", host);
	topology_recompute(objects, count, name, add_to_set, &expected);
	topology_host(topology, name, add_to_set, &direct);
	for (int slot = 0; slot < OBJECTS; slot++) {
		assert_ptr_equal(held[host][slot], expected.objects[slot]);
		assert_ptr_equal(direct.objects[slot], expected.objects[slot]);
		digest += object_digest(expected.objects[slot]);
	}
	assert_int_equal(digests[host], digest);
	// Not every time, so that lists live through changes that do not touch them.
	if (at_random(3))
		return;
	check_rolls(topology, name, &expected);
	assert_int_equal(topology_digest(topology, name), digest);
}

static void add_to_union(
	void *context, const char *host, struct object *before, struct object *object)
{
	struct set *set = context;
	(void)host, (void)before;
	set->objects[slot_of(object)] = object;
}

// A relay holds what any host behind it needs.
static void check_relay(
	struct topology *topology, int relay, struct object *const *objects, size_t count)
{
	char name[16];
	uint64_t digest = 0;
	struct set expected = {0};
	for (int host = 0; host < HOSTS; host++) {
		snprintf(name, sizeof(name), "h%d", host);
		if (behind[host] == relay)
			topology_recompute(objects, count, name, add_to_union, &expected);
	}
	snprintf(name, sizeof(name), "relay:%d", relay);
	for (int slot = 0; slot < OBJECTS; slot++) {
		assert_ptr_equal(held[HOSTS + relay][slot], expected.objects[slot]);
		digest += object_digest(expected.objects[slot]);
	}
	assert_int_equal(digests[HOSTS + relay], digest);
	if (at_random(3))
		return;
	check_rolls(topology, name, &expected);
	assert_int_equal(topology_digest(topology, name), digest);
}

static void move_behind_a_relay(struct topology *topology)
{
	struct emissions emissions = {0};
	char host[16], relay[16];
	int place = at_random(HOSTS), number = at_random(RELAYS + 1) - 1;
	snprintf(host, sizeof(host), "h%d", place);
	snprintf(relay, sizeof(relay), "relay:%d", number);
	topology_relay(topology, host, number < 0 ? NULL : relay, take_emission, &emissions);
	behind[place] = next[place] ? number : -1;
	for (int i = 0; i < HOSTS; i++)
		for (int slot = 0; slot < OBJECTS; slot++)
			assert_false(emissions.seen[i][slot]); // only relays are told
}

static void check(struct topology *topology)
{
	struct object *objects[OBJECTS];
	size_t count = 0;
	for (int slot = 0; slot < OBJECTS; slot++)
		if (next[slot])
			objects[count++] = next[slot];
	for (int host = 0; host < HOSTS; host++)
		check_host(topology, host, objects, count);
	for (int relay = 0; relay < RELAYS; relay++)
		check_relay(topology, relay, objects, count);
	for (size_t i = 0; i < count; i++) {
		bool interested[HOSTS] = {0};
		topology_interested(topology, objects[i], mark_host, interested);
		for (int host = 0; host < HOSTS; host++)
			assert_int_equal(interested[host], held[host][slot_of(objects[i])] != NULL);
	}
}

static void accept_transaction(void)
{
	for (int slot = 0; slot < OBJECTS; slot++) {
		if (current[slot] == next[slot])
			continue;
		object_unref(current[slot]);
		current[slot] = next[slot] ? object_ref(next[slot]) : NULL;
	}
}

static void test_random_changes(void **state)
{
	(void)state;
	struct topology *topology;
	topology_new(&topology);
	memset(behind, -1, sizeof(behind));
	size_t changes = 0, transactions = 0;
	while (changes < CHANGES) {
		// Mostly small transactions, some that turn everything over.
		int steps = at_random(20) ? 1 + at_random(12) : 100;
		for (int i = 0; i < steps; i++)
			step();
		changes += apply(topology);
		// One that is deleted is behind no relay any more.
		for (int host = 0; host < HOSTS; host++)
			behind[host] = next[host] ? behind[host] : -1;
		check(topology);
		accept_transaction();
		if (at_random(4) == 0) {
			move_behind_a_relay(topology);
			check(topology);
		}
		transactions++;
	}
	printf("%zu changes in %zu transactions\n", changes, transactions);
	topology_free(topology);
	for (int slot = 0; slot < OBJECTS; slot++) {
		object_unref(current[slot]);
		object_unref(next[slot]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_changes),
	};
	unsigned seed = (unsigned)time(NULL);
	const char *given = getenv("WEFT_TEST_SEED");
	if (given)
		seed = (unsigned)strtoul(given, NULL, 10);
	printf("WEFT_TEST_SEED=%u\n", seed);
	srand(seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
