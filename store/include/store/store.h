// SPDX-License-Identifier: Apache-2.0
// The store: durable, ordered by revision, with history. An existing engine behind a small
// interface: SQLite for one controller, etcd for several.
//
// Keys are paths: texts that are not empty, ordered by their bytes. Values are opaque bytes. Each
// commit is atomic and gets the next revision, from 1 on, even over a crash (fsync). History is
// kept until compacted, so that the past can be read and a watcher can catch up.
//
// A handle answers from what it has taken in: all up to store_revision(). What other processes
// commit it takes in when told to (store_refresh), and before its own commits.
//
// Threading: one thread per `struct store`. Calls that reach a server (open, refresh, commit,
// compact, lease) may take seconds, never longer. Errors: 0 or -errno with `error` filled; nothing
// half done.
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
// The same, of a store that is there: -ENOENT if it is not.
int store_open_existing(struct store **out, const char *url, struct error *error);
void store_close(struct store *store);
// Remove a store to which nothing was ever written; one to which something was is left as it is, -EEXIST.
// The handle can only be closed then.
int store_remove(struct store *store, struct error *error);

uint64_t store_revision(const struct store *store);  // the newest that this handle has taken in
uint64_t store_compacted(const struct store *store); // history before this revision is gone
// About how many bytes the history takes where room is limited (etcd's quota); 0: nowhere.
uint64_t store_history_bytes(const struct store *store);

// Take in all that was committed before this call. A handle that others have left behind further
// than history reaches jumps: then store_compacted() is greater than the revision it had, and
// store_changes() since that one is -ENODATA. -EAGAIN: the store cannot be reached.
int store_refresh(struct store *store, struct error *error);
// Readable (poll) when a refresh may have news, until that refresh; the handle's own, for any
// thread to wait on, not to read. -1: nobody else can write.
int store_descriptor(const struct store *store);

// Compares are judged on the newest state, also where this handle had not taken it in yet; after a
// commit it has. Deleting a key that is not there changes nothing.
// -ESTALE: a compare failed, `error` names the key. -EINVAL: no operations, or a key twice.
// -EAGAIN: the store cannot be reached, has no quorum or no room; -ENOSPC and the like of a file:
// nothing is changed, and the store can be used on.
// -ETIMEDOUT: sent, but no answer came and whether it is in could not be found out in time. It
// is in whole or not at all, and may still get in; if it does, a later refresh takes it in.
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
// Forget history before `revision` (what is live at it stays), for all handles. What is large takes
// several steps, so that a handle can be used in between: 1: call again; 0: it is done. A compaction
// that was begun is gone on with, whatever revision is named then. -EBUSY: another process is at it.
int store_compact(struct store *store, uint64_t revision, struct error *error);

// What must have one owner: own `name` for `seconds` from the begin of this call, or go on owning
// it. It is free again when that time is over, when it is released, and when the handle is closed.
// -EBUSY: another handle owns it, `error` says which. -EAGAIN: the store cannot be reached.
int store_lease(struct store *store, const char *name, unsigned seconds, struct error *error);
void store_release(struct store *store, const char *name);

// The next entry, borrowed until the next call: 1; no more: 0; or -errno, with `error` filled.
typedef int (*store_next)(void *context, struct store_entry *entry, struct error *error);

// Make an empty store what another was at `revision`, as one change: its live keys, in order, each
// with the revision that last changed it. History begins there. -EEXIST: not empty. -EINVAL: not in
// order, or a revision that cannot be. After any failure it is empty.
int store_fill(struct store *store, uint64_t revision, store_next next, void *context,
	struct error *error);
