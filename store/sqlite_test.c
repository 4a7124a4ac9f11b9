// SPDX-License-Identifier: Apache-2.0
// The SQLite store's file: who may open it, what is refused, and that a refusal changes nothing.
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/memory.h"
#include "store_engines.h"

struct file {
	char *url;
	const char *path; // in `url`
};

static int setup(void **state)
{
	struct file *file = memory_new(sizeof(*file));
	file->url = store_engines[0].place();
	file->path = file->url + strlen("sqlite:");
	*state = file;
	return 0;
}

static int teardown(void **state)
{
	struct file *file = *state;
	store_engines[0].remove(file->url);
	free(file);
	return 0;
}

// A store with `count` keys of a kilobyte each, closed.
static void fill(const char *url, int count)
{
	static const char value[1024];
	struct store *store = store_must_open(url);
	for (int i = 0; i < count; i++) {
		char key[16];
		snprintf(key, sizeof(key), "key/%d", i);
		struct store_operation operation = {key, value, sizeof(value)};
		assert_int_equal(store_commit(store, NULL, 0, &operation, 1, NULL, NULL), 0);
	}
	store_close(store);
}

static size_t read_file(const char *path, unsigned char *bytes, size_t size)
{
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	size_t length = fread(bytes, 1, size, file);
	fclose(file);
	return length;
}

static void write_file(const char *path, const void *bytes, size_t length)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void assert_open_fails(const char *url, int code, const char *message)
{
	struct store *store = NULL;
	struct error error = {0};
	assert_int_equal(store_open(&store, url, &error), -code);
	assert_null(store);
	assert_int_equal(error.code, code);
	if (!strstr(error.message, message))
		fail_msg("\"%s\" does not say \"%s\"", error.message, message);
}

// Refused with the code, and with the file's path and `message`; the file is as it was.
static void assert_refused(const struct file *file, int code, const char *message)
{
	enum { SIZE = 1 << 20 };
	cleanup_free unsigned char *before = memory_new(SIZE), *after = memory_new(SIZE);
	size_t length = read_file(file->path, before, SIZE);
	assert_open_fails(file->url, code, message);
	assert_open_fails(file->url, code, file->path);
	assert_int_equal(read_file(file->path, after, SIZE), length);
	assert_memory_equal(before, after, length);
}

static void run_sql(const char *path, const char *sql)
{
	sqlite3 *database;
	assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
	assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(database);
}

static void test_urls(void **state)
{
	struct file *file = *state;
	assert_open_fails("", EINVAL, "no store");
	assert_open_fails("sqlite", EINVAL, "no store");
	assert_open_fails("oracle:x", EINVAL, "oracle:x");
	assert_open_fails("sqlite:", EINVAL, "names no file");
	assert_open_fails("sqlite:/tmp", EINVAL, "/tmp is not a regular file");
	cleanup_free char *below = memory_format("%s/weft.db", file->url);
	assert_open_fails(below, ENOENT, "No such file or directory");
	fill(file->url, 1);
	assert_open_fails(below, ENOTDIR, "Not a directory");
}

static void test_truncated(void **state)
{
	struct file *file = *state;
	fill(file->url, 100);
	struct stat status;
	assert_int_equal(stat(file->path, &status), 0);
	// Down through every page, and within pages and the header.
	for (off_t size = status.st_size - 1; size > 100; size -= 1499) {
		assert_int_equal(truncate(file->path, size), 0);
		assert_refused(file, EUCLEAN, "");
	}
	for (off_t size = 99; size >= 0; size -= 33) {
		assert_int_equal(truncate(file->path, size), 0);
		assert_refused(file, EUCLEAN, "truncated");
	}
}

static void test_random_bytes(void **state)
{
	struct file *file = *state;
	unsigned char bytes[8192];
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (unsigned char)rand();
		write_file(file->path, bytes, sizeof(bytes) - (size_t)round);
		assert_refused(file, EUCLEAN, "is not a store of Weft");
	}
}

// Pages in the middle of a good store that were overwritten.
static void test_damaged_page(void **state)
{
	struct file *file = *state;
	fill(file->url, 100);
	enum { SIZE = 1 << 20, PAGE = 4096 };
	cleanup_free unsigned char *good = memory_new(SIZE), *bad = memory_new(SIZE);
	size_t length = read_file(file->path, good, SIZE);
	for (size_t page = 1; page < length / PAGE; page++) {
		memcpy(bad, good, length);
		for (size_t i = 0; i < PAGE; i++)
			bad[page * PAGE + i] = (unsigned char)rand();
		write_file(file->path, bad, length);
		assert_refused(file, EUCLEAN, "");
	}
	write_file(file->path, good, length);
	struct store *store = store_must_open(file->url);
	assert_int_equal(store_revision(store), 100);
	store_close(store);
}

static void test_newer_version(void **state)
{
	struct file *file = *state;
	fill(file->url, 1);
	run_sql(file->path, "PRAGMA user_version = 2");
	assert_refused(file, EPROTO, "format 2, this version of Weft knows formats up to 1");
	run_sql(file->path, "PRAGMA user_version = 0");
	assert_refused(file, EUCLEAN, "unknown format 0");
}

static void test_foreign_database(void **state)
{
	struct file *file = *state;
	run_sql(file->path, "CREATE TABLE history (key)");
	assert_refused(file, EUCLEAN, "is not a store of Weft");
}

// A file of which only the log is left.
static void test_orphaned_log(void **state)
{
	struct file *file = *state;
	cleanup_free char *log = memory_format("%s-wal", file->path);
	write_file(log, "frames", 6);
	assert_open_fails(file->url, EUCLEAN, "is missing, but its log");
	assert_int_equal(access(file->path, F_OK), -1);
	assert_int_equal(unlink(log), 0);
}

// 0 if opening in a process of its own fails with the code.
static int fail_child(const char *url, int code)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct store *store;
		struct error error = {0};
		int result = store_open(&store, url, &error);
		if (result != -code)
			fprintf(stderr, "%d instead of %d: %s\n", result, -code, error.message);
		_exit(result != -code);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void test_second_owner(void **state)
{
	struct file *file = *state;
	struct store *store = store_must_open(file->url);
	assert_int_equal(fail_child(file->url, EBUSY), 0);
	assert_open_fails(file->url, EBUSY, "in use");
	// Refusing others did not loosen the hold.
	assert_int_equal(fail_child(file->url, EBUSY), 0);
	struct store_operation operation = {"a", "1", 1};
	assert_int_equal(store_commit(store, NULL, 0, &operation, 1, NULL, NULL), 0);
	assert_int_equal(fail_child(file->url, EBUSY), 0);
	store_close(store);
	store_close(store_must_open(file->url));
}

// The same, as a user who owns nothing.
static int fail_as_nobody(const char *url, int code)
{
	assert_int_equal(seteuid(65534), 0);
	int status = fail_child(url, code);
	assert_int_equal(seteuid(0), 0);
	return status;
}

static void test_read_only(void **state)
{
	struct file *file = *state;
	assert_int_equal(geteuid(), 0); // only root can become another user
	cleanup_free char *directory = memory_text(file->path);
	*strrchr(directory, '/') = '\0';
	assert_int_equal(chmod(directory, 0755), 0);
	assert_int_equal(fail_as_nobody(file->url, EACCES), 0); // cannot create
	fill(file->url, 1);
	assert_int_equal(chmod(file->path, 0444), 0);
	assert_int_equal(fail_as_nobody(file->url, EROFS), 0);
	assert_int_equal(chmod(file->path, 0), 0);
	assert_int_equal(fail_as_nobody(file->url, EACCES), 0);
	assert_int_equal(chmod(file->path, 0666), 0);
	assert_int_equal(fail_as_nobody(file->url, EROFS), 0); // cannot keep a log beside it
	assert_int_equal(chmod(directory, 0700), 0);
	assert_int_equal(fail_as_nobody(file->url, EACCES), 0);
	struct store *store = store_must_open(file->url);
	assert_int_equal(store_revision(store), 1);
	store_close(store);
}

static int count_entries(void *context, const struct store_entry *entry)
{
	(void)entry;
	++*(int *)context;
	return 0;
}

static int commit_kilobytes(struct store *store, const char *key, size_t count, struct error *error)
{
	cleanup_free char *value = memory_new(count * 1024);
	struct store_operation operations[] = {{"first", "1", 1}, {key, value, count * 1024}};
	return store_commit(store, NULL, 0, operations, 2, NULL, error);
}

// Commit until there is no room: the failure has this code and leaves all as it was. The number
// of commits that went through.
static uint64_t commit_until_full(struct store *store, const char *path, int code)
{
	uint64_t committed = 0;
	int result = 0;
	struct error error = {0};
	while (result == 0 && committed < 1000) {
		char key[16];
		snprintf(key, sizeof(key), "key/%d", (int)committed);
		result = commit_kilobytes(store, key, 10, &error);
		committed += result == 0;
	}
	assert_int_equal(result, -code);
	assert_non_null(strstr(error.message, path));
	assert_in_range(committed, 1, 999);
	assert_int_equal(commit_kilobytes(store, "more", 900, NULL), -code);
	assert_int_equal(store_revision(store), committed);
	int entries = 0;
	assert_int_equal(store_snapshot(store, "", 0, count_entries, &entries, NULL), 0);
	assert_int_equal(entries, committed + 1);
	return committed;
}

// There is room again: the store goes on where it stopped.
static void commit_on(struct store *store, const char *url, uint64_t committed)
{
	assert_int_equal(commit_kilobytes(store, "more", 900, NULL), 0);
	assert_int_equal(store_revision(store), committed + 1);
	store_close(store);
	store = store_must_open(url);
	int entries = 0;
	assert_int_equal(store_revision(store), committed + 1);
	assert_int_equal(store_snapshot(store, "", 0, count_entries, &entries, NULL), 0);
	assert_int_equal(entries, committed + 2);
	store_close(store);
}

static void test_file_size_limit(void **state)
{
	struct file *file = *state;
	struct store *store = store_must_open(file->url);
	struct rlimit old;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	struct rlimit limit = {.rlim_cur = 256 * 1024, .rlim_max = old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	uint64_t committed = commit_until_full(store, file->path, EIO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_DFL);
	commit_on(store, file->url, committed);
}

static void test_full_disk(void **state)
{
	struct file *file = *state;
	assert_int_equal(geteuid(), 0); // only root can mount
	cleanup_free char *directory = memory_text(file->path);
	*strrchr(directory, '/') = '\0';
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("disk", directory, "tmpfs", 0, "size=512k"), 0);
	struct store *store = store_must_open(file->url);
	uint64_t committed = commit_until_full(store, file->path, ENOSPC);
	assert_int_equal(mount("disk", directory, "tmpfs", MS_REMOUNT, "size=8m"), 0);
	commit_on(store, file->url, committed);
	// A disk without room for a store at all.
	assert_int_equal(unlink(file->path), 0);
	assert_int_equal(mount("disk", directory, "tmpfs", MS_REMOUNT, "size=16k"), 0);
	assert_open_fails(file->url, ENOSPC, "No space left on device");
	assert_int_equal(access(file->path, F_OK), -1);
	assert_int_equal(umount(directory), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
		TEST(test_urls),
		TEST(test_truncated),
		TEST(test_random_bytes),
		TEST(test_damaged_page),
		TEST(test_newer_version),
		TEST(test_foreign_database),
		TEST(test_orphaned_log),
		TEST(test_second_owner),
		TEST(test_read_only),
		TEST(test_file_size_limit),
		TEST(test_full_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
