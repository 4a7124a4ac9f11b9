// SPDX-License-Identifier: Apache-2.0
#include "table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct dp_allowed_key key(uint32_t bits, uint8_t first, uint8_t last)
{
	return (struct dp_allowed_key){
		.prefix_length = DP_ALLOWED_FIXED_BITS + bits,
		.port = 7,
		.address = {{[0] = first, [15] = last}},
	};
}

static void put(struct native_table *table, struct dp_allowed_key row, uint32_t number)
{
	assert_int_equal(native_table_put(table, &row, &(struct dp_allowed){number}), 0);
}

static uint32_t find(const struct native_table *table, uint8_t first, uint8_t last)
{
	struct dp_allowed_key wanted = key(128, first, last);
	const struct dp_allowed *found = native_table_find(table, &wanted);

	return found ? found->unused : 0;
}

static void test_longest_prefix(void **state)
{
	(void)state;
	struct native_table table = {.info = &datapath_tables[DP_TABLE_ALLOWED]};

	assert_int_equal(find(&table, 1, 1), 0);
	put(&table, key(0, 0, 0), 1);
	put(&table, key(8, 0xfd, 0), 2);
	put(&table, key(127, 0xfd, 2), 3);
	put(&table, key(128, 0xfd, 3), 4);
	assert_int_equal(find(&table, 0x20, 1), 1);
	assert_int_equal(find(&table, 0xfd, 9), 2);
	assert_int_equal(find(&table, 0xfd, 2), 3);
	assert_int_equal(find(&table, 0xfd, 3), 4);

	struct dp_allowed_key other = key(128, 0xfd, 3);
	other.port = 8;
	assert_null(native_table_find(&table, &other));
	// A key that is a prefix finds no row that is longer.
	struct dp_allowed_key shorter = key(8, 0xfd, 3);
	assert_int_equal(
		((const struct dp_allowed *)native_table_find(&table, &shorter))->unused, 2);

	struct dp_allowed_key gone = key(127, 0xfd, 3); // the bit beyond the prefix does not count
	assert_int_equal(native_table_remove(&table, &gone), 0);
	assert_int_equal(find(&table, 0xfd, 2), 2);
	native_table_done(&table);
}

static int remove_all(void *context, const void *row_key, const void *value)
{
	(void)value;
	return native_table_remove(context, row_key);
}

static void test_write_while_walking(void **state)
{
	(void)state;
	struct native_table table = {.info = &datapath_tables[DP_TABLE_NETWORK]};
	struct dp_network row = {.mtu = 1400};

	for (uint32_t vni = 0; vni < 100; vni++)
		assert_int_equal(native_table_put(&table, &vni, &row), 0);
	assert_int_equal(native_table_each(&table, remove_all, &table), 0);
	assert_null(table.rows);
	native_table_done(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_longest_prefix),
		cmocka_unit_test(test_write_while_walking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
