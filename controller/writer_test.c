// SPDX-License-Identifier: Apache-2.0
// Texts and JSON, one after the other.
#include "writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void test_says_what_jansson_says(void **state)
{
	(void)state;
	static const char *const texts[] = {"{}", "[]", "[[],{},[{}]]",
		"{\"b\":1,\"a\":[true,false,null],\"c\":{\"d\":\"\"}}",
		"[0,-1,9223372036854775807,-9223372036854775808,10,1.5,-2.5e-300]",
		"[\"plain\",\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f/"
		"\",\"\\\"\",\"a\\\"b\",\"\xc3\xa9\xf0\x9f\xa6\x8a\x7f\"]",
		"{\"\\n\\\"\":\"\\u0000x\"}"};
	struct writer writer = {0};
	char all[4096] = "";
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		json_t *json = json_loads(texts[i], JSON_ALLOW_NUL, NULL);
		assert_non_null(json);
		char *expected = json_dumps(json, JSON_COMPACT);
		strcat(all, expected);
		writer_json(&writer, json);
		assert_int_equal(writer.length, strlen(all));
		assert_memory_equal(writer.text, all, writer.length);
		free(expected);
		json_decref(json);
	}
	writer_done(&writer);
	assert_int_equal(writer.length, 0);
}

static void test_grows(void **state)
{
	(void)state;
	struct writer writer = {0};
	json_t *json = json_array();
	for (int i = 0; i < 5000; i++)
		json_array_append_new(json, json_sprintf("number %d", i));
	char *expected = json_dumps(json, JSON_COMPACT);
	writer_json(&writer, json);
	writer_append(&writer, "\n", 1);
	assert_int_equal(writer.length, strlen(expected) + 1);
	assert_memory_equal(writer.text, expected, strlen(expected));
	assert_int_equal(writer.text[writer.length - 1], '\n');
	free(expected);
	json_decref(json);
	writer_done(&writer);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_says_what_jansson_says),
		cmocka_unit_test(test_grows),
	};
	return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
