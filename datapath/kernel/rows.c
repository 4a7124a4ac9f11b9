// SPDX-License-Identifier: Apache-2.0
// Rows are read by copying a whole map before anyone looks at it: others (the datapath itself, for counters)
// write meanwhile, and a walk from key to key starts anew where its key has gone.
#include "kernel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"

// ---- write ----

// Linux 5.11 to 6.14: an update that meets a walk of the same bucket answers EBUSY; a map that is not preallocated answers
// ENOMEM while its allocator refills. Both pass within milliseconds.
enum { UPDATE_ATTEMPTS = 8 };

static int update(int map, const void *key, const void *value)
{
	for (int attempt = 1;; attempt++) {
		int result = bpf_map_update_elem(map, key, value, BPF_ANY);
		if ((result != -EBUSY && result != -ENOMEM) || attempt == UPDATE_ATTEMPTS)
			return result;
		nanosleep(&(struct timespec){.tv_nsec = 50000L << attempt}, NULL);
	}
}

int kernel_rows_erase(int map, const void *key)
{
	for (int attempt = 1;; attempt++) {
		int result = bpf_map_delete_elem(map, key);
		if (result != -EBUSY || attempt == UPDATE_ATTEMPTS)
			return result;
		nanosleep(&(struct timespec){.tv_nsec = 50000L << attempt}, NULL);
	}
}

int kernel_put(struct datapath *datapath, enum dp_table table, const void *key, const void *value,
	struct error *error)
{
	const struct kernel *kernel = (const struct kernel *)datapath;
	const struct datapath_table *info = &datapath_tables[table];
	int result = update(kernel->tables[table], key, value);

	if (result == -E2BIG && info->kind != DATAPATH_TABLE_ARRAY)
		result = -ENOSPC;
	if (result == -ENOSPC)
		return error_set(error, ENOSPC, "table %s is full: it holds %zu rows", info->name,
			info->maximum);
	if (result < 0)
		return error_set(error, -result, "cannot write a row of table %s: %s", info->name,
			strerror(-result));
	return 0;
}

int kernel_remove(
	struct datapath *datapath, enum dp_table table, const void *key, struct error *error)
{
	const struct kernel *kernel = (const struct kernel *)datapath;
	const struct datapath_table *info = &datapath_tables[table];
	int map = kernel->tables[table];
	int result;

	if (info->kind == DATAPATH_TABLE_ARRAY) {
		cleanup_free void *value = memory_new(info->value_size);
		result = bpf_map_lookup_elem(map, key, value);
		if (result == 0 && datapath_row_is_zero(table, value))
			return -ENOENT;
		memset(value, 0, info->value_size);
		if (result == 0)
			result = update(map, key, value);
	} else {
		result = kernel_rows_erase(map, key);
	}
	if (result < 0 && result != -ENOENT)
		return error_set(error, -result, "cannot remove a row of table %s: %s", info->name,
			strerror(-result));
	return result;
}

// ---- read ----

int kernel_find(struct datapath *datapath, enum dp_table table, const void *key, void *value,
	struct error *error)
{
	const struct kernel *kernel = (const struct kernel *)datapath;
	const struct datapath_table *info = &datapath_tables[table];
	int result = bpf_map_lookup_elem(kernel->tables[table], key, value);

	if (result == 0 && info->kind == DATAPATH_TABLE_ARRAY && datapath_row_is_zero(table, value))
		return -ENOENT;
	if (result < 0 && result != -ENOENT)
		return error_set(error, -result, "cannot read a row of table %s: %s", info->name,
			strerror(-result));
	return result;
}

void kernel_rows_done(struct kernel_rows *rows)
{
	free(rows->keys);
	free(rows->values);
}

static void rows_grow(struct kernel_rows *rows, size_t room)
{
	rows->room = room;
	rows->keys = memory_resize(rows->keys, room, rows->key_size);
	rows->values = memory_resize(rows->values, room, rows->value_size);
}

// Hash tables: bucket by bucket, each exactly once, thousands of rows a system call.
int kernel_rows_read(int map, struct kernel_rows *rows)
{
	uint32_t at = 0;
	bool first = true;

	rows_grow(rows, 256);
	for (;;) {
		uint32_t count = rows->room - rows->count;
		int result = bpf_map_lookup_batch(map, first ? NULL : &at, &at,
			rows->keys + rows->count * rows->key_size,
			rows->values + rows->count * rows->value_size, &count, NULL);
		if (result < 0 && result != -ENOENT && result != -ENOSPC)
			return result;
		if (result != -ENOSPC) {
			rows->count += count;
			first = false;
		}
		if (result == -ENOENT)
			return 0;
		// ENOSPC: the next bucket does not fit into what is left.
		if (result == -ENOSPC || rows->count > rows->room / 2)
			rows_grow(rows, rows->room * 2);
	}
}

static int compare_keys(const void *a, const void *b, void *size)
{
	return memcmp(*(char *const *)a, *(char *const *)b, *(size_t *)size);
}

// Of rows with the same key keep one.
static void rows_unique(struct kernel_rows *rows)
{
	struct kernel_rows unique = {.key_size = rows->key_size, .value_size = rows->value_size};
	cleanup_free char **order = memory_resize(NULL, rows->count + 1, sizeof(*order));

	for (size_t i = 0; i < rows->count; i++)
		order[i] = rows->keys + i * rows->key_size;
	qsort_r(order, rows->count, sizeof(*order), compare_keys, &rows->key_size);

	rows_grow(&unique, rows->count + 1);
	for (size_t i = 0; i < rows->count; i++) {
		size_t index = (size_t)(order[i] - rows->keys) / rows->key_size;
		if (i > 0 && memcmp(order[i - 1], order[i], rows->key_size) == 0)
			continue;
		memcpy(unique.keys + unique.count * rows->key_size, order[i], rows->key_size);
		memcpy(unique.values + unique.count * rows->value_size,
			rows->values + index * rows->value_size, rows->value_size);
		unique.count++;
	}
	kernel_rows_done(rows);
	*rows = unique;
}

// Arrays and tries: key by key. Where others removed the key, the kernel goes back to the start: rows are then met
// twice, and `steps` bounds the walk.
static int read_keys(int map, struct kernel_rows *rows, size_t steps)
{
	char cursor[64];
	bool first = true;

	while (steps-- > 0) {
		if (rows->count == rows->room)
			rows_grow(rows, rows->room ? rows->room * 2 : 64);
		char *key = rows->keys + rows->count * rows->key_size;
		int result = bpf_map_get_next_key(map, first ? NULL : cursor, key);
		if (result == -ENOENT) {
			rows_unique(rows);
			return 0;
		}
		if (result < 0)
			return result;
		memcpy(cursor, key, rows->key_size);
		first = false;
		result = bpf_map_lookup_elem(
			map, key, rows->values + rows->count * rows->value_size);
		if (result == 0)
			rows->count++;
		else if (result != -ENOENT)
			return result;
	}
	return -EAGAIN;
}

int kernel_each(struct datapath *datapath, enum dp_table table, datapath_visit visit, void *context,
	struct error *error)
{
	const struct kernel *kernel = (const struct kernel *)datapath;
	const struct datapath_table *info = &datapath_tables[table];
	struct kernel_rows rows = {.key_size = info->key_size, .value_size = info->value_size};
	int result = info->kind == DATAPATH_TABLE_HASH
			     ? kernel_rows_read(kernel->tables[table], &rows)
			     : read_keys(kernel->tables[table], &rows, 4 * info->maximum + 4);

	if (result < 0)
		error_set(
			error, -result, "cannot read table %s: %s", info->name, strerror(-result));
	for (size_t i = 0; i < rows.count && result == 0; i++) {
		const char *value = rows.values + i * rows.value_size;
		if (info->kind != DATAPATH_TABLE_ARRAY || !datapath_row_is_zero(table, value))
			result = visit(context, rows.keys + i * rows.key_size, value);
	}
	kernel_rows_done(&rows);
	return result;
}

// ---- counters ----

// All counters are structs of __u64, one a possible CPU.
static int read_counters(int map, struct kernel_rows *rows, size_t key_size, size_t value_size)
{
	*rows = (struct kernel_rows){
		.key_size = key_size,
		.value_size = value_size * (size_t)libbpf_num_possible_cpus(),
	};
	return kernel_rows_read(map, rows);
}

static void add(void *out, const void *values, size_t value_size, size_t values_size)
{
	__u64 *sums = out;
	const __u64 *from = values;
	size_t count = value_size / sizeof(*sums);

	for (size_t i = 0; i < values_size / sizeof(*from); i++)
		sums[i % count] += from[i];
}

static void sum(void *out, const void *values, size_t value_size, size_t values_size)
{
	memset(out, 0, value_size);
	add(out, values, value_size, values_size);
}

// All owners of places.
static int read_owners(const struct kernel *kernel, uint32_t owners[DP_COUNTER_PLACES])
{
	uint32_t places[DP_COUNTER_PLACES], at, count = DP_COUNTER_PLACES;
	int result = bpf_map_lookup_batch(
		kernel->counter_owners, NULL, &at, places, owners, &count, NULL);

	return result == -ENOENT ? 0 : result;
}

// What is at a place is added to `counters`.
static void add_place(const struct kernel *kernel, uint32_t place, struct dp_counters *counters)
{
	size_t size = sizeof(*counters) * (size_t)libbpf_num_possible_cpus();
	cleanup_free void *values = memory_new(size);

	if (bpf_map_lookup_elem(kernel->counter_places, &place, values) == 0)
		add(counters, values, sizeof(*counters), size);
}

// First the ports that have a row, and perhaps a place, then those that have but a place.
int kernel_counters(struct datapath *datapath, datapath_counters_visit visit, void *context,
	struct error *error)
{
	const struct kernel *kernel = (const struct kernel *)datapath;
	struct dp_counters counters;
	struct kernel_rows rows;
	uint32_t owners[DP_COUNTER_PLACES] = {0};
	int result = read_counters(
		kernel->counters, &rows, sizeof(uint32_t), sizeof(struct dp_counters));

	if (result == 0)
		result = read_owners(kernel, owners);
	if (result < 0)
		error_set(error, -result, "cannot read the counters: %s", strerror(-result));
	for (size_t i = 0; i < rows.count && result == 0; i++) {
		uint32_t port = ((uint32_t *)rows.keys)[i], place = dp_counter_place(port);
		sum(&counters, rows.values + i * rows.value_size, sizeof(counters),
			rows.value_size);
		if (owners[place] == port) {
			add_place(kernel, place, &counters);
			owners[place] = 0;
		}
		visit(context, port, &counters);
	}
	kernel_rows_done(&rows);
	for (uint32_t place = 0; place < DP_COUNTER_PLACES && result == 0; place++) {
		counters = (struct dp_counters){0};
		if (!owners[place])
			continue;
		add_place(kernel, place, &counters);
		visit(context, owners[place], &counters);
	}
	return result;
}

// The place may be taken by another port then. A packet that is under way may still be counted there.
static void place_forget(const struct kernel *kernel, uint32_t port)
{
	uint32_t place = dp_counter_place(port), owner = 0;

	if (bpf_map_lookup_elem(kernel->counter_owners, &place, &owner) < 0 || owner != port)
		return;
	cleanup_free void *zeros =
		memory_new(sizeof(struct dp_counters) * (size_t)libbpf_num_possible_cpus());
	owner = 0;
	bpf_map_update_elem(kernel->counter_places, &place, zeros, BPF_ANY);
	bpf_map_update_elem(kernel->counter_owners, &place, &owner, BPF_ANY);
}

int kernel_drops(
	struct datapath *datapath, datapath_drops_visit visit, void *context, struct error *error)
{
	const struct kernel *kernel = (const struct kernel *)datapath;
	struct dp_drops drops;
	struct kernel_rows rows;
	int result = read_counters(
		kernel->drops, &rows, sizeof(struct dp_drop_key), sizeof(struct dp_drops));

	if (result < 0)
		error_set(error, -result, "cannot read the drop counters: %s", strerror(-result));
	for (size_t i = 0; i < rows.count && result == 0; i++) {
		const struct dp_drop_key *key = &((struct dp_drop_key *)rows.keys)[i];
		sum(&drops, rows.values + i * rows.value_size, sizeof(drops), rows.value_size);
		visit(context, key->port, key->reason, &drops);
	}
	kernel_rows_done(&rows);
	return result;
}

int kernel_rule_counters(
	struct datapath *datapath, datapath_rules_visit visit, void *context, struct error *error)
{
	struct kernel *kernel = (struct kernel *)datapath;
	struct dp_rule_counters counters;
	struct kernel_rows rows;
	bool unguarded = kernel_unguarded(kernel);

	if (kernel->uncounted && unguarded)
		return 0;
	int result = read_counters(
		kernel->rule_counters, &rows, sizeof(uint32_t), sizeof(struct dp_rule_counters));

	if (result < 0)
		error_set(
			error, -result, "cannot read the counters of rules: %s", strerror(-result));
	for (size_t i = 0; i < rows.count && result == 0; i++) {
		sum(&counters, rows.values + i * rows.value_size, sizeof(counters),
			rows.value_size);
		visit(context, ((uint32_t *)rows.keys)[i], &counters);
	}
	kernel->uncounted = unguarded && result == 0 && rows.count == 0;
	kernel_rows_done(&rows);
	return result;
}

int kernel_rule_counted(struct datapath *datapath, uint32_t rule, struct dp_rule_counters *counters)
{
	const struct kernel *kernel = (const struct kernel *)datapath;
	size_t size = sizeof(*counters) * (size_t)libbpf_num_possible_cpus();
	cleanup_free void *values = memory_new(size);

	if (bpf_map_lookup_elem(kernel->rule_counters, &rule, values) < 0)
		return -errno;
	sum(counters, values, sizeof(*counters), size);
	return 0;
}

void kernel_rule_counters_forget(struct datapath *datapath, uint32_t rule)
{
	kernel_rows_erase(((const struct kernel *)datapath)->rule_counters, &rule);
}

void kernel_counters_forget(struct datapath *datapath, uint32_t port)
{
	struct kernel *kernel = (struct kernel *)datapath;
	struct kernel_rows rows;

	place_forget(kernel, port);
	kernel_rows_erase(kernel->counters, &port);
	kernel_rows_erase(kernel->allowances, &port);
	kernel->ports_left = true;
	if (read_counters(
		    kernel->drops, &rows, sizeof(struct dp_drop_key), sizeof(struct dp_drops)) == 0)
		for (size_t i = 0; i < rows.count; i++) {
			struct dp_drop_key *key = &((struct dp_drop_key *)rows.keys)[i];
			if (key->port == port)
				kernel_rows_erase(kernel->drops, key);
		}
	kernel_rows_done(&rows);
}
