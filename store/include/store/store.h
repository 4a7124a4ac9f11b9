// The store: durable, ordered by revision, with history. An existing engine behind a small interface.
//
// Keys are paths, values opaque bytes. Each commit is atomic and gets the next revision, even over a crash (fsync).
// History is kept until compacted, so that the past can be read and a watcher can catch up.
//
// Threading: one thread per `struct store`. Errors: 0 or -errno with `error` filled; nothing half done.
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

// The commit goes through only if the key was last changed at `revision`; 0: must not exist.
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

// Borrowed for the call. A non-zero answer stops the walk and is returned.
typedef int (*store_visit)(void *context, const struct store_entry *entry);

// "sqlite:/var/lib/weft/weft.db", "sqlite::memory:". A file that is truncated, no database, or written by a newer
// version: -EUCLEAN / -EPROTO with a message that names file and version, and the file stays untouched.
int store_open(struct store **out, const char *url, struct error *error);
void store_close(struct store *store);

uint64_t store_revision(const struct store *store);
uint64_t store_compacted(const struct store *store); // history before this revision is gone

// -ESTALE: a compare failed, `error` names the key. An empty commit (no operations) is refused: -EINVAL.
int store_commit(struct store *store, const struct store_compare *compares, size_t compare_count,
	const struct store_operation *operations, size_t operation_count, uint64_t *revision, struct error *error);
// One key as of `at` (0: now). -ENOENT; -ENODATA: compacted; -ERANGE: in the future.
int store_get(struct store *store, const char *key, uint64_t at, store_visit visit, void *context, struct error *error);
// All live keys with the prefix, in order, as of `at` (0: now).
int store_snapshot(struct store *store, const char *prefix, uint64_t at, store_visit visit, void *context, struct error *error);
// All changes after `since`, in order of revision, one entry a changed key. -ENODATA: compacted.
int store_changes(struct store *store, const char *prefix, uint64_t since, store_visit visit, void *context, struct error *error);
// Forget history before `revision` (what is live at it stays).
int store_compact(struct store *store, uint64_t revision, struct error *error);
