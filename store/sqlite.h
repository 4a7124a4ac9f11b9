// SPDX-License-Identifier: Apache-2.0
// What an engine that keeps its store elsewhere needs of SQLite: a copy that this process alone
// reads and writes, and that ends with it.
#pragma once

#include "provider.h"

// In memory, and beyond 64 MB of cache in a file without a name (in SQLITE_TMPDIR, TMPDIR or
// /var/tmp). `name` is what errors call it. It has the provider store_sqlite.
int sqlite_open_private(struct store **out, const char *name, struct error *error);

// Whether the compares hold. -ESTALE, as store_commit.
int sqlite_check(struct store *store, const struct store_compare *compares, size_t count,
	struct error *error);

// All live keys behind `after` ("": all), as of `at`.
int sqlite_snapshot_behind(struct store *store, const char *after, uint64_t at, store_visit visit,
	void *context, struct error *error);

// Fill an empty store with what is live at `revision`, where its history begins: begin, put each
// key once, end. If `result` is not 0, or the end fails, it is empty again.
int sqlite_fill_begin(struct store *store, struct error *error);
int sqlite_fill_put(struct store *store, const struct store_entry *entry, struct error *error);
int sqlite_fill_end(struct store *store, uint64_t revision, int result, struct error *error);
