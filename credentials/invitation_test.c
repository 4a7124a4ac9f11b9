// SPDX-License-Identifier: Apache-2.0
#include "credentials/invitation.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

#define SECRET "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-_"
#define FINGERPRINT "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB09"

static void test_good(void **state)
{
	(void)state;
	struct invitation invitation;
	char text[INVITATION_TEXT];
	static const char given[] = "weft-join.rack1.h1." SECRET "." FINGERPRINT;
	assert_int_equal(invitation_parse(&invitation, given, NULL), 0);
	assert_string_equal(invitation.host, "rack1.h1");
	assert_string_equal(invitation.secret, SECRET);
	assert_string_equal(invitation.fingerprint, FINGERPRINT);
	assert_string_equal(invitation_format(&invitation, text), given);
	assert_int_equal(
		invitation_parse(&invitation, "weft-join.h1." SECRET "." FINGERPRINT "\r\n", NULL),
		0);
}

static void test_bad(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "weft-join", "weft-join.", "weft-join..",
		"weft-join.h1", "weft-join.h1.", "weft-join.h1." SECRET, "weft-join.h1." SECRET ".",
		"weft-join." SECRET "." FINGERPRINT, "weft-join..",
		"weft-join.H1." SECRET "." FINGERPRINT, "weft-join.h1-." SECRET "." FINGERPRINT,
		"weft-join.h1." SECRET "x." FINGERPRINT, "weft-join.h1." SECRET "." FINGERPRINT "x",
		"weft-join.h1." SECRET " ." FINGERPRINT, "WEFT-JOIN.h1." SECRET "." FINGERPRINT,
		"weft-join.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa." SECRET
		"." FINGERPRINT,
		" weft-join.h1." SECRET "." FINGERPRINT};
	for (size_t i = 0; i < array_count(bad); i++) {
		struct invitation invitation = {.host = "untouched"};
		struct error error = {0};
		assert_int_equal(invitation_parse(&invitation, bad[i], &error), -EINVAL);
		assert_string_equal(invitation.host, "untouched");
		assert_null(strstr(error.message, "AAAA"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
