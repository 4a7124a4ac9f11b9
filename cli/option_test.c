// SPDX-License-Identifier: Apache-2.0
#include "option.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool flag;
static const char *text, *choice;
static struct option_texts texts;
static uint64_t number, duration;

static const char *const choices[] = {"table", "json", NULL};

static const struct option_spec first_table[] = {
	{.name = "flag", .letter = 'F', .type = OPTION_FLAG, .target = &flag, .help = "-"},
	{.name = "text",
		.letter = 't',
		.type = OPTION_TEXT,
		.target = &text,
		.argument = "TEXT",
		.environment = "WEFT_OPTION_TEST",
		.fallback = "fallback",
		.help = "-"},
	{0},
};

static const struct option_spec second_table[] = {
	{.name = "number", .type = OPTION_NUMBER, .target = &number, .argument = "N", .help = "-"},
	{.name = "file",
		.letter = 'f',
		.type = OPTION_TEXTS,
		.target = &texts,
		.argument = "FILE",
		.help = "-"},
	{.name = "wait",
		.type = OPTION_DURATION,
		.target = &duration,
		.argument = "TIME",
		.implied = "30s",
		.help = "-"},
	{.name = "output",
		.letter = 'o',
		.type = OPTION_CHOICE,
		.target = &choice,
		.argument = "FORMAT",
		.choices = choices,
		.help = "-"},
	{0},
};

static const struct option_spec *const groups[] = {first_table, second_table, NULL};

// The arguments of `weft test`, which option_parse may move about.
struct line {
	char *words[8];
	int count;
};

static int parse(struct line *line, int *first, struct error *error)
{
	flag = false;
	text = choice = NULL;
	number = duration = 0;
	return option_parse(groups, line->count, line->words, first, error);
}

#define LINE(...)                                                                        \
	{                                                                                \
		.words = {"test", __VA_ARGS__},                                          \
		.count = (int)(sizeof((char *[]){"test", __VA_ARGS__}) / sizeof(char *)) \
	}

static void test_values(void **state)
{
	struct line line = LINE("web1", "-t", "acme", "--number=42", "-F", "-ojson", "db1");
	struct error error = {0};
	int first;

	(void)state;
	assert_int_equal(parse(&line, &first, &error), 0);
	assert_true(flag);
	assert_string_equal(text, "acme");
	assert_int_equal(number, 42);
	assert_string_equal(choice, "json");
	// The plain words are at the end, in their order.
	assert_int_equal(first, line.count - 2);
	assert_string_equal(line.words[first], "web1");
	assert_string_equal(line.words[first + 1], "db1");
}

static void test_defaults(void **state)
{
	struct line line = LINE("word"), given = LINE("--text", "given");
	struct error error = {0};
	int first;

	(void)state;
	unsetenv("WEFT_OPTION_TEST");
	assert_int_equal(parse(&line, &first, &error), 0);
	assert_string_equal(text, "fallback");
	setenv("WEFT_OPTION_TEST", "variable", 1);
	assert_int_equal(parse(&line, &first, &error), 0);
	assert_string_equal(text, "variable");
	assert_int_equal(parse(&given, &first, &error), 0);
	assert_string_equal(text, "given");
	unsetenv("WEFT_OPTION_TEST");
}

static void test_implied(void **state)
{
	struct line alone = LINE("--wait", "five"), given = LINE("--wait=5s");
	struct error error = {0};
	int first;

	(void)state;
	// A value that may be left out is never the next word.
	assert_int_equal(parse(&alone, &first, &error), 0);
	assert_int_equal(duration, 30000);
	assert_string_equal(alone.words[first], "five");
	assert_int_equal(parse(&given, &first, &error), 0);
	assert_int_equal(duration, 5000);
}

static void test_several(void **state)
{
	struct line line = LINE("-f", "a.yaml", "--file=b.yaml");
	struct error error = {0};
	int first;

	(void)state;
	assert_int_equal(parse(&line, &first, &error), 0);
	assert_int_equal(texts.count, 2);
	assert_string_equal(texts.items[0], "a.yaml");
	assert_string_equal(texts.items[1], "b.yaml");
	free(texts.items);
	texts = (struct option_texts){0};
}

static void test_refused(void **state)
{
	struct {
		struct line line;
		const char *message;
	} cases[] = {
		{LINE("--nonsense"), "unknown option --nonsense"},
		{LINE("--ouptut=json"), "unknown option --ouptut=json, did you mean --output?"},
		{LINE("-z"), "unknown option -z"},
		{LINE("--flag=1"), "--flag=1 takes no value"},
		{LINE("--text"), "--text needs a value"},
		{LINE("-t"), "-t needs a value"},
		{LINE("--number", "x1"), "--number: \"x1\" is not a number"},
		{LINE("--number", "-1"), "--number: \"-1\" is not a number"},
		{LINE("--wait=soon"), "--wait: \"soon\" is not a duration such as 30s or 500ms"},
		{LINE("--wait", "5s"), "--wait takes its value after a \"=\": --wait=5s"},
		{LINE("-o", "xml"), "--output: \"xml\" is none of table, json"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error error = {0};
		int first;
		assert_int_equal(parse(&cases[i].line, &first, &error), -EINVAL);
		assert_string_equal(error.message, cases[i].message);
	}
}

static void test_variable_refused(void **state)
{
	static const struct option_spec table[] = {{.name = "number",
							   .type = OPTION_NUMBER,
							   .target = &number,
							   .argument = "N",
							   .environment = "WEFT_OPTION_TEST"},
		{0}};
	const struct option_spec *const only[] = {table, NULL};
	char *words[] = {"test"};
	struct error error = {0};
	int first;

	(void)state;
	setenv("WEFT_OPTION_TEST", "many", 1);
	assert_int_equal(option_parse(only, 1, words, &first, &error), -EINVAL);
	unsetenv("WEFT_OPTION_TEST");
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t milliseconds;
	} good[] = {{"0", 0}, {"500ms", 500}, {"30s", 30000}, {"30", 30000}, {"2m", 120000},
		{"1h", 3600000}, {"30d", 2592000000}};
	static const char *const bad[] = {"", "s", "-1s", "1.5s", "1 s", "10w", "30S",
		"18446744073709551616", "18446744073709551615s"};
	uint64_t value;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(option_duration(good[i].text, &value), 0);
		assert_int_equal(value, good[i].milliseconds);
	}
	value = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(option_duration(bad[i], &value), -EINVAL);
	assert_int_equal(value, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_implied),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_variable_refused),
		cmocka_unit_test(test_durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
