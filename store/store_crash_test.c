// SPDX-License-Identifier: Apache-2.0
// A process that commits is killed at a random moment, again and again. Every commit that it heard
// was done is there, and each commit is there whole or not at all.
#include "store/store.h"

#include <errno.h>
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

#include "base/memory.h"
#include "store_engines.h"

enum { KEYS = 40 };

static const struct store_engine *engine;

// Write each key with the revision that the commit is about to get.
static int commit_generation(struct store *store, uint64_t *revision)
{
	uint64_t generation = store_revision(store) + 1;
	char keys[KEYS][16];
	struct store_operation operations[KEYS];
	for (int i = 0; i < KEYS; i++) {
		snprintf(keys[i], sizeof(keys[i]), "key/%02d", i);
		operations[i] = (struct store_operation){keys[i], &generation, sizeof(generation)};
	}
	return store_commit(store, NULL, 0, operations, KEYS, revision, NULL);
}

// The child: commit, tell, and compact now and then, until killed. Never returns.
static void commit_until_killed(const char *url, int acknowledgements)
{
	struct store *store;
	uint64_t revision = 0;
	if (store_open(&store, url, NULL))
		_exit(1);
	while (commit_generation(store, &revision) == 0) {
		if (write(acknowledgements, &revision, sizeof(revision)) != sizeof(revision))
			_exit(2);
		// -EBUSY: one who was killed while compacting still has that duty, for a while.
		int result = revision % 7 ? 0 : store_compact(store, revision - 3, NULL);
		if (result && result != -EBUSY)
			_exit(3);
	}
	_exit(4);
}

static void sleep_microseconds(long microseconds)
{
	nanosleep(&(struct timespec){.tv_nsec = microseconds * 1000}, NULL);
}

// Kill the child some time after its first acknowledgement, or, with `early`, at any moment since
// it started. The last revision that it acknowledged, or 0.
static uint64_t run_and_kill(const char *url, bool early)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(ends[0]);
		commit_until_killed(url, ends[1]);
	}
	close(ends[1]);
	uint64_t revision = 0, last = 0;
	if (!early && read(ends[0], &revision, sizeof(revision)) == sizeof(revision))
		last = revision;
	sleep_microseconds(rand() % (early ? 12000 : 25000));
	kill(child, SIGKILL);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status)); // it did not fail before
	while (read(ends[0], &revision, sizeof(revision)) == sizeof(revision))
		last = revision;
	close(ends[0]);
	return last;
}

struct generation {
	uint64_t revision;
	int keys;
};

static int check_entry(void *context, const struct store_entry *entry)
{
	struct generation *generation = context;
	uint64_t value;
	if (entry->length != sizeof(value))
		return -EINVAL;
	memcpy(&value, entry->value, sizeof(value));
	generation->keys++;
	return value == generation->revision && entry->revision == value ? 0 : -EINVAL;
}

// At each revision that can be read, all keys carry that revision.
static void check_whole(struct store *store)
{
	uint64_t at = store_compacted(store);
	for (at = at ? at : 1; at <= store_revision(store); at++) {
		struct generation generation = {.revision = at};
		assert_int_equal(
			store_snapshot(store, "key/", at, check_entry, &generation, NULL), 0);
		assert_int_equal(generation.keys, KEYS);
	}
}

static void test_killed_while_committing(void **state)
{
	(void)state;
	char *url = engine->place();
	uint64_t before = 0, acknowledged = 0;
	for (int round = 0; round < engine->kills; round++) {
		uint64_t last = run_and_kill(url, false);
		assert_true(last > before); // the child worked on from what was there
		struct store *store = store_must_open(url);
		assert_true(store_revision(store) >= last);
		assert_true(store_revision(store) <= last + 1); // it died before it could tell
		check_whole(store);
		acknowledged += last - before;
		before = store_revision(store);
		store_close(store);
	}
	assert_true(acknowledged >
		    (uint64_t)engine->kills); // the kills fell between commits of one child
	engine->remove(url);
}

static void test_killed_while_opening(void **state)
{
	(void)state;
	for (int round = 0; round < engine->kills; round++) {
		char *url = engine->place();
		uint64_t last = run_and_kill(url, true);
		struct store *store = store_must_open(url);
		assert_true(store_revision(store) >= last);
		assert_true(store_revision(store) <= last + 1);
		check_whole(store);
		store_close(store);
		engine->remove(url);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed_while_committing),
		cmocka_unit_test(test_killed_while_opening),
	};
	unsigned seed = (unsigned)time(NULL);
	const char *given = getenv("WEFT_TEST_SEED");
	if (given)
		seed = (unsigned)strtoul(given, NULL, 10);
	printf("WEFT_TEST_SEED=%u\n", seed);
	srand(seed);
	int failed = 0;
	for (size_t i = 0; i < store_engine_count; i++) {
		engine = &store_engines[i];
		if (engine->durable)
			failed += cmocka_run_group_tests_name(engine->name, tests, NULL, NULL);
	}
	return failed;
}
