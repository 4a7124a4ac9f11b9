// SPDX-License-Identifier: Apache-2.0
// What follows from routers.
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "compile/compile.h"

static uint64_t revision;

static void put(struct compiler *compiler, enum model_kind kind, const char *name, const char *text)
{
	struct object *object = NULL;
	struct error error = {0};
	json_t *fields = json_loads(text, 0, NULL);
	assert_non_null(fields);
	if (object_decode(&object, kind, "acme", name, fields, true, &error))
		fail_msg("%s", error.message);
	object->revision = ++revision;
	json_decref(fields);
	compiler_put(compiler, object);
	object_unref(object);
}

struct counts {
	unsigned puts, removals;
	unsigned by_table[DP_TABLE_COUNT];
};

static int count(void *context, const struct row_change *change)
{
	struct counts *counts = context;
	counts->puts += change->value != NULL;
	counts->removals += change->value == NULL;
	counts->by_table[change->table]++;
	return 0;
}

static struct counts flush(struct compiler *compiler)
{
	struct counts counts = {0};
	assert_int_equal(compiler_flush(compiler, count, &counts), 0);
	return counts;
}

static struct dp_address address(const char *text)
{
	struct address parsed;
	struct dp_address out;
	assert_int_equal(address_parse(text, &parsed), 0);
	memcpy(&out, &parsed, sizeof(out));
	return out;
}

static const struct dp_route *route(struct compiler *compiler, uint32_t router, const char *to)
{
	struct prefix prefix;
	assert_int_equal(prefix_parse(to, &prefix), 0);
	struct dp_route_key key = {
		.prefix_length = DP_ROUTE_FIXED_BITS + prefix.length,
		.router = htonl(router),
		.family = prefix_is_ipv4(&prefix) ? 4 : 6,
	};
	memcpy(&key.destination, &prefix.address, sizeof(key.destination));
	return compiler_row(compiler, DP_TABLE_ROUTE, &key);
}

static void assert_hop(
	struct compiler *compiler, uint32_t group, uint32_t index, const char *to, uint32_t vni)
{
	struct dp_hop_key key = {group, index};
	struct dp_address wanted = address(to);
	const struct dp_hop *hop = compiler_row(compiler, DP_TABLE_HOP, &key);
	assert_non_null(hop);
	assert_memory_equal(&hop->address, &wanted, sizeof(wanted));
	assert_int_equal(hop->vni, vni);
}

static struct compiler *two_networks(void)
{
	struct compiler *compiler;
	compiler_new(&compiler, "h1");
	put(compiler, MODEL_NETWORK, "a",
		"{\"subnets\": [\"10.0.1.0/24\", \"fd00:1::/64\"], \"vni\": 20}");
	put(compiler, MODEL_NETWORK, "b", "{\"subnets\": [\"10.0.2.0/24\"], \"vni\": 10}");
	return compiler;
}

static void test_addresses(void **state)
{
	(void)state;
	struct compiler *compiler = two_networks();
	put(compiler, MODEL_ROUTER, "r",
		"{\"networks\": [\"a\", {\"network\": \"b\", \"addresses\": [\"10.0.2.254\"]}], "
		"\"key\": 258}");
	flush(compiler);
	struct dp_mac mac = {{0x0e, 0x57, 0, 0, 1, 2}};
	uint32_t key = 258;
	const struct dp_router *router = compiler_row(compiler, DP_TABLE_ROUTER, &key);
	assert_memory_equal(&router->mac, &mac, sizeof(mac));
	assert_int_equal(router->steers, 0);

	struct dp_gateway_key gateway_key = {258, 20};
	const struct dp_gateway *gateway = compiler_row(compiler, DP_TABLE_GATEWAY, &gateway_key);
	struct dp_address ipv4 = address("10.0.1.1"), ipv6 = address("fd00:1::1"), none = {0};
	assert_memory_equal(&gateway->ipv4, &ipv4, sizeof(ipv4));
	assert_memory_equal(&gateway->ipv6, &ipv6, sizeof(ipv6));
	gateway_key.vni = 10;
	gateway = compiler_row(compiler, DP_TABLE_GATEWAY, &gateway_key);
	ipv4 = address("10.0.2.254");
	assert_memory_equal(&gateway->ipv4, &ipv4, sizeof(ipv4));
	assert_memory_equal(&gateway->ipv6, &none, sizeof(none));

	static const struct {
		uint32_t vni;
		const char *address;
	} neighbors[] = {{20, "10.0.1.1"}, {20, "fd00:1::1"}, {20, "fe80::c57:ff:fe00:102"},
		{10, "10.0.2.254"}, {10, "fe80::c57:ff:fe00:102"}};
	for (size_t i = 0; i < array_count(neighbors); i++) {
		struct dp_neighbor_key neighbor_key = {
			neighbors[i].vni, address(neighbors[i].address)};
		const struct dp_neighbor *neighbor =
			compiler_row(compiler, DP_TABLE_NEIGHBOR, &neighbor_key);
		assert_non_null(neighbor);
		assert_int_equal(neighbor->router, 258);
		assert_int_equal(neighbor->port, 0);
		assert_memory_equal(&neighbor->mac, &mac, sizeof(mac));
	}
	for (uint32_t vni = 10; vni <= 20; vni += 10) {
		struct dp_station_key station_key = {.vni = vni, .mac = mac};
		const struct dp_station *station =
			compiler_row(compiler, DP_TABLE_STATION, &station_key);
		assert_int_equal(station->router, 258);
		assert_int_equal(
			((const struct dp_network *)compiler_row(compiler, DP_TABLE_NETWORK, &vni))
				->domain,
			10);
	}
	// Apart again: each network is its own segment, and nothing of the router stays.
	compiler_remove(compiler, MODEL_ROUTER, "acme", "r");
	flush(compiler);
	uint32_t vni = 20;
	assert_int_equal(
		((const struct dp_network *)compiler_row(compiler, DP_TABLE_NETWORK, &vni))->domain,
		20);
	assert_int_equal(compiler_count(compiler, DP_TABLE_ROUTE), 0);
	assert_int_equal(compiler_count(compiler, DP_TABLE_NEIGHBOR), 0);
	compiler_free(compiler);
}

static void test_routes(void **state)
{
	(void)state;
	struct compiler *compiler = two_networks();
	put(compiler, MODEL_ROUTER, "r",
		"{\"networks\": [\"a\", \"b\"], \"key\": 5, \"routes\": ["
		"{\"to\": \"0.0.0.0/0\", \"via\": [\"10.0.2.9\", \"10.0.1.9\"]},"
		"{\"to\": \"::/0\", \"via\": [\"fd00:1::9\"]},"
		"{\"to\": \"10.0.2.0/24\", \"via\": [\"10.0.1.9\"]},"
		"{\"to\": \"10.7.0.0/16\", \"action\": \"drop\"},"
		"{\"to\": \"10.8.0.0/16\", \"action\": \"reject\"}]}");
	flush(compiler);
	const struct dp_route *found = route(compiler, 5, "10.0.2.0/24");
	assert_int_equal(found->action, DP_ROUTE_CONNECTED); // whatever else is said of it
	assert_int_equal(found->vni, 10);
	assert_int_equal(route(compiler, 5, "fd00:1::/64")->vni, 20);
	assert_int_equal(route(compiler, 5, "10.7.0.0/16")->action, DP_ROUTE_DROP);
	assert_int_equal(route(compiler, 5, "10.8.0.0/16")->action, DP_ROUTE_REJECT);
	found = route(compiler, 5, "0.0.0.0/0");
	assert_int_equal(found->action, DP_ROUTE_VIA);
	assert_int_equal(found->hops, 2);
	uint32_t group = found->group;
	assert_hop(compiler, group, 0, "10.0.1.9", 20);
	assert_hop(compiler, group, 1, "10.0.2.9", 10);
	found = route(compiler, 5, "::/0");
	assert_int_equal(found->hops, 1);
	assert_int_not_equal(found->group, group);
	assert_int_equal(compiler_count(compiler, DP_TABLE_ROUTE), 3 + 4);

	// Another next hop is another group: no packet meets half of it.
	put(compiler, MODEL_ROUTER, "r",
		"{\"networks\": [\"a\", \"b\"], \"key\": 5, \"routes\": ["
		"{\"to\": \"0.0.0.0/0\", \"via\": [\"10.0.1.9\", \"10.0.1.8\"]}]}");
	flush(compiler);
	found = route(compiler, 5, "0.0.0.0/0");
	assert_int_not_equal(found->group, group);
	assert_hop(compiler, found->group, 0, "10.0.1.8", 20);
	assert_int_equal(compiler_count(compiler, DP_TABLE_HOP), 2);
	compiler_free(compiler);
}

static void test_policy_routes(void **state)
{
	(void)state;
	struct compiler *compiler = two_networks();
	put(compiler, MODEL_ROUTER, "r",
		"{\"networks\": [\"a\", \"b\"], \"key\": 5, \"routes\": ["
		"{\"to\": \"0.0.0.0/0\", \"via\": [\"10.0.1.9\"], \"ports\": [\"tcp/80\", "
		"\"udp\"]},"
		"{\"to\": \"10.9.0.0/16\", \"action\": \"drop\", \"from\": \"10.0.2.0/25\", "
		"\"priority\": 2000}]}");
	flush(compiler);
	uint32_t key = 5;
	assert_int_equal(
		((const struct dp_router *)compiler_row(compiler, DP_TABLE_ROUTER, &key))->steers,
		3);
	struct dp_steer_key steer_key = {5, 0};
	const struct dp_steer *steer = compiler_row(compiler, DP_TABLE_STEER, &steer_key);
	assert_int_equal(steer->route.action, DP_ROUTE_DROP);
	assert_int_equal(steer->source_bits, 96 + 25);
	assert_int_equal(steer->destination_bits, 96 + 16);
	assert_int_equal(steer->family, 4);
	assert_int_equal(steer->protocol, 0);
	assert_int_equal(steer->port_high, 65535);
	steer_key.index = 1;
	steer = compiler_row(compiler, DP_TABLE_STEER, &steer_key);
	assert_int_equal(steer->route.action, DP_ROUTE_VIA);
	assert_int_equal(steer->protocol, 6);
	assert_int_equal(steer->port_low, 80);
	assert_int_equal(steer->port_high, 80);
	steer_key.index = 2;
	steer = compiler_row(compiler, DP_TABLE_STEER, &steer_key);
	assert_int_equal(steer->protocol, 17);
	compiler_free(compiler);
}

// A network that is not there yet: its next hops cannot be reached, which is told rather than
// another way taken.
static void test_order(void **state)
{
	(void)state;
	struct compiler *compiler;
	compiler_new(&compiler, "h1");
	put(compiler, MODEL_ROUTER, "r",
		"{\"networks\": [\"a\", \"b\"], \"key\": 5, \"routes\": ["
		"{\"to\": \"10.9.0.0/16\", \"via\": [\"10.0.2.9\"]}]}");
	flush(compiler);
	assert_int_equal(route(compiler, 5, "10.9.0.0/16")->action, DP_ROUTE_REJECT);
	put(compiler, MODEL_NETWORK, "b", "{\"subnets\": [\"10.0.2.0/24\"], \"vni\": 10}");
	flush(compiler);
	assert_int_equal(route(compiler, 5, "10.9.0.0/16")->action, DP_ROUTE_VIA);
	assert_int_equal(route(compiler, 5, "10.0.2.0/24")->vni, 10);
	put(compiler, MODEL_NETWORK, "b", "{\"subnets\": [\"10.0.3.0/24\"], \"vni\": 10}");
	flush(compiler);
	assert_null(route(compiler, 5, "10.0.2.0/24"));
	assert_int_equal(route(compiler, 5, "10.9.0.0/16")->action, DP_ROUTE_REJECT);
	compiler_remove(compiler, MODEL_ROUTER, "acme", "r");
	compiler_remove(compiler, MODEL_NETWORK, "acme", "b");
	flush(compiler);
	for (int table = 0; table < DP_TABLE_COUNT; table++)
		assert_int_equal(compiler_count(compiler, table), 0);
	compiler_free(compiler);
}

// A router that changes touches its own segment: of 100 pairs of networks, each with a port, one.
static void test_cost(void **state)
{
	(void)state;
	struct compiler *compiler;
	char name[16], text[200];
	compiler_new(&compiler, "h1");
	for (unsigned i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		snprintf(text, sizeof(text), "{\"subnets\": [\"10.0.%u.0/24\"], \"vni\": %u}", i,
			1 + i);
		put(compiler, MODEL_NETWORK, name, text);
		snprintf(text, sizeof(text),
			"{\"network\": \"n%u\", \"mac\": \"02:00:00:00:00:%02x\", \"addresses\": "
			"[\"10.0.%u.2\"], \"key\": %u}",
			i, i, i, 1 + i);
		put(compiler, MODEL_PORT, name, text);
	}
	for (unsigned i = 0; i < 200; i += 2) {
		snprintf(name, sizeof(name), "r%u", i);
		snprintf(text, sizeof(text), "{\"networks\": [\"n%u\", \"n%u\"], \"key\": %u}", i,
			i + 1, 1 + i);
		put(compiler, MODEL_ROUTER, name, text);
	}
	flush(compiler);
	put(compiler, MODEL_ROUTER, "r10", "{\"networks\": [\"n10\"], \"key\": 11}");
	struct counts counts = flush(compiler);
	// Network n11 is a segment of its own again; its port's two addresses go over to it.
	assert_int_equal(counts.by_table[DP_TABLE_NETWORK], 1);
	assert_int_equal(counts.by_table[DP_TABLE_PARTY], 4);
	assert_int_equal(counts.by_table[DP_TABLE_ROUTE], 1);
	assert_int_equal(counts.by_table[DP_TABLE_GATEWAY], 1);
	assert_int_equal(counts.by_table[DP_TABLE_STATION], 1);
	assert_int_equal(counts.by_table[DP_TABLE_NEIGHBOR], 2);
	assert_int_equal(counts.puts + counts.removals, 10);
	compiler_free(compiler);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_policy_routes),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_cost),
	};
	return cmocka_run_group_tests_name("router", tests, NULL, NULL);
}
