// SPDX-License-Identifier: Apache-2.0
#include "index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <cmocka.h>

struct entry {
	unsigned key;
	unsigned payload;
};

static int compare_entries(const void *a, const void *b)
{
	unsigned left = ((const struct entry *)a)->key, right = ((const struct entry *)b)->key;
	return left < right ? -1 : left > right;
}

static void empty_index_answers(void **state)
{
	(void)state;
	struct index index;
	struct entry probe = {.key = 1};
	index_init(&index, sizeof(struct entry), compare_entries);
	assert_null(index_first(&index));
	assert_null(index_find(&index, &probe));
	assert_null(index_seek(&index, &probe));
	index_remove(&index, &probe);
	assert_int_equal(index.count, 0);
	index_done(&index);
}

// Against a plain array, after each of many random steps.
static void random_steps_agree_with_an_array(void **state)
{
	(void)state;
	enum { KEYS = 300, STEPS = 20000 };
	bool present[KEYS] = {false};
	unsigned payload[KEYS] = {0};
	size_t count = 0;
	struct index index;
	index_init(&index, sizeof(struct entry), compare_entries);
	srand(7);
	for (unsigned step = 0; step < STEPS; step++) {
		struct entry entry = {.key = (unsigned)rand() % KEYS, .payload = step};
		if (rand() % 2) {
			struct entry *added = index_add(&index, &entry);
			assert_int_equal(added == NULL, present[entry.key]);
			if (added)
				payload[entry.key] = step;
			count += !present[entry.key];
			present[entry.key] = true;
		} else {
			index_remove(&index, &entry);
			count -= present[entry.key];
			present[entry.key] = false;
		}
		assert_int_equal(index.count, count);
		struct entry probe = {.key = (unsigned)rand() % KEYS};
		struct entry *found = index_find(&index, &probe),
			     *next = index_seek(&index, &probe);
		assert_int_equal(found != NULL, present[probe.key]);
		if (found)
			assert_int_equal(found->payload, payload[probe.key]);
		unsigned expected = probe.key;
		while (expected < KEYS && !present[expected])
			expected++;
		assert_int_equal(next ? next->key : KEYS, expected);
	}
	unsigned key = 0;
	for (struct entry *entry = index_first(&index); entry;
		entry = index_next(&index, entry), key++) {
		while (!present[key])
			key++;
		assert_int_equal(entry->key, key);
		count--;
	}
	assert_int_equal(count, 0);
	index_done(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_index_answers),
		cmocka_unit_test(random_steps_agree_with_an_array),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
