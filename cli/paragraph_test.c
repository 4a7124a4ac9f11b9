// SPDX-License-Identifier: Apache-2.0
#include "paragraph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

static void expect(int column, int indent, const char *text, bool coloured, const char *expected)
{
	char *printed = NULL;
	size_t length;
	FILE *out = open_memstream(&printed, &length);

	assert_non_null(out);
	paragraph_print(out, column, indent, text, coloured);
	fclose(out);
	assert_string_equal(printed, expected);
	free(printed);
}

static void words_fill_lines(void **state)
{
	(void)state;
	expect(0, 4, "", false, "\n");
	expect(0, 4, "one  two", false, "one two\n");
	// 80 columns fit, 81 do not.
	expect(70, 4, "one two345 six", false, "one two345\n    six\n");
	expect(71, 4, "one two345 six", false, "one\n    two345 six\n");
	// A word that fits no line stands alone.
	expect(79, 2, "a-word-that-is-too-long b", false, "a-word-that-is-too-long\n  b\n");
}

static void code_is_marked(void **state)
{
	(void)state;
	expect(0, 0, "say `tcp/80` or `a b`.", false, "say tcp/80 or a b.\n");
	expect(0, 0, "say `tcp/80` or `a b`.", true,
		"say \033[1mtcp/80\033[0m or \033[1ma b\033[0m.\n");
	expect(71, 2, "say `tcp/80`", true, "say\n  \033[1mtcp/80\033[0m\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_fill_lines),
		cmocka_unit_test(code_is_marked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
