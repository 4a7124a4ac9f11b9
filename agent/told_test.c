// SPDX-License-Identifier: Apache-2.0
#include "told.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char gone_names[256];

static void note_gone(void *context, const char *name)
{
	(void)context;
	strcat(gone_names, name);
	strcat(gone_names, " ");
}

struct item {
	uint32_t number;
	const char *name;
	uint64_t digest;
};

// One round; how many are news. `gone_names` holds who is gone.
static int look_round(struct told *told, const struct item *items, size_t count)
{
	int news = 0;
	gone_names[0] = '\0';
	told_begin(told);
	for (size_t i = 0; i < count; i++)
		news += told_look(
			told, items[i].number, items[i].name, items[i].digest, note_gone, NULL);
	told_end(told, note_gone, NULL);
	return news;
}

static void test_differences(void **state)
{
	(void)state;
	struct told told = {0};
	struct item items[] = {{1, "a", 10}, {2, "b", 20}, {3, "c", 30}};
	assert_int_equal(look_round(&told, items, 3), 3);
	assert_int_equal(look_round(&told, items, 3), 0);
	items[1].digest = 21;
	assert_int_equal(look_round(&told, items, 3), 1);
	assert_string_equal(gone_names, "");
	assert_int_equal(look_round(&told, items, 2), 0);
	assert_string_equal(gone_names, "c ");
	items[0].name = "z";
	assert_int_equal(look_round(&told, items, 2), 1);
	assert_string_equal(gone_names, "a ");
	assert_int_equal(look_round(&told, items, 3), 1); // c came back
	told_forget(&told);
	assert_int_equal(look_round(&told, items, 3), 3);
	told_forget(&told);
}

static void test_still(void **state)
{
	(void)state;
	struct told told = {0};
	struct item items[] = {{1, "a", 10}, {2, "b", 20}};
	assert_false(told_still(&told, 1, 10));
	assert_int_equal(look_round(&told, items, 2), 2);
	gone_names[0] = '\0';
	told_begin(&told);
	assert_true(told_still(&told, 1, 10));
	assert_false(told_still(&told, 2, 21));
	told_end(&told, note_gone, NULL);
	assert_string_equal(gone_names, "b ");
	assert_false(told_still(&told, 2, 20));
	told_forget(&told);
}

static void test_digests(void **state)
{
	(void)state;
	assert_int_not_equal(told_digest_text(TOLD_SEED, NULL), told_digest_text(TOLD_SEED, ""));
	uint64_t first = told_digest_text(told_digest_text(TOLD_SEED, "ab"), "c");
	assert_int_not_equal(first, told_digest_text(told_digest_text(TOLD_SEED, "a"), "bc"));
	for (size_t length = 1; length < 40; length++) {
		char bytes[40] = {0};
		uint64_t before = told_digest(TOLD_SEED, bytes, length);
		for (size_t at = 0; at < length; at++) {
			bytes[at] = 1;
			assert_int_not_equal(told_digest(TOLD_SEED, bytes, length), before);
			bytes[at] = 0;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_differences),
		cmocka_unit_test(test_still),
		cmocka_unit_test(test_digests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
