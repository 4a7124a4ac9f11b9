// SPDX-License-Identifier: Apache-2.0
#include "identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/memory.h"

static void test_administrator(void **state)
{
	(void)state;
	assert_int_equal(identity_from_name("weft-admin").role, ROLE_ADMINISTRATOR);
}

static void test_host(void **state)
{
	(void)state;
	struct identity identity = identity_from_name("weft-host:h1");
	assert_int_equal(identity.role, ROLE_HOST);
	assert_string_equal(identity.host, "h1");
	assert_true(identity_is_host(&identity, "h1"));
	assert_false(identity_is_host(&identity, "h10"));
	assert_false(identity_is_host(&identity, "h"));
	assert_false(identity_is_host(&identity, ""));
}

static void test_nobody(void **state)
{
	(void)state;
	static const char *const names[] = {"", "weft", "weft-admin ", " weft-admin", "WEFT-ADMIN",
		"weft-admin2", "weft-host", "weft-host:", "weft-host:h1/x", "weft-host:H1",
		"weft-host: h1", "weft-host:h1\n",
		"weft-host:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	for (size_t i = 0; i < array_count(names); i++) {
		struct identity identity = identity_from_name(names[i]);
		assert_int_equal(identity.role, ROLE_NONE);
		assert_false(identity_is_host(&identity, ""));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_administrator),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
