// SPDX-License-Identifier: Apache-2.0
// Any frame, from a port and from the underlay, through the forwarding code: nothing is read or written outside of it.
//
// Input: one byte that chooses where the frame comes from and what it looks like, then the frame.
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "datapath/native.h"

enum { NEAR = 2, NEIGHBOR = 3, UNDERLAY = 9, VNI = 5, HOST = 1, REMOTE = 2, MTU = 1400 };

static const struct dp_mac near_mac = {{2, 0, 0, 0, 0, 1}}, neighbor_mac = {{2, 0, 0, 0, 0, 2}},
			   far_mac = {{2, 0, 0, 0, 0, 3}};

static struct dp_address ipv4(const char *text)
{
	struct dp_address address = {{[10] = 0xff, [11] = 0xff}};

	inet_pton(AF_INET, text, address.bytes + 12);
	return address;
}

static struct dp_address ipv6(const char *text)
{
	struct dp_address address;

	inet_pton(AF_INET6, text, address.bytes);
	return address;
}

static void put(struct datapath *datapath, enum dp_table table, const void *key, const void *value)
{
	if (datapath_put(datapath, table, key, value, NULL))
		abort();
}

static void put_station(struct datapath *datapath, struct dp_mac mac, struct dp_station station)
{
	put(datapath, DP_TABLE_STATION, &(struct dp_station_key){.vni = VNI, .mac = mac}, &station);
}

static void put_source(struct datapath *datapath, __u32 ifindex, struct dp_source source)
{
	source.vni = VNI;
	source.mtu = MTU;
	put(datapath, DP_TABLE_SOURCE, &ifindex, &source);
}

// Two ports here, one on another host, in one network that floods.
static struct datapath *new_datapath(void)
{
	struct dp_address vtep = ipv4("192.0.2.1"), remote = ipv4("192.0.2.2");
	struct datapath *datapath;

	if (datapath_open(&datapath, "native", NULL, NULL))
		abort();
	put(datapath, DP_TABLE_CONFIG, &(__u32){0},
		&(struct dp_config){.vtep = vtep,
			.host = HOST,
			.underlay_ifindex = UNDERLAY,
			.underlay_mtu = 1500});
	put(datapath, DP_TABLE_REMOTE, &(__u32){REMOTE}, &(struct dp_remote){.vtep = remote});
	put(datapath, DP_TABLE_VTEP, &remote, &(struct dp_vtep){.host = REMOTE});
	put(datapath, DP_TABLE_NETWORK, &(__u32){VNI},
		&(struct dp_network){
			.flags = DP_NETWORK_FLOOD_UNKNOWN, .flood_count = 3, .mtu = MTU});
	put(datapath, DP_TABLE_FLOOD, &(struct dp_flood_key){.vni = VNI, .index = 0},
		&(struct dp_flood){.port = 1, .ifindex = NEAR});
	put(datapath, DP_TABLE_FLOOD, &(struct dp_flood_key){.vni = VNI, .index = 1},
		&(struct dp_flood){.port = 2, .ifindex = NEIGHBOR, .device = DP_DEVICE_PEER});
	put(datapath, DP_TABLE_FLOOD, &(struct dp_flood_key){.vni = VNI, .index = 2},
		&(struct dp_flood){.host = REMOTE});
	put_station(datapath, near_mac, (struct dp_station){.port = 1, .ifindex = NEAR});
	put_station(datapath, neighbor_mac, (struct dp_station){.port = 2, .ifindex = NEIGHBOR});
	put_station(datapath, far_mac, (struct dp_station){.port = 3, .host = REMOTE});
	put(datapath, DP_TABLE_NEIGHBOR,
		&(struct dp_neighbor_key){.vni = VNI, .address = ipv4("10.1.1.3")},
		&(struct dp_neighbor){.mac = far_mac, .port = 3});
	put(datapath, DP_TABLE_NEIGHBOR,
		&(struct dp_neighbor_key){.vni = VNI, .address = ipv6("fd00:1:1::3")},
		&(struct dp_neighbor){.mac = far_mac, .port = 3});
	put_source(datapath, NEAR,
		(struct dp_source){.port = 1,
			.mac = near_mac,
			.ipv4 = ipv4("10.1.1.1"),
			.ipv6 = ipv6("fd00:1:1::1"),
			.flags = DP_SOURCE_PAIRS});
	put_source(datapath, NEIGHBOR, (struct dp_source){.port = 2, .mac = neighbor_mac});
	native_underlay_mac(datapath, (struct dp_mac){{2, 0, 0, 0, 1, 1}});
	native_neighbor(datapath, remote, (struct dp_mac){{2, 0, 0, 0, 1, 2}});
	return datapath;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct datapath *datapath;
	struct native_result result;

	if (!datapath)
		datapath = new_datapath();
	if (size < 1)
		return 0;
	// A copy of just that size, so that a sanitizer sees the first byte beyond.
	cleanup_free uint8_t *frame = memory_new(size);
	memcpy(frame, data + 1, size - 1);
	enum datapath_role role = data[0] & 1 ? DATAPATH_UNDERLAY : DATAPATH_PORT;
	struct native_frame in = {
		.bytes = frame,
		.length = size - 1,
		.segment = data[0] & 2 ? 1360 : 0,
		.tagged = data[0] & 4,
		.faults = data[0] >> 3,
	};
	native_run(datapath, role, role == DATAPATH_UNDERLAY ? UNDERLAY : NEAR, &in, &result);
	// What is delivered is never what was dropped, and every drop has a name.
	if (result.verdict == NATIVE_SENT && result.count == 0)
		abort();
	if (result.verdict == NATIVE_DROP && !datapath_reason_name(result.reason))
		abort();
	native_result_done(&result);
	return 0;
}
