// SPDX-License-Identifier: Apache-2.0
#include "model/digest.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static uint64_t digest_of(enum model_kind kind, char *tenant, char *name, uint64_t revision)
{
	const struct object object = {
		.kind = kind, .tenant = tenant, .name = name, .revision = revision};
	return object_digest(&object);
}

// Both sides compute it, in whatever version: these numbers never change. They were worked
// out by another program, from the definition in the header.
static void test_known_values(void **state)
{
	(void)state;
	assert_int_equal(digest_of(MODEL_HOST, NULL, "h1", 1), 0xf4614bf12158280a);
	assert_int_equal(digest_of(MODEL_PORT, "acme", "web1", 42), 0xbd31bab72c0d4774);
	assert_int_equal(object_digest(NULL), 0);
}

static void test_everything_counts(void **state)
{
	(void)state;
	const uint64_t all[] = {
		digest_of(MODEL_PORT, "acme", "web1", 42),
		digest_of(MODEL_PORT, "acme", "web1", 43),
		digest_of(MODEL_PORT, "acme", "web2", 42),
		digest_of(MODEL_PORT, "acm", "eweb1", 42),
		digest_of(MODEL_NETWORK, "acme", "web1", 42),
		digest_of(MODEL_HOST, NULL, "web1", 42),
	};
	enum { COUNT = sizeof(all) / sizeof(*all) };
	for (int i = 0; i < COUNT; i++)
		for (int j = 0; j < i; j++)
			assert_int_not_equal(all[i], all[j]);
	// Two objects that exchange their revisions are another set.
	assert_int_not_equal(
		digest_of(MODEL_HOST, NULL, "a", 1) + digest_of(MODEL_HOST, NULL, "b", 2),
		digest_of(MODEL_HOST, NULL, "a", 2) + digest_of(MODEL_HOST, NULL, "b", 1));
}

static void test_text(void **state)
{
	(void)state;
	char text[DIGEST_TEXT];
	uint64_t digest = 7;
	assert_string_equal(digest_format(0xabc, text), "0000000000000abc");
	assert_int_equal(digest_parse("fedcba9876543210", &digest), 0);
	assert_int_equal(digest, 0xfedcba9876543210);
	static const char *const bad[] = {NULL, "", "abc", "fedcba987654321g", "FEDCBA9876543210",
		"fedcba98765432100", "+edcba9876543210"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(digest_parse(bad[i], &digest), -EINVAL);
	assert_int_equal(digest, 0xfedcba9876543210);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_values),
		cmocka_unit_test(test_everything_counts),
		cmocka_unit_test(test_text),
	};
	return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
