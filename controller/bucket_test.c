// SPDX-License-Identifier: Apache-2.0
#include "bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const struct bucket_size size = {.rate = 10, .most = 50};

static unsigned take(struct bucket *bucket, double amount, uint64_t now)
{
	bucket_fill(bucket, size, now);
	unsigned wait = bucket_wait_s(bucket, size);
	if (!wait)
		bucket->level -= amount;
	return wait;
}

static void test_burst_then_rate(void **state)
{
	(void)state;
	struct bucket bucket;
	bucket_init(&bucket, size, 1000);
	for (int i = 0; i < 50; i++)
		assert_int_equal(take(&bucket, 1, 1000), 0);
	assert_int_equal(take(&bucket, 1, 1000), 1);
	unsigned taken = 0;
	for (uint64_t now = 1000; now <= 11000; now += 10)
		taken += take(&bucket, 1, now) == 0;
	assert_in_range(taken, 99, 101);
	assert_false(bucket_full(&bucket, size));
	bucket_fill(&bucket, size, 100000);
	assert_true(bucket_full(&bucket, size));
}

// One piece larger than the bucket goes through and is paid for afterwards.
static void test_debt(void **state)
{
	(void)state;
	struct bucket bucket;
	bucket_init(&bucket, size, 0);
	assert_int_equal(take(&bucket, 1050, 0), 0);
	assert_int_equal(take(&bucket, 1, 0), 101);
	assert_int_equal(take(&bucket, 1, 99000), 2);
	assert_int_equal(take(&bucket, 1, 100200), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst_then_rate),
		cmocka_unit_test(test_debt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
