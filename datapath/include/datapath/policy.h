// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// Rule sets as the datapath holds them: fields to classes, classes to bit vectors, and the rules
// that the bits stand for. docs/design/pipeline.md says how they are used.
//
// A set of n rules has them in order of precedence, in parts of as many as a vector has bits: the lowest bit that is left in the
// first part that has one decides. Numbers are in host byte order unless a comment says otherwise; padding is zero.
#pragma once

#include <linux/types.h>

#include "datapath/address.h"

enum {
	DP_PART_RULES = 4096,
	DP_VECTOR_WORDS = DP_PART_RULES / 64,
	DP_SET_PARTS = 8,
	DP_SET_RULES = DP_PART_RULES * DP_SET_PARTS,
};

// What a rule may ask about a packet.
enum dp_field {
	DP_FIELD_IDENTITY,    // of the other end: exact
	DP_FIELD_REMOTE,      // address of the other end
	DP_FIELD_LOCAL,       // address of the end whose rules these are
	DP_FIELD_SERVICE,     // protocol, and destination port or ICMP type and code
	DP_FIELD_SOURCE_PORT, // protocol and source port
	DP_FIELD_COUNT,
};

enum dp_action { DP_ACTION_DROP, DP_ACTION_REJECT, DP_ACTION_ALLOW, DP_ACTION_STATELESS };

// The numbers of a value's vectors, one for each part of the set. 0: none of its rules takes the value.
struct dp_vectors {
	__u32 parts[DP_SET_PARTS];
};

struct dp_set {
	__u32 base; // under which its identities, classes and rules are; a set keeps that of the one that it follows
	__u32 fields;    // 1 << DP_FIELD_…: asked about by some rule; others need no look-up
	__u32 parts;     // that have rules: 0..DP_SET_PARTS
	__u32 otherwise; // rule number that decides when no rule matches; 0: allowed
	struct dp_vectors wildcard[DP_FIELD_COUNT]; // of a value that is in no class
};

// Identity 0 is there where others are: it has the wildcard's vector.
struct dp_identity_key {
	__u32 base;
	__u32 identity;
};

// Longest prefix match: prefix_length counts base, field, family, pad and the bits. Where there are
// prefixes there is one without bits, of each family: it has the wildcard's vector, and what rules take all of the family.
struct dp_class_key {
	__u32 prefix_length; // DP_CLASS_FIXED_BITS + 0..128
	__u32 base;          // big-endian
	__u8 field;          // enum dp_field
	__u8 family;         // of an address: 4 or 6, so that ::/0 takes no IPv4; else 0
	__u8 pad[2];
	// An address; or protocol, then 16 bits of port or ICMP type and code, big-endian.
	__u8 bits[16];
};
enum { DP_CLASS_FIXED_BITS = 64 };

struct dp_class {
	struct dp_vectors slots[2]; // of generations (below)
};

struct dp_vector {
	__u64 summary;                // bit i: words[i] is not zero
	__u64 words[DP_VECTOR_WORDS]; // bit j of word i: rule 64 i + j of the part
};

struct dp_rule_key {
	__u32 base;
	__u32 index; // in the set: part * DP_PART_RULES + rule of the part
};

enum { DP_RULE_LOG = 1 << 0 };

struct dp_rule {
	__u32 number; // names the rule in counters and logs, on this host
	__u16 action; // enum dp_action
	__u16 flags;  // DP_RULE_*
};

struct dp_rules {
	struct dp_rule slots[2];
};

// ---- who obeys which set ----
//
// What changes together is written twice: into the slot that no packet reads, then, when `generation` has turned to it and no
// packet is under way that read the other, into that one too. So a packet sees all of a change or nothing of it.

enum { DP_INGRESS, DP_EGRESS, DP_DIRECTIONS };

// What a port obeys in one generation.
struct dp_guard_slot {
	__u32 sets[DP_DIRECTIONS]; // 0: everything is allowed
	__u32 epoch; // moves on when a set changes: connections judged before are judged again
	__u32 flags; // DP_GUARD_*
};

// Connections that are established stay, whatever the new rules say.
enum { DP_GUARD_KEEP = 1 << 0 };

// By port key: every port of this host has one, and has it before its device may send.
struct dp_guard {
	struct dp_guard_slot slots[2];
	__u32 quota;  // most established connections; 0: the default
	__u32 tenant; // its number on this host, below DP_SHARES; 0: of none, which counts for none
};

// Who an address belongs to.
struct dp_party_key {
	__u32 domain;
	struct dp_address address;
};

struct dp_party {
	__u32 port;
	__u32 identities[2]; // by slot; 0: none
};

struct dp_generation {
	__u32 slot;      // 0 or 1: read once a packet, for both directions and all parties
	__u32 changes;   // of guards and parties so far: where epochs come from
	__u32 epochs[2]; // by slot: moves on when an address goes over to another identity
	__u32 unguarded; // 1: no guard leads to a set, so that nobody needs to look for one
	__u32 pad;
};

// The epoch that a connection remembers of one of its ports (dp_connection.epochs). While it is the same, neither the port's rules
// nor anybody's identity has changed.
static inline __u32 dp_epoch(
	const struct dp_generation *generation, const struct dp_guard *guard, __u32 slot)
{
	return generation->epochs[slot & 1] + guard->slots[slot & 1].epoch;
}
