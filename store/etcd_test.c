// SPDX-License-Identifier: Apache-2.0
// What the store on etcd must do beyond what every store must: several handles at once, commits larger
// than a request, compaction, leases.
#include "etcd_fixture.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "store_engines.h"
#include "store_text.h"

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
	assert_int_equal(compact(one, 2), 0);
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

// A piece a step; in between the handle is used, and others commit.
static void test_compaction_in_steps(void **state)
{
	(void)state;
	cleanup_free unsigned char *values = random_values();
	struct store *one = open_store(), *other = open_store();
	assert_int_equal(commit_large(one, NULL, values, NULL), 0);
	int steps = 1;
	while (store_compact(one, store_revision(one), NULL) == 1) {
		assert_int_equal(put(one, "a", "1"), 0);
		assert_int_equal(put(other, "large/000", "changed"), 0);
		assert_int_equal(store_refresh(one, NULL), 0);
		assert_int_equal(store_compact(other, 1, NULL), -EBUSY);
		steps++;
	}
	assert_in_range(steps, 3, 10);
	assert_int_equal(store_compacted(one), 1);
	assert_int_equal(store_revision(one), 2 * steps - 1);
	assert_int_equal(count_keys("log/"), 2 * steps - 2);
	// One that is broken off leaves the duty to others.
	assert_int_equal(commit_large(one, NULL, values, NULL), 0);
	assert_int_equal(store_compact(one, store_revision(one), NULL), 1);
	store_close(one);
	assert_int_equal(store_refresh(other, NULL), 0);
	assert_int_equal(compact(other, store_revision(other)), 0);
	assert_int_equal(count_keys("claim/"), 1);
	store_close(other);
	one = open_store();
	assert_int_equal(store_compacted(one), 2 * steps);
	assert_large(one, values);
	store_close(one);
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ETCD_TEST(test_what_others_commit),
		ETCD_TEST(test_the_descriptor),
		ETCD_TEST(test_compares_see_the_newest_state),
		ETCD_TEST(test_racing_processes),
		ETCD_TEST(test_a_commit_larger_than_a_request),
		ETCD_TEST(test_a_large_commit_among_small_ones),
		ETCD_TEST(test_compaction_leaves_a_handle_behind),
		ETCD_TEST(test_what_dead_writers_left),
		ETCD_TEST(test_compaction_in_steps),
		ETCD_TEST(test_one_compacts_at_a_time),
		ETCD_TEST(test_a_lease_has_one_owner),
		ETCD_TEST(test_a_lease_ends_by_itself),
	};
	return ETCD_TEST_MAIN(tests);
}
