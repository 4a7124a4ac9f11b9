// SPDX-License-Identifier: Apache-2.0
// The state that forwarding keeps, in plain memory.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "native.h"

void native_state_init(struct native *native)
{
	for (size_t i = 0; i < DP_STATE_COUNT; i++)
		native->states[i].info = &datapath_states[i];
}

void native_state_done(struct native *native)
{
	struct native_rule_counters *row, *next;

	for (size_t i = 0; i < DP_STATE_COUNT; i++) {
		native_table_done(&native->states[i]);
		native_copies_free(native->fetched[i]);
	}
	HASH_ITER (hh, native->rule_counters, row, next) {
		HASH_DEL(native->rule_counters, row);
		free(row);
	}
}

// Once only: what is removed here does not come back.
static void fetch(struct native *native, enum dp_state state, const void *key)
{
	size_t size = datapath_states[state].key_size;
	struct native_copy *known = native->fetched[state];
	cleanup_free void *value = memory_new(datapath_states[state].value_size);

	while (known && memcmp(known->value, key, size) != 0)
		known = known->next;
	if (known)
		return;
	known = memory_new(sizeof(*known) + size);
	memcpy(known->value, key, size);
	known->next = native->fetched[state];
	native->fetched[state] = known;
	if (datapath_find_state(native->rows, state, key, value, NULL) == 0)
		native_table_put(&native->states[state], key, value);
}

void *native_state_find(struct native *native, enum dp_state state, const void *key)
{
	void *row = native_table_find(&native->states[state], key);

	if (row || !native->rows)
		return row;
	fetch(native, state, key);
	return native_table_find(&native->states[state], key);
}

int native_find_state(struct datapath *datapath, enum dp_state state, const void *key, void *value,
	struct error *error)
{
	const void *row = native_state_find((struct native *)datapath, state, key);

	(void)error;
	if (row)
		memcpy(value, row, datapath_states[state].value_size);
	return row ? 0 : -ENOENT;
}

int native_state_put(struct native *native, enum dp_state state, const void *key, const void *value)
{
	struct native_table *table = &native->states[state];
	int result = native_table_put(table, key, value);

	if (result == -ENOSPC && datapath_states[state].kind == DATAPATH_TABLE_LRU) {
		native_table_forget(table);
		result = native_table_put(table, key, value);
	}
	return result;
}

void native_advance(struct datapath *datapath, uint64_t nanoseconds)
{
	((struct native *)datapath)->ahead += nanoseconds;
}

void native_forget(struct datapath *datapath)
{
	struct native *native = (struct native *)datapath;

	for (size_t i = 0; i < DP_STATE_COUNT; i++)
		native_table_done(&native->states[i]);
}

// ---- connections ----

struct walk {
	struct native *native;
	datapath_connections_visit visit;
	void *context;
	uint64_t now;
	size_t budget;
	int removed;
};

static int visit_connection(void *context, const void *key, const void *value)
{
	struct walk *walk = context;

	return walk->visit(walk->context, key, value);
}

static int visit_embryo(void *context, const void *key, const void *value)
{
	const struct dp_embryo *embryo = value;
	struct walk *walk = context;
	int result = 0;

	(void)key;
	for (size_t i = 0; i < DP_EMBRYO_SLOTS && result == 0; i++)
		if (embryo->slots[i].tag)
			result = walk->visit(walk->context, &embryo->slots[i].tuple,
				&embryo->slots[i].connection);
	return result;
}

int native_connections(struct datapath *datapath, datapath_connections_visit visit, void *context,
	struct error *error)
{
	struct native *native = (struct native *)datapath;
	struct walk walk = {.visit = visit, .context = context};
	int result =
		native_table_each(&native->states[DP_STATE_CONNECTION], visit_connection, &walk);

	(void)error;
	return result ? result
		      : native_table_each(&native->states[DP_STATE_EMBRYO], visit_embryo, &walk);
}

// ---- expiry ----

static void uncount(struct native *native, uint32_t port)
{
	struct dp_usage *usage =
		port ? native_table_find(&native->states[DP_STATE_USAGE], &port) : NULL;

	if (usage)
		usage->established--;
}

static int expire_connection(void *context, const void *key, const void *value)
{
	const struct dp_connection *connection = value;
	struct walk *walk = context;

	if (!dp_connection_expired(key, connection, walk->now))
		return 0;
	native_table_remove(&walk->native->states[DP_STATE_CONNECTION], key);
	uncount(walk->native, connection->ports[0]);
	uncount(walk->native, connection->ports[1]);
	walk->removed++;
	return 0;
}

static int expire_embryo(void *context, const void *key, const void *value)
{
	struct walk *walk = context;

	if (!dp_embryo_expired(value, walk->now))
		return 0;
	native_table_remove(&walk->native->states[DP_STATE_EMBRYO], key);
	walk->removed++;
	return 0;
}

// Memory that is read in one go need not be walked in steps.
int native_expire(struct datapath *datapath, uint64_t now, size_t budget, struct error *error)
{
	struct native *native = (struct native *)datapath;
	struct walk walk = {.native = native, .now = now + native->ahead};

	(void)budget;
	(void)error;
	native_table_each(&native->states[DP_STATE_CONNECTION], expire_connection, &walk);
	native_table_each(&native->states[DP_STATE_EMBRYO], expire_embryo, &walk);
	return walk.removed;
}

// ---- rules ----

static struct native_rule_counters *find_counters(const struct native *native, uint32_t rule)
{
	struct native_rule_counters *row;

	HASH_FIND(hh, native->rule_counters, &rule, sizeof(rule), row);
	return row;
}

struct dp_rule_counters *native_rule_counters_of(struct native *native, uint32_t rule)
{
	struct native_rule_counters *row = find_counters(native, rule);

	if (!row) {
		row = memory_new(sizeof(*row));
		row->rule = rule;
		HASH_ADD(hh, native->rule_counters, rule, sizeof(rule), row);
	}
	return &row->counters;
}

int native_rule_counters(
	struct datapath *datapath, datapath_rules_visit visit, void *context, struct error *error)
{
	struct native_rule_counters *row, *next;

	(void)error;
	HASH_ITER (hh, ((struct native *)datapath)->rule_counters, row, next)
		visit(context, row->rule, &row->counters);
	return 0;
}

int native_rule_counted(struct datapath *datapath, uint32_t rule, struct dp_rule_counters *counters)
{
	const struct native_rule_counters *row =
		find_counters((const struct native *)datapath, rule);

	if (!row)
		return -ENOENT;
	*counters = row->counters;
	return 0;
}

void native_rule_counters_forget(struct datapath *datapath, uint32_t rule)
{
	struct native *native = (struct native *)datapath;
	struct native_rule_counters *row = find_counters(native, rule);

	if (row) {
		HASH_DEL(native->rule_counters, row);
		free(row);
	}
}
