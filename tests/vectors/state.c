// SPDX-License-Identifier: Apache-2.0
#include "state.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "datapath/connection.h"

// Make a row so much older; NULL: remove it.
typedef void (*older_row)(void *value, uint64_t nanoseconds);

static void older_connection(void *value, uint64_t nanoseconds)
{
	struct dp_connection *connection = value;

	connection->created -= nanoseconds;
	connection->seen -= nanoseconds;
}

static void older_embryo(void *value, uint64_t nanoseconds)
{
	struct dp_embryo *embryo = value;

	for (size_t i = 0; i < DP_EMBRYO_SLOTS; i++)
		older_connection(&embryo->slots[i].connection, nanoseconds);
}

static void older_usage(void *value, uint64_t nanoseconds)
{
	(void)value, (void)nanoseconds;
}

static void older_share(void *value, uint64_t nanoseconds)
{
	(void)value, (void)nanoseconds;
}

static void older_unanswered(void *value, uint64_t nanoseconds)
{
	((struct dp_unanswered *)value)->full -= nanoseconds;
}

static void older_fragment(void *value, uint64_t nanoseconds)
{
	((struct dp_fragment *)value)->seen -= nanoseconds;
}

enum kind { FULL, HASH, LRU, ARRAY };

#define TABLE(name_, NAME, key, value, kind, maximum) {#name_, older_##name_, kind},
static const struct {
	const char *name;
	older_row older;
	enum kind kind;
} tables[] = {DP_STATES(TABLE)};
#undef TABLE

enum { MOST_ROWS = 1024, MOST_KEY = 64, MOST_VALUE = 1024 };

// Keys first, as rows that are written move.
static int each_row(int map, older_row older, uint64_t nanoseconds)
{
	static char keys[MOST_ROWS][MOST_KEY], value[MOST_VALUE];
	size_t count = 0;
	int result = 0;

	while (count < MOST_ROWS &&
		bpf_map_get_next_key(map, count ? keys[count - 1] : NULL, keys[count]) == 0)
		count++;
	if (count == MOST_ROWS)
		return -E2BIG;
	for (size_t i = 0; i < count && result == 0; i++) {
		if (!older) {
			result = bpf_map_delete_elem(map, keys[i]);
			continue;
		}
		result = bpf_map_lookup_elem(map, keys[i], value);
		older(value, nanoseconds);
		if (result == 0)
			result = bpf_map_update_elem(map, keys[i], value, BPF_EXIST);
	}
	return result;
}

static int each_table(const char *directory, bool forget, uint64_t nanoseconds, struct error *error)
{
	for (size_t i = 0; i < array_count(tables); i++) {
		if (tables[i].kind == ARRAY)
			continue; // no row of it comes or goes
		cleanup_free char *path = memory_format("%s/v1/%s", directory, tables[i].name);
		int map = bpf_obj_get(path);
		int result =
			map < 0 ? map : each_row(map, forget ? NULL : tables[i].older, nanoseconds);
		if (map >= 0)
			close(map);
		if (result < 0)
			return error_set(
				error, -result, "cannot rewrite %s: %s", path, strerror(-result));
	}
	return 0;
}

int state_age(const char *directory, uint32_t seconds, struct error *error)
{
	return each_table(directory, false, seconds * 1000000000ULL, error);
}

int state_forget(const char *directory, struct error *error)
{
	return each_table(directory, true, 0, error);
}

int state_share(
	const char *directory, uint32_t tenant, const struct dp_share *share, struct error *error)
{
	cleanup_free char *path = memory_format("%s/v1/share", directory);
	int map = bpf_obj_get(path);
	int result = map < 0 ? map : bpf_map_update_elem(map, &tenant, share, BPF_ANY);

	if (map >= 0)
		close(map);
	return result < 0
		       ? error_set(error, -result, "cannot write %s: %s", path, strerror(-result))
		       : 0;
}
