// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char written[8192];

// Runs `emit` with standard error in a file, and leaves what it wrote in `written`.
static void capture(void (*emit)(void))
{
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	assert_non_null(file);
	fflush(stderr);
	dup2(fileno(file), STDERR_FILENO);
	emit();
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(file);
	size_t length = fread(written, 1, sizeof(written) - 1, file);
	written[length] = '\0';
	fclose(file);
}

static void emit_two(void)
{
	log_init("weft-agent h1");
	log_info("attached %s", "tap0");
	log_debug("hidden");
}

static void a_line_names_level_and_program(void **state)
{
	(void)state;
	unsetenv("WEFT_LOG");
	capture(emit_two);
	assert_non_null(strstr(written, " info    weft-agent h1: attached tap0\n"));
	assert_null(strstr(written, "hidden"));
	assert_null(strchr(written, '\033')); // not a terminal
}

static void level_comes_from_the_environment(void **state)
{
	(void)state;
	setenv("WEFT_LOG", "debug", 1);
	capture(emit_two);
	assert_non_null(strstr(written, " debug   weft-agent h1: hidden\n"));
	unsetenv("WEFT_LOG");
}

static void emit_hostile(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	log_warning("hidden");
	log_error("name '%s'", "a\nb\033[2Jc");
}

static void a_message_stays_one_line(void **state)
{
	(void)state;
	capture(emit_hostile);
	assert_non_null(strstr(written, "name 'a b [2Jc'\n"));
	assert_null(strstr(written, "hidden"));
	log_set_level(LOG_LEVEL_INFO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_names_level_and_program),
		cmocka_unit_test(level_comes_from_the_environment),
		cmocka_unit_test(a_message_stays_one_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
