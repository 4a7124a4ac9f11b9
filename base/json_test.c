// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// The same as jansson says: the value, in the same order, or why there is none.
static bool check(const char *text, size_t length)
{
	json_error_t ours = {0}, theirs = {0};
	json_t *json = json_read(text, length, &ours);
	json_t *expected = json_loadb(text, length, JSON_REJECT_DUPLICATES, &theirs);
	assert_int_equal(!json, !expected);
	if (json) {
		char *a = json_dumps(json, JSON_COMPACT), *b = json_dumps(expected, JSON_COMPACT);
		assert_true(json_equal(json, expected));
		assert_string_equal(a, b);
		free(a);
		free(b);
	} else {
		assert_string_equal(ours.text, theirs.text);
		assert_int_equal(ours.line, theirs.line);
		assert_int_equal(ours.column, theirs.column);
	}
	json_decref(json);
	json_decref(expected);
	return json;
}

static const char *const texts[] = {
	"{\"type\":\"put\",\"object\":{\"a\":[1,-2,0,-0,{\"b\":{}},[]],\"c\":\"x "
	"y\",\"d\":true,\"e\":false,\"f\":null}}",
	" { \"a\" :\t[ 1 ,\r\n 2 ] , \"b\" : \"\" } \n",
	"[{\"rules\":[{\"name\":\"r0\",\"from\":[\"192.0.2.0\"],\"ports\":[\"tcp/"
	"9000\"],\"priority\":100}]}]",
	"{\"a\":\"\\n\\u00e9\\\"\",\"b\":\"\xc3\xa9\",\"c\":1.5,\"d\":1e3,\"e\":\"\x7f\"}",
	"[999999999999999999,9223372036854775807,-9223372036854775808,-999999999999999999]",
	"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
	"{}",
	"[]",
	"[\"\"]",
	"{\"\":0}",
};

static const char *const wrong[] = {
	"",
	" ",
	"{",
	"[",
	"}",
	"{\"a\"}",
	"{\"a\":}",
	"{\"a\":1,}",
	"{,}",
	"[1,]",
	"[,1]",
	"[1 2]",
	"{\"a\":1 \"b\":2}",
	"{\"a\":1}x",
	"{\"a\":1}}",
	"[01]",
	"[-]",
	"[--1]",
	"[+1]",
	"[1.]",
	"[1e]",
	"[- 1]",
	"[.5]",
	"[9223372036854775808]",
	"[truth]",
	"[tru",
	"[nul]",
	"[True]",
	"\"text\"",
	"1",
	"true",
	"{\"a\":1,\"a\":1}",
	"{\"a\":{\"b\":1,\"b\":2}}",
	"{a:1}",
	"['a']",
	"[\"a",
	"[\"a\\",
	"[\"\t\"]",
	"[\"\xff\"]",
	"[\"\xc3\"]",
	"[\"\\u0000\"]",
	"{\"a\":1,\"b\"",
	"{1:2}",
};

static void as_jansson(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_true(check(texts[i], strlen(texts[i])));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(check(wrong[i], strlen(wrong[i])));
	assert_false(check("[\0]", 3));
	assert_false(check("{}\0", 3));
	assert_false(check("[\"a\0b\"]", 7));
}

static void too_deep(void **state)
{
	enum { DEPTH = 3000 };
	char text[2 * DEPTH];
	(void)state;
	memset(text, '[', DEPTH);
	memset(text + DEPTH, ']', DEPTH);
	assert_false(check(text, sizeof(text)));
	assert_true(check(text + DEPTH - 1000, 2000));
}

// One byte or several of a good text are others, go or come.
static void changed_at_random(void **state)
{
	static const char letters[] = "{}[]\",:\\ \n\t0123456789-+.eEtrufalsn\x01\x7f\xc3\xa9x";
	size_t good = 0, all = 200000;
	(void)state;
	srand(1);
	for (size_t i = 0; i < all; i++) {
		const char *from = texts[(size_t)rand() % (sizeof(texts) / sizeof(*texts))];
		char text[256];
		size_t length = strlen(from);
		memcpy(text, from, length);
		for (int change = rand() % 3; change >= 0 && length; change--) {
			size_t at = (size_t)rand() % length;
			char letter = letters[(size_t)rand() % (sizeof(letters) - 1)];
			if (rand() % 3)
				text[at] = letter;
			else if (rand() % 2)
				memmove(text + at, text + at + 1, --length - at);
			else
				length = at;
		}
		good += check(text, length);
	}
	assert_true(good > all / 20 && good < all / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_jansson),
		cmocka_unit_test(too_deep),
		cmocka_unit_test(changed_at_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
