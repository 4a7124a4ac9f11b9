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
	assert_string_equal(identity.name, "h1");
	assert_true(identity_is_host(&identity, "h1"));
	assert_false(identity_is_host(&identity, "h10"));
	assert_false(identity_is_host(&identity, "h"));
	assert_false(identity_is_host(&identity, ""));
}

static void test_others(void **state)
{
	(void)state;
	struct identity relay = identity_from_name("weft-relay:r1");
	assert_int_equal(relay.role, ROLE_RELAY);
	assert_string_equal(relay.name, "r1");
	assert_false(identity_is_host(&relay, "r1"));
	assert_int_equal(identity_from_name("weft-controller").role, ROLE_CONTROLLER);
}

static struct identity by_token(const char *fields)
{
	struct object *object;
	json_t *json = json_loads(fields, 0, NULL);
	assert_int_equal(object_decode(&object, MODEL_TOKEN, NULL, "t", json, false, NULL), 0);
	struct identity identity = identity_from_token((struct token *)object);
	object_unref(object);
	json_decref(json);
	return identity;
}

static void test_tokens(void **state)
{
	(void)state;
	static const struct {
		const char *fields, *role;
		bool scoped, sees_acme, sees_umbrella;
	} cases[] = {
		{"{\"role\": \"admin\"}", "admin", false, true, true},
		{"{\"role\": \"reader\"}", "reader", false, true, true},
		{"{\"role\": \"reader\", \"tenants\": [\"acme\"]}", "tenant-reader", true, true,
			false},
		{"{\"role\": \"tenant-admin\", \"tenants\": [\"b\", \"acme\"]}", "tenant-admin",
			true, true, false},
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct identity identity = by_token(cases[i].fields);
		assert_string_equal(role_name(identity.role), cases[i].role);
		assert_int_equal(identity_is_scoped(&identity), cases[i].scoped);
		assert_int_equal(identity_sees_tenant(&identity, "acme"), cases[i].sees_acme);
		assert_int_equal(
			identity_sees_tenant(&identity, "umbrella"), cases[i].sees_umbrella);
		assert_false(identity_is_host(&identity, "t"));
		identity_done(&identity);
	}
	struct identity host = identity_from_name("weft-host:h1");
	assert_false(identity_sees_tenant(&host, "acme"));
}

static void test_nobody(void **state)
{
	(void)state;
	static const char *const names[] = {"", "weft", "weft-admin ", " weft-admin", "WEFT-ADMIN",
		"weft-admin2", "weft-host", "weft-relay:", "weft-controller:", "weft-controllerx",
		"weft-host:", "weft-host:h1/x", "weft-host:H1", "weft-host: h1", "weft-host:h1\n",
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
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
