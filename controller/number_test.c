// SPDX-License-Identifier: Apache-2.0
#include "number.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/memory.h"

static void test_number(void **state)
{
	(void)state;
	static const char *const wrong[] = {"", "-1", "+1", " 1", "1 ", "0x10", "1e3",
		"9223372036854775808", "99999999999999999999"};
	uint64_t value = 7;
	for (size_t i = 0; i < array_count(wrong); i++) {
		assert_int_equal(number_parse(wrong[i], &value), -EINVAL);
		assert_int_equal(value, 7);
	}
	assert_int_equal(number_parse("0", &value), 0);
	assert_int_equal(value, 0);
	assert_int_equal(number_parse("0042", &value), 0);
	assert_int_equal(value, 42);
	assert_int_equal(number_parse("9223372036854775807", &value), 0);
	assert_int_equal(value, INT64_MAX);
}

static void test_duration(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t milliseconds;
	} right[] = {{"0s", 0}, {"500ms", 500}, {"30s", 30000}, {"2m", 120000}, {"60m", 3600000},
		{"3600s", 3600000}};
	static const char *const wrong[] = {
		"", "30", "s", "30 s", "-1s", "1h", "61m", "3601s", "3600001ms", "30S", "1.5s"};
	uint64_t value = 7;
	for (size_t i = 0; i < array_count(wrong); i++) {
		assert_int_equal(duration_parse(wrong[i], &value), -EINVAL);
		assert_int_equal(value, 7);
	}
	for (size_t i = 0; i < array_count(right); i++) {
		assert_int_equal(duration_parse(right[i].text, &value), 0);
		assert_int_equal(value, right[i].milliseconds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_duration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
