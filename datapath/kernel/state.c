// SPDX-License-Identifier: Apache-2.0
// The connections, as the programs keep them. Who counts for a quota or share is their business alone: what has expired is named to a
// program, which looks once more and removes it.
#include "kernel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <string.h>

#include "base/memory.h"

// Rows that are read at a time: more than ever share a bucket. Bytes of keys that a program is told at a time: less than a page.
enum { BATCH = 4096, TOLD_BYTES = 2816 };

static int read_error(struct error *error, enum dp_state state, int result)
{
	return error_set(error, -result, "cannot read table %s: %s", datapath_states[state].name,
		strerror(-result));
}

// ---- rows ----

int kernel_each_state(struct datapath *datapath, enum dp_state state, datapath_visit visit,
	void *context, struct error *error)
{
	const struct kernel *kernel = (const struct kernel *)datapath;
	struct kernel_rows rows = {
		.key_size = datapath_states[state].key_size,
		.value_size = datapath_states[state].value_size,
	};
	int result = kernel_rows_read(kernel->states[state], &rows);

	if (result < 0)
		read_error(error, state, result);
	for (size_t i = 0; i < rows.count && result == 0; i++)
		result = visit(
			context, rows.keys + i * rows.key_size, rows.values + i * rows.value_size);
	kernel_rows_done(&rows);
	return result;
}

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

static int tell(const struct kernel *kernel, enum dp_state state, const void *keys, size_t count)
{
	struct {
		struct ethhdr ethernet;
		char keys[TOLD_BYTES];
	} __attribute__((packed)) frame = {0};
	size_t bytes = count * datapath_states[state].key_size;
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = &frame, .repeat = 1,
		.data_size_in = (uint32_t)(ETH_HLEN + bytes));

	memcpy(frame.keys, keys, bytes);
	int result = bpf_prog_test_run_opts(kernel->expire[state], &options);
	return result < 0 ? result : (int)options.retval;
}

static bool is_expired(enum dp_state state, const void *key, const void *row, uint64_t now)
{
	return state == DP_STATE_CONNECTION ? dp_connection_expired(key, row, now)
					    : dp_embryo_expired(row, now);
}

// The rows that a walk comes by next: how many were removed, or -errno.
static int expire_rows(struct kernel *kernel, enum dp_state state, uint64_t now, size_t *budget)
{
	size_t key_size = datapath_states[state].key_size, told = TOLD_BYTES / key_size;
	size_t value_size = datapath_states[state].value_size, expired = 0;
	cleanup_free char *keys = memory_new(BATCH * key_size);
	cleanup_free char *rows = memory_new(BATCH * value_size);
	int count = read_on(kernel, state, keys, rows), removed = 0;

	for (int i = 0; i < count; i++)
		if (is_expired(state, keys + i * key_size, rows + i * value_size, now))
			memmove(keys + expired++ * key_size, keys + i * key_size, key_size);
	for (size_t i = 0; i < expired; i += told) {
		int result = tell(kernel, state, keys + i * key_size,
			expired - i < told ? expired - i : told);
		if (result < 0)
			return result;
		removed += result;
	}
	*budget -= count > 0 && (size_t)count < *budget ? (size_t)count : *budget;
	return count < 0 ? count : removed;
}

// One table to its end, as far as the budget goes.
static int expire_table(struct kernel *kernel, enum dp_state state, uint64_t now, size_t budget)
{
	int removed = 0, result;

	do {
		result = expire_rows(kernel, state, now, &budget);
		if (result < 0)
			return result;
		removed += result;
	} while (kernel->walks[state].begun && budget > 0);
	return removed;
}

static bool is_here(const struct kernel *kernel, const void *port)
{
	struct dp_guard guard;

	return bpf_map_lookup_elem(kernel->tables[DP_TABLE_GUARD], port, &guard) == 0;
}

// Rows of ports that have gone. What one counts it keeps until its last connection is forgotten: it may come back before that. A port
// that is here has a guard before it can have anything else, and who writes guards is who calls this.
static bool forget_ports(const struct kernel *kernel, enum dp_state state)
{
	struct kernel_rows rows = {
		.key_size = datapath_states[state].key_size,
		.value_size = datapath_states[state].value_size,
	};
	bool left = kernel_rows_read(kernel->states[state], &rows) < 0;

	for (size_t i = 0; i < rows.count; i++) {
		const void *port = rows.keys + i * rows.key_size;
		const struct dp_usage *usage = (void *)(rows.values + i * rows.value_size);
		if (is_here(kernel, port))
			continue;
		if (state == DP_STATE_USAGE && usage->established > 0)
			left = true;
		else
			kernel_rows_erase(kernel->states[state], port);
	}
	kernel_rows_done(&rows);
	return left;
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

	if (kernel->ports_left) {
		bool left = forget_ports(kernel, DP_STATE_UNANSWERED);
		kernel->ports_left = forget_ports(kernel, DP_STATE_USAGE) || left;
	}
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
