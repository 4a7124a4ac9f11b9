// SPDX-License-Identifier: Apache-2.0
#include "base/base64url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

// RFC 4648, section 10, without padding; and the two letters in which it differs from base64.
static void test_examples(void **state)
{
	static const struct {
		const char *bytes, *text;
	} cases[] = {{"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"foob", "Zm9vYg"},
		{"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff", "-_8"}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[16];
		size_t count = strlen(cases[i].bytes);
		base64url_encode((const uint8_t *)cases[i].bytes, count, text);
		assert_string_equal(text, cases[i].text);
		assert_int_equal(BASE64URL_TEXT(count), strlen(text) + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_examples)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
