// SPDX-License-Identifier: Apache-2.0
#include "table.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *printed(struct table *table)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	table_print(table, out);
	fclose(out);
	return text;
}

static struct table *two_columns(bool coloured)
{
	struct table *table;

	table_new(&table, coloured);
	table_column(table, "NAME");
	table_column(table, "WHAT");
	return table;
}

static void add(struct table *table, const char *name, const char *what)
{
	table_row(table);
	table_cell(table, name, TABLE_PLAIN);
	table_cell(table, what, TABLE_GOOD);
}

static void check(struct table *table, const char *expected)
{
	char *text = printed(table);

	assert_string_equal(text, expected);
	free(text);
}

static void test_aligned(void **state)
{
	struct table *table = two_columns(false);

	(void)state;
	add(table, "web1", "a port");
	add(table, "database", NULL);
	add(table, "", "x");
	check(table, "NAME      WHAT\n"
		     "web1      a port\n"
		     "database  -\n"
		     "-         x\n");
	table_free(table);
}

static void test_display_width(void **state)
{
	struct table *table = two_columns(false);

	(void)state;
	add(table, "数据库", "wide");               // 6 columns, 9 bytes
	add(table, "e\u0301te\u0301", "combining"); // 3 columns, 7 bytes
	check(table, "NAME    WHAT\n"
		     "数据库  wide\n"
		     "e\u0301te\u0301     combining\n");
	table_free(table);
}

static void test_harmless(void **state)
{
	struct table *table = two_columns(false);

	(void)state;
	add(table, "a\033[2Jb\n", "\xff\xc3(");
	check(table, "NAME     WHAT\n"
		     "a?[2Jb?  ?\?(\n");
	table_free(table);
}

static void test_coloured(void **state)
{
	struct table *table = two_columns(true);

	(void)state;
	add(table, "web1", "ok");
	check(table, "\033[1mNAME\033[0m  \033[1mWHAT\033[0m\n"
		     "web1  \033[32mok\033[0m\n");
	table_free(table);
}

static void test_continued(void **state)
{
	struct table *table = two_columns(false);

	(void)state;
	add(table, "database", "1");
	check(table, "NAME      WHAT\ndatabase  1\n");
	add(table, "web", "2");
	check(table, "web       2\n");
	assert_int_equal(table_rows(table), 2);
	table_free(table);
}

static void test_empty(void **state)
{
	struct table *table = two_columns(false);

	(void)state;
	assert_int_equal(table_rows(table), 0);
	check(table, "NAME  WHAT\n");
	table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aligned),
		cmocka_unit_test(test_display_width),
		cmocka_unit_test(test_harmless),
		cmocka_unit_test(test_coloured),
		cmocka_unit_test(test_continued),
		cmocka_unit_test(test_empty),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
