// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// The tables as BPF maps, pinned by name: they outlive the process that made them.
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "core/headers.h"
#include "core/seam.h"
#include "datapath/service.h"
#include "datapath/tables.h"

// Tries, and hash tables that may grow large, take memory a row at a time.
#define MAP_TYPE_ARRAY BPF_MAP_TYPE_ARRAY
#define MAP_FLAGS_ARRAY 0
#define MAP_TYPE_HASH BPF_MAP_TYPE_HASH
#define MAP_FLAGS_HASH BPF_F_NO_PREALLOC
#define MAP_TYPE_LPM BPF_MAP_TYPE_LPM_TRIE
#define MAP_FLAGS_LPM BPF_F_NO_PREALLOC
#define MAP_TYPE_FULL BPF_MAP_TYPE_HASH
#define MAP_FLAGS_FULL 0
#define MAP_TYPE_LRU BPF_MAP_TYPE_LRU_HASH
#define MAP_FLAGS_LRU 0

struct scratch {
	__u64 words[SEAM_SCRATCH_BYTES / 8];
	__u64 packet[SEAM_PACKET_BYTES / 8];
};

#define MAP(table, NAME, key_type, value_type, KIND, maximum) \
	struct {                                              \
		__uint(type, MAP_TYPE_##KIND);                \
		__uint(max_entries, maximum);                 \
		__uint(map_flags, MAP_FLAGS_##KIND);          \
		__uint(pinning, LIBBPF_PIN_BY_NAME);          \
		__type(key, key_type);                        \
		__type(value, value_type);                    \
	} table SEC(".maps");
DP_TABLES(MAP)
DP_STATES(MAP)
#undef MAP

// What forwarding works in: one a CPU.
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

// How the kernel routed to a tunnel endpoint lately, by a hash of its address.
enum { UNDERLAY_HOPS = 256 };

struct underlay_hop {
	struct dp_address source, destination;
	__u64 asked; // in ticks of the kernel's timer
	__u32 ifindex;
	struct ethernet_header ethernet;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, UNDERLAY_HOPS);
	__type(key, __u32);
	__type(value, struct underlay_hop);
} underlay_hops SEC(".maps");

// Made on a port's first ICMP error.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, struct dp_allowance);
} allowances SEC(".maps");

// Counters are made by the datapath on the first packet: one row a port, one a port and reason. Those of most ports have a place,
// dp_counter_place, and the port is its owner (0: nobody yet).
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DP_COUNTER_PLACES);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, __u32);
} counter_owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DP_COUNTER_PLACES);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, struct dp_counters);
} counter_places SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, struct dp_counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, struct dp_drop_key);
	__type(value, struct dp_drops);
} drops SEC(".maps");

// Made when a rule first decides.
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 524288);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, struct dp_rule_counters);
} rule_counters SEC(".maps");

// Decisions of rules that are logged, struct dp_decision.
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, DP_DECISION_RING);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} decisions SEC(".maps");

// Packets for the agent's services, struct dp_punt.
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, DP_PUNT_RING);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} punts SEC(".maps");
