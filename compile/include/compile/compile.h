// SPDX-License-Identifier: Apache-2.0
// Compile: the local view of the logical objects -> rows of the datapath's tables. A pure function,
// kept incrementally: an object that changes costs its own rows (and the flood list of its
// network). No I/O.
//
// Inputs: objects that the controller sent for this host; devices that the agent sees; the
// underlay. Output: changes of rows, each with the object and the revision that it comes from.
// Feeding the same inputs in any order gives the same rows (a test holds the incremental result
// against a fresh compiler).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/tables.h"
#include "model/object.h"

struct compiler;

void compiler_new(struct compiler **out, const char *host);
void compiler_free(struct compiler *compiler);

// Takes its own reference. Put again: replaced. Remove of an absent object: nothing.
void compiler_put(struct compiler *compiler, struct object *object);
void compiler_remove(
	struct compiler *compiler, enum model_kind kind, const char *tenant, const char *name);

struct compiler_device {
	uint32_t ifindex;
	enum dp_device device;
};
// What the agent sees under this name; NULL: no such device now.
void compiler_device(
	struct compiler *compiler, const char *name, const struct compiler_device *device);
// The device that carries this host's VTEP, and its MTU; 0: none.
void compiler_underlay(struct compiler *compiler, uint32_t ifindex, uint32_t mtu);

struct row_change {
	enum dp_table table;
	const void *key;    // NULL: no row but a barrier, see compiler_flush
	const void *value;  // NULL: remove
	const char *object; // path of the object that it comes from
	uint64_t revision;  // of that object
};

typedef int (*compiler_emit)(void *context, const struct row_change *change);

// Emit what changed since the last flush: puts first (config, remotes, ... sources last, in table
// order), then removals in the opposite order, so that a packet never meets a row that points to
// nothing. A row for which `emit` fails stays pending (it is emitted again by the next flush); the
// first failure is returned after the others were tried.
//
// What ports obey, who addresses belong to and what sets say change at once, between two packets. New
// rule sets are put, and what others say now with the slot that is not in use; then guards and parties
// with that slot; then the generation turns to it;
// then comes a barrier, a row_change without key: wait until no packet is under way that read rows
// before this point; then they are put with both slots. A failure before the turn leaves all that
// packets are led to as it was. Where no rule set exists, and for what is new, nothing turns.
int compiler_flush(struct compiler *compiler, compiler_emit emit, void *context);
// All rows that the datapath holds, as far as `emit` said.
int compiler_rows(const struct compiler *compiler, compiler_emit emit, void *context);
// The row with this key, NULL if the datapath holds none. Valid until the next flush.
const void *compiler_row(const struct compiler *compiler, enum dp_table table, const void *key);
// Where a row comes from. 0, or -ENOENT: no object asks for a row with this key. Valid until the next change of an input.
struct compiler_origin {
	const char *object; // path
	uint64_t revision;  // of the object
};
int compiler_origin(const struct compiler *compiler, enum dp_table table, const void *key,
	struct compiler_origin *out);
// How many rows compiler_rows visits in this table.
size_t compiler_count(const struct compiler *compiler, enum dp_table table);

// The base that a key is under, where it is of a row of a set (datapath/policy.h); 0: of another row.
// Which base a set has depends on what was before, so who compares two compilers translates it.
uint32_t compiler_key_base(enum dp_table table, const void *key);
void compiler_key_rebase(enum dp_table table, void *key, uint32_t base);

// Begin anew with rows that a datapath holds already: forget what it holds, then tell each row that
// is found. The next flush emits the differences, in the same order and with the same care.
void compiler_forget(struct compiler *compiler);
void compiler_found(
	struct compiler *compiler, enum dp_table table, const void *key, const void *value);

// By what counters and logs know a rule. Numbers stay the same while a policy has the rule: a rule
// with a name, or one that says the same; after a restart too.
struct compiler_rule {
	const char *policy; // path
	uint64_t revision;  // of the policy
	const char *name;   // NULL: it has none
	int index;          // in the policy's list; -1: what it does by default
};
// 0; or -ENOENT for the number of no rule (any more). Valid until the next change of an input.
int compiler_rule(const struct compiler *compiler, uint32_t number, struct compiler_rule *out);
size_t compiler_rule_count(const struct compiler *compiler);
void compiler_each_rule(const struct compiler *compiler,
	void (*visit)(void *context, uint32_t number), void *context);

// Ports of this host and what became of them, for attachment and reports. `ifindex` 0: its device
// is not there.
struct compiler_port {
	const char *tenant, *name, *device;
	uint32_t ifindex, key;
	const char *problem; // NULL, or why it cannot be realized ("network acme/web is not known")
};
void compiler_ports(const struct compiler *compiler,
	void (*visit)(void *context, const struct compiler_port *port), void *context);
// Moves on whenever compiler_ports, after a flush, may visit others or say something else of them.
uint64_t compiler_ports_changes(const struct compiler *compiler);
