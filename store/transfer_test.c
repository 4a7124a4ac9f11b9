// SPDX-License-Identifier: Apache-2.0
// Moving a store from each engine to each other, and texts that must not be taken.
#include "store/transfer.h"

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

static char *export_text(struct store *store)
{
	char *text = NULL;
	size_t length = 0;
	struct store_transfer done;
	FILE *out = open_memstream(&text, &length);
	assert_int_equal(store_export(store, out, &done, NULL), 0);
	fclose(out);
	assert_int_equal(done.revision, store_revision(store));
	return text;
}

static int import_text(struct store *store, const char *text, struct error *error)
{
	struct store_transfer done;
	FILE *in = fmemopen((void *)text, strlen(text), "r");
	int result = store_import(store, in, "saved.json", &done, error);
	fclose(in);
	if (result == 0)
		assert_int_equal(done.revision, store_revision(store));
	return result;
}

// Texts and other bytes, keys that were changed and that are gone.
static void commit_some(struct store *store)
{
	static const char bytes[] = "\xff\x00\x01";
	struct store_operation odd[] = {
		{"bytes", bytes, sizeof(bytes) - 1}, {"key\xfe", "1", 1}, {"empty", "", 0}};
	assert_int_equal(put(store, "objects/a", "{\"name\": \"a\"}"), 0);
	assert_int_equal(put(store, "objects/b", "\xc3\xa4 \"\\\n"), 0);
	assert_int_equal(store_commit(store, NULL, 0, odd, 3, NULL, NULL), 0);
	assert_int_equal(put(store, "objects/a", "{\"name\": \"a2\"}"), 0);
	assert_int_equal(put(store, "gone", "1"), 0);
	assert_int_equal(put(store, "gone", NULL), 0);
}

static void move(const struct store_engine *from, const struct store_engine *to)
{
	char *from_url = from->place(), *to_url = to->place();
	struct store *one = store_must_open(from_url), *other = store_must_open(to_url);
	struct error error = {0};
	commit_some(one);
	cleanup_free char *text = export_text(one);
	assert_int_equal(import_text(other, text, &error), 0);
	cleanup_free char *again = export_text(other);
	assert_string_equal(text, again);
	// It goes on where the other was: revisions, compares, history.
	assert_int_equal(store_revision(other), 6);
	assert_int_equal(store_compacted(other), 6);
	assert_int_equal(get_result(other, "objects/a", 5), -ENODATA);
	assert_int_equal(put_if(other, "objects/a", "3", "objects/a", 3), -ESTALE);
	assert_int_equal(put_if(other, "objects/a", "3", "objects/a", 4), 0);
	assert_changes(other, "", 6, "objects/a=3@7 ");
	assert_int_equal(import_text(other, text, &error), -EEXIST);
	assert_int_equal(store_revision(other), 7);
	store_close(one);
	store_close(other);
	if (to->durable) {
		assert_int_equal(store_open_existing(&other, to_url, &error), 0);
		assert_int_equal(store_revision(other), 7);
		assert_snapshot(other, "objects/", 0, "objects/a=3@7 objects/b=\xc3\xa4 \"\\\n@2 ");
		store_close(other);
	}
	from->remove(from_url);
	to->remove(to_url);
}

static void test_each_engine_to_each(void **state)
{
	(void)state;
	for (size_t i = 0; i < store_engine_count; i++)
		for (size_t j = 0; j < store_engine_count; j++)
			move(&store_engines[i], &store_engines[j]);
}

// Handles that were open before take in what the store was filled with.
static void test_others_see_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < store_engine_count; i++) {
		char *url = store_engines[i].place();
		struct store *store = store_must_open(url), *other;
		struct error error = {0};
		if (store_descriptor(store) < 0) {
			store_close(store);
			store_engines[i].remove(url);
			continue; // nobody else can have it open
		}
		other = store_must_open(url);
		assert_int_equal(import_text(store,
					 "{\"weft\": \"store\", \"format\": 1, \"revision\": 9}\n"
					 "{\"key\": \"a\", \"revision\": 3, \"value\": \"1\"}\n"
					 "{\"end\": true, \"keys\": 1}\n",
					 &error),
			0);
		assert_int_equal(store_refresh(other, NULL), 0);
		assert_int_equal(store_revision(other), 9);
		assert_snapshot(other, "", 0, "a=1@3 ");
		assert_int_equal(put(other, "b", "1"), 0);
		assert_int_equal(put(store, "c", "1"), 0);
		assert_snapshot(store, "", 0, "a=1@3 b=1@10 c=1@11 ");
		store_close(store);
		store_close(other);
		store_engines[i].remove(url);
	}
}

static void test_empty(void **state)
{
	(void)state;
	for (size_t i = 0; i < store_engine_count; i++) {
		char *url = store_engines[i].place();
		struct store *store = store_must_open(url);
		cleanup_free char *text = export_text(store);
		assert_string_equal(text, "{\"weft\": \"store\", \"format\": 1, \"revision\": 0}\n"
					  "{\"end\": true, \"keys\": 0}\n");
		assert_int_equal(import_text(store, text, NULL), 0);
		assert_int_equal(store_revision(store), 0);
		// All was deleted: nothing lives, and yet the revision counts on.
		assert_int_equal(import_text(store,
					 "{\"weft\": \"store\", \"format\": 1, \"revision\": 5}\n"
					 "{\"end\": true, \"keys\": 0}\n",
					 NULL),
			0);
		assert_int_equal(store_revision(store), 5);
		assert_snapshot(store, "", 0, "");
		assert_int_equal(import_text(store, text, NULL), -EEXIST);
		store_close(store);
		store_engines[i].remove(url);
	}
}

#define HEAD "{\"weft\": \"store\", \"format\": 1, \"revision\": 9}\n"
#define ENTRY "{\"key\": \"b\", \"revision\": 3, \"value\": \"1\"}\n"
#define END "{\"end\": true, \"keys\": 1}\n"

static const struct {
	const char *text;
	int code, line;
	const char *message;
} refused[] = {
	{"\n", EINVAL, 1, "not a line"},
	{"{}\n", EINVAL, 1, "the first line must be"},
	{"tenants:\n", EINVAL, 1, "not a line of an exported store"},
	{"{\"weft\": \"store\", \"format\": 2, \"whatever\": 1}\n" ENTRY END, EPROTO, 1,
		"format 2, this version of Weft knows formats up to 1"},
	{"{\"weft\": \"store\", \"format\": 0, \"revision\": 1}\n" END, EINVAL, 1,
		"the first line must be"},
	{"{\"weft\": \"store\", \"format\": 1, \"revision\": -1}\n" END, EINVAL, 1, "no revision"},
	{"{\"weft\": \"store\", \"format\": 1, \"revision\": 1.5}\n" END, EINVAL, 1, "no revision"},
	{"{\"weft\": \"store\", \"format\": 1, \"revision\": 0}\n" ENTRY END, EINVAL, 2,
		"a key of a store at revision 0"},
	{HEAD, EUCLEAN, 1, "cut short"},
	{HEAD ENTRY, EUCLEAN, 2, "cut short: it ends before the line with \"end\""},
	{HEAD ENTRY "{\"end\": true, \"keys\": 1}", EUCLEAN, 3, "its last line has no end"},
	{HEAD ENTRY "{\"key\": \"c\", \"revi", EUCLEAN, 3, "its last line has no end"},
	{HEAD ENTRY "{\"key\": \"c\", \"revi\n", EINVAL, 3, "not a line"},
	{HEAD END, EUCLEAN, 2, "should have 1 keys, and has 0"},
	{HEAD ENTRY "{\"end\": true}\n", EINVAL, 3, "not the last line"},
	{HEAD ENTRY "{\"end\": 1, \"keys\": 1}\n", EINVAL, 3, "not the last line"},
	{HEAD ENTRY END END, EINVAL, 4, "behind the last"},
	{HEAD ENTRY ENTRY END, EINVAL, 3, "b stands after b: keys must ascend"},
	{HEAD ENTRY "{\"key\": \"a\", \"revision\": 3, \"value\": \"1\"}\n" END, EINVAL, 3,
		"a stands after b"},
	{HEAD "{\"key\": \"b\", \"revision\": 10, \"value\": \"1\"}\n" END, EINVAL, 2,
		"revision 10 is not among 1 to 9"},
	{HEAD "{\"key\": \"b\", \"revision\": 0, \"value\": \"1\"}\n" END, EINVAL, 2,
		"revision 0 is not among"},
	{HEAD "{\"key\": \"\", \"revision\": 1, \"value\": \"1\"}\n" END, EINVAL, 2,
		"without a key"},
	{HEAD "{\"key\": \"a\\u0000b\", \"revision\": 1, \"value\": \"1\"}\n" END, EINVAL, 2,
		"not an entry"},
	{HEAD "{\"key\": \"b\", \"revision\": 1}\n" END, EINVAL, 2, "not an entry"},
	{HEAD "{\"key\": \"b\", \"revision\": 1, \"value\": {}}\n" END, EINVAL, 2, "not an entry"},
	{HEAD "{\"key\": \"b\", \"revision\": \"1\", \"value\": \"1\"}\n" END, EINVAL, 2,
		"not an entry"},
	{HEAD "{\"key\": \"b\", \"key\": \"b\", \"revision\": 1, \"value\": \"1\"}\n" END, EINVAL,
		2, "duplicate"},
	{HEAD "{\"key\": \"b\", \"key64\": \"YQ==\", \"revision\": 1, \"value\": \"1\"}\n" END,
		EINVAL, 2, "not an entry"},
	{HEAD "{\"key\": \"b\", \"revision\": 1, \"value64\": \"YQ\"}\n" END, EINVAL, 2,
		"not an entry"},
	{HEAD "{\"key\": \"b\", \"revision\": 1, \"value\": \"1\", \"more\": 1}\n" END, EINVAL, 2,
		"not an entry"},
	{HEAD "[1]\n" END, EINVAL, 2, "not an entry"},
};

// Refused with the line, and nothing is in the store: the text with all its lines right still goes
// in.
static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < store_engine_count; i++) {
		char *url = store_engines[i].place();
		struct store *store = store_must_open(url);
		for (size_t j = 0; j < array_count(refused); j++) {
			struct error error = {0};
			int result = import_text(store, refused[j].text, &error);
			if (result != -refused[j].code || error.code != refused[j].code ||
				error.line != refused[j].line ||
				!strstr(error.message, refused[j].message) ||
				strcmp(error.file, "saved.json") != 0)
				fail_msg("%s: %d, line %d: %s", refused[j].text, result, error.line,
					error.message);
			assert_int_equal(store_revision(store), 0);
			assert_snapshot(store, "", 0, "");
		}
		assert_int_equal(import_text(store, HEAD ENTRY END, NULL), 0);
		assert_snapshot(store, "", 0, "b=1@3 ");
		store_close(store);
		store_engines[i].remove(url);
	}
}

// More than fits into one value of etcd.
static void test_many(void **state)
{
	(void)state;
	enum { COUNT = 3000 };
	cleanup_free char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	fprintf(out, "{\"weft\": \"store\", \"format\": 1, \"revision\": %d}\n", (int)COUNT);
	for (int i = 1; i <= COUNT; i++) {
		fprintf(out, "{\"key\": \"key/%06d\", \"revision\": %d, \"value\": \"", i, i);
		for (int j = 0; j < 800; j++)
			putc('!' + 2 + rand() % 50, out); // not the quote
		fputs("\"}\n", out);
	}
	fprintf(out, "{\"end\": true, \"keys\": %d}\n", (int)COUNT);
	fclose(out);
	for (size_t i = 0; i < store_engine_count; i++) {
		char *url = store_engines[i].place();
		struct store *store = store_must_open(url);
		struct error error = {0};
		if (import_text(store, text, &error))
			fail_msg("%s", error.message);
		cleanup_free char *again = export_text(store);
		assert_string_equal(text, again);
		store_close(store);
		store_engines[i].remove(url);
	}
}

static void test_a_store_that_is_not_there(void **state)
{
	(void)state;
	for (size_t i = 0; i < store_engine_count; i++) {
		char *url = store_engines[i].place();
		struct store *store = NULL;
		struct error error = {0};
		if (store_engines[i].durable) {
			assert_int_equal(store_open_existing(&store, url, &error), -ENOENT);
			assert_non_null(strstr(error.message, "there is no store"));
			// Asking did not make it.
			assert_int_equal(store_open_existing(&store, url, &error), -ENOENT);
		}
		store_engines[i].remove(url);
	}
}

static void test_a_full_disk(void **state)
{
	(void)state;
	struct store *store = store_must_open("sqlite::memory:");
	struct store_transfer done;
	struct error error = {0};
	commit_some(store);
	FILE *out = fopen("/dev/full", "w");
	assert_non_null(out);
	assert_int_equal(store_export(store, out, &done, &error), -ENOSPC);
	assert_non_null(strstr(error.message, "No space left on device"));
	fclose(out);
	store_close(store);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_engine_to_each),
		cmocka_unit_test(test_others_see_it),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_a_store_that_is_not_there),
		cmocka_unit_test(test_a_full_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
