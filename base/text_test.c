// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"

static void one_copy_of_each(void **state)
{
	(void)state;
	const char *a = text_share("blue"), *b = text_share("red");
	cleanup_free char *same = memory_text("blue");
	assert_string_equal(a, "blue");
	assert_string_equal(b, "red");
	assert_ptr_equal(text_share(same), a);
	text_release(a);
	assert_string_equal(a, "blue");
	text_release(a);
	text_release(b);
}

static void nothing_and_the_empty_text(void **state)
{
	(void)state;
	assert_null(text_share(NULL));
	text_release(NULL);
	const char *empty = text_share("");
	assert_string_equal(empty, "");
	text_release(empty);
}

// At random held and released, so that the table grows, shrinks and closes gaps: whatever is held is
// found again at the same address.
static void many_come_and_go(void **state)
{
	(void)state;
	enum { TEXTS = 5000, STEPS = 200000 };
	static const char *held[TEXTS];
	static unsigned holders[TEXTS];
	srand(1);
	for (int step = 0; step < STEPS; step++) {
		char text[16];
		int which = rand() % TEXTS;
		// More come in the first half, more go in the second.
		bool come = rand() % 8 < (step < STEPS / 2 ? 5 : 3);
		snprintf(text, sizeof(text), "text-%d", which);
		if (come) {
			const char *shared = text_share(text);
			assert_string_equal(shared, text);
			if (holders[which]++)
				assert_ptr_equal(shared, held[which]);
			held[which] = shared;
		} else if (holders[which]) {
			assert_string_equal(held[which], text);
			holders[which]--;
			text_release(held[which]);
		}
	}
	for (int i = 0; i < TEXTS; i++)
		for (; holders[i]; holders[i]--)
			text_release(held[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_copy_of_each),
		cmocka_unit_test(nothing_and_the_empty_text),
		cmocka_unit_test(many_come_and_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
