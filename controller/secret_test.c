// SPDX-License-Identifier: Apache-2.0
#include "secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void test_secrets_differ(void **state)
{
	(void)state;
	char first[SECRET_TEXT], second[SECRET_TEXT];
	assert_int_equal(secret_make(first), 0);
	assert_int_equal(secret_make(second), 0);
	assert_int_equal(strlen(first), SECRET_TEXT - 1);
	assert_int_equal(strspn(first, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789-_"),
		SECRET_TEXT - 1);
	assert_string_not_equal(first, second);
}

static void test_matching(void **state)
{
	(void)state;
	// From FIPS 180-2, appendix B.1.
	static const char abc[] =
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	char digest[DIGEST_TEXT];
	assert_string_equal(secret_digest("abc", digest), abc);
	assert_true(secret_matches("abc", abc));
	assert_false(secret_matches("abd", abc));
	assert_false(secret_matches("", abc));
	assert_false(secret_matches("abc", NULL));
	assert_false(secret_matches("abc", ""));
	assert_false(secret_matches("", ""));
	assert_false(secret_matches("abc", "ba78"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secrets_differ),
		cmocka_unit_test(test_matching),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
