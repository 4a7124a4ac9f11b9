// SPDX-License-Identifier: Apache-2.0
#include "record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_a_record_stays_while_it_is_pinned(void **state)
{
	(void)state;
	struct records records;
	records_init(&records);
	struct record *record = record_pin(&records, MODEL_NETWORK, "acme", "web");
	assert_ptr_equal(record_pin(&records, MODEL_NETWORK, "acme", "web"), record);
	record_unpin(&records, record);
	assert_ptr_equal(records_find(&records, MODEL_NETWORK, "acme", "web"), record);
	record_unpin(&records, record);
	assert_null(records_find(&records, MODEL_NETWORK, "acme", "web"));
	records_done(&records);
}

// The count is 24 bits: it must not come round to none while somebody holds the record.
static void test_pins_do_not_overflow(void **state)
{
	(void)state;
	struct records records;
	records_init(&records);
	struct record *record = record_pin(&records, MODEL_NETWORK, "acme", "web");
	for (int i = 0; i < PINS_MAXIMUM; i++)
		record_hold(record);
	assert_int_equal(record->pins, PINS_MAXIMUM);
	for (int i = 0; i < 3; i++)
		record_unpin(&records, record);
	assert_ptr_equal(records_find(&records, MODEL_NETWORK, "acme", "web"), record);
	records_done(&records);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_record_stays_while_it_is_pinned),
		cmocka_unit_test(test_pins_do_not_overflow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
