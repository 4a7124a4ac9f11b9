// SPDX-License-Identifier: Apache-2.0
// What a datapath provider implements: datapath.h as a table of functions. A provider embeds `struct
// datapath` as the first member of its own.
#pragma once

#include "datapath/datapath.h"

struct datapath_provider {
	const char *name;
	int (*open)(struct datapath **out, const char *state, struct error *error);
	void (*close)(struct datapath *datapath);
	int (*destroy)(const char *state, datapath_detached_visit visit, void *context,
		struct error *error);

	// 0: written; `remove` answers -ENOENT for a row that was absent.
	int (*put)(struct datapath *datapath, enum dp_table table, const void *key,
		const void *value, struct error *error);
	int (*remove)(struct datapath *datapath, enum dp_table table, const void *key,
		struct error *error);
	// -ENOENT without an error.
	int (*find)(struct datapath *datapath, enum dp_table table, const void *key, void *value,
		struct error *error);
	int (*each)(struct datapath *datapath, enum dp_table table, datapath_visit visit,
		void *context, struct error *error);
	int (*settle)(struct datapath *datapath, struct error *error);

	int (*attach)(struct datapath *datapath, uint32_t ifindex, enum datapath_role role,
		struct error *error);
	int (*detach)(struct datapath *datapath, uint32_t ifindex, struct error *error);
	int (*attached)(struct datapath *datapath, uint32_t ifindex, enum datapath_role role);
	int (*found)(struct datapath *datapath, uint32_t ifindex, enum datapath_role *role);

	int (*counters)(struct datapath *datapath, datapath_counters_visit visit, void *context,
		struct error *error);
	int (*drops)(struct datapath *datapath, datapath_drops_visit visit, void *context,
		struct error *error);
	int (*punts)(struct datapath *datapath, unsigned maximum, datapath_punts_visit visit,
		void *context, struct error *error);
	int (*punts_fd)(struct datapath *datapath, struct error *error);
	int (*decisions)(struct datapath *datapath, datapath_decisions_visit visit, void *context,
		struct error *error);
	void (*counters_forget)(struct datapath *datapath, uint32_t port);

	int (*each_state)(struct datapath *datapath, enum dp_state state, datapath_visit visit,
		void *context, struct error *error);
	// -ENOENT without an error.
	int (*find_state)(struct datapath *datapath, enum dp_state state, const void *key,
		void *value, struct error *error);
	int (*expire)(struct datapath *datapath, uint64_t now, size_t budget, struct error *error);
	int (*rule_counters)(struct datapath *datapath, datapath_rules_visit visit, void *context,
		struct error *error);
	int (*rule_counted)(
		struct datapath *datapath, uint32_t rule, struct dp_rule_counters *counters);
	void (*rule_counters_forget)(struct datapath *datapath, uint32_t rule);
};

struct datapath {
	const struct datapath_provider *provider;
	uint64_t writes;
};

extern const struct datapath_provider datapath_kernel, datapath_native;

// One row of the table of tables.
enum datapath_table_kind {
	DATAPATH_TABLE_ARRAY,
	DATAPATH_TABLE_HASH,
	DATAPATH_TABLE_LPM,
	DATAPATH_TABLE_FULL, // of the state: a hash with all its memory
	DATAPATH_TABLE_LRU,
};

struct datapath_table {
	const char *name;
	size_t key_size, value_size, maximum;
	enum datapath_table_kind kind;
};

extern const struct datapath_table datapath_tables[DP_TABLE_COUNT];
extern const struct datapath_table datapath_states[DP_STATE_COUNT];

// An array has all its rows from the start: one whose bytes are all zero counts as absent.
bool datapath_row_is_zero(enum dp_table table, const void *value);
