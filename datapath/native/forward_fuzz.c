// SPDX-License-Identifier: Apache-2.0
// Fuzz the native datapath: the first byte chooses where the frame arrives, the second what fails, the rest is the frame.
// Whatever the frame, what comes out must hold: it stays in its network or was routed, it is well formed, and it holds the frame
// that went in; or it is an answer.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/reasons.h"
#include "datapath/native.h"

// Two networks with two ports here and one elsewhere each: 0 and 1, behind Geneve; 2 and 3, behind VXLAN, unknown
// MACs are flooded and port 2 may use any address under any MAC of its own. A router joins them. In a guarded world the first
// port rejects whatever comes, and the others allow it: they remember connections and fragments.
enum { ROUTER = 9, GROUP = 1, REJECTS = 1, ALLOWS = 2 };
enum { NETWORKS = 2, DEVICES = 4, UNDERLAY = 2, FIRST_DEVICE = 10, ETHERNET = 14, LARGEST = 9000 };

enum {
	CHOOSE_DEVICE = 3,
	CHOOSE_UNDERLAY = 1 << 2,
	CHOOSE_IPV6 = 1 << 3,
	CHOOSE_TAGGED = 1 << 4,
	CHOOSE_SUPERPACKET = 1 << 5,
	CHOOSE_GUARDED = 1 << 6,
	CHOOSE_DUE = 1 << 7
};

#define HOLDS(condition)                                                                  \
	do {                                                                              \
		if (!(condition)) {                                                       \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, \
				#condition);                                              \
			abort();                                                          \
		}                                                                         \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// ---- the world ----

static uint32_t network_vni(uint32_t network)
{
	return 100 + network;
}

static struct dp_mac port_mac(uint32_t port)
{
	return (struct dp_mac){{2, 0, 0, 0, 0, (uint8_t)port}};
}

static struct dp_address ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct dp_address){{[10] = 0xff, 0xff, a, b, c, d}};
}

static struct dp_address ipv6(uint8_t network, uint8_t last)
{
	return (struct dp_address){{0xfd, [7] = network, [15] = last}};
}

static void put(struct datapath *datapath, enum dp_table table, const void *key, const void *value)
{
	HOLDS(datapath_put(datapath, table, key, value, NULL) == 0);
}

static void put_port(struct datapath *datapath, uint32_t network, uint32_t port, uint32_t ifindex)
{
	uint32_t vni = network_vni(network), host = ifindex ? 0 : 2 + network;
	struct dp_station_key station = {.vni = vni, .mac = port_mac(port)};
	struct dp_station where = {
		port, host, ifindex, port % 2 ? DP_DEVICE_PEER : DP_DEVICE_PLAIN};
	struct dp_neighbor_key four = {vni, ipv4(10, 0, 0, (uint8_t)port)};
	struct dp_neighbor_key six = {vni, ipv6(0, (uint8_t)port)};
	struct dp_neighbor neighbor = {.mac = port_mac(port), .port = port};
	struct dp_source source = {
		.port = port,
		.vni = vni,
		.ipv4 = four.address,
		.ipv6 = six.address,
		.mac = port_mac(port),
		.flags = network == 1 ? DP_SOURCE_PAIRS : 0,
		.mtu = network == 1 ? LARGEST : 1400,
		.domain = network_vni(0),
	};
	struct dp_allowed_key any[] = {
		{DP_ALLOWED_FIXED_BITS, htonl(port), port_mac(port), 6, {{0}}},
		{DP_ALLOWED_FIXED_BITS, htonl(port), port_mac(port), 4, {{0}}}};

	put(datapath, DP_TABLE_STATION, &station, &where);
	put(datapath, DP_TABLE_NEIGHBOR, &four, &neighbor);
	put(datapath, DP_TABLE_NEIGHBOR, &six, &neighbor);
	if (ifindex == 0)
		return;
	put(datapath, DP_TABLE_SOURCE, &ifindex, &source);
	put(datapath, DP_TABLE_GUARD, &port, &(struct dp_guard){0});
	for (size_t i = 0; network == 1 && i < array_count(any); i++)
		put(datapath, DP_TABLE_ALLOWED, &any[i], &(struct dp_allowed){0});
}

static void put_network(struct datapath *datapath, uint32_t network)
{
	uint32_t vni = network_vni(network), first = network * 2;
	struct dp_network row = {
		.flags = network == 1 ? DP_NETWORK_FLOOD_UNKNOWN : 0,
		.flood_count = 3,
		.mtu = 1400,
		.domain = network_vni(0),
		.router = ROUTER,
	};
	for (uint32_t i = 0; i < 3; i++) {
		bool here = i < 2;
		uint32_t port = here ? 1 + first + i : 0x80 + network;
		uint32_t ifindex = here ? FIRST_DEVICE + first + i : 0;
		struct dp_flood entry = {here ? port : 0, here ? 0 : 2 + network, ifindex, 0};
		put(datapath, DP_TABLE_FLOOD, &(struct dp_flood_key){vni, i}, &entry);
		put_port(datapath, network, port, ifindex);
	}
	put(datapath, DP_TABLE_NETWORK, &vni, &row);
}

// ---- the router: its addresses, the ports of both networks, prefixes by way of two of them ----

static const struct dp_mac router_mac = {{0x0e, 0x57, 0, 0, 0, ROUTER}};

static void put_route(struct datapath *datapath, struct dp_address to, uint8_t family,
	uint32_t bits, struct dp_route value)
{
	struct dp_route_key key = {.prefix_length = DP_ROUTE_FIXED_BITS + bits,
		.router = htonl(ROUTER),
		.family = family,
		.destination = to};

	put(datapath, DP_TABLE_ROUTE, &key, &value);
}

static void put_router_network(struct datapath *datapath, uint32_t network)
{
	uint32_t vni = network_vni(network);
	uint8_t last = (uint8_t)(0xf0 + network);
	struct dp_gateway gateway = {ipv4(10, 0, 0, last), ipv6(0, last)};
	struct dp_station_key station = {.vni = vni, .mac = router_mac};
	struct dp_neighbor_key own[] = {{vni, gateway.ipv4}, {vni, gateway.ipv6}};
	struct dp_route connected = {.action = DP_ROUTE_CONNECTED, .vni = vni};
	uint32_t ports[] = {network * 2 + 1, network * 2 + 2, 0x80 + network, last};

	put(datapath, DP_TABLE_GATEWAY, &(struct dp_gateway_key){ROUTER, vni}, &gateway);
	put(datapath, DP_TABLE_STATION, &station, &(struct dp_station){.router = ROUTER});
	for (size_t i = 0; i < array_count(own); i++)
		put(datapath, DP_TABLE_NEIGHBOR, &own[i],
			&(struct dp_neighbor){.mac = router_mac, .router = ROUTER});
	for (size_t i = 0; i < array_count(ports); i++) {
		put_route(datapath, ipv4(10, 0, 0, (uint8_t)ports[i]), 4, 128, connected);
		put_route(datapath, ipv6(0, (uint8_t)ports[i]), 6, 128, connected);
	}
}

static void put_router(struct datapath *datapath)
{
	uint32_t router = ROUTER;
	struct dp_route via = {.action = DP_ROUTE_VIA, .group = GROUP, .hops = 2};
	struct dp_steer steer = {.protocol = 6,
		.family = 4,
		.port_low = 80,
		.port_high = 80,
		.route = {.action = DP_ROUTE_VIA, .group = GROUP, .hops = 1}};

	for (uint32_t network = 0; network < NETWORKS; network++) {
		struct dp_hop hop = {
			ipv4(10, 0, 0, (uint8_t)(network * 2 + 1)), network_vni(network), 0};
		put(datapath, DP_TABLE_HOP, &(struct dp_hop_key){GROUP, network}, &hop);
		put_router_network(datapath, network);
	}
	put_route(datapath, ipv4(20, 0, 0, 0), 4, 96 + 8, via);
	put_route(datapath, ipv6(20, 0), 6, 64, via);
	put_route(
		datapath, ipv4(30, 0, 0, 0), 4, 96 + 8, (struct dp_route){.action = DP_ROUTE_DROP});
	put_route(datapath, ipv6(30, 0), 6, 64, (struct dp_route){.action = DP_ROUTE_REJECT});
	put(datapath, DP_TABLE_STEER, &(struct dp_steer_key){ROUTER, 0}, &steer);
	put(datapath, DP_TABLE_ROUTER, &router, &(struct dp_router){router_mac, 1});
}

// ---- the rules: one in each set, which takes all packets ----

static void put_set(struct datapath *datapath, uint32_t number, enum dp_action action)
{
	struct dp_set set = {.base = number, .parts = 1};
	struct dp_vector all = {.summary = 1, .words = {1}};
	struct dp_rule rule = {.number = number, .action = (uint16_t)action, .flags = DP_RULE_LOG};

	for (size_t i = 0; i < DP_FIELD_COUNT; i++)
		set.wildcard[i].parts[0] = number;
	put(datapath, DP_TABLE_VECTOR, &number, &all);
	put(datapath, DP_TABLE_RULE, &(struct dp_rule_key){number, 0},
		&(struct dp_rules){{rule, rule}});
	put(datapath, DP_TABLE_SET, &number, &set);
}

static void put_rules(struct datapath *datapath)
{
	uint32_t zero = 0;

	put_set(datapath, REJECTS, DP_ACTION_REJECT);
	put_set(datapath, ALLOWS, DP_ACTION_ALLOW);
	for (uint32_t port = 1; port <= DEVICES; port++) {
		struct dp_guard_slot slot = {
			.sets = {[DP_INGRESS] = port == 1 ? REJECTS : ALLOWS}, .epoch = 1};
		put(datapath, DP_TABLE_GUARD, &port, &(struct dp_guard){{slot, slot}, 0, 0});
	}
	put(datapath, DP_TABLE_GENERATION, &zero, &(struct dp_generation){.changes = 1});
}

static struct dp_address vtep(bool six, uint32_t host)
{
	return six ? ipv6(0xee, (uint8_t)host) : ipv4(192, 0, 2, (uint8_t)host);
}

static struct datapath *world_new(bool six, bool guarded)
{
	struct datapath *datapath;
	uint32_t zero = 0;
	struct dp_config config = {vtep(six, 1), 1, UNDERLAY, LARGEST + 200, 0};

	HOLDS(datapath_open(&datapath, "native", NULL, NULL) == 0);
	native_underlay_mac(datapath, (struct dp_mac){{2, 0xfe, 0, 0, 0, 1}});
	put(datapath, DP_TABLE_CONFIG, &zero, &config);
	put_router(datapath);
	for (uint32_t network = 0; network < NETWORKS; network++) {
		uint32_t host = 2 + network;
		struct dp_remote remote = {vtep(six, host), network ? DP_VXLAN : DP_GENEVE, 0};
		put(datapath, DP_TABLE_REMOTE, &host, &remote);
		put(datapath, DP_TABLE_VTEP, &remote.vtep, &(struct dp_vtep){host});
		native_neighbor(
			datapath, remote.vtep, (struct dp_mac){{2, 0xfe, 0, 0, 0, (uint8_t)host}});
		put_network(datapath, network);
	}
	if (guarded)
		put_rules(datapath);
	return datapath;
}

static struct datapath *world(bool six, bool guarded)
{
	static struct datapath *worlds[2][2];

	if (!worlds[six][guarded])
		worlds[six][guarded] = world_new(six, guarded);
	return worlds[six][guarded];
}

// ---- what must hold ----

static uint32_t big(const uint8_t *bytes, size_t count)
{
	uint32_t value = 0;

	for (size_t i = 0; i < count; i++)
		value = value << 8 | bytes[i];
	return value;
}

static uint32_t sum(const uint8_t *bytes, size_t count)
{
	uint32_t total = 0;

	for (size_t i = 0; i < count; i += 2)
		total += big(bytes + i, 2);
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

// The outer headers of a sent frame; the offset of what is inside.
static size_t check_outer(const struct native_output *output, bool six, uint32_t network)
{
	const uint8_t *ip = output->bytes + ETHERNET;
	size_t udp = ETHERNET + (six ? 40 : 20);
	uint32_t length = (uint32_t)(output->length - ETHERNET);
	struct dp_address to = vtep(six, 2 + network);

	HOLDS(output->length >= udp + (network ? 16 : 28) + ETHERNET);
	HOLDS(big(output->bytes + 12, 2) == (six ? 0x86dd : 0x0800));
	if (six) {
		HOLDS(ip[0] >> 4 == 6 && ip[6] == 17);
		HOLDS(big(ip + 4, 2) == length - 40);
		HOLDS(memcmp(ip + 24, to.bytes, 16) == 0);
	} else {
		HOLDS(ip[0] == 0x45 && ip[9] == 17 && sum(ip, 20) == 0xffff);
		HOLDS(big(ip + 2, 2) == length);
		HOLDS(memcmp(ip + 16, to.bytes + 12, 4) == 0);
	}
	HOLDS(big(output->bytes + udp + 4, 2) == output->length - udp);
	HOLDS(big(output->bytes + udp + 2, 2) == (network ? DP_UDP_VXLAN : DP_UDP_GENEVE));
	HOLDS(big(output->bytes + udp + 12, 3) == network_vni(network));
	return udp + (network ? 16 : 16 + 12);
}

static bool is_to_router(const struct native_frame *frame)
{
	return memcmp(frame->bytes, &router_mac, 6) == 0;
}

// The checksum over a message and its pseudo header, which ICMP has not.
static uint32_t transport_sum(const uint8_t *ip, bool ipv4)
{
	size_t header = ipv4 ? 20 : 40;
	size_t length = ipv4 ? big(ip + 2, 2) - header : big(ip + 4, 2);
	uint8_t *bytes = memory_new(40 + length + 1);
	uint8_t protocol = ip[ipv4 ? 9 : 6];
	size_t used = 0;

	if (protocol != 1) {
		used = ipv4 ? 12 : 40;
		memcpy(bytes, ip + (ipv4 ? 12 : 8), used - (ipv4 ? 4 : 8));
		bytes[ipv4 ? 10 : 34] = (uint8_t)(length >> 8);
		bytes[ipv4 ? 11 : 35] = (uint8_t)length;
		bytes[ipv4 ? 9 : 39] = protocol;
	}
	memcpy(bytes + used, ip + header, length);
	uint32_t total = sum(bytes, used + length);
	free(bytes);
	return total;
}

// An error about the frame: to its sender, whole, and a quotation of it.
static bool is_error(const struct native_output *output, const struct native_frame *frame)
{
	const uint8_t *ip = output->bytes + ETHERNET;
	bool ipv4 = big(output->bytes + 12, 2) == 0x0800;
	size_t header = ipv4 ? 20 : 40;

	if (output->length < ETHERNET + header + 8 || ip[ipv4 ? 9 : 6] != (ipv4 ? 1 : 58))
		return false;
	uint8_t type = ip[header];
	if (ipv4 ? type != 3 && type != 11 : type < 1 || type > 4)
		return false;
	size_t quoted = output->length - ETHERNET - header - 8;
	HOLDS(output->segment == 0 && quoted <= 128);
	HOLDS(!ipv4 || (sum(ip, 20) == 0xffff && big(ip + 2, 2) == output->length - ETHERNET));
	HOLDS(ipv4 || big(ip + 4, 2) == output->length - ETHERNET - 40);
	HOLDS(transport_sum(ip, ipv4) == 0xffff);
	HOLDS(memcmp(ip + (ipv4 ? 16 : 24), frame->bytes + ETHERNET + (ipv4 ? 12 : 8),
		      ipv4 ? 4 : 16) == 0);
	// But for the TTL and its checksum, where it was routed before it did not fit into a tunnel.
	for (size_t i = 0; i < quoted; i++)
		HOLDS(ip[header + 8 + i] == frame->bytes[ETHERNET + i] ||
			(ipv4 ? i == 8 || i == 10 || i == 11 : i == 7));
	return true;
}

// A RST: what a rule rejects.
static bool is_reset(const struct native_output *output)
{
	const uint8_t *ip = output->bytes + ETHERNET;
	bool ipv4 = big(output->bytes + 12, 2) == 0x0800;
	size_t header = ipv4 ? 20 : 40;

	if (output->length != ETHERNET + header + 20 || ip[ipv4 ? 9 : 6] != 6 ||
		(ip[header + 13] & ~0x10) != 0x04)
		return false;
	HOLDS(!ipv4 || sum(ip, 20) == 0xffff);
	HOLDS(transport_sum(ip, ipv4) == 0xffff);
	return true;
}

static bool is_echo(const struct native_output *output, const struct native_frame *frame)
{
	bool ipv4 = big(output->bytes + 12, 2) == 0x0800;
	size_t address = ETHERNET + (ipv4 ? 12 : 8), size = ipv4 ? 4 : 16;

	return output->length == frame->length && is_to_router(frame) &&
	       memcmp(output->bytes + address, frame->bytes + address + size, size) == 0 &&
	       memcmp(output->bytes + address + size, frame->bytes + address, size) == 0;
}

// The same addresses, and all that follows: the router sent it back where it came from.
static bool is_itself(const struct native_output *output, const struct native_frame *frame)
{
	size_t address = ETHERNET + (big(frame->bytes + 12, 2) == 0x0800 ? 12 : 8);

	return output->length == frame->length && output->length > address &&
	       memcmp(output->bytes + address, frame->bytes + address, frame->length - address) ==
		       0;
}

static bool is_answer(const struct native_output *output, const struct native_frame *frame)
{
	if (memcmp(output->bytes, frame->bytes + 6, 6) != 0 || is_itself(output, frame))
		return false;
	return (output->length >= 42 && big(output->bytes + 12, 2) == 0x0806 &&
		       big(output->bytes + 20, 2) == 2) ||
	       (output->length == 86 && big(output->bytes + 12, 2) == 0x86dd &&
		       output->bytes[54] == 136) ||
	       is_error(output, frame) || is_echo(output, frame) || is_reset(output);
}

// The frame as it went in; or as the router sends it on, if it went to the router.
static void check_frame(const uint8_t *bytes, size_t length, const struct native_frame *frame)
{
	HOLDS(length == frame->length);
	if (!is_to_router(frame)) {
		HOLDS(memcmp(bytes, frame->bytes, length) == 0);
		return;
	}
	bool ipv4 = big(bytes + 12, 2) == 0x0800;
	size_t ttl = ETHERNET + (ipv4 ? 8 : 7);
	HOLDS(memcmp(bytes + 6, &router_mac, 6) == 0 && bytes[0] == 2);
	HOLDS(bytes[ttl] == frame->bytes[ttl] - 1 && bytes[ttl] > 0);
	for (size_t i = 12; i < length; i++)
		HOLDS(bytes[i] == frame->bytes[i] || i == ttl ||
			(ipv4 && (i == ETHERNET + 10 || i == ETHERNET + 11)));
	size_t header = (size_t)(bytes[ETHERNET] & 15) * 4;
	// Right stays right, and wrong stays wrong.
	HOLDS(!ipv4 || (sum(bytes + ETHERNET, header) == 0xffff) ==
			       (sum(frame->bytes + ETHERNET, header) == 0xffff));
}

// From a port: to others of its network, or routed to those of the other one; or an answer to itself.
static void check_from_port(const struct native_output *output, const struct native_frame *frame,
	uint32_t device, bool six)
{
	uint32_t network = device / 2;

	if (output->underlay) {
		size_t vni = ETHERNET + (six ? 40 : 20) + 12;
		HOLDS(output->ifindex == UNDERLAY && output->length > vni + 3);
		uint32_t to = big(output->bytes + vni, 3) - network_vni(0);
		HOLDS(to == network || (to < NETWORKS && is_to_router(frame)));
		size_t inner = check_outer(output, six, to);
		check_frame(output->bytes + inner, output->length - inner, frame);
		return;
	}
	HOLDS(output->ifindex >= FIRST_DEVICE && output->ifindex < FIRST_DEVICE + DEVICES);
	if (output->ifindex == FIRST_DEVICE + device && is_answer(output, frame))
		return;
	HOLDS((output->ifindex - FIRST_DEVICE) / 2 == network || is_to_router(frame));
	HOLDS(output->ifindex != FIRST_DEVICE + device || is_to_router(frame));
	check_frame(output->bytes, output->length, frame);
}

// What the first port says to a packet out of a tunnel: back to where the packet came from, or to a port that it claimed to be of.
static void check_reject(
	const struct native_output *output, const struct native_frame *frame, bool six)
{
	size_t inner = 0;

	if (output->underlay) {
		uint32_t network =
			big(output->bytes + ETHERNET + (six ? 40 : 20) + 12, 3) - network_vni(0);
		HOLDS(output->ifindex == UNDERLAY && network < NETWORKS);
		inner = check_outer(output, six, network);
	}
	const uint8_t *ip = output->bytes + inner + ETHERNET;
	size_t room = output->length - inner - ETHERNET;
	bool ipv4 = big(output->bytes + inner + 12, 2) == 0x0800;
	size_t header = ipv4 ? 20 : 40;
	HOLDS(room >= header + 8 && (ipv4 || big(output->bytes + inner + 12, 2) == 0x86dd));
	size_t length = ipv4 ? big(ip + 2, 2) : 40 + big(ip + 4, 2);
	uint8_t protocol = ip[ipv4 ? 9 : 6];
	HOLDS(length <= room && length > header && (!ipv4 || sum(ip, 20) == 0xffff));
	HOLDS(protocol == 6 || protocol == (ipv4 ? 1 : 58));
	HOLDS(protocol != 6 || (length == header + 20 && (ip[header + 13] & ~0x10) == 0x04));
	// Else it is right when what is due has been filled in.
	HOLDS(frame->due || transport_sum(ip, ipv4) == 0xffff);
}

// From the underlay: what was inside, but for the mark of congestion, to ports of the network that the tunnel names.
static void check_from_underlay(
	const struct native_output *output, const struct native_frame *frame, bool six)
{
	size_t udp = ETHERNET + (six ? 40 : (size_t)(frame->bytes[ETHERNET] & 15) * 4);
	size_t inner = frame->length - output->length;
	size_t skip = 0;

	HOLDS(!output->underlay);
	HOLDS(output->ifindex >= FIRST_DEVICE && output->ifindex < FIRST_DEVICE + DEVICES);
	HOLDS(output->length + udp + 16 <= frame->length);
	HOLDS(big(frame->bytes + udp + 12, 3) == network_vni((output->ifindex - FIRST_DEVICE) / 2));
	HOLDS(memcmp(output->bytes, frame->bytes + inner, ETHERNET) == 0);
	if (big(output->bytes + 12, 2) == 0x0800)
		skip = 12; // type of service to checksum
	else if (big(output->bytes + 12, 2) == 0x86dd)
		skip = 2;
	HOLDS(memcmp(output->bytes + ETHERNET + skip, frame->bytes + inner + ETHERNET + skip,
		      output->length - ETHERNET - skip) == 0);
}

// What goes out although it was dropped is an answer.
static void check_verdict(const struct native_result *result, enum datapath_role role)
{
	switch (result->verdict) {
	case NATIVE_DROP:
		HOLDS(result->reason != DP_REASON_NONE && result->reason < DP_REASON_COUNT);
		HOLDS(datapath_reason_name(result->reason));
		HOLDS(result->count == 0);
		break;
	case NATIVE_SENT:
		HOLDS(result->count == 1);
		break;
	case NATIVE_HOST:
		HOLDS(role == DATAPATH_UNDERLAY && result->count == 0);
		break;
	case NATIVE_DONE:
		HOLDS(result->count <= 3);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return -1;
	uint8_t choice = data[0];
	bool six = choice & CHOOSE_IPV6, underlay = choice & CHOOSE_UNDERLAY;
	uint32_t device = choice & CHOOSE_DEVICE;
	enum datapath_role role = underlay ? DATAPATH_UNDERLAY : DATAPATH_PORT;
	struct native_frame frame = {
		.bytes = data + 2,
		.length = size - 2,
		.segment = choice & CHOOSE_SUPERPACKET ? 1000 : 0,
		.tagged = choice & CHOOSE_TAGGED,
		.due = choice & CHOOSE_DUE,
		.faults = data[1],
	};
	struct native_result result;

	struct datapath *datapath = world(six, choice & CHOOSE_GUARDED);

	native_advance(datapath, 1000000000); // so that answers are not too many
	native_run(datapath, role, underlay ? UNDERLAY : FIRST_DEVICE + device, &frame, &result);
	check_verdict(&result, role);
	for (size_t i = 0; i < result.count; i++) {
		if (underlay && result.verdict == NATIVE_SENT && result.reason)
			check_reject(&result.outputs[i], &frame, six);
		else if (underlay)
			check_from_underlay(&result.outputs[i], &frame, six);
		else
			check_from_port(&result.outputs[i], &frame, device, six);
	}
	native_result_done(&result);
	return 0;
}
