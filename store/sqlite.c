// SPDX-License-Identifier: Apache-2.0
// The store on SQLite: one file with a write-ahead log, one owner, one transaction a commit, synced
// before it is acknowledged. sqlite_file.c has the schema.
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "provider.h"
#include "sqlite.h"
#include "sqlite_file.h"

enum statement {
	BEGIN,
	COMMIT,
	ROLLBACK,
	STATE_READ,
	STATE_WRITE,
	LIVE_REVISION,
	LIVE_END,
	INSERT,
	GET,
	SNAPSHOT_NOW,
	SNAPSHOT_AT,
	CHANGES,
	COMPACT,
	STATEMENT_COUNT,
};

// ?1 key or lower bound, ?2 upper bound, ?3 revision, ?4 until, ?5 value
static const char *const texts[STATEMENT_COUNT] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[STATE_READ] = "SELECT revision, compacted FROM state",
	[STATE_WRITE] = "UPDATE state SET revision = ?3, compacted = ?4",
	[LIVE_REVISION] = "SELECT revision FROM history INDEXED BY history_live "
			  "WHERE key = ?1 AND until IS NULL",
	[LIVE_END] = "UPDATE history INDEXED BY history_live SET until = ?4 "
		     "WHERE key = ?1 AND until IS NULL",
	[INSERT] = "INSERT INTO history (key, revision, until, value) VALUES (?1, ?3, ?4, ?5)",
	[GET] = "SELECT key, revision, value FROM history WHERE key = ?1 AND revision <= ?3 "
		"ORDER BY revision DESC LIMIT 1",
	[SNAPSHOT_NOW] = "SELECT key, revision, value FROM history INDEXED BY history_live "
			 "WHERE key >= ?1 AND key < ?2 AND until IS NULL ORDER BY key",
	[SNAPSHOT_AT] = "SELECT key, revision, value FROM history WHERE key >= ?1 AND key < ?2 "
			"AND revision <= ?3 AND (until IS NULL OR until > ?3) ORDER BY key",
	[CHANGES] = "SELECT key, revision, value FROM history INDEXED BY history_revision "
		    "WHERE revision > ?3 AND key >= ?1 AND key < ?2 ORDER BY revision, key",
	[COMPACT] = "DELETE FROM history WHERE until <= ?3",
};

struct store_of_sqlite {
	struct store store;
	sqlite3 *database;
	char *path;
	sqlite3_stmt *statements[STATEMENT_COUNT];
};

static struct store_of_sqlite *of(struct store *store)
{
	return (struct store_of_sqlite *)store;
}

static int fail(struct store_of_sqlite *self, const char *action, struct error *error)
{
	return sqlite_file_error(self->database, self->path, action, error);
}

// ---- statements ----

static void bind_key(sqlite3_stmt *statement, const char *key)
{
	sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
}

// Keys with the prefix are those from it up to, not including, `upper`: the prefix with its last
// byte one greater. Without such a byte there is no bound, and a blob sorts after every text.
static void bind_prefix(sqlite3_stmt *statement, const char *prefix)
{
	bind_key(statement, prefix);
	size_t length = strlen(prefix);
	while (length && (unsigned char)prefix[length - 1] == 0xff)
		length--;
	if (length == 0) {
		sqlite3_bind_zeroblob(statement, 2, 0);
		return;
	}
	cleanup_free char *upper = memory_text(prefix);
	upper[length - 1]++;
	sqlite3_bind_text(statement, 2, upper, (int)length, SQLITE_TRANSIENT);
}

static void bind_revision(sqlite3_stmt *statement, int index, uint64_t revision)
{
	sqlite3_bind_int64(statement, index, (sqlite3_int64)revision);
}

// Run to its first row or its end, and make it ready for the next use. SQLITE_ROW: `number`, if
// not NULL, is the first column.
static int step_once(sqlite3_stmt *statement, uint64_t *number)
{
	int result = sqlite3_step(statement);
	if (result == SQLITE_ROW && number)
		*number = (uint64_t)sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return result;
}

// ---- commit ----

static int check_compare(
	struct store_of_sqlite *self, const struct store_compare *compare, struct error *error)
{
	uint64_t revision = 0;
	bind_key(self->statements[LIVE_REVISION], compare->key);
	int result = step_once(self->statements[LIVE_REVISION], &revision);
	if (result != SQLITE_ROW && result != SQLITE_DONE)
		return fail(self, "read", error);
	if (revision == compare->revision)
		return 0;
	if (compare->revision == 0)
		return error_set(error, ESTALE, "%s exists since revision %llu", compare->key,
			(unsigned long long)revision);
	if (revision == 0)
		return error_set(error, ESTALE, "%s is gone; expected revision %llu", compare->key,
			(unsigned long long)compare->revision);
	return error_set(error, ESTALE, "%s was changed at revision %llu; expected revision %llu",
		compare->key, (unsigned long long)revision, (unsigned long long)compare->revision);
}

int sqlite_check(struct store *store, const struct store_compare *compares, size_t count,
	struct error *error)
{
	int result = 0;
	for (size_t i = 0; result == 0 && i < count; i++)
		result = check_compare(of(store), &compares[i], error);
	return result;
}

// A live value, or a deletion.
static int insert(struct store_of_sqlite *self, const char *key, const void *value, size_t length,
	uint64_t revision, struct error *error)
{
	sqlite3_stmt *statement = self->statements[INSERT];
	bind_key(statement, key);
	bind_revision(statement, 3, revision);
	if (value)
		sqlite3_bind_blob64(statement, 5, value, length, SQLITE_STATIC);
	else
		bind_revision(statement, 4, revision);
	return step_once(statement, NULL) == SQLITE_DONE ? 0 : fail(self, "write", error);
}

static int apply(struct store_of_sqlite *self, const struct store_operation *operation,
	uint64_t revision, struct error *error)
{
	sqlite3_stmt *end = self->statements[LIVE_END];
	bind_key(end, operation->key);
	bind_revision(end, 4, revision);
	if (step_once(end, NULL) != SQLITE_DONE)
		return fail(self, "write", error);
	if (!operation->value && sqlite3_changes(self->database) == 0)
		return 0; // nothing there to delete
	return insert(self, operation->key, operation->value, operation->length, revision, error);
}

static int write_state(
	struct store_of_sqlite *self, uint64_t revision, uint64_t compacted, struct error *error)
{
	bind_revision(self->statements[STATE_WRITE], 3, revision);
	bind_revision(self->statements[STATE_WRITE], 4, compacted);
	return step_once(self->statements[STATE_WRITE], NULL) == SQLITE_DONE
		       ? 0
		       : fail(self, "write", error);
}

static int begin(struct store_of_sqlite *self, struct error *error)
{
	return step_once(self->statements[BEGIN], NULL) == SQLITE_DONE ? 0
								       : fail(self, "write", error);
}

// Commit if `result` is 0, and take all back otherwise, or if the commit fails.
static int finish(struct store_of_sqlite *self, int result, struct error *error)
{
	if (result == 0 && step_once(self->statements[COMMIT], NULL) != SQLITE_DONE)
		result = fail(self, "write", error);
	// Some errors, a full disk for one, have already rolled back.
	if (result && !sqlite3_get_autocommit(self->database))
		step_once(self->statements[ROLLBACK], NULL);
	return result;
}

static int sqlite_commit(struct store *store, const struct store_compare *compares,
	size_t compare_count, const struct store_operation *operations, size_t operation_count,
	struct error *error)
{
	struct store_of_sqlite *self = of(store);
	uint64_t revision = store->revision + 1;
	int result = begin(self, error);
	if (result)
		return result;
	result = sqlite_check(store, compares, compare_count, error);
	for (size_t i = 0; result == 0 && i < operation_count; i++)
		result = apply(self, &operations[i], revision, error);
	if (result == 0)
		result = write_state(self, revision, store->compacted, error);
	result = finish(self, result, error);
	if (result == 0)
		store->revision = revision;
	return result;
}

static int sqlite_compact(struct store *store, uint64_t revision, struct error *error)
{
	struct store_of_sqlite *self = of(store);
	int result = begin(self, error);
	if (result)
		return result;
	bind_revision(self->statements[COMPACT], 3, revision);
	if (step_once(self->statements[COMPACT], NULL) != SQLITE_DONE)
		result = fail(self, "compact", error);
	if (result == 0)
		result = write_state(self, store->revision, revision, error);
	result = finish(self, result, error);
	if (result == 0)
		store->compacted = revision;
	return result;
}

int sqlite_fill_begin(struct store *store, struct error *error)
{
	return begin(of(store), error);
}

int sqlite_fill_put(struct store *store, const struct store_entry *entry, struct error *error)
{
	return insert(of(store), entry->key, entry->value, entry->length, entry->revision, error);
}

int sqlite_fill_end(struct store *store, uint64_t revision, int result, struct error *error)
{
	struct store_of_sqlite *self = of(store);
	if (result == 0)
		result = write_state(self, revision, revision, error);
	result = finish(self, result, error);
	if (result == 0)
		store->revision = store->compacted = revision;
	return result;
}

static int sqlite_fill(
	struct store *store, uint64_t revision, store_next next, void *context, struct error *error)
{
	struct store_entry entry = {0};
	int result = sqlite_fill_begin(store, error), more = 0;
	if (result)
		return result;
	while (result == 0 && (more = next(context, &entry, error)) > 0)
		result = sqlite_fill_put(store, &entry, error);
	return sqlite_fill_end(store, revision, result ? result : more, error);
}

// ---- reading ----

static struct store_entry entry_of(sqlite3_stmt *statement)
{
	struct store_entry entry = {
		.key = (const char *)sqlite3_column_text(statement, 0),
		.revision = (uint64_t)sqlite3_column_int64(statement, 1),
	};
	if (sqlite3_column_type(statement, 2) != SQLITE_NULL) {
		const void *value = sqlite3_column_blob(statement, 2);
		entry.value = value ? value : ""; // an empty blob reads as NULL
		entry.length = (size_t)sqlite3_column_bytes(statement, 2);
	}
	return entry;
}

// Visit each row of a bound statement.
static int walk(struct store_of_sqlite *self, sqlite3_stmt *statement, store_visit visit,
	void *context, struct error *error)
{
	int result = 0, step;
	while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
		struct store_entry entry = entry_of(statement);
		result = visit(context, &entry);
		if (result)
			break;
	}
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		result = fail(self, "read", error);
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return result;
}

static int sqlite_get(struct store *store, const char *key, uint64_t at, store_visit visit,
	void *context, struct error *error)
{
	struct store_of_sqlite *self = of(store);
	sqlite3_stmt *statement = self->statements[GET];
	bind_key(statement, key);
	bind_revision(statement, 3, at);
	int result = 0, step = sqlite3_step(statement);
	if (step != SQLITE_ROW && step != SQLITE_DONE) {
		result = fail(self, "read", error);
	} else if (step == SQLITE_DONE || sqlite3_column_type(statement, 2) == SQLITE_NULL) {
		result = error_set(error, ENOENT, "%s is not in the store at revision %llu", key,
			(unsigned long long)at);
	} else {
		struct store_entry entry = entry_of(statement);
		result = visit(context, &entry);
	}
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return result;
}

static int sqlite_snapshot(struct store *store, const char *prefix, uint64_t at, store_visit visit,
	void *context, struct error *error)
{
	struct store_of_sqlite *self = of(store);
	// Now is what start-up reads: an index of live rows spares it the history.
	bool now = at == store->revision;
	sqlite3_stmt *statement = self->statements[now ? SNAPSHOT_NOW : SNAPSHOT_AT];
	bind_prefix(statement, prefix);
	if (!now)
		bind_revision(statement, 3, at);
	return walk(self, statement, visit, context, error);
}

int sqlite_snapshot_behind(struct store *store, const char *after, uint64_t at, store_visit visit,
	void *context, struct error *error)
{
	struct store_of_sqlite *self = of(store);
	sqlite3_stmt *statement = self->statements[SNAPSHOT_AT];
	cleanup_free char *from = *after ? memory_format("%s\x01", after) : memory_text("");
	bind_key(statement, from);
	sqlite3_bind_zeroblob(statement, 2, 0); // no bound
	bind_revision(statement, 3, at);
	return walk(self, statement, visit, context, error);
}

static int sqlite_changes(struct store *store, const char *prefix, uint64_t since,
	store_visit visit, void *context, struct error *error)
{
	struct store_of_sqlite *self = of(store);
	bind_prefix(self->statements[CHANGES], prefix);
	bind_revision(self->statements[CHANGES], 3, since);
	return walk(self, self->statements[CHANGES], visit, context, error);
}

// ---- life ----

static void sqlite_close(struct store *store)
{
	struct store_of_sqlite *self = of(store);
	for (size_t i = 0; i < STATEMENT_COUNT; i++)
		sqlite3_finalize(self->statements[i]);
	sqlite3_close(self->database);
	free(self->path);
	free(self);
}

// While it is still ours: who makes a store at this path from now on makes another file.
static int sqlite_remove(struct store *store, struct error *error)
{
	struct store_of_sqlite *self = of(store);
	const char *path = sqlite3_db_filename(self->database, "main");
	if (!path || !*path)
		return 0; // in memory
	cleanup_free char *log = memory_format("%s-wal", path);
	sqlite3_db_config(self->database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if ((unlink(log) && errno != ENOENT) || (unlink(path) && errno != ENOENT))
		return error_set(
			error, errno, "%s: cannot remove: %s", self->path, strerror(errno));
	return 0;
}

static int load_state(struct store_of_sqlite *self, struct error *error)
{
	sqlite3_stmt *statement = self->statements[STATE_READ];
	if (sqlite3_step(statement) != SQLITE_ROW)
		return fail(self, "read", error);
	self->store.revision = (uint64_t)sqlite3_column_int64(statement, 0);
	self->store.compacted = (uint64_t)sqlite3_column_int64(statement, 1);
	sqlite3_reset(statement);
	return 0;
}

// The store of an open database, which it takes, also if it fails.
static int start(struct store **out, sqlite3 *database, const char *path, struct error *error)
{
	int result = 0;
	struct store_of_sqlite *self = memory_new(sizeof(*self));
	self->store.provider = &store_sqlite;
	self->database = database;
	self->path = memory_text(path);
	for (size_t i = 0; result == 0 && i < STATEMENT_COUNT; i++)
		if (sqlite3_prepare_v3(database, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
			    &self->statements[i], NULL))
			result = fail(self, "open", error);
	if (result == 0)
		result = load_state(self, error);
	if (result) {
		sqlite_close(&self->store);
		return result;
	}
	*out = &self->store;
	return 0;
}

static int sqlite_open(struct store **out, const char *location, bool create, struct error *error)
{
	sqlite3 *database;
	int result = sqlite_file_open(&database, location, create, error);
	return result ? result : start(out, database, location, error);
}

int sqlite_open_private(struct store **out, const char *name, struct error *error)
{
	sqlite3 *database;
	int result = sqlite_file_open_private(&database, name, error);
	return result ? result : start(out, database, name, error);
}

const struct store_provider store_sqlite = {
	.scheme = "sqlite",
	.open = sqlite_open,
	.close = sqlite_close,
	.commit = sqlite_commit,
	.get = sqlite_get,
	.snapshot = sqlite_snapshot,
	.changes = sqlite_changes,
	.compact = sqlite_compact,
	.fill = sqlite_fill,
	.remove = sqlite_remove,
};
