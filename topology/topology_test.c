// SPDX-License-Identifier: Apache-2.0
#include "topology/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

// ---- examples ----

static struct object *make(enum model_kind kind, const char *name, const char *json)
{
	struct object *object = NULL;
	struct error error = {0};
	const char *tenant = model_kind_in_tenant(kind) ? "acme" : NULL;
	json_t *fields = json_loads(json, 0, NULL);
	assert_non_null(fields);
	if (object_decode(&object, kind, tenant, name, fields, true, &error))
		fail_msg("%s: %s: %s", name, error.field, error.message);
	json_decref(fields);
	return object;
}

static struct object *make_host(const char *name, const char *vtep)
{
	cleanup_free char *json = memory_format("{\"vtep\": \"%s\"}", vtep);
	return make(MODEL_HOST, name, json);
}

static struct object *make_network(const char *name)
{
	return make(MODEL_NETWORK, name, "{}");
}

static struct object *make_port(const char *name, const char *network, const char *host)
{
	cleanup_free char *json =
		host ? memory_format("{\"network\": \"%s\", \"host\": \"%s\"}", network, host)
		     : memory_format("{\"network\": \"%s\"}", network);
	return make(MODEL_PORT, name, json);
}

// What was emitted, as text: "h1+hosts/h2 " for what is new to the host, "h1=hosts/h2 " for what has
// new content, "h1-acme/ports/a " for what it forgets.
struct text {
	char bytes[2048];
	size_t length;
};

static void write_emission(
	void *context, const char *host, struct object *before, struct object *after)
{
	struct text *text = context;
	char path[OBJECT_PATH_TEXT];
	char sign = !before ? '+' : after ? '=' : '-';
	object_path(after ? after : before, path);
	text->length += (size_t)snprintf(text->bytes + text->length,
		sizeof(text->bytes) - text->length, "%s%c%s ", host, sign, path);
	assert_true(text->length < sizeof(text->bytes));
}

// Apply changes, of which each takes the reference to what it creates. `expected` is what is
// emitted.
static void apply(struct topology *topology, const struct topology_change *changes, size_t count,
	const char *expected)
{
	struct text text = {0};
	topology_apply(topology, changes, count, write_emission, &text);
	assert_string_equal(text.bytes, expected);
}

static void visit_host(void *context, const char *host)
{
	strcat(strcat(context, host), " ");
}

static void assert_interested(
	struct topology *topology, const struct object *object, const char *expected)
{
	char hosts[256] = "";
	topology_interested(topology, object, visit_host, hosts);
	assert_string_equal(hosts, expected);
}

// h1 has a on red, h2 has b on red and c on blue, h3 has nothing. d on red is placed nowhere.
struct world {
	struct topology *topology;
	struct object *h1, *h2, *h3, *red, *blue, *a, *b, *c, *d;
};

enum { WORLD_SIZE = 9 };

static void world_changes(const struct world *world, struct topology_change *changes)
{
	// Ports before what they refer to: the order in a transaction does not matter.
	struct object *const objects[WORLD_SIZE] = {world->a, world->b, world->c, world->d,
		world->red, world->blue, world->h1, world->h2, world->h3};
	for (size_t i = 0; i < WORLD_SIZE; i++)
		changes[i] = (struct topology_change){NULL, objects[i]};
}

static int setup(void **state)
{
	struct world *world = memory_new(sizeof(*world));
	struct topology_change changes[WORLD_SIZE];
	topology_new(&world->topology);
	world->h1 = make_host("h1", "192.0.2.1");
	world->h2 = make_host("h2", "192.0.2.2");
	world->h3 = make_host("h3", "192.0.2.3");
	world->red = make_network("red");
	world->blue = make_network("blue");
	world->a = make_port("a", "red", "h1");
	world->b = make_port("b", "red", "h2");
	world->c = make_port("c", "blue", "h2");
	world->d = make_port("d", "red", NULL);
	world_changes(world, changes);
	topology_apply(world->topology, changes, WORLD_SIZE, NULL, NULL);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	struct topology_change changes[WORLD_SIZE];
	world_changes(world, changes);
	topology_free(world->topology);
	for (size_t i = 0; i < WORLD_SIZE; i++)
		object_unref(changes[i].after);
	free(world);
	return 0;
}

static void assert_host(const struct world *world, const char *host, const char *expected)
{
	struct text text = {0};
	topology_host(world->topology, host, write_emission, &text);
	assert_string_equal(text.bytes, expected);
}

static void test_what_a_host_needs(void **state)
{
	const struct world *world = *state;
	assert_host(world, "h1",
		"h1+hosts/h1 h1+hosts/h2 h1+acme/networks/red h1+acme/ports/a h1+acme/ports/b ");
	assert_host(world, "h2",
		"h2+hosts/h2 h2+hosts/h1 h2+acme/networks/red h2+acme/networks/blue "
		"h2+acme/ports/a h2+acme/ports/b h2+acme/ports/c ");
	assert_host(world, "h3", "h3+hosts/h3 ");
	assert_host(world, "h4", "");
}

static void test_who_needs_an_object(void **state)
{
	const struct world *world = *state;
	assert_interested(world->topology, world->h1, "h1 h2 ");
	assert_interested(world->topology, world->h3, "h3 ");
	assert_interested(world->topology, world->red, "h1 h2 ");
	assert_interested(world->topology, world->blue, "h2 ");
	assert_interested(world->topology, world->b, "h1 h2 ");
	assert_interested(world->topology, world->c, "h2 ");
	assert_interested(world->topology, world->d, "");
}

static void test_first_transaction_is_emitted_whole(void **state)
{
	const struct world *world = *state;
	struct topology *topology;
	struct topology_change changes[WORLD_SIZE];
	world_changes(world, changes);
	topology_new(&topology);
	apply(topology, changes, WORLD_SIZE,
		"h1+hosts/h1 h2+hosts/h1 h1+hosts/h2 h2+hosts/h2 h3+hosts/h3 "
		"h1+acme/networks/red h2+acme/networks/red h2+acme/networks/blue "
		"h1+acme/ports/a h2+acme/ports/a h1+acme/ports/b h2+acme/ports/b h2+acme/ports/c ");
	topology_free(topology);
}

static void test_a_host_enters_and_leaves_a_network(void **state)
{
	struct world *world = *state;
	struct object *placed = make_port("d", "red", "h3");
	apply(world->topology, &(struct topology_change){world->d, placed}, 1,
		"h3+hosts/h1 h3+hosts/h2 h1+hosts/h3 h2+hosts/h3 h3+acme/networks/red "
		"h3+acme/ports/a h3+acme/ports/b h1+acme/ports/d h2+acme/ports/d h3+acme/ports/d ");
	apply(world->topology, &(struct topology_change){placed, NULL}, 1,
		"h3-acme/ports/d h2-acme/ports/d h1-acme/ports/d h3-acme/ports/b h3-acme/ports/a "
		"h3-acme/networks/red h2-hosts/h3 h1-hosts/h3 h3-hosts/h2 h3-hosts/h1 ");
	object_unref(placed);
}

// One more port of a host that is there already concerns only itself.
static void test_a_second_port_on_a_host(void **state)
{
	struct world *world = *state;
	struct object *placed = make_port("d", "red", "h1");
	apply(world->topology, &(struct topology_change){world->d, placed}, 1,
		"h1+acme/ports/d h2+acme/ports/d ");
	apply(world->topology, &(struct topology_change){placed, world->d}, 1,
		"h2-acme/ports/d h1-acme/ports/d ");
	object_unref(placed);
}

static void test_hosts_that_meet_twice_part_once(void **state)
{
	struct world *world = *state;
	struct object *e = make_port("e", "blue", "h1");
	apply(world->topology, &(struct topology_change){NULL, e}, 1,
		"h1+acme/networks/blue h1+acme/ports/c h1+acme/ports/e h2+acme/ports/e ");
	apply(world->topology, &(struct topology_change){e, NULL}, 1,
		"h2-acme/ports/e h1-acme/ports/e h1-acme/ports/c h1-acme/networks/blue ");
	object_unref(e);
}

static void test_content_goes_to_who_needs_it(void **state)
{
	struct world *world = *state;
	struct object *h1 = make_host("h1", "192.0.2.9"), *blue = make_network("blue");
	struct topology_change changes[] = {{world->blue, blue}, {world->h1, h1}};
	apply(world->topology, changes, 2, "h1=hosts/h1 h2=hosts/h1 h2=acme/networks/blue ");
	object_unref(h1);
	object_unref(blue);
}

// Two ports change places: no host needs anything that it did not need before, only b and c anew.
static void test_an_exchange_moves_no_one_else(void **state)
{
	struct world *world = *state;
	struct object *b = make_port("b", "red", "h1"), *a = make_port("a", "red", "h2");
	struct topology_change changes[] = {{world->a, a}, {world->b, b}};
	apply(world->topology, changes, 2,
		"h1=acme/ports/a h2=acme/ports/a h1=acme/ports/b h2=acme/ports/b ");
	object_unref(a);
	object_unref(b);
}

static void test_a_host_goes_with_its_ports(void **state)
{
	struct world *world = *state;
	struct topology_change changes[] = {{world->h1, NULL}, {world->a, NULL}};
	apply(world->topology, changes, 2,
		"h1-acme/ports/b h2-acme/ports/a h1-acme/ports/a h1-acme/networks/red "
		"h1-hosts/h2 h2-hosts/h1 h1-hosts/h1 ");
	assert_host(world, "h1", "");
	assert_interested(world->topology, world->h1, "");
}

static void test_tenants_concern_no_host(void **state)
{
	struct world *world = *state;
	struct object *tenant = make(MODEL_TENANT, "acme", "{}");
	apply(world->topology, &(struct topology_change){NULL, tenant}, 1, "");
	apply(world->topology, &(struct topology_change){tenant, NULL}, 1, "");
	object_unref(tenant);
}

// ---- routers and what holds for a tenant ----

static void test_a_router_joins_and_parts(void **state)
{
	struct world *world = *state;
	struct object *both = make(MODEL_ROUTER, "r", "{\"networks\": [\"red\", \"blue\"]}");
	struct object *again = make(MODEL_ROUTER, "r",
		"{\"networks\": [\"red\", \"blue\"], \"routes\": [{\"to\": \"::/0\", \"action\": "
		"\"drop\"}]}");
	struct object *one = make(MODEL_ROUTER, "r", "{\"networks\": [\"red\"]}");
	// h2 was on both: all that is new to it is the router.
	apply(world->topology, &(struct topology_change){NULL, both}, 1,
		"h1+acme/networks/blue h1+acme/ports/c h1+acme/routers/r h2+acme/routers/r ");
	assert_interested(world->topology, world->c, "h1 h2 ");
	assert_host(world, "h1",
		"h1+hosts/h1 h1+hosts/h2 h1+acme/networks/red h1+acme/networks/blue "
		"h1+acme/ports/a h1+acme/ports/b h1+acme/ports/c h1+acme/routers/r ");
	apply(world->topology, &(struct topology_change){both, again}, 1,
		"h1=acme/routers/r h2=acme/routers/r ");
	apply(world->topology, &(struct topology_change){again, one}, 1,
		"h1=acme/routers/r h2=acme/routers/r h1-acme/ports/c h1-acme/networks/blue ");
	assert_interested(world->topology, one, "h1 h2 ");
	apply(world->topology, &(struct topology_change){one, NULL}, 1,
		"h2-acme/routers/r h1-acme/routers/r ");
	assert_interested(world->topology, one, "");
	object_unref(both);
	object_unref(again);
	object_unref(one);
}

// A chain of routers is one segment: hosts at its ends need each other.
static void test_segments_reach_over_routers(void **state)
{
	struct world *world = *state;
	struct object *green = make_network("green"), *e = make_port("e", "green", "h3");
	struct object *r = make(MODEL_ROUTER, "r", "{\"networks\": [\"red\", \"blue\"]}");
	struct object *s = make(MODEL_ROUTER, "s", "{\"networks\": [\"blue\", \"green\"]}");
	struct topology_change changes[] = {{NULL, s}, {NULL, e}, {NULL, r}, {NULL, green}};
	topology_apply(world->topology, changes, 4, NULL, NULL);
	assert_interested(world->topology, e, "h1 h2 h3 ");
	assert_interested(world->topology, world->h3, "h3 h1 h2 ");
	// The link in the middle goes: two segments, and h3 is by itself.
	apply(world->topology, &(struct topology_change){s, NULL}, 1,
		"h3-acme/routers/r h3-acme/routers/s h2-acme/routers/s h1-acme/routers/s "
		"h2-acme/ports/e h1-acme/ports/e h3-acme/ports/c h3-acme/ports/b h3-acme/ports/a "
		"h2-acme/networks/green h1-acme/networks/green h3-acme/networks/blue "
		"h3-acme/networks/red h2-hosts/h3 h1-hosts/h3 h3-hosts/h2 h3-hosts/h1 ");
	object_unref(green);
	object_unref(e);
	object_unref(r);
	object_unref(s);
}

static void test_policies_go_to_the_tenants_hosts(void **state)
{
	struct world *world = *state;
	struct object *set = make(MODEL_ADDRESS_SET, "s", "{\"addresses\": []}");
	struct object *policy = make(MODEL_POLICY, "p", "{}");
	struct topology_change changes[] = {{NULL, policy}, {NULL, set}};
	apply(world->topology, changes, 2,
		"h1+acme/address_sets/s h2+acme/address_sets/s h1+acme/policies/p "
		"h2+acme/policies/p ");
	// A host comes with its first port of the tenant, on whatever network, and goes with its last.
	struct object *placed = make_port("d", "red", "h3");
	apply(world->topology, &(struct topology_change){world->d, placed}, 1,
		"h3+hosts/h1 h3+hosts/h2 h1+hosts/h3 h2+hosts/h3 h3+acme/networks/red "
		"h3+acme/ports/a h3+acme/ports/b h1+acme/ports/d h2+acme/ports/d h3+acme/ports/d "
		"h3+acme/address_sets/s h3+acme/policies/p ");
	assert_interested(world->topology, policy, "h1 h2 h3 ");
	apply(world->topology, &(struct topology_change){world->c, NULL}, 1,
		"h2-acme/ports/c h2-acme/networks/blue ");
	apply(world->topology, &(struct topology_change){world->b, NULL}, 1,
		"h2-acme/policies/p h2-acme/address_sets/s h2-acme/ports/d h3-acme/ports/b "
		"h2-acme/ports/b h1-acme/ports/b h2-acme/ports/a h2-acme/networks/red "
		"h2-hosts/h3 h3-hosts/h2 h1-hosts/h2 h2-hosts/h1 ");
	object_unref(placed);
	object_unref(set);
	object_unref(policy);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
		TEST(test_what_a_host_needs),
		TEST(test_who_needs_an_object),
		TEST(test_first_transaction_is_emitted_whole),
		TEST(test_a_host_enters_and_leaves_a_network),
		TEST(test_a_second_port_on_a_host),
		TEST(test_hosts_that_meet_twice_part_once),
		TEST(test_content_goes_to_who_needs_it),
		TEST(test_an_exchange_moves_no_one_else),
		TEST(test_a_host_goes_with_its_ports),
		TEST(test_tenants_concern_no_host),
		TEST(test_a_router_joins_and_parts),
		TEST(test_segments_reach_over_routers),
		TEST(test_policies_go_to_the_tenants_hosts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
