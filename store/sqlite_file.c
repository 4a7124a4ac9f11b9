// SPDX-License-Identifier: Apache-2.0
#include "sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

enum {
	APPLICATION_ID = 0x57454654, // "WEFT"
	FORMAT_VERSION = 1,
	BUSY_TIMEOUT_MS = 1000, // the owner that is just ending gets this long

	// The header of a SQLite file: www.sqlite.org/fileformat2.html, section 1.3.
	HEADER_SIZE = 100,
	HEADER_PAGE_SIZE = 16,
	HEADER_WRITE_FORMAT = 18,
	HEADER_READ_FORMAT = 19,
	HEADER_USER_VERSION = 60,
	HEADER_APPLICATION_ID = 68,
	FORMAT_WAL = 2,
};

// A row of history is one value of a key: from `revision` on, up to but not including `until`. A
// live value has no `until`; a deletion is a row without value that ends where it begins, so that
// what is visible at a revision needs no special case.
static const char schema[] =
	"PRAGMA application_id = 0x57454654;"
	"PRAGMA user_version = 1;"
	"CREATE TABLE state (revision INTEGER NOT NULL, compacted INTEGER NOT NULL);"
	"INSERT INTO state VALUES (0, 0);"
	"CREATE TABLE history (key TEXT NOT NULL, revision INTEGER NOT NULL, until INTEGER, "
	"	value BLOB, PRIMARY KEY (key, revision)) WITHOUT ROWID;"
	"CREATE INDEX history_live ON history (key) WHERE until IS NULL;"
	"CREATE INDEX history_past ON history (until) WHERE until IS NOT NULL;"
	"CREATE INDEX history_revision ON history (revision, key);";

// Before the first read; the lock that it takes lasts until close.
static const char own[] = "PRAGMA locking_mode = EXCLUSIVE;"
			  "PRAGMA synchronous = FULL;"
			  "PRAGMA cache_size = -16384;"
			  "PRAGMA journal_size_limit = 67108864;";

// Nobody else sees it and nothing of it outlives the process: no log, no syncing.
static const char keep_private[] = "PRAGMA locking_mode = EXCLUSIVE;"
				   "PRAGMA journal_mode = MEMORY;"
				   "PRAGMA synchronous = OFF;"
				   "PRAGMA cache_size = -65536;";

int sqlite_file_error(sqlite3 *database, const char *path, const char *action, struct error *error)
{
	int code = EIO;
	switch (sqlite3_errcode(database) & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return error_set(error, EBUSY, "%s is in use by another process", path);
	case SQLITE_FULL:
		code = ENOSPC;
		break;
	case SQLITE_READONLY:
		return error_set(error, EROFS, "%s or its directory is read-only", path);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		code = EUCLEAN;
		break;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		if (sqlite3_system_errno(database) > 0)
			code = sqlite3_system_errno(database);
		return error_set(error, code, "%s: cannot %s: %s", path, action, strerror(code));
	}
	return error_set(error, code, "%s: cannot %s: %s", path, action, sqlite3_errmsg(database));
}

static int write_all(int file, const unsigned char *bytes, size_t length)
{
	while (length) {
		ssize_t written = write(file, bytes, length);
		if (written < 0)
			return -errno;
		bytes += written;
		length -= (size_t)written;
	}
	return fsync(file) ? -errno : 0;
}

static int sync_directory(const char *path)
{
	cleanup_free char *copy = memory_text(path);
	int directory = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return -errno;
	int result = fsync(directory) ? -errno : 0;
	close(directory);
	return result;
}

// The bytes of an empty store; release with sqlite3_free.
static unsigned char *empty_store(sqlite3_int64 *length)
{
	sqlite3 *database;
	unsigned char *bytes = NULL;
	if (sqlite3_open(":memory:", &database) == SQLITE_OK &&
		sqlite3_exec(database, schema, NULL, NULL, NULL) == SQLITE_OK)
		bytes = sqlite3_serialize(database, "main", length, 0);
	sqlite3_close(database);
	return bytes;
}

// The file appears whole or not at all, so that a file that is too short is never a young store.
static int create(const char *path, struct error *error)
{
	cleanup_free char *temporary = memory_format("%s.new-XXXXXX", path);
	int file = mkostemp(temporary, O_CLOEXEC);
	if (file < 0)
		return error_set(error, errno, "%s: cannot create: %s", path, strerror(errno));
	sqlite3_int64 length = 0;
	unsigned char *bytes = empty_store(&length);
	int result = -ENOMEM;
	if (bytes) {
		bytes[HEADER_WRITE_FORMAT] = bytes[HEADER_READ_FORMAT] = FORMAT_WAL;
		result = write_all(file, bytes, (size_t)length);
	}
	sqlite3_free(bytes);
	close(file);
	// EEXIST: another process was faster, and who owns the store is decided by its lock.
	if (result == 0 && link(temporary, path) && errno != EEXIST)
		result = -errno;
	unlink(temporary);
	if (result == 0)
		result = sync_directory(path);
	if (result)
		return error_set(error, -result, "%s: cannot create: %s", path, strerror(-result));
	return 0;
}

// A log that is not empty is there after a crash, which may have cut short a write to the file too.
static bool has_log(const char *path)
{
	struct stat status;
	cleanup_free char *log = memory_format("%s-wal", path);
	return stat(log, &status) == 0 && status.st_size > 0;
}

static int exists_or_create(const char *path, bool may_create, struct error *error)
{
	struct stat status;
	if (stat(path, &status) == 0) {
		if (!S_ISREG(status.st_mode))
			return error_set(error, EINVAL, "%s is not a regular file", path);
		return 0;
	}
	if (errno != ENOENT)
		return error_set(error, errno, "%s: cannot open: %s", path, strerror(errno));
	// SQLite would play an orphaned log into the new file.
	if (has_log(path))
		return error_set(
			error, EUCLEAN, "%s is missing, but its log %s-wal is there", path, path);
	if (!may_create)
		return error_set(error, ENOENT, "there is no store %s", path);
	return create(path, error);
}

static int check_version(const char *path, uint32_t version, struct error *error)
{
	if (version > FORMAT_VERSION)
		return error_set(error, EPROTO,
			"%s is a store of format %u, this version of Weft knows formats up to %u",
			path, (unsigned)version, (unsigned)FORMAT_VERSION);
	if (version < FORMAT_VERSION)
		return error_set(error, EUCLEAN, "%s is a store of unknown format %u", path,
			(unsigned)version);
	return 0;
}

static uint32_t big_endian(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

// Judge the header before SQLite's first statement, which would recover and so change the file.
// Read through SQLite's own descriptor: closing another one would drop the process's locks.
static int check_header(sqlite3 *database, const char *path, struct error *error)
{
	sqlite3_file *file = NULL;
	unsigned char header[HEADER_SIZE] = {0};
	sqlite3_int64 size = 0;
	int result;
	sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file);
	if (!file || !file->pMethods || file->pMethods->xFileSize(file, &size))
		return error_set(error, EIO, "%s: cannot read", path);
	if (size < HEADER_SIZE)
		return error_set(error, EUCLEAN,
			"%s is truncated or not a store: it has only %lld bytes", path,
			(long long)size);
	if (file->pMethods->xRead(file, header, HEADER_SIZE, 0))
		return error_set(error, EIO, "%s: cannot read", path);
	if (memcmp(header, "SQLite format 3", 16) != 0 ||
		big_endian(header + HEADER_APPLICATION_ID) != APPLICATION_ID)
		return error_set(error, EUCLEAN, "%s is not a store of Weft", path);
	result = check_version(path, big_endian(header + HEADER_USER_VERSION), error);
	if (result)
		return result;
	// SQLite would take a torn last page for a whole one.
	unsigned page_size = (unsigned)header[HEADER_PAGE_SIZE] << 8 | header[HEADER_PAGE_SIZE + 1];
	if (page_size == 0 || (size % page_size && !has_log(path)))
		return error_set(error, EUCLEAN, "%s is truncated: it ends inside a page", path);
	return 0;
}

// The first column of the first row.
static int pragma_text(sqlite3 *database, const char *sql, char *text, size_t size)
{
	sqlite3_stmt *statement;
	int result = sqlite3_prepare_v2(database, sql, -1, &statement, NULL);
	if (result == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
		sqlite3_snprintf((int)size, text, "%s", sqlite3_column_text(statement, 0));
	int finalized = sqlite3_finalize(statement);
	return result == SQLITE_OK ? finalized : result;
}

// A page that is lost or garbled would read as objects that nobody deleted: look at every page.
static int check_content(sqlite3 *database, const char *path, struct error *error)
{
	char text[128] = "";
	if (pragma_text(database, "PRAGMA quick_check(1)", text, sizeof(text)))
		return sqlite_file_error(database, path, "read", error);
	if (strcmp(text, "ok") != 0)
		return error_set(error, EUCLEAN, "%s is damaged: %s", path, text);
	// The header may be older than the log.
	if (pragma_text(database, "PRAGMA user_version", text, sizeof(text)))
		return sqlite_file_error(database, path, "read", error);
	return check_version(path, (uint32_t)strtoul(text, NULL, 10), error);
}

static int take(sqlite3 *database, const char *path, struct error *error)
{
	int result = check_header(database, path, error);
	if (result)
		return result;
	if (sqlite3_db_readonly(database, "main"))
		return error_set(error, EROFS, "%s cannot be written: it is read-only", path);
	// Until the content is judged, closing must not write the log back into the file.
	sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_busy_timeout(database, BUSY_TIMEOUT_MS);
	if (sqlite3_exec(database, own, NULL, NULL, NULL))
		return sqlite_file_error(database, path, "open", error);
	result = check_content(database, path, error);
	if (result)
		return result;
	char mode[16] = "";
	if (pragma_text(database, "PRAGMA journal_mode = WAL", mode, sizeof(mode)) ||
		strcmp(mode, "wal") != 0)
		return sqlite_file_error(database, path, "keep a write-ahead log", error);
	sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	return 0;
}

int sqlite_file_open(sqlite3 **out, const char *path, bool create_missing, struct error *error)
{
	bool memory = strcmp(path, ":memory:") == 0;
	if (path[0] == '\0')
		return error_set(error, EINVAL, "the store's URL names no file");
	int result = memory ? 0 : exists_or_create(path, create_missing, error);
	if (result)
		return result;
	sqlite3 *database;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	if (sqlite3_open_v2(path, &database, flags, NULL))
		result = sqlite_file_error(database, path, "open", error);
	else if (!memory)
		result = take(database, path, error);
	else if (sqlite3_exec(database, schema, NULL, NULL, NULL))
		result = sqlite_file_error(database, path, "create", error);
	if (result) {
		sqlite3_close(database);
		return result;
	}
	*out = database;
	return 0;
}

int sqlite_file_open_private(sqlite3 **out, const char *name, struct error *error)
{
	sqlite3 *database;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
		    SQLITE_OPEN_EXRESCODE;
	// No name: SQLite's own temporary database.
	if (sqlite3_open_v2("", &database, flags, NULL) ||
		sqlite3_exec(database, keep_private, NULL, NULL, NULL) ||
		sqlite3_exec(database, schema, NULL, NULL, NULL)) {
		int result = sqlite_file_error(database, name, "create", error);
		sqlite3_close(database);
		return result;
	}
	*out = database;
	return 0;
}
