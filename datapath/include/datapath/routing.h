// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// Routers as the datapath holds them. Every host has every router that its ports can reach: a packet is routed where it enters.
//
// A router is a MAC (a station row with `router` set) on each of its networks, addresses (neighbor rows with `router` set), and
// routes. Numbers are in host byte order unless a comment says otherwise; padding is zero.
#pragma once

#include <linux/types.h>

#include "datapath/address.h"

enum {
	DP_ROUTER_HOPS = 4 /* routers that one packet may pass on its way */,
	DP_ROUTER_ECMP = 16,
	DP_ROUTER_STEERS = 64
};

struct dp_router {
	struct dp_mac mac; // the same on all its networks
	__u16 steers;      // entries 0..steers-1 of `steer`
};

// The router's own addresses on one of its networks: where ICMP errors come from.
struct dp_gateway_key {
	__u32 router;
	__u32 vni;
};

struct dp_gateway {
	struct dp_address ipv4, ipv6; // zero: none
};

// Longest prefix match: prefix_length counts the bits of router, family, pad and destination.
struct dp_route_key {
	__u32 prefix_length; // DP_ROUTE_FIXED_BITS + 0..128
	__u32 router;        // big-endian
	__u8 family;         // 4 or 6, so that ::/0 takes no IPv4
	__u8 pad[3];
	struct dp_address destination;
};
enum { DP_ROUTE_FIXED_BITS = 64 };

enum dp_route_action {
	DP_ROUTE_CONNECTED, // the destination is on network `vni`
	DP_ROUTE_VIA,       // one of `hops` next hops of `group`, by flow hash
	DP_ROUTE_DROP,      // told to nobody
	DP_ROUTE_REJECT,    // ICMP unreachable
};

struct dp_route {
	__u32 action; // enum dp_route_action
	__u32 vni;
	__u32 group;
	__u32 hops; // 1..DP_ROUTER_ECMP
};

struct dp_hop_key {
	__u32 group;
	__u32 index;
};

struct dp_hop {
	struct dp_address address; // on network `vni`
	__u32 vni;
	__u32 pad;
};

// Written by the datapath, by port: ICMP errors that the port may still be sent, packets that it may still send to services.
struct dp_allowance {
	__u64 full,
		punts; // when the bucket of tokens will be full again: nanoseconds of the monotonic clock
};

// Policy routes: the first that takes the packet wins over the longest prefix.
struct dp_steer_key {
	__u32 router;
	__u32 index;
};

struct dp_steer {
	struct dp_address source, destination;
	__u8 source_bits, destination_bits; // 0..128; 0: any
	__u8 protocol;                      // 0: any
	__u8 family;                        // 4 or 6: what it takes
	__u16 port_low, port_high;          // of the destination; 0..65535: any
	struct dp_route route;
};
