// SPDX-License-Identifier: Apache-2.0
// What every store must do, whatever its engine: written against store.h alone.
#include "store/store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "store_engines.h"
#include "store_text.h"

static const struct store_engine *engine; // that is being tested

struct fixture {
	char *url;
	struct store *store;
};

static int setup(void **state)
{
	struct fixture *fixture = memory_new(sizeof(*fixture));
	fixture->url = engine->place();
	fixture->store = store_must_open(fixture->url);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	store_close(fixture->store);
	engine->remove(fixture->url);
	free(fixture);
	return 0;
}

static struct store *store_of(void **state)
{
	return ((struct fixture *)*state)->store;
}

// ---- the tests ----

static void test_empty(void **state)
{
	struct store *store = store_of(state);
	assert_int_equal(store_revision(store), 0);
	assert_int_equal(store_compacted(store), 0);
	assert_snapshot(store, "", 0, "");
	assert_changes(store, "", 0, "");
	assert_int_equal(get_result(store, "a", 0), -ENOENT);
	assert_int_equal(get_result(store, "a", 1), -ERANGE);
}

static void test_each_commit_is_one_revision(void **state)
{
	struct store *store = store_of(state);
	struct store_operation operations[] = {{"a", "1", 1}, {"b", "2", 1}, {"c", "3", 1}};
	uint64_t revision = 0;
	assert_int_equal(store_commit(store, NULL, 0, operations, 3, &revision, NULL), 0);
	assert_int_equal(revision, 1);
	assert_int_equal(put(store, "b", "4"), 0);
	assert_int_equal(store_revision(store), 2);
	assert_snapshot(store, "", 0, "a=1@1 b=4@2 c=3@1 ");
}

static void test_the_past_can_be_read(void **state)
{
	struct store *store = store_of(state);
	assert_int_equal(put(store, "a", "1"), 0);
	assert_int_equal(put(store, "a", "2"), 0);
	assert_int_equal(put(store, "a", NULL), 0);
	assert_int_equal(put(store, "b", "3"), 0);
	assert_int_equal(put(store, "a", "4"), 0);
	assert_get(store, "a", 1, "a=1@1 ");
	assert_get(store, "a", 2, "a=2@2 ");
	assert_int_equal(get_result(store, "a", 3), -ENOENT);
	assert_int_equal(get_result(store, "a", 4), -ENOENT);
	assert_get(store, "a", 0, "a=4@5 ");
	assert_int_equal(get_result(store, "a", 6), -ERANGE);
	assert_int_equal(get_result(store, "a", UINT64_MAX), -ERANGE);
	assert_snapshot(store, "", 1, "a=1@1 ");
	assert_snapshot(store, "", 3, "");
	assert_snapshot(store, "", 4, "b=3@4 ");
	assert_snapshot(store, "", 5, "a=4@5 b=3@4 ");
}

static void test_prefix(void **state)
{
	struct store *store = store_of(state);
	static const char *const keys[] = {
		"a", "a/", "a/1", "a/\xff", "a0", "b", "\xff", "\xff\xff", "\xff\xff/1", NULL};
	for (size_t i = 0; keys[i]; i++)
		assert_int_equal(put(store, keys[i], "v"), 0);
	assert_snapshot(store, "a/", 0, "a/=v@2 a/1=v@3 a/\xff=v@4 ");
	assert_snapshot(store, "a", 0, "a=v@1 a/=v@2 a/1=v@3 a/\xff=v@4 a0=v@5 ");
	assert_snapshot(store, "a/\xff", 0, "a/\xff=v@4 ");
	assert_snapshot(store, "\xff\xff", 0, "\xff\xff=v@8 \xff\xff/1=v@9 ");
	assert_snapshot(store, "c", 0, "");
	assert_int_equal(put(store, "a/1", "w"), 0);
	assert_snapshot(store, "a/", 9, "a/=v@2 a/1=v@3 a/\xff=v@4 ");
	assert_changes(store, "a/", 2, "a/1=v@3 a/\xff=v@4 a/1=w@10 ");
}

// 77: these are the bytes, 78: others. Neither goes on.
static int check_bytes(void *context, const struct store_entry *entry)
{
	const struct store_operation *expected = context;
	return entry->length == expected->length &&
			       memcmp(entry->value, expected->value, entry->length) == 0
		       ? 77
		       : 78;
}

static void test_bytes_return_unchanged(void **state)
{
	struct store *store = store_of(state);
	unsigned char bytes[512];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	struct store_operation operation = {"bytes", bytes, sizeof(bytes)};
	assert_int_equal(store_commit(store, NULL, 0, &operation, 1, NULL, NULL), 0);
	assert_int_equal(store_get(store, "bytes", 0, check_bytes, &operation, NULL), 77);
	assert_int_equal(store_snapshot(store, "", 0, check_bytes, &operation, NULL), 77);
	assert_int_equal(store_changes(store, "", 0, check_bytes, &operation, NULL), 77);
	bytes[300]++;
	assert_int_equal(store_get(store, "bytes", 0, check_bytes, &operation, NULL), 78);
}

static void test_large_and_empty_values(void **state)
{
	struct store *store = store_of(state);
	size_t length = 1 << 20;
	cleanup_free unsigned char *large = memory_new(length);
	for (size_t i = 0; i < length; i++)
		large[i] = (unsigned char)(i * 2654435761u >> 13);
	struct store_operation operations[] = {{"large", large, length}, {"empty", "", 0}};
	assert_int_equal(store_commit(store, NULL, 0, operations, 2, NULL, NULL), 0);
	assert_int_equal(store_get(store, "large", 0, check_bytes, &operations[0], NULL), 77);
	assert_get(store, "empty", 0, "empty=@1 ");
	assert_snapshot(store, "e", 0, "empty=@1 ");
	assert_changes(store, "e", 0, "empty=@1 ");
}

static void test_compare(void **state)
{
	struct store *store = store_of(state);
	assert_int_equal(put_if(store, "a", "1", "a", 0), 0);
	assert_int_equal(put_if(store, "a", "2", "a", 0), -ESTALE);
	assert_int_equal(put_if(store, "a", "2", "a", 2), -ESTALE);
	assert_int_equal(put_if(store, "a", "2", "a", 1), 0);
	assert_int_equal(put_if(store, "a", "3", "a", 1), -ESTALE);
	assert_int_equal(put_if(store, "b", "1", "a", 2), 0);
	// A deleted key does not exist, also for who names the revision that deleted it.
	assert_int_equal(put(store, "a", NULL), 0);
	assert_int_equal(put_if(store, "a", "4", "a", 4), -ESTALE);
	assert_int_equal(put_if(store, "a", "4", "a", 2), -ESTALE);
	assert_int_equal(put_if(store, "a", "4", "a", 0), 0);
	assert_int_equal(store_revision(store), 5);
	assert_snapshot(store, "", 0, "a=4@5 b=1@3 ");
}

static void test_one_failed_compare_refuses_all(void **state)
{
	struct store *store = store_of(state);
	assert_int_equal(put(store, "a", "1"), 0);
	struct store_compare compares[] = {{"a", 1}, {"b", 7}};
	struct store_operation operations[] = {{"a", NULL, 0}, {"c", "1", 1}};
	uint64_t revision = 99;
	struct error error = {0};
	assert_int_equal(
		store_commit(store, compares, 2, operations, 2, &revision, &error), -ESTALE);
	assert_int_equal(error.code, ESTALE);
	assert_int_equal(revision, 99);
	assert_int_equal(store_revision(store), 1);
	assert_snapshot(store, "", 0, "a=1@1 ");
	assert_changes(store, "", 0, "a=1@1 ");
}

static void test_refused_commits(void **state)
{
	struct store *store = store_of(state);
	struct store_operation twice[] = {{"a", "1", 1}, {"b", "1", 1}, {"a", NULL, 0}};
	struct store_operation empty[] = {{"a", "1", 1}, {"", "1", 1}};
	assert_int_equal(store_commit(store, NULL, 0, NULL, 0, NULL, NULL), -EINVAL);
	assert_int_equal(store_commit(store, NULL, 0, twice, 3, NULL, NULL), -EINVAL);
	assert_int_equal(store_commit(store, NULL, 0, empty, 2, NULL, NULL), -EINVAL);
	assert_int_equal(store_revision(store), 0);
	assert_snapshot(store, "", 0, "");
}

static void test_delete(void **state)
{
	struct store *store = store_of(state);
	assert_int_equal(put(store, "a", "1"), 0);
	struct store_operation operations[] = {{"a", NULL, 0}, {"b", "1", 1}, {"c", NULL, 0}};
	assert_int_equal(store_commit(store, NULL, 0, operations, 3, NULL, NULL), 0);
	assert_snapshot(store, "", 0, "b=1@2 ");
	assert_changes(store, "", 1, "a!@2 b=1@2 ");
	// Nothing to delete is no change, but the commit counts.
	assert_int_equal(put(store, "a", NULL), 0);
	assert_int_equal(store_revision(store), 3);
	assert_changes(store, "", 2, "");
}

static void test_changes(void **state)
{
	struct store *store = store_of(state);
	struct store_operation operations[] = {{"c", "1", 1}, {"a", "1", 1}, {"b", "1", 1}};
	assert_int_equal(store_commit(store, NULL, 0, operations, 3, NULL, NULL), 0);
	assert_int_equal(put(store, "b", "2"), 0);
	assert_int_equal(put(store, "b", "3"), 0);
	assert_changes(store, "", 0, "a=1@1 b=1@1 c=1@1 b=2@2 b=3@3 ");
	assert_changes(store, "", 1, "b=2@2 b=3@3 ");
	assert_changes(store, "", 3, "");
	assert_changes(store, "b", 0, "b=1@1 b=2@2 b=3@3 ");
	struct error error = {0};
	assert_int_equal(store_changes(store, "", 4, write_entry, NULL, &error), -ERANGE);
	assert_int_equal(error.code, ERANGE);
}

static void test_compact(void **state)
{
	struct store *store = store_of(state);
	assert_int_equal(put(store, "a", "1"), 0);  // 1
	assert_int_equal(put(store, "b", "1"), 0);  // 2
	assert_int_equal(put(store, "a", "2"), 0);  // 3
	assert_int_equal(put(store, "b", NULL), 0); // 4
	assert_int_equal(put(store, "a", "3"), 0);  // 5
	assert_int_equal(store_compact(store, 3, NULL), 0);
	assert_int_equal(store_compacted(store), 3);
	assert_int_equal(store_revision(store), 5);
	assert_snapshot(store, "", 3, "a=2@3 b=1@2 ");
	assert_changes(store, "", 3, "b!@4 a=3@5 ");
	assert_int_equal(get_result(store, "a", 2), -ENODATA);
	assert_int_equal(store_snapshot(store, "", 2, write_entry, NULL, NULL), -ENODATA);
	assert_int_equal(store_changes(store, "", 2, write_entry, NULL, NULL), -ENODATA);
	assert_int_equal(store_changes(store, "", 0, write_entry, NULL, NULL), -ENODATA);
	assert_int_equal(store_compact(store, 6, NULL), -ERANGE);
	assert_int_equal(store_compact(store, 2, NULL), 0); // done long ago
	assert_int_equal(store_compacted(store), 3);
	assert_int_equal(store_compact(store, 5, NULL), 0);
	assert_snapshot(store, "", 0, "a=3@5 ");
	assert_int_equal(get_result(store, "b", 5), -ENOENT);
	assert_int_equal(put_if(store, "b", "2", "b", 0), 0);
	assert_int_equal(put_if(store, "a", "4", "a", 5), 0);
	assert_snapshot(store, "", 0, "a=4@7 b=2@6 ");
}

static int stop_at_second(void *context, const struct store_entry *entry)
{
	(void)entry;
	return ++*(int *)context == 2 ? -ECANCELED : 0;
}

static void test_a_visit_can_stop_the_walk(void **state)
{
	struct store *store = store_of(state);
	struct store_operation operations[] = {{"a", "1", 1}, {"b", "1", 1}, {"c", "1", 1}};
	assert_int_equal(store_commit(store, NULL, 0, operations, 3, NULL, NULL), 0);
	int visits = 0;
	assert_int_equal(store_snapshot(store, "", 0, stop_at_second, &visits, NULL), -ECANCELED);
	assert_int_equal(visits, 2);
	visits = 0;
	assert_int_equal(store_changes(store, "", 0, stop_at_second, &visits, NULL), -ECANCELED);
	assert_int_equal(visits, 2);
	assert_int_equal(put(store, "d", "1"), 0);
}

static int use_the_store(void *context, const struct store_entry *entry)
{
	(void)entry;
	assert_int_equal(put(context, "b", "1"), -EBUSY);
	assert_int_equal(get_result(context, "a", 0), -EBUSY);
	assert_int_equal(store_refresh(context, NULL), -EBUSY);
	return 0;
}

static void test_a_visit_cannot_use_the_store(void **state)
{
	struct store *store = store_of(state);
	assert_int_equal(put(store, "a", "1"), 0);
	assert_int_equal(store_snapshot(store, "", 0, use_the_store, store, NULL), 0);
	assert_int_equal(put(store, "b", "1"), 0);
}

static void test_reopen(void **state)
{
	struct fixture *fixture = *state;
	if (!engine->durable)
		return; // a store in memory ends when it is closed
	assert_int_equal(put(fixture->store, "a", "1"), 0);
	assert_int_equal(put(fixture->store, "a", "2"), 0);
	assert_int_equal(put(fixture->store, "b", "1"), 0);
	assert_int_equal(put(fixture->store, "b", NULL), 0);
	assert_int_equal(store_compact(fixture->store, 2, NULL), 0);
	store_close(fixture->store);
	fixture->store = store_must_open(fixture->url);
	assert_int_equal(store_revision(fixture->store), 4);
	assert_int_equal(store_compacted(fixture->store), 2);
	assert_snapshot(fixture->store, "", 0, "a=2@2 ");
	assert_snapshot(fixture->store, "", 3, "a=2@2 b=1@3 ");
	assert_changes(fixture->store, "", 2, "b=1@3 b!@4 ");
	assert_int_equal(put_if(fixture->store, "a", "3", "a", 2), 0);
	assert_int_equal(store_revision(fixture->store), 5);
}

static void test_a_refresh_without_news(void **state)
{
	struct store *store = store_of(state);
	assert_int_equal(store_refresh(store, NULL), 0);
	assert_int_equal(store_revision(store), 0);
	assert_int_equal(put(store, "a", "1"), 0);
	assert_int_equal(store_refresh(store, NULL), 0);
	assert_int_equal(store_revision(store), 1);
	assert_snapshot(store, "", 0, "a=1@1 ");
}

static void test_a_lease_can_be_kept_and_given_back(void **state)
{
	struct store *store = store_of(state);
	assert_int_equal(store_lease(store, "duty", 5, NULL), 0);
	assert_int_equal(store_lease(store, "duty", 5, NULL), 0);
	assert_int_equal(store_lease(store, "other", 5, NULL), 0);
	store_release(store, "duty");
	store_release(store, "duty");
	assert_int_equal(store_lease(store, "duty", 5, NULL), 0);
	assert_int_equal(store_revision(store), 0); // no commits
}

// Many keys in one commit, more than engines take at once by default.
static void test_a_large_commit_is_one_revision(void **state)
{
	enum { COUNT = 10000 };
	struct store *store = store_of(state);
	struct store_operation *operations = memory_resize(NULL, COUNT, sizeof(*operations));
	char(*keys)[16] = memory_resize(NULL, COUNT, sizeof(*keys));
	for (int i = 0; i < COUNT; i++) {
		snprintf(keys[i], sizeof(keys[i]), "key/%d", i);
		operations[i] = (struct store_operation){keys[i], keys[i], strlen(keys[i])};
	}
	uint64_t revision = 0;
	assert_int_equal(store_commit(store, NULL, 0, operations, COUNT, &revision, NULL), 0);
	assert_int_equal(revision, 1);
	assert_get(store, "key/9999", 0, "key/9999=key/9999@1 ");
	free(keys);
	free(operations);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
		TEST(test_empty),
		TEST(test_each_commit_is_one_revision),
		TEST(test_the_past_can_be_read),
		TEST(test_prefix),
		TEST(test_bytes_return_unchanged),
		TEST(test_large_and_empty_values),
		TEST(test_compare),
		TEST(test_one_failed_compare_refuses_all),
		TEST(test_refused_commits),
		TEST(test_delete),
		TEST(test_changes),
		TEST(test_compact),
		TEST(test_a_visit_can_stop_the_walk),
		TEST(test_a_visit_cannot_use_the_store),
		TEST(test_reopen),
		TEST(test_a_refresh_without_news),
		TEST(test_a_lease_can_be_kept_and_given_back),
		TEST(test_a_large_commit_is_one_revision),
	};
	int failed = 0;
	for (size_t i = 0; i < store_engine_count; i++) {
		engine = &store_engines[i];
		failed += cmocka_run_group_tests_name(engine->name, tests, NULL, NULL);
	}
	return failed;
}
