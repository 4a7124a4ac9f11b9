// SPDX-License-Identifier: Apache-2.0
// What an engine has to offer to be a store. store.c checks arguments and ranges once for all
// engines, so that a provider sees only requests that make sense.
#pragma once

#include "store/store.h"

struct store_provider {
	const char *scheme; // the URL's, "sqlite"
	// `location` is the URL after "scheme:". Without `create`, -ENOENT where nothing is.
	int (*open)(struct store **out, const char *location, bool create, struct error *error);
	void (*close)(struct store *store);
	// Revision and compacted of `store` follow what has become durable, never before it has.
	int (*commit)(struct store *store, const struct store_compare *compares,
		size_t compare_count, const struct store_operation *operations,
		size_t operation_count, struct error *error);
	// `at` lies between compacted and revision.
	int (*get)(struct store *store, const char *key, uint64_t at, store_visit visit,
		void *context, struct error *error);
	int (*snapshot)(struct store *store, const char *prefix, uint64_t at, store_visit visit,
		void *context, struct error *error);
	int (*changes)(struct store *store, const char *prefix, uint64_t since, store_visit visit,
		void *context, struct error *error);
	// `revision` lies between compacted (exclusive) and revision. 1: not done yet.
	int (*compact)(struct store *store, uint64_t revision, struct error *error);
	// The store is empty as far as this handle knows.
	int (*fill)(struct store *store, uint64_t revision, store_next next, void *context,
		struct error *error);
	// The same. Nothing stays of it, whatever a fill that failed has left.
	int (*remove)(struct store *store, struct error *error);
	// NULL, all four: one process owns the store, so there is no news and nobody to share with.
	int (*refresh)(struct store *store, struct error *error);
	int (*descriptor)(const struct store *store);
	int (*lease)(struct store *store, const char *name, unsigned seconds, struct error *error);
	void (*release)(struct store *store, const char *name);
};

// The first member of each provider's own struct.
struct store {
	const struct store_provider *provider;
	uint64_t revision, compacted;
	uint64_t history_bytes; // see store_history_bytes
	bool visiting;          // inside a caller's visit
};

extern const struct store_provider store_sqlite, store_etcd;
