// SPDX-License-Identifier: Apache-2.0
// What the store on etcd must do beyond what every store must: several handles at once, members that
// do not answer, answers that are lost, and data in etcd that is not what it should be.
#include "store/store.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "bytes.h"
#include "etcd_proxy.h"
#include "etcd_server.h"
#include "store_engines.h"
#include "store_text.h"

enum { PATIENCE_MS = 30000 };

static struct etcd_server server;
static int place; // each test has a store of its own, test<place>

static char *url_at(unsigned short port, const char *options)
{
	return memory_format("etcd:http://127.0.0.1:%d?prefix=test%d%s", port, place, options);
}

static char *url(void)
{
	return url_at(server.port, "");
}

static struct store *open_store(void)
{
	cleanup_free char *text = url();
	return store_must_open(text);
}

// A key of this test's store in etcd.
static char *key_of(const char *name)
{
	return memory_format("test%d/%s", place, name);
}

static int count_keys(const char *name)
{
	cleanup_free char *key = key_of(name);
	return etcd_server_count(&server, key);
}

static void put_text(const char *name, const char *text)
{
	cleanup_free char *key = key_of(name);
	etcd_server_put(&server, key, text, strlen(text));
}

static int setup(void **state)
{
	(void)state;
	place++;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cleanup_free char *prefix = key_of("");
	etcd_server_delete(&server, prefix);
	return 0;
}

static void assert_message(const struct error *error, int code, const char *part)
{
	assert_int_equal(error->code, code);
	if (!strstr(error->message, part))
		fail_msg("\"%s\" does not say \"%s\"", error->message, part);
}

static void assert_open_fails(const char *text, int code, const char *part)
{
	struct store *store = NULL;
	struct error error = {0};
	assert_int_equal(store_open(&store, text, &error), -code);
	assert_null(store);
	assert_message(&error, code, part);
}

// ---- several handles ----

static void test_what_others_commit(void **state)
{
	(void)state;
	struct store *one = open_store(), *other = open_store();
	assert_int_equal(put(one, "a", "1"), 0);
	assert_int_equal(store_revision(other), 0);
	struct pollfd news = {store_descriptor(other), POLLIN, 0};
	while (store_revision(other) == 0) {
		assert_int_equal(poll(&news, 1, PATIENCE_MS), 1);
		assert_int_equal(store_refresh(other, NULL), 0);
	}
	assert_snapshot(other, "", 0, "a=1@1 ");
	assert_changes(other, "", 0, "a=1@1 ");
	assert_int_equal(put(other, "b", "2"), 0);
	assert_int_equal(store_refresh(one, NULL), 0);
	assert_int_equal(put(one, "a", NULL), 0);
	assert_int_equal(store_refresh(other, NULL), 0);
	assert_snapshot(other, "", 0, "b=2@2 ");
	assert_snapshot(other, "", 2, "a=1@1 b=2@2 ");
	assert_changes(other, "", 2, "a!@3 ");
	store_close(one);
	store_close(other);
}

// After a refresh that has taken in all, the descriptor is quiet; what comes later wakes it.
static void test_the_descriptor(void **state)
{
	(void)state;
	struct store *one = open_store(), *other = open_store();
	struct pollfd news = {store_descriptor(other), POLLIN, 0};
	for (int round = 1; round <= 20; round++) {
		assert_int_equal(put(one, "a", "1"), 0);
		while (store_revision(other) < (uint64_t)round) {
			assert_int_equal(poll(&news, 1, PATIENCE_MS), 1);
			assert_int_equal(store_refresh(other, NULL), 0);
		}
	}
	// Late news of what it has already taken in die down.
	uint64_t end = clock_monotonic_ms() + PATIENCE_MS;
	while (poll(&news, 1, 300) == 1 && clock_monotonic_ms() < end)
		assert_int_equal(store_refresh(other, NULL), 0);
	assert_true(clock_monotonic_ms() < end);
	store_close(one);
	store_close(other);
}

static void test_compares_see_the_newest_state(void **state)
{
	(void)state;
	struct store *one = open_store(), *other = open_store();
	assert_int_equal(put(one, "a", "1"), 0);
	// `other` has not taken in revision 1; its compares are judged by it all the same.
	assert_int_equal(put_if(other, "a", "2", "a", 0), -ESTALE);
	assert_int_equal(put_if(other, "a", "2", "a", 1), 0);
	assert_int_equal(put_if(one, "a", "3", "a", 1), -ESTALE);
	assert_int_equal(store_revision(one), 2);
	assert_int_equal(put(other, "a", NULL), 0);
	assert_int_equal(put_if(one, "b", "1", "a", 0), 0);
	assert_int_equal(store_revision(one), 4);
	store_close(one);
	store_close(other);
}

enum { RACERS = 4, STEPS = 40 };

static int read_number(void *context, const struct store_entry *entry)
{
	struct store_compare *found = context;
	char text[16];
	snprintf(text, sizeof(text), "%.*s", (int)entry->length, (const char *)entry->value);
	found->revision = entry->revision;
	return atoi(text) + 1; // not 0, so that it is told from "not there"
}

// Count up, by compare and swap, and tell the revision of each step.
static void race(const char *text, int told)
{
	struct store *store;
	if (store_open(&store, text, NULL))
		_exit(1);
	for (int step = 0; step < STEPS;) {
		char number[16];
		uint64_t revision;
		struct store_compare compare = {"counter", 0};
		int next = store_get(store, "counter", 0, read_number, &compare, NULL);
		if (next == -ENOENT)
			next = 1;
		snprintf(number, sizeof(number), "%d", next);
		struct store_operation operation = {"counter", number, strlen(number)};
		int result = store_commit(store, &compare, 1, &operation, 1, &revision, NULL);
		if (result && result != -ESTALE)
			_exit(2);
		if (result == 0 && write(told, &revision, sizeof(revision)) < 0)
			_exit(3);
		step += result == 0;
	}
	store_close(store);
	_exit(0);
}

static void test_racing_processes(void **state)
{
	(void)state;
	cleanup_free char *text = url();
	int ends[2], seen[RACERS * STEPS + 1] = {0}, status;
	pid_t racers[RACERS];
	uint64_t revision;
	assert_int_equal(pipe(ends), 0);
	for (int i = 0; i < RACERS; i++) {
		racers[i] = fork();
		assert_true(racers[i] >= 0);
		if (racers[i] == 0)
			race(text, ends[1]);
	}
	close(ends[1]);
	// Each step has a revision of its own, and none is left out.
	while (read(ends[0], &revision, sizeof(revision)) == sizeof(revision)) {
		assert_in_range(revision, 1, RACERS * STEPS);
		assert_int_equal(seen[revision]++, 0);
	}
	close(ends[0]);
	for (int i = 0; i < RACERS; i++) {
		assert_int_equal(waitpid(racers[i], &status, 0), racers[i]);
		assert_int_equal(status, 0);
	}
	struct store *store = open_store();
	cleanup_free char *expected =
		memory_format("counter=%d@%d ", RACERS * STEPS, RACERS * STEPS);
	assert_int_equal(store_revision(store), RACERS * STEPS);
	assert_snapshot(store, "", 0, expected);
	store_close(store);
}

// ---- large commits ----

enum { LARGE = 200, LARGE_VALUE = 16384 };

// Three megabytes that cannot be compressed.
static int commit_large(struct store *store, const struct store_compare *compare,
	unsigned char *values, struct error *error)
{
	char keys[LARGE][16];
	struct store_operation operations[LARGE];
	for (int i = 0; i < LARGE; i++) {
		snprintf(keys[i], sizeof(keys[i]), "large/%03d", i);
		operations[i] =
			(struct store_operation){keys[i], values + i * LARGE_VALUE, LARGE_VALUE};
	}
	return store_commit(store, compare, compare ? 1 : 0, operations, LARGE, NULL, error);
}

static unsigned char *random_values(void)
{
	unsigned char *values = memory_new(LARGE * LARGE_VALUE);
	for (size_t i = 0; i < LARGE * LARGE_VALUE; i++)
		values[i] = (unsigned char)(rand() >> 7);
	return values;
}

struct large {
	const unsigned char *values;
	int count;
};

static int check_large(void *context, const struct store_entry *entry)
{
	struct large *large = context;
	if (entry->length != LARGE_VALUE ||
		memcmp(entry->value, large->values + large->count * LARGE_VALUE, LARGE_VALUE) != 0)
		return -EINVAL;
	large->count++;
	return 0;
}

static void assert_large(struct store *store, const unsigned char *values)
{
	struct large large = {.values = values};
	assert_int_equal(store_snapshot(store, "large/", 0, check_large, &large, NULL), 0);
	assert_int_equal(large.count, LARGE);
}

static void test_a_commit_larger_than_a_request(void **state)
{
	(void)state;
	cleanup_free unsigned char *values = random_values();
	struct store *one = open_store(), *other = open_store();
	assert_int_equal(commit_large(one, NULL, values, NULL), 0);
	assert_int_equal(store_revision(one), 1);
	assert_int_equal(put(one, "a", "1"), 0);
	assert_int_equal(store_refresh(other, NULL), 0);
	assert_int_equal(store_revision(other), 2);
	assert_large(one, values);
	assert_large(other, values);
	assert_true(count_keys("piece/") >= 3);
	assert_int_equal(count_keys("claim/"), 1);
	assert_in_range(store_history_bytes(one), 3 << 20, 5 << 20);
	assert_in_range(store_history_bytes(other), 3 << 20, 5 << 20);
	// Refused, it leaves nothing that a later look does not take away.
	struct store_compare compare = {"a", 7};
	assert_int_equal(commit_large(other, &compare, values, NULL), -ESTALE);
	store_close(one);
	store_close(other);
	one = open_store();
	assert_large(one, values);
	assert_int_equal(count_keys("claim/"), 1);
	// With its entry go its pieces.
	assert_int_equal(store_compact(one, 2, NULL), 0);
	assert_int_equal(count_keys("log/"), 0);
	assert_int_equal(store_history_bytes(one), 0);
	assert_int_equal(count_keys("claim/"), 1); // the base's
	assert_large(one, values);
	store_close(one);
	one = open_store();
	assert_large(one, values);
	store_close(one);
}

// Others commit all the time: a large commit gets in between, whole.
static void test_a_large_commit_among_small_ones(void **state)
{
	(void)state;
	cleanup_free unsigned char *values = random_values();
	cleanup_free char *text = url();
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct store *own;
		if (store_open(&own, text, NULL))
			_exit(1);
		while (put(own, "small", "1") == 0)
			;
		_exit(2);
	}
	struct store *store = open_store();
	while (store_revision(store) == 0)
		assert_int_equal(store_refresh(store, NULL), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(commit_large(store, NULL, values, NULL), 0);
	int status;
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(store_refresh(store, NULL), 0);
	assert_large(store, values);
	store_close(store);
}

// ---- compaction ----

static void test_compaction_leaves_a_handle_behind(void **state)
{
	(void)state;
	struct store *one = open_store(), *lagging = open_store(), *near = open_store();
	assert_int_equal(put(one, "a", "1"), 0);
	assert_int_equal(store_refresh(lagging, NULL), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(put(one, "b", "1"), 0);
	assert_int_equal(put(one, "a", NULL), 0); // 7
	assert_int_equal(put(one, "c", "1"), 0);  // 8
	assert_int_equal(store_refresh(near, NULL), 0);
	assert_int_equal(store_compact(one, 7, NULL), 0);
	assert_int_equal(count_keys("log/"), 1);
	// One that had taken in as much keeps history from there on, as does the one that compacted.
	assert_int_equal(store_refresh(near, NULL), 0);
	assert_int_equal(store_compacted(near), 7);
	assert_changes(near, "", 7, "c=1@8 ");
	assert_int_equal(store_changes(near, "", 6, write_entry, NULL, NULL), -ENODATA);
	// One that had not jumps, and says so.
	assert_int_equal(store_revision(lagging), 1);
	assert_changes(lagging, "", 0, "a=1@1 ");
	assert_int_equal(store_refresh(lagging, NULL), 0);
	assert_int_equal(store_revision(lagging), 8);
	assert_int_equal(store_compacted(lagging), 7);
	assert_int_equal(store_changes(lagging, "", 1, write_entry, NULL, NULL), -ENODATA);
	assert_snapshot(lagging, "", 0, "b=1@6 c=1@8 ");
	assert_snapshot(lagging, "", 7, "b=1@6 ");
	// All go on.
	assert_int_equal(put_if(lagging, "b", "2", "b", 6), 0);
	assert_int_equal(put_if(near, "b", "3", "b", 9), 0);
	assert_int_equal(store_compact(near, 10, NULL), 0);
	assert_int_equal(put_if(one, "b", "4", "b", 10), 0);
	assert_int_equal(store_compact(lagging, 5, NULL), 0); // done long ago
	store_close(one);
	store_close(lagging);
	store_close(near);
	one = open_store();
	assert_snapshot(one, "", 0, "b=4@11 c=1@8 ");
	assert_int_equal(count_keys("claim/"), 1); // bases before the last are gone
	assert_int_equal(count_keys("piece/"), 1);
	store_close(one);
}

// Pieces that nobody claims are taken away by the next who opens the store; others' are not.
static void test_what_dead_writers_left(void **state)
{
	(void)state;
	store_close(open_store());
	put_text("piece/0123456789abcdef0123456789abcdef/00000000", "lost");
	put_text("piece/0123456789abcdef0123456789abcdef/00000001", "lost");
	put_text("piece/fedcba9876543210fedcba9876543210/00000000", "written just now");
	put_text("claim/fedcba9876543210fedcba9876543210", "writing");
	store_close(open_store());
	assert_int_equal(count_keys("piece/"), 1);
	assert_int_equal(count_keys("claim/"), 1);
}

static void test_one_compacts_at_a_time(void **state)
{
	(void)state;
	struct store *one = open_store(), *other = open_store();
	struct error error = {0};
	assert_int_equal(put(one, "a", "1"), 0);
	assert_int_equal(store_refresh(other, NULL), 0);
	assert_int_equal(store_lease(one, "compaction", 60, NULL), 0);
	assert_int_equal(store_compact(other, 1, &error), -EBUSY);
	assert_message(&error, EBUSY, "compaction is the duty of");
	assert_int_equal(store_compacted(other), 0);
	store_release(one, "compaction");
	assert_int_equal(store_compact(other, 1, NULL), 0);
	store_close(one);
	store_close(other);
}

// ---- leases ----

static void test_a_lease_has_one_owner(void **state)
{
	(void)state;
	struct store *one = open_store(), *other = open_store();
	struct error error = {0};
	cleanup_free char *process = memory_format("process %d", (int)getpid());
	assert_int_equal(store_lease(one, "duty", 60, NULL), 0);
	assert_int_equal(store_lease(other, "duty", 60, &error), -EBUSY);
	assert_message(&error, EBUSY, process);
	assert_int_equal(store_lease(other, "another", 60, NULL), 0);
	assert_int_equal(store_lease(one, "duty", 60, NULL), 0);
	store_release(one, "duty");
	assert_int_equal(store_lease(other, "duty", 60, NULL), 0);
	assert_int_equal(store_lease(one, "duty", 60, NULL), -EBUSY);
	store_close(other);
	assert_int_equal(store_lease(one, "duty", 60, NULL), 0);
	assert_int_equal(store_lease(one, "another", 60, NULL), 0);
	store_close(one);
}

// An owner that is killed is an owner until its time is over.
static void test_a_lease_ends_by_itself(void **state)
{
	(void)state;
	cleanup_free char *text = url();
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct store *own;
		if (store_open(&own, text, NULL) || store_lease(own, "duty", 2, NULL))
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	struct store *store = open_store();
	uint64_t end = clock_monotonic_ms() + PATIENCE_MS;
	assert_int_equal(store_lease(store, "duty", 2, NULL), -EBUSY);
	while (store_lease(store, "duty", 2, NULL) == -EBUSY && clock_monotonic_ms() < end)
		nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
	assert_int_equal(store_lease(store, "duty", 2, NULL), 0);
	store_close(store);
}

// ---- members that do not answer ----

// Accepts connections and says nothing.
static int mute_listener(unsigned short *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static void test_dead_members(void **state)
{
	(void)state;
	unsigned short mute, dead = etcd_server_free_port();
	int listener = mute_listener(&mute);
	cleanup_free char *text = memory_format("etcd:http://127.0.0.1:%d,http://127.0.0.1:%d,"
						"http://127.0.0.1:%d?prefix=test%d",
		dead, mute, server.port, place);
	struct store *store = store_must_open(text);
	uint64_t start = clock_monotonic_ms();
	for (int i = 0; i < 10; i++)
		assert_int_equal(put(store, "a", "1"), 0);
	// It stays with the member that answers: not ten times the wait for the mute one.
	assert_true(clock_monotonic_ms() - start < 10 * 1500);
	struct store *other = open_store();
	assert_int_equal(put(other, "b", "1"), 0);
	struct pollfd news = {store_descriptor(store), POLLIN, 0};
	while (store_revision(store) < 11) {
		assert_int_equal(poll(&news, 1, PATIENCE_MS), 1);
		assert_int_equal(store_refresh(store, NULL), 0);
	}
	store_close(store);
	store_close(other);
	close(listener);
}

static void test_nobody_answers(void **state)
{
	(void)state;
	unsigned short mute, dead = etcd_server_free_port();
	int listener = mute_listener(&mute);
	cleanup_free char *text =
		memory_format("etcd:http://127.0.0.1:%d,http://127.0.0.1:%d?timeout=1", dead, mute);
	cleanup_free char *refused =
		memory_format("etcd at http://127.0.0.1:%d: Connection "
			      "refused; etcd at http://127.0.0.1:%d: no answer",
			dead, mute);
	assert_open_fails(text, EAGAIN, refused);
	close(listener);
}

static void test_etcd_goes_and_comes(void **state)
{
	(void)state;
	cleanup_free char *text = url_at(server.port, "&timeout=1");
	struct store *store = store_must_open(text);
	struct error error = {0};
	assert_int_equal(put(store, "a", "1"), 0);
	etcd_server_kill(&server);
	struct store_operation operation = {"a", "2", 1};
	assert_int_equal(store_refresh(store, &error), -EAGAIN);
	assert_message(&error, EAGAIN, "etcd at http://127.0.0.1:");
	error = (struct error){0};
	assert_int_equal(store_commit(store, NULL, 0, &operation, 1, NULL, &error), -EAGAIN);
	assert_message(&error, EAGAIN, "refused");
	assert_int_equal(store_lease(store, "duty", 5, NULL), -EAGAIN);
	assert_int_equal(store_compact(store, 1, NULL), -EAGAIN);
	assert_snapshot(store, "", 0, "a=1@1 "); // what it has can be read
	etcd_server_start(&server);
	assert_int_equal(store_refresh(store, NULL), 0);
	assert_int_equal(put(store, "a", "3"), 0);
	assert_int_equal(store_revision(store), 2);
	store_close(store);
}

static void test_a_full_etcd(void **state)
{
	(void)state;
	struct etcd_server small = {.quota = "4194304"};
	etcd_server_start(&small);
	cleanup_free char *text = url_at(small.port, "");
	cleanup_free unsigned char *values = random_values();
	struct store *store = store_must_open(text);
	struct error error = {0};
	int result;
	uint64_t before;
	assert_int_equal(put(store, "a", "1"), 0);
	do {
		before = store_revision(store);
		error = (struct error){0};
		result = commit_large(store, NULL, values, &error);
	} while (result == 0 && before < 10);
	assert_int_equal(result, -EAGAIN);
	assert_message(&error, EAGAIN, "space");
	assert_int_equal(put(store, "a", "2"), -EAGAIN);
	assert_int_equal(store_revision(store), before);
	assert_int_equal(store_refresh(store, NULL), 0);
	assert_int_equal(store_revision(store), before);
	assert_get(store, "a", 0, "a=1@1 ");
	store_close(store);
	etcd_server_remove(&small);
}

// ---- answers that are lost ----

struct behind_proxy {
	struct etcd_proxy *proxy;
	struct store *store;
};

static struct behind_proxy open_behind_proxy(void)
{
	struct behind_proxy both;
	etcd_proxy_start(&both.proxy, server.port);
	cleanup_free char *text = url_at(etcd_proxy_port(both.proxy), "&timeout=1");
	both.store = store_must_open(text);
	assert_int_equal(put(both.store, "a", "1"), 0);
	return both;
}

static void close_behind_proxy(struct behind_proxy *both)
{
	store_close(both->store);
	etcd_proxy_stop(both->proxy);
}

// The change is in at the first attempt, or at a later one; applied once.
static void test_some_answers_are_lost(void **state)
{
	(void)state;
	struct behind_proxy both = open_behind_proxy();
	etcd_proxy_cut(both.proxy, 1);
	assert_int_equal(put_if(both.store, "a", "2", "a", 1), 0);
	assert_int_equal(store_revision(both.store), 2);
	etcd_proxy_swallow(both.proxy, 1);
	assert_int_equal(put_if(both.store, "a", "3", "a", 2), 0);
	assert_int_equal(store_revision(both.store), 3);
	etcd_proxy_cut(both.proxy, 1);
	assert_int_equal(put_if(both.store, "a", "4", "a", 2), -ESTALE);
	// The same with a commit in pieces, whichever of its requests it meets.
	cleanup_free unsigned char *values = random_values();
	for (int i = 0; i < 3; i++) {
		etcd_proxy_cut(both.proxy, 1);
		assert_int_equal(commit_large(both.store, NULL, values, NULL), 0);
		assert_int_equal(store_revision(both.store), 4 + i);
	}
	assert_large(both.store, values);
	etcd_proxy_cut(both.proxy, 2);
	assert_int_equal(store_compact(both.store, 5, NULL), 0);
	etcd_proxy_cut(both.proxy, 1);
	assert_int_equal(store_lease(both.store, "duty", 60, NULL), 0);
	close_behind_proxy(&both);
	struct store *store = open_store();
	assert_int_equal(store_revision(store), 6);
	assert_get(store, "a", 0, "a=3@3 ");
	store_close(store);
}

static void assert_unknown(struct store *store, const char *value)
{
	struct error error = {0};
	struct store_operation operation = {"a", value, strlen(value)};
	assert_int_equal(store_commit(store, NULL, 0, &operation, 1, NULL, &error), -ETIMEDOUT);
	assert_message(
		&error, ETIMEDOUT, "whether the change is in is not known yet: etcd at http");
}

static void test_all_answers_are_lost(void **state)
{
	(void)state;
	struct behind_proxy both = open_behind_proxy();
	etcd_proxy_cut(both.proxy, 10000);
	assert_unknown(both.store, "2");
	assert_int_equal(store_revision(both.store), 1);
	etcd_proxy_cut(both.proxy, 0);
	assert_int_equal(store_refresh(both.store, NULL), 0); // it was in
	assert_snapshot(both.store, "", 0, "a=2@2 ");
	// A request that never arrived looks the same from here.
	etcd_proxy_swallow(both.proxy, 10000);
	assert_unknown(both.store, "3");
	etcd_proxy_swallow(both.proxy, 0);
	assert_int_equal(store_refresh(both.store, NULL), 0);
	assert_snapshot(both.store, "", 0, "a=2@2 ");
	// Without a refresh in between, the next commit finds out.
	etcd_proxy_cut(both.proxy, 10000);
	assert_unknown(both.store, "4");
	etcd_proxy_cut(both.proxy, 0);
	assert_int_equal(put_if(both.store, "a", "5", "a", 2), -ESTALE);
	assert_int_equal(put_if(both.store, "a", "5", "a", 3), 0);
	assert_changes(both.store, "", 0, "a=1@1 a=2@2 a=4@3 a=5@4 ");
	close_behind_proxy(&both);
}

// Refused connections after an answer that was lost do not make it a change that was not made.
static void test_lost_and_then_refused(void **state)
{
	(void)state;
	struct behind_proxy both = open_behind_proxy();
	etcd_proxy_refuse(both.proxy);
	etcd_proxy_cut(both.proxy, 1);
	assert_unknown(both.store, "2");
	assert_int_equal(put(both.store, "a", "3"), -EAGAIN); // not sent at all
	close_behind_proxy(&both);
	struct store *store = open_store();
	assert_snapshot(store, "", 0, "a=2@2 ");
	store_close(store);
}

enum { WRITERS = 3, WRITES = 16 };

struct writer {
	pthread_t thread;
	char *url;
	int number, opened;
	int results[WRITES];
	uint64_t revisions[WRITES];
};

static void *write_many(void *context)
{
	struct writer *writer = context;
	struct store *store;
	do
		writer->opened = store_open(&store, writer->url, NULL);
	while (writer->opened == -EAGAIN);
	for (int i = 0; writer->opened == 0 && i < WRITES; i++) {
		char key[32];
		snprintf(key, sizeof(key), "%d/%d", writer->number, i);
		struct store_operation operation = {key, "1", 1};
		writer->results[i] =
			store_commit(store, NULL, 0, &operation, 1, &writer->revisions[i], NULL);
	}
	if (writer->opened == 0)
		store_close(store);
	return NULL;
}

struct log {
	uint64_t revisions[WRITERS][WRITES]; // at which it was applied
	uint64_t entries;
};

static int note_change(void *context, const struct store_entry *entry)
{
	struct log *log = context;
	int writer, number;
	if (sscanf(entry->key, "%d/%d", &writer, &number) != 2 || log->revisions[writer][number])
		return -EEXIST; // applied twice
	log->revisions[writer][number] = entry->revision;
	return ++log->entries == entry->revision ? 0 : -ERANGE; // not dense
}

// Most requests or their answers are lost. What was accepted is in, at its revision; what was
// refused is not; what nobody knows is in once or not at all.
static void test_random_losses(void **state)
{
	(void)state;
	struct etcd_proxy *proxy;
	struct writer writers[WRITERS] = {0};
	struct log log = {0};
	int counts[3] = {0}; // accepted, refused, unknown
	etcd_proxy_start(&proxy, server.port);
	etcd_proxy_lose(proxy, 90);
	for (int i = 0; i < WRITERS; i++) {
		writers[i].number = i;
		writers[i].url = url_at(etcd_proxy_port(proxy), "&timeout=1");
		assert_int_equal(
			pthread_create(&writers[i].thread, NULL, write_many, &writers[i]), 0);
	}
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(writers[i].thread, NULL);
		free(writers[i].url);
	}
	etcd_proxy_stop(proxy);
	struct store *store = open_store();
	assert_int_equal(store_changes(store, "", 0, note_change, &log, NULL), 0);
	assert_int_equal(log.entries, store_revision(store));
	for (int i = 0; i < WRITERS; i++) {
		assert_int_equal(writers[i].opened, 0);
		for (int j = 0; j < WRITES; j++) {
			int result = writers[i].results[j];
			if (result == 0)
				assert_int_equal(log.revisions[i][j], writers[i].revisions[j]);
			else if (result == -EAGAIN)
				assert_int_equal(log.revisions[i][j], 0);
			else
				assert_int_equal(result, -ETIMEDOUT);
			counts[result == 0 ? 0 : result == -EAGAIN ? 1 : 2]++;
		}
	}
	printf("%d accepted, %d refused, %d unknown\n", counts[0], counts[1], counts[2]);
	assert_true(counts[0] > 0);
	store_close(store);
}

// ---- what is in etcd ----

static void test_urls(void **state)
{
	(void)state;
	assert_open_fails("etcd:", EINVAL, "\"\" is no member of etcd");
	assert_open_fails("etcd:127.0.0.1:2379", EINVAL, "is no member of etcd");
	assert_open_fails("etcd:http://127.0.0.1:1?prefix=a/b", EINVAL, "prefix \"a/b\"");
	cleanup_free char *secure =
		memory_format("etcd:https://127.0.0.1:%d?timeout=1", server.port);
	assert_open_fails(secure, EAGAIN, "etcd at https://127.0.0.1");
}

static void test_no_etcd(void **state)
{
	(void)state;
	// The port for peers speaks HTTP too, but not this API.
	cleanup_free char *text = url_at(server.peer_port, "&timeout=1");
	assert_open_fails(text, EPROTO, "no etcd with its version 3 API");
	cleanup_free char *both = memory_format("etcd:http://127.0.0.1:%d,http://127.0.0.1:%d"
						"?prefix=test%d",
		server.peer_port, server.port, place);
	struct store *store = store_must_open(both);
	assert_int_equal(put(store, "a", "1"), 0);
	store_close(store);
}

static void test_foreign_keys(void **state)
{
	(void)state;
	cleanup_free char *text = url();
	put_text("something", "else");
	assert_open_fails(text, EUCLEAN, "not a store of Weft");
	put_text("head", "else");
	assert_open_fails(text, EUCLEAN, "\"else\" is not the head of a store");
	put_text("head", "weft 1 0 0 0");
	assert_open_fails(text, EUCLEAN, "is not the head of a store");
	put_text("head", "");
	assert_open_fails(text, EUCLEAN, "is not the head of a store");
	assert_int_equal(count_keys(""), 2);
}

static void test_newer_format(void **state)
{
	(void)state;
	cleanup_free char *text = url();
	struct store *store = open_store();
	struct error error = {0};
	put_text("head", "weft 2 whatever comes then");
	assert_open_fails(text, EPROTO, "format 2, this version of Weft knows formats up to 1");
	assert_int_equal(store_refresh(store, &error), -EPROTO);
	assert_message(&error, EPROTO, "format 2");
	assert_int_equal(put(store, "a", "1"), -EPROTO);
	assert_int_equal(count_keys(""), 1);
	store_close(store);
}

// The value of a key of this test's store.
static void read_key(const char *name, struct bytes *value)
{
	cleanup_free char *key = key_of(name);
	size_t length;
	cleanup_free char *encoded = base64_encode(key, strlen(key), &length);
	cleanup_free char *body = memory_format("{\"key\":\"%s\"}", encoded);
	cleanup_free char *answer = etcd_server_ask(&server, "/v3/kv/range", body);
	char *start = strstr(answer, "\"value\":\"");
	assert_non_null(start);
	start += strlen("\"value\":\"");
	assert_int_equal(base64_decode(value, start, strcspn(start, "\"")), 0);
}

static void write_key(const char *name, const struct bytes *value)
{
	cleanup_free char *key = key_of(name);
	etcd_server_put(&server, key, value->data, value->length);
}

// Every byte of a log entry counts: changed, or cut off, it is refused.
static void test_damaged_log(void **state)
{
	(void)state;
	static const char first[] = "log/0000000000000001";
	cleanup_free char *text = url();
	cleanup_bytes struct bytes good = {0}, bad = {0};
	struct store *store = open_store(), *lagging = open_store();
	assert_int_equal(put(store, "some key", "with a value"), 0);
	assert_int_equal(put(store, "another", "one"), 0);
	store_close(store);
	read_key(first, &good);
	for (size_t i = 0; i < good.length; i += 3) {
		bad.length = 0;
		bytes_append(&bad, good.data, good.length);
		bad.data[i] ^= 0x11;
		write_key(first, &bad);
		int result = store_open(&store, text, NULL);
		assert_true(result == -EUCLEAN || result == -EPROTO);
		bad.length = i;
		write_key(first, &bad);
		assert_open_fails(text, EUCLEAN, "log entry 1");
	}
	assert_int_equal(store_refresh(lagging, NULL), -EUCLEAN);
	assert_int_equal(store_revision(lagging), 0);
	write_key(first, &good);
	assert_int_equal(store_refresh(lagging, NULL), 0);
	assert_int_equal(store_revision(lagging), 2);
	store_close(lagging);
	cleanup_free char *key = key_of(first);
	etcd_server_delete(&server, key);
	assert_open_fails(text, EUCLEAN, "log entry 1: is missing");
	cleanup_free char *second = key_of("log/");
	etcd_server_delete(&server, second);
	assert_open_fails(text, EUCLEAN, "entries up to the head are missing");
}

static void test_damaged_base(void **state)
{
	(void)state;
	cleanup_free char *text = url();
	cleanup_bytes struct bytes good = {0};
	struct store *store = open_store();
	assert_int_equal(put(store, "a", "1"), 0);
	assert_int_equal(store_compact(store, 1, NULL), 0);
	store_close(store);
	read_key("base", &good);
	put_text("base", "{}\n");
	assert_open_fails(text, EUCLEAN, "base: begins with no header");
	put_text("base", "{\"format\": 2}\n");
	assert_open_fails(text, EPROTO, "base: a store of format 2");
	write_key("base", &good);
	cleanup_free char *pieces = key_of("piece/");
	etcd_server_delete(&server, pieces);
	assert_open_fails(text, EUCLEAN, "is not there");
}

// etcd restored from a backup, or another store made in the place of one that is open.
static void test_set_back_and_replaced(void **state)
{
	(void)state;
	static const char *const log[] = {"log/0000000000000001", "log/0000000000000002"};
	cleanup_bytes struct bytes head = {0};
	struct store *store = open_store(), *second;
	struct error error = {0};
	assert_int_equal(put(store, "a", "1"), 0);
	read_key("head", &head);
	assert_int_equal(put(store, "a", "2"), 0);
	write_key("head", &head);
	cleanup_free char *entry = key_of(log[1]);
	etcd_server_delete(&server, entry);
	assert_int_equal(store_refresh(store, &error), -EUCLEAN);
	assert_message(&error, EUCLEAN, "set back");
	assert_int_equal(put(store, "a", "3"), -EUCLEAN);
	// Another revision 2, written by one that came after the backup, and a third.
	second = open_store();
	assert_int_equal(put(second, "a", "other"), 0);
	assert_int_equal(store_refresh(store, NULL), -EUCLEAN);
	assert_int_equal(put(second, "a", "other"), 0);
	assert_int_equal(store_refresh(store, NULL), -EUCLEAN);
	assert_snapshot(store, "", 0, "a=2@2 ");
	store_close(second);
	cleanup_free char *all = key_of("");
	etcd_server_delete(&server, all);
	error = (struct error){0};
	assert_int_equal(store_refresh(store, &error), -EUCLEAN);
	assert_message(&error, EUCLEAN, "head: is gone");
	second = open_store();
	assert_int_equal(put(second, "b", "1"), 0);
	error = (struct error){0};
	assert_int_equal(put(store, "a", "1"), -EUCLEAN);
	assert_int_equal(store_refresh(store, &error), -EUCLEAN);
	assert_message(&error, EUCLEAN, "another store has taken its place");
	assert_int_equal(store_refresh(second, NULL), 0);
	assert_snapshot(second, "", 0, "b=1@1 ");
	store_close(second);
	store_close(store);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
		TEST(test_what_others_commit),
		TEST(test_the_descriptor),
		TEST(test_compares_see_the_newest_state),
		TEST(test_racing_processes),
		TEST(test_a_commit_larger_than_a_request),
		TEST(test_a_large_commit_among_small_ones),
		TEST(test_compaction_leaves_a_handle_behind),
		TEST(test_what_dead_writers_left),
		TEST(test_one_compacts_at_a_time),
		TEST(test_a_lease_has_one_owner),
		TEST(test_a_lease_ends_by_itself),
		TEST(test_dead_members),
		TEST(test_nobody_answers),
		TEST(test_etcd_goes_and_comes),
		TEST(test_a_full_etcd),
		TEST(test_some_answers_are_lost),
		TEST(test_all_answers_are_lost),
		TEST(test_lost_and_then_refused),
		TEST(test_random_losses),
		TEST(test_urls),
		TEST(test_no_etcd),
		TEST(test_foreign_keys),
		TEST(test_newer_format),
		TEST(test_damaged_log),
		TEST(test_damaged_base),
		TEST(test_set_back_and_replaced),
	};
	etcd_server_start(&server);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	etcd_server_remove(&server);
	return failed;
}
