// SPDX-License-Identifier: Apache-2.0
// The connections, as the programs keep them. Who counts for a quota is their business alone: what has expired is named to a program,
// which looks once more and removes it.
#include "kernel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <string.h>

#include "base/memory.h"

// Rows that are read at a time: more than ever share a bucket. Tuples that are told to the program at a time: they fit into a page.
enum { BATCH = 4096, TOLD = 64 };

static int read_error(struct error *error, enum dp_state state, int result)
{
	return error_set(error, -result, "cannot read table %s: %s", datapath_states[state].name,
		strerror(-result));
}

// ---- list ----

int kernel_connections(struct datapath *datapath, datapath_connections_visit visit, void *context,
	struct error *error)
{
	const struct kernel *kernel = (const struct kernel *)datapath;
	struct kernel_rows rows = {
		.key_size = sizeof(struct dp_tuple), .value_size = sizeof(struct dp_connection)};
	int result = kernel_rows_read(kernel->states[DP_STATE_CONNECTION], &rows);

	if (result < 0)
		read_error(error, DP_STATE_CONNECTION, result);
	for (size_t i = 0; i < rows.count && result == 0; i++)
		result = visit(context, &((struct dp_tuple *)rows.keys)[i],
			&((struct dp_connection *)rows.values)[i]);
	kernel_rows_done(&rows);
	if (result != 0)
		return result;

	rows = (struct kernel_rows){
		.key_size = sizeof(struct dp_embryo_key), .value_size = sizeof(struct dp_embryo)};
	result = kernel_rows_read(kernel->states[DP_STATE_EMBRYO], &rows);
	if (result < 0)
		read_error(error, DP_STATE_EMBRYO, result);
	for (size_t i = 0; i < rows.count * DP_EMBRYO_SLOTS && result == 0; i++) {
		const struct dp_embryo *embryo =
			&((struct dp_embryo *)rows.values)[i / DP_EMBRYO_SLOTS];
		const struct dp_embryo_slot *slot = &embryo->slots[i % DP_EMBRYO_SLOTS];
		if (slot->tag)
			result = visit(context, &slot->tuple, &slot->connection);
	}
	kernel_rows_done(&rows);
	return result;
}

// ---- one row ----

int kernel_find_state(struct datapath *datapath, enum dp_state state, const void *key, void *value,
	struct error *error)
{
	const struct kernel *kernel = (const struct kernel *)datapath;
	int result = bpf_map_lookup_elem(kernel->states[state], key, value);

	return result < 0 && result != -ENOENT ? read_error(error, state, result) : result;
}

// ---- expiry ----

// The next rows of a table: how many, or -errno. At its end the walk starts anew.
static int read_on(struct kernel *kernel, enum dp_state state, void *keys, void *values)
{
	uint32_t count = BATCH;
	int result = bpf_map_lookup_batch(kernel->states[state],
		kernel->walks[state].begun ? &kernel->walks[state].at : NULL,
		&kernel->walks[state].at, keys, values, &count, NULL);

	kernel->walks[state].begun = result == 0;
	return result == 0 || result == -ENOENT ? (int)count : result;
}

static int tell(const struct kernel *kernel, const struct dp_tuple *tuples, size_t count)
{
	struct {
		struct ethhdr ethernet;
		struct dp_tuple tuples[TOLD];
	} __attribute__((packed)) frame = {0};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = &frame, .repeat = 1,
		.data_size_in = (uint32_t)(ETH_HLEN + count * sizeof(*tuples)));

	memcpy(frame.tuples, tuples, count * sizeof(*tuples));
	int result = bpf_prog_test_run_opts(kernel->expire, &options);
	return result < 0 ? result : (int)options.retval;
}

static int expire_connections(struct kernel *kernel, uint64_t now, size_t *budget)
{
	cleanup_free struct dp_tuple *tuples = memory_new(BATCH * sizeof(*tuples));
	cleanup_free struct dp_connection *rows = memory_new(BATCH * sizeof(*rows));
	int count = read_on(kernel, DP_STATE_CONNECTION, tuples, rows), removed = 0;
	size_t expired = 0;

	for (int i = 0; i < count; i++)
		if (dp_connection_expired(&tuples[i], &rows[i], now))
			tuples[expired++] = tuples[i];
	for (size_t i = 0; i < expired; i += TOLD) {
		int result = tell(kernel, tuples + i, expired - i < TOLD ? expired - i : TOLD);
		if (result < 0)
			return result;
		removed += result;
	}
	*budget -= count > 0 && (size_t)count < *budget ? (size_t)count : *budget;
	return count < 0 ? count : removed;
}

// A bucket that gets a connection just now loses it: the packet that comes next is judged as the first one was.
static int expire_embryos(struct kernel *kernel, uint64_t now, size_t *budget)
{
	cleanup_free struct dp_embryo_key *keys = memory_new(BATCH * sizeof(*keys));
	cleanup_free struct dp_embryo *rows = memory_new(BATCH * sizeof(*rows));
	int count = read_on(kernel, DP_STATE_EMBRYO, keys, rows), removed = 0;

	for (int i = 0; i < count; i++)
		if (dp_embryo_expired(&rows[i], now) &&
			kernel_rows_erase(kernel->states[DP_STATE_EMBRYO], &keys[i]) == 0)
			removed++;
	*budget -= count > 0 && (size_t)count < *budget ? (size_t)count : *budget;
	return count < 0 ? count : removed;
}

// One table to its end, as far as the budget goes.
static int expire_table(struct kernel *kernel, enum dp_state state, uint64_t now, size_t budget)
{
	int removed = 0, result;

	do {
		result = state == DP_STATE_CONNECTION ? expire_connections(kernel, now, &budget)
						      : expire_embryos(kernel, now, &budget);
		if (result < 0)
			return result;
		removed += result;
	} while (kernel->walks[state].begun && budget > 0);
	return removed;
}

bool kernel_unguarded(const struct kernel *kernel)
{
	struct dp_generation generation = {0};
	uint32_t key = 0;

	return bpf_map_lookup_elem(kernel->tables[DP_TABLE_GENERATION], &key, &generation) == 0 &&
	       generation.unguarded;
}

static bool is_empty(const struct kernel *kernel, enum dp_state state)
{
	char key[sizeof(struct dp_tuple) + sizeof(struct dp_embryo_key)];

	return bpf_map_get_next_key(kernel->states[state], NULL, key) == -ENOENT;
}

// A walk costs as much as the tables have buckets: it is left out while there can be nothing.
int kernel_expire(struct datapath *datapath, uint64_t now, size_t budget, struct error *error)
{
	struct kernel *kernel = (struct kernel *)datapath;
	bool unguarded = kernel_unguarded(kernel);

	if (kernel->idle && unguarded)
		return 0;
	kernel->idle = unguarded && is_empty(kernel, DP_STATE_CONNECTION) &&
		       is_empty(kernel, DP_STATE_EMBRYO);
	if (kernel->idle)
		return 0;
	int connections = expire_table(kernel, DP_STATE_CONNECTION, now, budget);
	int embryos = expire_table(kernel, DP_STATE_EMBRYO, now, budget);

	if (connections < 0)
		return read_error(error, DP_STATE_CONNECTION, connections);
	if (embryos < 0)
		return read_error(error, DP_STATE_EMBRYO, embryos);
	return connections + embryos;
}
