// SPDX-License-Identifier: Apache-2.0
// The kernel provider: eBPF at the ingress of devices. Its parts:
//
//   kernel.c   open and close: load the programs over the pinned maps
//   pins.c     the state directory: one pin a map
//   rows.c     read and write maps
//   hooks.c    attach, detach, find what is attached
//   tcx.c, clsact.c   in the one place, or the other
//   state.c    connections: list them, remove what has expired
//   settle.c   wait for packets that are under way
//   punts.c    packets for the agent's services
//   decisions.c  what rules decided that are logged
//   probe.c    ask the kernel what its helpers can do
//
// The kernel owns what matters: maps live by their pins, programs by the devices that hold them. This process may end at any time.
#pragma once

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "provider.h"

struct datapath_bpf; // the generated skeleton

struct kernel {
	struct datapath base;
	struct datapath_bpf *skeleton;
	int lock;                   // on the state directory; -1: none
	int tables[DP_TABLE_COUNT]; // map file descriptors, owned by the skeleton, like all here
	int states[DP_STATE_COUNT];
	int counters, counter_owners, counter_places;
	int drops, allowances, rule_counters;
	int expire[DP_STATE_COUNT]; // the program that removes rows of it
	struct {
		uint32_t at; // where the next walk goes on
		bool begun;
	} walks[DP_STATE_COUNT];
	// What was found empty since no port has rules: then nothing is added.
	bool idle;       // the tables of connections
	bool uncounted;  // the counters of rules
	bool ports_left; // state of ports that are not here any more may be there
	int punt_map;
	struct kernel_punts *punts; // NULL: nobody has asked yet
	int decision_map;
	struct kernel_decisions *decisions; // likewise
	int settle_inner, settle_outer;     // map file descriptors; 0: not made yet
	int programs[2];                    // by enum datapath_role
	uint32_t program_ids[2];
};

// From here on, libbpf does not print: what it complains of is kept, as far as it fits; "" if of nothing.
void kernel_listen(void);
const char *kernel_complaint(void);

// ---- pins.c ----

// Make STATE/v1, or say how to mount what is missing, and hold it. Folders that other users could change are refused.
int pins_prepare(const char *state, int *lock, struct error *error);
// Hold STATE/v1 until `lock` is closed; -EBUSY while another process does, -ENOENT without an error if there is no such folder.
int pins_hold(const char *state, int *lock, struct error *error);
// Have every map of `object` pinned at STATE/v1/<map> when it is loaded. A pin whose layout differs is dropped first, and with one of
// those that count connections the others.
int pins_assign(struct bpf_object *object, const char *state, struct error *error);
// Ids of the pinned maps: 0 and `count` ids in `ids` (at most `size`).
int pins_ids(const char *state, uint32_t *ids, size_t size, size_t *count);
int pins_remove(const char *state, struct error *error);

// ---- rows.c ----

struct kernel_rows {
	size_t count, room, key_size, value_size;
	char *keys, *values;
};

// All rows of a hash, into `rows`, of which the sizes are set; kernel_rows_done in any case. 0 or -errno.
int kernel_rows_read(int map, struct kernel_rows *rows);
void kernel_rows_done(struct kernel_rows *rows);
int kernel_rows_erase(int map, const void *key);

int kernel_put(struct datapath *datapath, enum dp_table table, const void *key, const void *value,
	struct error *error);
int kernel_remove(
	struct datapath *datapath, enum dp_table table, const void *key, struct error *error);
int kernel_find(struct datapath *datapath, enum dp_table table, const void *key, void *value,
	struct error *error);
int kernel_each(struct datapath *datapath, enum dp_table table, datapath_visit visit, void *context,
	struct error *error);
int kernel_counters(struct datapath *datapath, datapath_counters_visit visit, void *context,
	struct error *error);
int kernel_drops(
	struct datapath *datapath, datapath_drops_visit visit, void *context, struct error *error);
void kernel_counters_forget(struct datapath *datapath, uint32_t port);
int kernel_rule_counters(
	struct datapath *datapath, datapath_rules_visit visit, void *context, struct error *error);
int kernel_rule_counted(
	struct datapath *datapath, uint32_t rule, struct dp_rule_counters *counters);
void kernel_rule_counters_forget(struct datapath *datapath, uint32_t rule);

// ---- state.c ----

int kernel_each_state(struct datapath *datapath, enum dp_state state, datapath_visit visit,
	void *context, struct error *error);
int kernel_find_state(struct datapath *datapath, enum dp_state state, const void *key, void *value,
	struct error *error);
// No port has rules: packets neither look for connections nor make any, and no rule decides.
bool kernel_unguarded(const struct kernel *kernel);
int kernel_expire(struct datapath *datapath, uint64_t now, size_t budget, struct error *error);

// ---- settle.c ----

int kernel_settle(struct datapath *datapath, struct error *error);
void settle_done(struct kernel *kernel);

// ---- punts.c ----

int kernel_punts(struct datapath *datapath, unsigned maximum, datapath_punts_visit visit,
	void *context, struct error *error);
int kernel_punts_fd(struct datapath *datapath, struct error *error);
void punts_done(struct kernel *kernel);

// ---- decisions.c ----

int kernel_decisions(struct datapath *datapath, datapath_decisions_visit visit, void *context,
	struct error *error);
void kernel_decisions_done(struct kernel *kernel);

// ---- hooks.c ----

int kernel_attach(
	struct datapath *datapath, uint32_t ifindex, enum datapath_role role, struct error *error);
int kernel_detach(struct datapath *datapath, uint32_t ifindex, struct error *error);
int kernel_attached(struct datapath *datapath, uint32_t ifindex, enum datapath_role role);
int kernel_found(struct datapath *datapath, uint32_t ifindex, enum datapath_role *role);
// Detach, everywhere in this network namespace, our programs that use one of these maps.
int hooks_detach_users(const uint32_t *maps, size_t count, datapath_detached_visit visit,
	void *context, struct error *error);

// ---- probe.c ----

// Does bpf_skb_adjust_room accept BPF_F_ADJ_ROOM_DECAP_L3_*? (Linux 6.3 and backports.)
bool probe_decap_l3(void);
