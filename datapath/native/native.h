// SPDX-License-Identifier: Apache-2.0
// The native provider: tables, counters and the underlay in memory. The seam (seam_native.h) reads and writes them.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/table.h"
#include "core/reasons.h"
#include "datapath/native.h"
#include "provider.h"
#include "table.h"

struct native_counters {
	UT_hash_handle hh;
	uint32_t port;
	struct dp_counters counters;
};

struct native_drops {
	UT_hash_handle hh;
	struct dp_drop_key key;
	struct dp_drops drops;
};

struct native_allowance {
	UT_hash_handle hh;
	uint32_t port;
	struct dp_allowance allowance;
};

struct native_rule_counters {
	UT_hash_handle hh;
	uint32_t rule;
	struct dp_rule_counters counters;
};

struct native_neighbor {
	UT_hash_handle hh;
	struct dp_address address;
	struct dp_mac mac;
};

struct native_attachment {
	UT_hash_handle hh;
	uint32_t ifindex;
	enum datapath_role role;
};

struct native_copy {
	struct native_copy *next;
	uint64_t value[];
};

struct native {
	struct datapath base;
	struct native_table tables[DP_TABLE_COUNT];
	struct native_table states[DP_STATE_COUNT];
	struct native_rule_counters *rule_counters;
	uint64_t ahead; // nanoseconds that its clock is ahead of the host's
	struct native_counters *counters;
	struct native_drops *drops;
	struct native_allowance *allowances;
	struct native_punt *punts; // list, oldest first
	size_t punt_count;
	struct native_decision *decisions; // likewise
	size_t decision_count;
	struct native_attachment *attachments;
	struct native_neighbor *neighbors;
	struct dp_mac underlay_mac;
	native_resolve resolve; // asks about neighbors that are not in the table; NULL: nobody
	void *resolve_context;
	struct datapath *rows;      // where rows are that this one does not have; NULL: nowhere
	struct native_copy *copies; // of those
	struct native_copy *fetched[DP_STATE_COUNT]; // keys of the state that were asked for there
};

void native_copies_free(struct native_copy *copies);
const void *native_beneath(struct native *native, enum dp_table table, const void *key);

struct dp_counters *native_counters_of(struct native *native, uint32_t port);
struct dp_drops *native_drops_of(struct native *native, uint32_t port, enum dp_reason reason);
struct dp_allowance *native_allowance_of(struct native *native, uint32_t port);
// NULL: no route to this address.
const struct dp_mac *native_neighbor_mac(struct native *native, const struct dp_address *address);

// ---- punts.c ----

// `head` with port, device, network, service and length; -ENOBUFS: nobody has taken those before it.
int native_punt(struct native *native, const struct dp_punt *head, const uint8_t *frame);
int native_punts(struct datapath *datapath, unsigned maximum, datapath_punts_visit visit,
	void *context, struct error *error);
int native_punts_fd(struct datapath *datapath, struct error *error);
void native_punts_done(struct native *native);

// ---- decisions.c ----

void native_decide(struct native *native, const struct dp_decision *decision);
int native_decisions(struct datapath *datapath, datapath_decisions_visit visit, void *context,
	struct error *error);
void native_decisions_done(struct native *native);

// ---- state.c ----

void native_state_init(struct native *native);
void native_state_done(struct native *native);
int native_state_put(
	struct native *native, enum dp_state state, const void *key, const void *value);
struct dp_rule_counters *native_rule_counters_of(struct native *native, uint32_t rule);
void *native_state_find(struct native *native, enum dp_state state, const void *key);
int native_find_state(struct datapath *datapath, enum dp_state state, const void *key, void *value,
	struct error *error);
int native_each_state(struct datapath *datapath, enum dp_state state, datapath_visit visit,
	void *context, struct error *error);
int native_expire(struct datapath *datapath, uint64_t now, size_t budget, struct error *error);
int native_rule_counters(
	struct datapath *datapath, datapath_rules_visit visit, void *context, struct error *error);
int native_rule_counted(
	struct datapath *datapath, uint32_t rule, struct dp_rule_counters *counters);
void native_rule_counters_forget(struct datapath *datapath, uint32_t rule);
