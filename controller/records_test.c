// SPDX-License-Identifier: Apache-2.0
#include "records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void put(struct records *records, const char *name, int value)
{
	json_t *json = json_pack("{s:i}", "value", value);
	records_put(records, name, json);
	json_decref(json);
}

static json_int_t get(const struct records *records, const char *name)
{
	json_t *json = records_get(records, name);
	json_int_t value = json ? json_integer_value(json_object_get(json, "value")) : -1;
	json_decref(json);
	return value;
}

static void test_records(void **state)
{
	(void)state;
	struct records records = {0};
	assert_int_equal(get(&records, "a"), -1);
	put(&records, "b", 1);
	put(&records, "a", 2);
	put(&records, "", 3);
	put(&records, "b", 4);
	assert_int_equal(records.count, 3);
	assert_int_equal(get(&records, "a"), 2);
	assert_int_equal(get(&records, "b"), 4);
	assert_int_equal(get(&records, ""), 3);
	const char *name;
	json_decref(records_at(&records, 1, &name));
	assert_string_equal(name, "a");
	records_remove(&records, "c");
	records_remove(&records, "a");
	assert_int_equal(get(&records, "a"), -1);
	assert_int_equal(records.count, 2);
	records_clear(&records);
}

// Short or long, it comes back as it was.
static void test_length(void **state)
{
	(void)state;
	enum { LONGEST = 1100 };
	struct records records = {0};
	char text[LONGEST + 1];
	for (size_t length = 490; length <= LONGEST; length += length < 520 ? 1 : 290) {
		memset(text, 'x', length);
		text[length] = '\0';
		json_t *value = json_pack("{s:s}", "text", text);
		records_put(&records, "a", value);
		json_t *got = records_get(&records, "a");
		assert_true(json_equal(got, value));
		json_decref(got);
		json_decref(value);
	}
	records_clear(&records);
}

// Against an array that is as plain as can be.
static void test_random(void **state)
{
	(void)state;
	enum { NAMES = 60 };
	struct records records = {0};
	int wanted[NAMES];
	unsigned seed = 1;
	memset(wanted, -1, sizeof(wanted));
	for (int i = 0; i < 5000; i++) {
		char name[16];
		seed = seed * 1664525 + 1013904223;
		int number = (int)(seed >> 16) % NAMES;
		snprintf(name, sizeof(name), "n%d", number);
		if (seed >> 31) {
			records_remove(&records, name);
			wanted[number] = -1;
		} else {
			put(&records, name, i);
			wanted[number] = i;
		}
	}
	size_t count = 0;
	for (int i = 0; i < NAMES; i++) {
		char name[16];
		snprintf(name, sizeof(name), "n%d", i);
		assert_int_equal(get(&records, name), wanted[i]);
		count += wanted[i] >= 0;
	}
	assert_int_equal(records.count, count);
	records_clear(&records);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
