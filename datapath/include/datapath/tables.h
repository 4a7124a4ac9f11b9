// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// The tables of the datapath: what the compiler writes and the forwarding reads. Shared by the kernel (BPF) build,
// the native build and user space, so: fixed-width types, explicit padding (always zero), no pointers.
//
// Numbers are in host byte order, addresses and MACs in network order. IPv4 addresses are IPv4-mapped IPv6.
// All tables here are written by user space only; what the datapath writes is at the end, and in datapath/connection.h.
//
//   who          table      key                  value
//   from_port    source     ifindex              the port behind the device: key, network, MAC, first addresses
//                allowed    port, MAC, prefix    further sources that the port may use (longest prefix)
//   both         station    network, MAC         where a MAC is: a local device or a remote host
//                neighbor   network, address     the MAC of an address: answers ARP and ND
//                network    network              flags, how many flood entries
//                flood      network, index       one local device or one remote host, for head-end replication
//                remote     host                 the VTEP of a host, how it wants to be spoken to
//   from_underlay vtep      address              which host a tunnel packet comes from: no entry, no entry
//                config     0                    this host
//   routing      router, gateway, route, hop, steer: datapath/routing.h
//   policies     set, identity, class, vector, rule, guard, party, generation: datapath/policy.h
#pragma once

#include <linux/types.h>

#include "datapath/address.h"
#include "datapath/connection.h"
#include "datapath/policy.h"
#include "datapath/routing.h"

enum dp_encapsulation { DP_GENEVE, DP_VXLAN };

// How to hand a packet to a device.
enum dp_device {
	DP_DEVICE_PLAIN, // transmit on it: a tap, or a veth whose peer is in this network namespace
	DP_DEVICE_PEER, // a veth whose peer is in another namespace: straight into the peer (bpf_redirect_peer)
};

enum { DP_UDP_GENEVE = 6081, DP_UDP_VXLAN = 4789 };

// Geneve option (RFC 8926, section 3.5): both port keys, big-endian, source first. Not critical: others may skip it.
enum {
	DP_GENEVE_CLASS = 0xff57 /* experimental range */,
	DP_GENEVE_TYPE = 0x01,
	DP_GENEVE_OPTION_BYTES = 8
};

// ---- keys and values ----

struct dp_config {
	struct dp_address vtep; // this host's; zero: no underlay yet
	__u32 host;             // this host's key
	__u32 underlay_ifindex; // 0: none
	__u32 underlay_mtu;     // bytes of the outer IP packet
	__u32 pad;
};

enum { DP_SOURCE_PAIRS = 1 << 0 /* consult `allowed` when the first addresses do not match */ };

struct dp_source {
	__u32 port;
	__u32 vni;
	struct dp_address ipv4; // the port's first IPv4 and IPv6 address; zero: none
	struct dp_address ipv6;
	struct dp_mac mac;
	__u16 flags;  // DP_SOURCE_*
	__u32 mtu;    // largest IP packet of the network
	__u32 domain; // of its segment
	__u32 interval; // nanoseconds until it may begin one more that nobody answers (dp_unanswered); 0: it may always
};

// Longest prefix match, in the order of struct bpf_lpm_trie_key: prefix_length counts the bits of port, mac, family and address.
struct dp_allowed_key {
	__u32 prefix_length; // 32 + 48 + 16 + 0..128
	__u32 port;          // big-endian, as the trie compares bytes
	struct dp_mac mac;
	__u16 family; // 4 or 6: without it ::/0 would take every IPv4-mapped address
	struct dp_address address;
};
enum { DP_ALLOWED_FIXED_BITS = 32 + 48 + 16 };

struct dp_allowed {
	__u32 unused; // zero: presence is the answer
};

struct dp_station_key {
	__u32 vni;
	struct dp_mac mac;
	__u16 pad;
};

struct dp_station {
	__u32 port;
	__u32 host;    // 0: here; else key of `remote`
	__u32 ifindex; // where host is 0
	__u32 device;  // enum dp_device
	__u32 router;  // not 0: the MAC of this router, which is everywhere; all else is 0
};

struct dp_neighbor_key {
	__u32 vni;
	struct dp_address address;
};

struct dp_neighbor {
	struct dp_mac mac;
	__u16 pad;
	__u32 port;   // 0: a router's, or the network's own
	__u32 router; // not 0: an address of this router
};

enum {
	DP_NETWORK_FLOOD_UNKNOWN = 1 << 0,
	// What the agent serves (datapath/service.h).
	DP_NETWORK_DHCP = 1 << 1,
	DP_NETWORK_ADVERTISES = 1 << 2, // router advertisements
	DP_NETWORK_RESOLVES = 1 << 3,   // DNS, at addresses of the network and of its routers
};

struct dp_network {
	__u32 flags;       // DP_NETWORK_*
	__u32 flood_count; // entries 0..flood_count-1 of `flood`, local devices before remote hosts
	__u32 mtu;
	__u32 domain; // the segment that it is part of
	__u32 router; // one of its routers, which tells senders of packets that are too big; 0: none
	__u32 tenant; // as of the guards of its ports here; 0: there are none
};

struct dp_flood_key {
	__u32 vni;
	__u32 index;
};

struct dp_flood {
	__u32 port; // of a local device; 0 for a remote host
	__u32 host; // 0: here
	__u32 ifindex;
	__u32 device;
};

struct dp_remote {
	struct dp_address vtep;
	__u32 encapsulation; // enum dp_encapsulation
	__u32 pad;
};

struct dp_vtep {
	__u32 host;
};

// Written by the datapath, one value a CPU. Drops that no port can answer for (an unknown VTEP) have port 0.
struct dp_counters {
	__u64 from_port_packets, from_port_bytes; // accepted from the device
	__u64 to_port_packets, to_port_bytes;     // handed to the device
};

// A port has the counters at a place of its own, if it is there first, without a look-up; else a row in a hash.
enum { DP_COUNTER_BITS = 10, DP_COUNTER_PLACES = 1 << DP_COUNTER_BITS };

static inline __u32 dp_counter_place(__u32 port)
{
	return port * 0x9e3779b1u >> (32 - DP_COUNTER_BITS);
}

struct dp_drop_key {
	__u32 port;
	__u32 reason; // enum dp_reason, core/reasons.h
};

struct dp_drops {
	__u64 packets, bytes;
};

// TABLE(name, NAME, key type, value type, map kind, default maximum of entries): expanded by the BPF maps, the native tables
// and the provider. Map kinds: ARRAY, HASH, LPM. The order is that of writing: a row comes after those that it leads to.
#define DP_TABLES(TABLE)                                                                     \
	TABLE(config, CONFIG, __u32, struct dp_config, ARRAY, 1)                             \
	TABLE(remote, REMOTE, __u32, struct dp_remote, HASH, 16384)                          \
	TABLE(vtep, VTEP, struct dp_address, struct dp_vtep, HASH, 16384)                    \
	TABLE(vector, VECTOR, __u32, struct dp_vector, HASH, 65536)                          \
	TABLE(rule, RULE, struct dp_rule_key, struct dp_rules, HASH, 524288)                 \
	TABLE(class, CLASS, struct dp_class_key, struct dp_class, LPM, 1048576)              \
	TABLE(identity, IDENTITY, struct dp_identity_key, struct dp_class, HASH, 262144)     \
	TABLE(set, SET, __u32, struct dp_set, HASH, 65536)                                   \
	TABLE(party, PARTY, struct dp_party_key, struct dp_party, HASH, 1048576)             \
	TABLE(guard, GUARD, __u32, struct dp_guard, HASH, 16384)                             \
	TABLE(generation, GENERATION, __u32, struct dp_generation, ARRAY, 1)                 \
	TABLE(network, NETWORK, __u32, struct dp_network, HASH, 65536)                       \
	TABLE(neighbor, NEIGHBOR, struct dp_neighbor_key, struct dp_neighbor, HASH, 1048576) \
	TABLE(hop, HOP, struct dp_hop_key, struct dp_hop, HASH, 262144)                      \
	TABLE(route, ROUTE, struct dp_route_key, struct dp_route, LPM, 1048576)              \
	TABLE(steer, STEER, struct dp_steer_key, struct dp_steer, HASH, 65536)               \
	TABLE(gateway, GATEWAY, struct dp_gateway_key, struct dp_gateway, HASH, 65536)       \
	TABLE(router, ROUTER, __u32, struct dp_router, HASH, 16384)                          \
	TABLE(station, STATION, struct dp_station_key, struct dp_station, HASH, 524288)      \
	TABLE(allowed, ALLOWED, struct dp_allowed_key, struct dp_allowed, LPM, 65536)        \
	TABLE(flood, FLOOD, struct dp_flood_key, struct dp_flood, HASH, 524288)              \
	TABLE(source, SOURCE, __u32, struct dp_source, HASH, 16384)

#define DP_TABLE_ENUM(name, NAME, key, value, kind, maximum) DP_TABLE_##NAME,
enum dp_table { DP_TABLES(DP_TABLE_ENUM) DP_TABLE_COUNT };
#undef DP_TABLE_ENUM
