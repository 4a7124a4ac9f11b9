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

void native_put_state(
	struct datapath *datapath, enum dp_state state, const void *key, const void *value)
{
	native_state_put((struct native *)datapath, state, key, value);
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

int native_each_state(struct datapath *datapath, enum dp_state state, datapath_visit visit,
	void *context, struct error *error)
{
	struct native *native = (struct native *)datapath;

	(void)error;
	return native_table_each(&native->states[state], visit, context);
}

// ---- expiry ----

struct walk {
	struct native *native;
	uint64_t now;
	int removed;
};

static void uncount(struct native *native, uint32_t port)
{
	struct dp_usage *usage =
		port ? native_table_find(&native->states[DP_STATE_USAGE], &port) : NULL;

	if (usage)
		usage->established--;
}

static void give(struct native *native, uint32_t tenant, enum dp_shared table)
{
	const uint32_t numbers[] = {tenant, 0};

	for (size_t i = 0; tenant && i < array_count(numbers); i++) {
		struct dp_share *share =
			native_table_find(&native->states[DP_STATE_SHARE], &numbers[i]);
		if (share)
			share->rows[table]--;
	}
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
	give(walk->native, connection->tenant, DP_SHARED_CONNECTION);
	walk->removed++;
	return 0;
}

static int expire_embryo(void *context, const void *key, const void *value)
{
	struct walk *walk = context;

	if (!dp_embryo_expired(value, walk->now))
		return 0;
	native_table_remove(&walk->native->states[DP_STATE_EMBRYO], key);
	give(walk->native, dp_embryo_tenant(key), DP_SHARED_EMBRYO);
	walk->removed++;
	return 0;
}

static int forget_usage(void *context, const void *key, const void *value)
{
	const struct walk *walk = context;
	const struct dp_usage *usage = value;

	if (usage->established == 0 &&
		!native_table_find(&walk->native->tables[DP_TABLE_GUARD], key))
		native_table_remove(&walk->native->states[DP_STATE_USAGE], key);
	return 0;
}

static int forget_unanswered(void *context, const void *key, const void *value)
{
	const struct walk *walk = context;

	(void)value;
	if (!native_table_find(&walk->native->tables[DP_TABLE_GUARD], key))
		native_table_remove(&walk->native->states[DP_STATE_UNANSWERED], key);
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
	native_table_each(&native->states[DP_STATE_USAGE], forget_usage, &walk);
	native_table_each(&native->states[DP_STATE_UNANSWERED], forget_unanswered, &walk);
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
