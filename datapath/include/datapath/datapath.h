// SPDX-License-Identifier: Apache-2.0
// The provider interface: what the agent programs, whichever datapath forwards.
//
// "kernel": eBPF at the ingress of devices; maps and programs live in the kernel and forward on when this process is gone. Maps are pinned in the state
// directory, a folder on a BPF file system, one per agent. "native": the same forwarding over plain memory, for tests, the fuzzer,
// the tracer and simulated hosts.
//
// Threading: one thread per `struct datapath`. Errors: 0 or -errno with `error` filled.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "datapath/decision.h"
#include "datapath/service.h"
#include "datapath/tables.h"

struct datapath;

enum datapath_role { DATAPATH_PORT, DATAPATH_UNDERLAY };

// Open or create. For the kernel provider the state directory is made if needed; pinned maps of a matching layout are kept with all
// their rows (a restart loses nothing), others are replaced. -EBUSY while another process has it open, -EPERM where other users could
// write in it. `state` is ignored by the native provider.
int datapath_open(
	struct datapath **out, const char *provider, const char *state, struct error *error);
// Let go. What the kernel forwards, it goes on forwarding.
void datapath_close(struct datapath *datapath);
// Detach everything that this state directory's programs are attached to in this network namespace, telling `visit` (NULL: nobody) each
// interface, and remove the pins. Nothing there: 0. -EBUSY while it is open.
typedef void (*datapath_detached_visit)(
	void *context, const char *interface, enum datapath_role role);
int datapath_destroy(const char *provider, const char *state, datapath_detached_visit visit,
	void *context, struct error *error);

// Table sizes in bytes, and names for logs ("station").
size_t datapath_key_size(enum dp_table table);
size_t datapath_value_size(enum dp_table table);
const char *datapath_table_name(enum dp_table table);
size_t datapath_state_key_size(enum dp_state state);
size_t datapath_state_value_size(enum dp_state state);

// One row. put: insert or replace. remove: an absent row is not an error. -ENOSPC names the table that is full.
int datapath_put(struct datapath *datapath, enum dp_table table, const void *key, const void *value,
	struct error *error);
int datapath_remove(
	struct datapath *datapath, enum dp_table table, const void *key, struct error *error);
// The row that the datapath finds under this key, copied to `value`; of a table of prefixes the longest one. -ENOENT: none.
int datapath_find(struct datapath *datapath, enum dp_table table, const void *key, void *value,
	struct error *error);
// What the datapath really holds. A non-zero answer of `visit` stops and is returned. Unchanged while walking.
typedef int (*datapath_visit)(void *context, const void *key, const void *value);
int datapath_each(struct datapath *datapath, enum dp_table table, datapath_visit visit,
	void *context, struct error *error);
// Wait until no packet is under way that read rows before this call.
int datapath_settle(struct datapath *datapath, struct error *error);
// Rows written and removed through this handle so far: "applied again" must leave it as it is.
uint64_t datapath_writes(const struct datapath *datapath);

// Put the program of this role on a device of the current network namespace; replaces ours, atomically; leaves filters of others.
int datapath_attach(
	struct datapath *datapath, uint32_t ifindex, enum datapath_role role, struct error *error);
int datapath_detach(struct datapath *datapath, uint32_t ifindex, struct error *error);
// Is our current program on the device? 1, 0, or -errno (-ENODEV).
int datapath_attached(struct datapath *datapath, uint32_t ifindex, enum datapath_role role);
// Is a program over these tables on the device, ours or that of a process before us? 1 and its role, 0, or -errno (-ENODEV).
int datapath_found(struct datapath *datapath, uint32_t ifindex, enum datapath_role *role);

// Counters, summed over CPUs. `reason` as datapath_reason_name gives it.
typedef void (*datapath_counters_visit)(
	void *context, uint32_t port, const struct dp_counters *counters);
typedef void (*datapath_drops_visit)(
	void *context, uint32_t port, uint32_t reason, const struct dp_drops *drops);
int datapath_counters(struct datapath *datapath, datapath_counters_visit visit, void *context,
	struct error *error);
int datapath_drops(
	struct datapath *datapath, datapath_drops_visit visit, void *context, struct error *error);
// Forget a port's counters (it is gone). How many connections it has is not forgotten before these are: it may come back.
void datapath_counters_forget(struct datapath *datapath, uint32_t port);

// Packets that ports sent to services of their networks, oldest first, at most `maximum`: how many, or -errno. A punt is borrowed for
// the call. The file descriptor is readable while some wait, and owned by the datapath; -ENOTSUP: there is none (native).
typedef void (*datapath_punts_visit)(void *context, const struct dp_punt *punt);
int datapath_punts(struct datapath *datapath, unsigned maximum, datapath_punts_visit visit,
	void *context, struct error *error);
int datapath_punts_fd(struct datapath *datapath, struct error *error);

// What rules decided that are logged, oldest first, all that there is: how many, or -errno. Borrowed for the call.
typedef void (*datapath_decisions_visit)(void *context, const struct dp_decision *decision);
int datapath_decisions(struct datapath *datapath, datapath_decisions_visit visit, void *context,
	struct error *error);

// Connections, new, established and closed, as they are; some that have expired may still be among them. A non-zero answer of `visit`
// stops and is returned.
typedef int (*datapath_connections_visit)(
	void *context, const struct dp_tuple *tuple, const struct dp_connection *connection);
int datapath_connections(struct datapath *datapath, datapath_connections_visit visit, void *context,
	struct error *error);
// The rows of a table of the state, but `share`, as datapath_each.
int datapath_each_state(struct datapath *datapath, enum dp_state state, datapath_visit visit,
	void *context, struct error *error);
// The row of the state under this key, copied to `value`. -ENOENT: none.
int datapath_find_state(struct datapath *datapath, enum dp_state state, const void *key,
	void *value, struct error *error);
// Remove what has expired, `now` being nanoseconds of the monotonic clock, among the next `budget` rows of the tables; the next call goes
// on from there. How many rows were removed, or -errno. Whatever is found expired by a packet is as good as removed: this frees memory.
int datapath_expire(struct datapath *datapath, uint64_t now, size_t budget, struct error *error);

// By the number of the rule, summed over CPUs.
typedef void (*datapath_rules_visit)(
	void *context, uint32_t rule, const struct dp_rule_counters *counters);
int datapath_rule_counters(
	struct datapath *datapath, datapath_rules_visit visit, void *context, struct error *error);
// Of one rule, by a look-up where all take a walk through the whole table. 0; -ENOENT: it took no packet; or another -errno.
int datapath_rule_counted(
	struct datapath *datapath, uint32_t rule, struct dp_rule_counters *counters);
// A number that is given to another rule starts from zero.
void datapath_rule_counters_forget(struct datapath *datapath, uint32_t rule);

// "spoofed-mac" and the sentence that explains it; NULL beyond the last.
const char *datapath_reason_name(uint32_t reason);
const char *datapath_reason_help(uint32_t reason);
