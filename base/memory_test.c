// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"

static void memory_is_zeroed(void **state)
{
	(void)state;
	cleanup_free char *bytes = memory_new(64);
	for (int i = 0; i < 64; i++)
		assert_int_equal(bytes[i], 0);
	cleanup_free void *empty = memory_new(0);
	assert_non_null(empty);
}

static void resize_keeps_and_grows(void **state)
{
	(void)state;
	cleanup_free uint32_t *items = memory_resize(NULL, 2, sizeof(*items));
	items[0] = 7;
	items[1] = 8;
	items = memory_resize(items, 1000, sizeof(*items));
	assert_int_equal(items[0], 7);
	assert_int_equal(items[1], 8);
	items = memory_resize(items, 0, sizeof(*items));
	assert_non_null(items);
}

static void overflow_ends_the_process(void **state)
{
	(void)state;
	pid_t child = fork();
	if (!child) {
		signal(SIGABRT, SIG_DFL);
		close(STDERR_FILENO);
		memory_resize(NULL, SIZE_MAX / 2, 16);
		_exit(0);
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_not_equal(status, 0); // aborted; a sanitizer exits by itself
}

static void texts_are_copied(void **state)
{
	(void)state;
	cleanup_free char *copy = memory_text("web");
	assert_string_equal(copy, "web");
	assert_null(memory_text(NULL));
	cleanup_free char *formatted = memory_format("%s-%d", copy, 4);
	assert_string_equal(formatted, "web-4");
	cleanup_free char *stolen = steal(copy);
	assert_null(copy);
	assert_string_equal(stolen, "web");
}

static void monotonic_clock_moves_on(void **state)
{
	(void)state;
	uint64_t before = clock_monotonic_ns();
	usleep(2000);
	assert_true(clock_monotonic_ns() >= before + 2000000);
	uint64_t ms = clock_monotonic_ms(), ns = clock_monotonic_ns();
	assert_true(ns / 1000000 >= ms);
	assert_true(clock_realtime_ms() > 1600000000000); // after 2020
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed),
		cmocka_unit_test(resize_keeps_and_grows),
		cmocka_unit_test(overflow_ends_the_process),
		cmocka_unit_test(texts_are_copied),
		cmocka_unit_test(monotonic_clock_moves_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
