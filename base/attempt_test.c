// SPDX-License-Identifier: Apache-2.0
#include "base/attempt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

enum { NOW = 1790000000 };

static void test_the_clock_says_it(void **state)
{
	(void)state;
	assert_int_equal(attempt_next_at(0, NOW), NOW);
	assert_int_equal(attempt_next_at(NOW - 1000, NOW), NOW);
}

static void test_a_clock_that_stands_or_jumps_back_does_not(void **state)
{
	(void)state;
	assert_int_equal(attempt_next_at(NOW, NOW), NOW + 1);
	assert_int_equal(attempt_next_at(NOW + 5000, NOW), NOW + 5001);
	uint64_t last = 0;
	for (uint64_t now = NOW; now > NOW - 100; now--) {
		uint64_t next = attempt_next_at(last, now);
		assert_true(attempt_number_newer(next, last));
		last = next;
	}
}

// Nobody can say a number that leaves a host none to say.
static void test_there_is_always_a_newer_one(void **state)
{
	(void)state;
	static const uint64_t lasts[] = {
		1, NOW, ATTEMPT_LAST / 2, ATTEMPT_LAST / 2 + NOW, ATTEMPT_LAST - 1, ATTEMPT_LAST};
	for (size_t i = 0; i < sizeof(lasts) / sizeof(*lasts); i++) {
		uint64_t next = attempt_next_at(lasts[i], NOW);
		assert_in_range(next, 1, ATTEMPT_LAST);
		assert_true(attempt_number_newer(next, lasts[i]));
		assert_false(attempt_number_newer(lasts[i], next));
	}
}

static void test_none_is_older_than_any(void **state)
{
	(void)state;
	assert_true(attempt_number_newer(1, 0));
	assert_true(attempt_number_newer(ATTEMPT_LAST, 0));
	assert_false(attempt_number_newer(0, ATTEMPT_LAST));
	assert_false(attempt_number_newer(0, 0));
	assert_false(attempt_number_newer(NOW, NOW));
}

static void test_the_host_decides_before_its_relay(void **state)
{
	(void)state;
	assert_true(attempt_newer((struct attempt){3, 1}, (struct attempt){2, 9}));
	assert_true(attempt_newer((struct attempt){2, 9}, (struct attempt){2, 8}));
	assert_true(attempt_newer((struct attempt){2, 1}, (struct attempt){2, 0}));
	assert_false(attempt_newer((struct attempt){2, 8}, (struct attempt){2, 8}));
	assert_false(attempt_newer((struct attempt){2, 9}, (struct attempt){3, 0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_clock_says_it),
		cmocka_unit_test(test_a_clock_that_stands_or_jumps_back_does_not),
		cmocka_unit_test(test_there_is_always_a_newer_one),
		cmocka_unit_test(test_none_is_older_than_any),
		cmocka_unit_test(test_the_host_decides_before_its_relay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
