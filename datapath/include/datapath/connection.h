// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// Connections: what the datapath remembers of who spoke with whom. Written by the datapath itself; user space reads, and removes
// what has expired. docs/design/pipeline.md says why there are two tables.
//
// Numbers are in host byte order, times in nanoseconds of the monotonic clock; padding is zero.
#pragma once

#include <linux/types.h>

#include "datapath/address.h"

// Both ends of a connection, the lesser (address, port) first, so that both directions have the same key.
struct dp_tuple {
	__u32 domain;
	__u8 protocol;
	__u8 pad;
	__u16 ports[2]; // ICMP echo: the identifier, twice; other protocols: 0
	__u16 pad2;
	struct dp_address ends[2];
};

enum dp_connection_state {
	DP_CONNECTION_NEW,         // one direction seen
	DP_CONNECTION_ESTABLISHED, // both
	DP_CONNECTION_CLOSING,     // a FIN from one end
	DP_CONNECTION_CLOSED,      // from both, acknowledged or not, or a RST in the window
};

// What one end has sent, in sequence space: Rooij, "Real Stateful TCP Packet Filtering in IP Filter".
struct dp_tcp_side {
	__u32 end;     // highest sequence number sent, + 1
	__u32 maximum; // highest that the other end allows
	__u32 window;  // largest seen, scaled
	__u8 scale;
	__u8 flags; // seen from this end
	__u16 pad;
};

struct dp_connection {
	__u64 created, seen; // `seen` is written when it is a second old
	__u32 ports[2];      // keys of the ends' ports that are on this host; 0: not here
	__u32 epochs[2];     // of those ports' guards, when the connection was judged
	__u32 rules[2];      // that admitted it there; 0: none was asked
	__u8 state;          // enum dp_connection_state
	__u8 initiator;      // 0 or 1: the end that spoke first
	__u16 pad;
	__u32 pad2;
	struct dp_tcp_side sides[2];
};

// Embryonic connections: a bucket belongs to the initiator, so a flood overwrites its own and nobody else's.
enum { DP_EMBRYO_BUCKETS = 4096, DP_EMBRYO_SLOTS = 4 };

struct dp_embryo_key {
	__u32 initiator; // port key; from an address that is no port's: 1 << 31 | hash of the address
	__u32 bucket;    // hash of the tuple, below DP_EMBRYO_BUCKETS
};

struct dp_embryo_slot {
	struct dp_tuple tuple;
	struct dp_connection connection;
};

struct dp_embryo {
	struct dp_embryo_slot slots[DP_EMBRYO_SLOTS];
};

struct dp_usage {
	__u32 established; // connections of the port on this host
};

// One value a CPU, by rule number.
struct dp_rule_counters {
	__u64 packets,
		bytes; // that were judged by it: first packets, and all packets of a stateless rule
};

// STATE(name, NAME, key type, value type, default maximum of entries)
#define DP_STATES(STATE)                                                             \
	STATE(connection, CONNECTION, struct dp_tuple, struct dp_connection, 262144) \
	STATE(embryo, EMBRYO, struct dp_embryo_key, struct dp_embryo, 65536)         \
	STATE(usage, USAGE, __u32, struct dp_usage, 65536)
