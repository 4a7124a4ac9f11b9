// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void first_error_stays(void **state)
{
	(void)state;
	struct error error = {0};
	assert_int_equal(error_set(&error, EINVAL, "bad %d", 1), -EINVAL);
	assert_int_equal(error_set(&error, ENOENT, "consequence"), -ENOENT);
	assert_int_equal(error.code, EINVAL);
	assert_string_equal(error.message, "bad 1");
	error_set_object(&error, "acme/ports/%s", "web1");
	error_set_object(&error, "other");
	assert_string_equal(error.object, "acme/ports/web1");
	error_set_field(&error, "mac");
	error_set_field(&error, "other");
	assert_string_equal(error.field, "mac");
}

static void null_is_accepted(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, EBUSY, "in use"), -EBUSY);
	error_set_object(NULL, "a");
	error_set_field(NULL, "a");
	error_prefix_field(NULL, "a");
}

static void fields_are_prefixed(void **state)
{
	(void)state;
	struct error error = {0};
	error_set_field(&error, "mac");
	error_prefix_field(&error, "security[%d]", 0);
	assert_string_equal(error.field, "security[0].mac");
	struct error list = {0};
	error_set_field(&list, "[%d]", 2);
	error_prefix_field(&list, "addresses");
	assert_string_equal(list.field, "addresses[2]");
	struct error none = {0};
	error_prefix_field(&none, "labels");
	assert_string_equal(none.field, "labels");
}

static void long_texts_are_cut(void **state)
{
	(void)state;
	struct error error = {0};
	char text[4096], small[8];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	error_set(&error, EINVAL, "%s", text);
	error_set_field(&error, "%s", text);
	error_prefix_field(&error, "%s", text);
	assert_int_equal(strlen(error.message), sizeof(error.message) - 1);
	assert_int_equal(strlen(error.field), sizeof(error.field) - 1);
	assert_int_equal(strlen(error_format(&error, small, sizeof(small))), sizeof(small) - 1);
}

static void hostile_text_becomes_printable(void **state)
{
	(void)state;
	static const struct {
		const char *sent, *shown;
	} cases[] = {
		{"a\nb\033[2J\x7f", "a?b?[2J?"},
		{"d\xc3\xa9j\xc3\xa0 \xe2\x82\xac \xf0\x9f\xa7\xb6",
			"d\xc3\xa9j\xc3\xa0 \xe2\x82\xac \xf0\x9f\xa7\xb6"},
		{"\xff\xc0\x80", "???"}, {"\xe2\x82", "??"}, // cut
		{"\xed\xa0\x80", "???"},                     // a surrogate
		{"\xf4\x90\x80\x80", "????"},                // beyond U+10FFFF
		{"\xe0\x80\xaf", "???"},                     // overlong
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error error = {0};
		error_set(&error, EINVAL, "%s", cases[i].sent);
		error_set_object(&error, "%s", cases[i].sent);
		error_set_field(&error, "%s", cases[i].sent);
		assert_string_equal(error.message, cases[i].shown);
		assert_string_equal(error.object, cases[i].shown);
		assert_string_equal(error.field, cases[i].shown);
	}
}

static void one_line_for_a_person(void **state)
{
	(void)state;
	char text[256];
	struct error error = {0};
	error_set(&error, EINVAL, "unknown field");
	assert_string_equal(error_format(&error, text, sizeof(text)), "unknown field");
	error.line = 3;
	error.column = 7;
	assert_string_equal(
		error_format(&error, text, sizeof(text)), "line 3, column 7: unknown field");
	strcpy(error.file, "a.yaml");
	error_set_object(&error, "acme/networks/web");
	error_set_field(&error, "subnts");
	assert_string_equal(error_format(&error, text, sizeof(text)),
		"a.yaml:3:7: acme/networks/web: subnts: unknown field");
	error.line = 0;
	assert_string_equal(error_format(&error, text, sizeof(text)),
		"a.yaml: acme/networks/web: subnts: unknown field");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_error_stays),
		cmocka_unit_test(null_is_accepted),
		cmocka_unit_test(fields_are_prefixed),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(hostile_text_becomes_printable),
		cmocka_unit_test(one_line_for_a_person),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
