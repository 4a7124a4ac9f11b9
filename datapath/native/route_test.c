// SPDX-License-Identifier: Apache-2.0
// What packet tables cannot show of routing: how flows spread over next hops, that each keeps to its own, and that prefixes of policy
// routes mean what they say. One port that may use any address, one router, a next hop a device.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

// cmocka wants these before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "datapath/native.h"

enum { INSIDE = 100, OUTSIDE = 101, ROUTER = 9, PORT = 1, GROUP = 7 };
enum { DEVICE = 10, FIRST_HOP = 100, STEERED = 99, FLOWS = 16000, FRAME = 14 + 20 + 8 };

static const struct dp_mac port_mac = {{2, 0, 0, 0, 0, 1}};
static const struct dp_mac router_mac = {{0x0e, 0x57, 0, 0, 0, ROUTER}};

static uint64_t state = 1;

static uint32_t draw(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 32);
}

static struct dp_address mapped(uint32_t address)
{
	struct dp_address out = {{[10] = 0xff, 0xff}};

	address = htonl(address);
	memcpy(out.bytes + 12, &address, 4);
	return out;
}

static void put(struct datapath *datapath, enum dp_table table, const void *key, const void *value)
{
	assert_int_equal(datapath_put(datapath, table, key, value, NULL), 0);
}

// A neighbor on the network outside, behind a device of its own.
static void put_neighbor(struct datapath *datapath, uint32_t address, uint32_t ifindex)
{
	struct dp_mac mac = {{2, 1, 0, 0, 0, (uint8_t)ifindex}};
	struct dp_neighbor_key neighbor = {.vni = OUTSIDE, .address = mapped(address)};
	struct dp_station_key station = {.vni = OUTSIDE, .mac = mac};

	put(datapath, DP_TABLE_NEIGHBOR, &neighbor,
		&(struct dp_neighbor){.mac = mac, .port = ifindex});
	put(datapath, DP_TABLE_STATION, &station,
		&(struct dp_station){.port = ifindex, .ifindex = ifindex});
	put(datapath, DP_TABLE_GUARD, &ifindex, &(struct dp_guard){0});
}

static struct datapath *world_new(uint32_t hops)
{
	struct datapath *datapath;
	uint32_t device = DEVICE, port = PORT, router = ROUTER;
	uint32_t networks[] = {INSIDE, OUTSIDE};
	struct dp_source source = {
		.port = PORT,
		.vni = INSIDE,
		.mac = port_mac,
		.flags = DP_SOURCE_PAIRS,
		.mtu = 1400,
		.domain = INSIDE,
	};
	struct dp_allowed_key any = {DP_ALLOWED_FIXED_BITS, htonl(PORT), port_mac, 4, {{0}}};
	struct dp_station_key station = {.vni = INSIDE, .mac = router_mac};
	struct dp_route_key all = {DP_ROUTE_FIXED_BITS + 96, htonl(ROUTER), 4, {0}, mapped(0)};

	assert_int_equal(datapath_open(&datapath, "native", NULL, NULL), 0);
	for (size_t i = 0; i < 2; i++)
		put(datapath, DP_TABLE_NETWORK, &networks[i],
			&(struct dp_network){.mtu = 1400, .domain = INSIDE});
	for (uint32_t i = 0; i < hops; i++) {
		struct dp_hop hop = {.address = mapped(0x0a010000 + i), .vni = OUTSIDE};
		put(datapath, DP_TABLE_HOP, &(struct dp_hop_key){GROUP, i}, &hop);
		put_neighbor(datapath, 0x0a010000 + i, FIRST_HOP + i);
	}
	put(datapath, DP_TABLE_ROUTE, &all,
		&(struct dp_route){.action = DP_ROUTE_VIA, .group = GROUP, .hops = hops});
	put(datapath, DP_TABLE_ROUTER, &router, &(struct dp_router){.mac = router_mac});
	put(datapath, DP_TABLE_STATION, &station, &(struct dp_station){.router = ROUTER});
	put(datapath, DP_TABLE_ALLOWED, &any, &(struct dp_allowed){0});
	put(datapath, DP_TABLE_GUARD, &port, &(struct dp_guard){0});
	put(datapath, DP_TABLE_SOURCE, &device, &source);
	return datapath;
}

struct flow {
	uint32_t source, destination;
	uint16_t source_port, destination_port;
	uint16_t fragment; // the header's field
};

static void put16(uint8_t *out, uint32_t value)
{
	out[0] = (uint8_t)(value >> 8);
	out[1] = (uint8_t)value;
}

// The device that a UDP packet of the flow comes out of; 0: none.
static uint32_t way(struct datapath *datapath, const struct flow *flow)
{
	uint8_t frame[FRAME] = {[12] = 8, [14] = 0x45, [17] = 28, [22] = 64, [23] = IPPROTO_UDP};
	struct native_frame sent = {.bytes = frame, .length = sizeof(frame)};
	struct native_result result;

	memcpy(frame, &router_mac, 6);
	memcpy(frame + 6, &port_mac, 6);
	put16(frame + 20, flow->fragment);
	put16(frame + 26, flow->source >> 16);
	put16(frame + 28, flow->source);
	put16(frame + 30, flow->destination >> 16);
	put16(frame + 32, flow->destination);
	put16(frame + 34, flow->source_port);
	put16(frame + 36, flow->destination_port);
	put16(frame + 38, 8);
	native_run(datapath, DATAPATH_PORT, DEVICE, &sent, &result);
	uint32_t ifindex = result.verdict == NATIVE_SENT ? result.outputs[0].ifindex : 0;
	native_result_done(&result);
	return ifindex;
}

static struct flow draw_flow(void)
{
	return (struct flow){
		.source = 0x0a000000 | (draw() & 0xffffff),
		.destination = 0x14000000 | (draw() & 0xffffff),
		.source_port = (uint16_t)draw(),
		.destination_port = (uint16_t)draw(),
	};
}

// How many of the flows went each way: within a fifth of an equal share, which is six standard deviations.
static void assert_spread(const uint32_t *counts, uint32_t hops)
{
	for (uint32_t i = 0; i < hops; i++)
		assert_in_range(counts[i], FLOWS / hops * 4 / 5, FLOWS / hops * 6 / 5);
}

// By what flows differ, when it is little: one after the other, as clients number their ports and hosts their addresses.
static struct flow nth_flow(uint32_t kind, uint32_t i)
{
	struct flow flow = {0x0a000001, 0x14000001, 1000, 80, 0};

	switch (kind) {
	case 0:
		return draw_flow();
	case 1:
		flow.source_port = (uint16_t)(1024 + i);
		break;
	case 2:
		flow.destination_port = (uint16_t)(1024 + i);
		break;
	case 3:
		flow.source += i;
		break;
	default:
		flow.destination += i;
	}
	return flow;
}

static void test_flows_spread(void **unused)
{
	(void)unused;
	uint32_t numbers[] = {1, 2, 3, 5, 16};

	for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++) {
		struct datapath *datapath = world_new(numbers[n]);
		for (uint32_t kind = 0; kind < 5; kind++) {
			uint32_t counts[DP_ROUTER_ECMP] = {0};
			for (uint32_t i = 0; i < FLOWS; i++) {
				struct flow flow = nth_flow(kind, i);
				uint32_t ifindex = way(datapath, &flow);
				assert_in_range(ifindex, FIRST_HOP, FIRST_HOP + numbers[n] - 1);
				counts[ifindex - FIRST_HOP]++;
			}
			assert_spread(counts, numbers[n]);
		}
		datapath_close(datapath);
	}
}

static void test_a_connection_keeps_its_way(void **unused)
{
	(void)unused;
	struct datapath *datapath = world_new(16);

	for (uint32_t i = 0; i < 1000; i++) {
		struct flow flow = draw_flow();
		struct flow back = {
			flow.destination, flow.source, flow.destination_port, flow.source_port, 0};
		uint32_t first = way(datapath, &flow);
		assert_int_not_equal(first, 0);
		assert_int_equal(way(datapath, &flow), first);
		assert_int_equal(way(datapath, &back), first);
	}
	datapath_close(datapath);
}

static void test_fragments_go_one_way(void **unused)
{
	(void)unused;
	struct datapath *datapath = world_new(16);

	for (uint32_t i = 0; i < 1000; i++) {
		struct flow flow = draw_flow();
		flow.fragment = 0x2000; // the first of several
		uint32_t first = way(datapath, &flow);
		assert_int_not_equal(first, 0);
		flow.source_port = (uint16_t)draw(); // payload, in a later one
		flow.fragment = (uint16_t)(1 + i);
		assert_int_equal(way(datapath, &flow), first);
	}
	datapath_close(datapath);
}

// ---- policy routes ----

static bool within(uint32_t address, uint32_t prefix, uint32_t bits)
{
	return bits == 0 || (address ^ prefix) >> (32 - bits) == 0;
}

// Addresses close to a prefix, so that both answers are common.
static uint32_t near(uint32_t prefix)
{
	uint32_t flipped = draw() % 33;

	return flipped == 32 ? prefix : (prefix ^ 1u << flipped);
}

static void test_policy_routes_take_their_prefixes(void **unused)
{
	(void)unused;
	struct datapath *datapath = world_new(1);
	uint32_t router = ROUTER, taken = 0, left = 0;

	put_neighbor(datapath, 0x0a010063, STEERED);
	put(datapath, DP_TABLE_HOP, &(struct dp_hop_key){GROUP + 1, 0},
		&(struct dp_hop){.address = mapped(0x0a010063), .vni = OUTSIDE});
	put(datapath, DP_TABLE_ROUTER, &router, &(struct dp_router){router_mac, 1});
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t bits[] = {draw() % 25, draw() % 33};
		struct flow flow = draw_flow();
		uint32_t prefixes[] = {near(flow.source), near(flow.destination)};
		uint16_t low = (uint16_t)draw(), high = (uint16_t)(low | draw());
		bool any_port = i % 2;
		struct dp_steer steer = {
			.source = mapped(prefixes[0]),
			.destination = mapped(prefixes[1]),
			.source_bits = (uint8_t)(bits[0] ? 96 + bits[0] : 0),
			.destination_bits = (uint8_t)(bits[1] ? 96 + bits[1] : 0),
			.protocol = i % 3 ? IPPROTO_UDP : 0,
			.family = 4,
			.port_low = any_port ? 0 : low,
			.port_high = any_port ? 0xffff : high,
			.route = {.action = DP_ROUTE_VIA, .group = GROUP + 1, .hops = 1},
		};
		bool takes = within(flow.source, prefixes[0], bits[0]) &&
			     within(flow.destination, prefixes[1], bits[1]) &&
			     (any_port || (flow.destination_port >= low &&
						  flow.destination_port <= high));
		put(datapath, DP_TABLE_STEER, &(struct dp_steer_key){ROUTER, 0}, &steer);
		assert_int_equal(way(datapath, &flow), takes ? STEERED : FIRST_HOP);
		taken += takes;
		left += !takes;
	}
	assert_true(taken > 1000 && left > 1000);
	datapath_close(datapath);
}

static void test_the_first_of_many_policy_routes_wins(void **unused)
{
	(void)unused;
	struct datapath *datapath = world_new(1);
	uint32_t router = ROUTER;
	struct flow flow = draw_flow();

	put_neighbor(datapath, 0x0a010063, STEERED);
	put(datapath, DP_TABLE_HOP, &(struct dp_hop_key){GROUP + 1, 0},
		&(struct dp_hop){.address = mapped(0x0a010063), .vni = OUTSIDE});
	put(datapath, DP_TABLE_ROUTER, &router, &(struct dp_router){router_mac, DP_ROUTER_STEERS});
	for (uint32_t i = 0; i < DP_ROUTER_STEERS; i++) {
		// The last one takes all, those before it another protocol, or the other family.
		bool last = i == DP_ROUTER_STEERS - 1;
		struct dp_steer steer = {
			.protocol = last ? 0 : IPPROTO_TCP,
			.family = i % 2 ? 4 : 6,
			.port_high = 0xffff,
			.route = {.action = last ? DP_ROUTE_VIA : DP_ROUTE_DROP,
				.group = GROUP + 1,
				.hops = 1},
		};
		put(datapath, DP_TABLE_STEER, &(struct dp_steer_key){ROUTER, i}, &steer);
	}
	assert_int_equal(way(datapath, &flow), STEERED);
	datapath_close(datapath);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flows_spread),
		cmocka_unit_test(test_a_connection_keeps_its_way),
		cmocka_unit_test(test_fragments_go_one_way),
		cmocka_unit_test(test_policy_routes_take_their_prefixes),
		cmocka_unit_test(test_the_first_of_many_policy_routes_wins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
