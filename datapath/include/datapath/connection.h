// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// Connections: what the datapath remembers of who spoke with whom. Written by the datapath itself; user space reads, and removes
// what has expired. docs/design/pipeline.md says why there are two tables.
//
// Numbers are in host byte order, times in nanoseconds of the monotonic clock; padding is zero.
#pragma once

#include <linux/bpf.h> // struct bpf_spin_lock
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
	DP_CONNECTION_NEW,         // the other end has not answered, or nothing more has come since
	DP_CONNECTION_ESTABLISHED, // it has, and the one that began has gone on
	DP_CONNECTION_CLOSING,     // a FIN from one end
	DP_CONNECTION_CLOSED,      // from both, acknowledged or not, or a RST
	DP_CONNECTION_FORBIDDEN, // by rules newer than it. It is remembered, lest the other end bring it back as a new one
};

enum {
	DP_SIDE_SEEN = 1 << 0,   // something came from this end
	DP_SIDE_FIN = 1 << 1,    // its FIN too
	DP_SIDE_SCALES = 1 << 2, // its SYN offered window scaling
};

// What one end has sent, in sequence space: Rooij, "Real Stateful TCP Packet Filtering in IP Filter".
struct dp_tcp_side {
	__u32 end;     // highest sequence number sent, + 1
	__u32 maximum; // highest that the other end allows
	__u32 window;  // largest seen, scaled
	__u8 scale;
	__u8 flags; // DP_SIDE_*; of other protocols too
	__u16 pad;
};

// Joined after its beginning, or cut to pieces: windows are not known, so that they are not held against it.
enum { DP_CONNECTION_LOOSE = 1 << 0 };

struct dp_connection {
	__u64 created, seen; // `seen` is written when it is a second old
	__u32 ports[2];      // keys of the ends' ports that are on this host; 0: not here
	__u32 epochs[2];     // dp_epoch of those ports' guards, when the connection was judged
	__u32 rules[2];      // that admitted it there, or forbade it; 0: none was asked
	__u8 state;          // enum dp_connection_state
	__u8 initiator;      // 0 or 1: the end that spoke first
	__u8 stateless;      // 1 << end: every packet is judged there
	__u8 flags;          // DP_CONNECTION_LOOSE
	__u32 tenant;        // row of `share` that it counts for; 0: none
	struct dp_tcp_side sides[2];
};

// Seconds that a connection is remembered without a packet.
enum {
	DP_TIMEOUT_NEW = 30,
	DP_TIMEOUT_TCP = 7440,    // 2 hours and 4 minutes, above any keepalive: RFC 5382, section 5
	DP_TIMEOUT_CLOSING = 240, // the same section
	DP_TIMEOUT_CLOSED = 10,
	DP_TIMEOUT_ICMP = 30,
	DP_TIMEOUT_OTHER = 180,     // UDP and all else; RFC 4787, section 4.3 wants 2 minutes
	DP_TIMEOUT_FORBIDDEN = 300, // twice the longest pause between retransmissions, and more
};

static inline __u32 dp_connection_timeout(__u8 protocol, __u8 state)
{
	switch (state) {
	case DP_CONNECTION_NEW:
		return DP_TIMEOUT_NEW;
	case DP_CONNECTION_CLOSING:
		return DP_TIMEOUT_CLOSING;
	case DP_CONNECTION_CLOSED:
		return DP_TIMEOUT_CLOSED;
	case DP_CONNECTION_FORBIDDEN:
		return DP_TIMEOUT_FORBIDDEN;
	}
	if (protocol == 6)
		return DP_TIMEOUT_TCP;
	return protocol == 1 || protocol == 58 ? DP_TIMEOUT_ICMP : DP_TIMEOUT_OTHER;
}

static inline int dp_connection_expired(
	const struct dp_tuple *tuple, const struct dp_connection *connection, __u64 now)
{
	__s64 timeout = dp_connection_timeout(tuple->protocol, connection->state);

	return (__s64)(now - connection->seen) > timeout * 1000000000; // another CPU may be ahead
}

// New and closed connections: a bucket belongs to the initiator, so a flood overwrites its own and nobody else's. Established ones
// come here when they are closed, so that they count for no quota.
enum { DP_EMBRYO_BUCKETS = 1024, DP_EMBRYO_SLOTS = 4 };

// Initiators that are no port (from outside) share a few keys of their tenant, or they could fill what it may have.
enum { DP_EMBRYO_OUTSIDE = 64 };

struct dp_embryo_key {
	__u32 initiator; // port key; of an address that is no port's: 1 << 31 | hash of it, below DP_EMBRYO_OUTSIDE
	__u32 bucket; // tenant that it counts for * DP_EMBRYO_BUCKETS + hash of the tuple, below that
};

static inline __u32 dp_embryo_tenant(const struct dp_embryo_key *key)
{
	return key->bucket / DP_EMBRYO_BUCKETS;
}

struct dp_embryo_slot {
	struct dp_tuple tuple;
	__u32 tag; // hash of the tuple, never 0; 0: free
	struct dp_connection connection;
};

struct dp_embryo {
	struct bpf_spin_lock lock; // of the slots
	__u32 pad;
	struct dp_embryo_slot slots[DP_EMBRYO_SLOTS];
};

// Nothing in it is worth keeping.
static inline int dp_embryo_expired(const struct dp_embryo *embryo, __u64 now)
{
	for (__u32 i = 0; i < DP_EMBRYO_SLOTS; i++) {
		const struct dp_embryo_slot *slot = &embryo->slots[i];
		if (slot->tag && !dp_connection_expired(&slot->tuple, &slot->connection, now))
			return 0;
	}
	return 1;
}

struct dp_usage {
	__u32 established; // rows of `connection` that name the port
};

enum { DP_QUOTA = 65536 /* where the guard sets none */ };

// Tables that the tenants of a host share, and their rows.
enum dp_shared { DP_SHARED_CONNECTION, DP_SHARED_EMBRYO, DP_SHARED_COUNT };
enum { DP_CONNECTIONS = 262144, DP_EMBRYOS = 262144 };

// What a tenant has of what all share, by its number on this host (struct dp_guard, core/share.h); row 0: what all of them have.
struct dp_share {
	__u32 rows[DP_SHARED_COUNT];
	__u64 punts, logs; // when these allowances of it are full again (datapath/bucket.h)
};

// Numbers of tenants are below. As many as there can be guards.
enum { DP_SHARES = 16384 };

// What a port has begun and nobody has answered: a token bucket (datapath/bucket.h).
struct dp_unanswered {
	__u64 full;     // when it will be full again, on the monotonic clock
	__u32 interval; // nanoseconds to the next token: what an answer gives back
	__u32 pad;
};

// Nanoseconds that fill an empty one. A port's interval is never longer.
enum { DP_UNANSWERED_BURST = 2000000000 };

// The first fragment of a packet was allowed: the others follow it. They name no ports.
struct dp_fragment_key {
	__u32 domain;
	__u32 port; // for which it was judged alone: broadcast; else 0
	__u32 id;
	__u8 protocol;
	__u8 pad[3];
	struct dp_address source, destination;
};

struct dp_fragment {
	__u64 seen;
	__u32 bytes; // of the whole that the first fragment holds, headers and all: no other may write there
	__u32 pad;
};

enum { DP_TIMEOUT_FRAGMENT = 30 };

// One value a CPU, by rule number.
struct dp_rule_counters {
	__u64 packets,
		bytes; // that were judged by it: first packets, and all packets of a stateless rule
	__u64 logged;  // when the allowance of its log is full again (datapath/decision.h)
};

// STATE(name, NAME, key type, value type, map kind, default maximum of entries). Kinds: FULL, a hash that has its memory from the start;
// HASH, one that takes it as it grows; LRU, one that forgets the oldest when it is full; ARRAY, all rows of which are there.
#define DP_STATES(STATE)                                                                           \
	STATE(connection, CONNECTION, struct dp_tuple, struct dp_connection, FULL, DP_CONNECTIONS) \
	STATE(embryo, EMBRYO, struct dp_embryo_key, struct dp_embryo, HASH, DP_EMBRYOS)            \
	STATE(share, SHARE, __u32, struct dp_share, ARRAY, DP_SHARES)                              \
	STATE(usage, USAGE, __u32, struct dp_usage, HASH, 65536)                                   \
	STATE(unanswered, UNANSWERED, __u32, struct dp_unanswered, HASH, 65536)                    \
	STATE(fragment, FRAGMENT, struct dp_fragment_key, struct dp_fragment, LRU, 16384)

#define DP_STATE_ENUM(name, NAME, key, value, kind, maximum) DP_STATE_##NAME,
enum dp_state { DP_STATES(DP_STATE_ENUM) DP_STATE_COUNT };
#undef DP_STATE_ENUM
