// SPDX-License-Identifier: Apache-2.0
// The store: durable, ordered by revision, with history. An existing engine behind a small
// interface.
//
// Keys are paths: texts that are not empty, ordered by their bytes. Values are opaque bytes. Each
// commit is atomic and gets the next revision, from 1 on, even over a crash (fsync). History is
// kept until compacted, so that the past can be read and a watcher can catch up.
//
// Threading: one thread per `struct store`. Errors: 0 or -errno with `error` filled; nothing half
// done.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct store;

struct store_operation {
	const char *key;
	const void *value; // NULL: delete
	size_t length;
};

// The commit goes through only if the key exists and was last changed at `revision`; 0: must not
// exist.
struct store_compare {
	const char *key;
	uint64_t revision;
};

struct store_entry {
	const char *key;
	const void *value; // NULL: deleted at `revision`
	size_t length;
	uint64_t revision; // that last changed it
};

// Borrowed for the call. A non-zero answer stops the walk and is returned. A visit that uses the
// store is refused: -EBUSY.
typedef int (*store_visit)(void *context, const struct store_entry *entry);

// "sqlite:/var/lib/weft/weft.db", created if it is not there; "sqlite::memory:". One process owns
// a SQLite store, another is refused: -EBUSY. A file that is truncated, damaged or no store:
// -EUCLEAN; written by a newer version: -EPROTO; read-only: -EROFS; all with a message that names
// the file, and the file stays untouched. -EINVAL: no such kind of store.
int store_open(struct store **out, const char *url, struct error *error);
void store_close(struct store *store);

uint64_t store_revision(const struct store *store);
uint64_t store_compacted(const struct store *store); // history before this revision is gone

// -ESTALE: a compare failed, `error` names the key. -EINVAL: no operations, or a key twice.
// Deleting a key that is not there changes nothing. -ENOSPC and the like: nothing is changed, and
// the store can be used on.
int store_commit(struct store *store, const struct store_compare *compares, size_t compare_count,
	const struct store_operation *operations, size_t operation_count, uint64_t *revision,
	struct error *error);
// One key as of `at` (0: now). -ENOENT; -ENODATA: compacted; -ERANGE: in the future.
int store_get(struct store *store, const char *key, uint64_t at, store_visit visit, void *context,
	struct error *error);
// All live keys with the prefix, in order, as of `at` (0: now).
int store_snapshot(struct store *store, const char *prefix, uint64_t at, store_visit visit,
	void *context, struct error *error);
// All changes after `since`, in order of revision and then of key: an entry for each key that a
// commit changed. -ENODATA: compacted.
int store_changes(struct store *store, const char *prefix, uint64_t since, store_visit visit,
	void *context, struct error *error);
// Forget history before `revision` (what is live at it stays).
int store_compact(struct store *store, uint64_t revision, struct error *error);
