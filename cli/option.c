// SPDX-License-Identifier: Apache-2.0
#include "option.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/suggest.h"

enum { OPTION_MAX = 48, LONG_BASE = 256 };

int option_each(const struct option_spec *const *groups, option_visit visit, void *context)
{
	for (; *groups; groups++)
		for (const struct option_spec *option = *groups; option->name; option++) {
			int rc = visit(context, option);
			if (rc)
				return rc;
		}
	return 0;
}

int option_number(const char *text, uint64_t *number)
{
	uint64_t value = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, *text - '0', &value))
			return -EINVAL;
	}
	*number = value;
	return 0;
}

int option_duration(const char *text, uint64_t *milliseconds)
{
	static const struct {
		const char *name;
		uint64_t milliseconds;
	} units[] = {
		{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {"", 1000}};
	size_t digits = strspn(text, "0123456789");
	cleanup_free char *count_text = strndup(text, digits);
	uint64_t count;

	if (!count_text || option_number(count_text, &count))
		return -EINVAL;
	for (size_t i = 0; i < array_count(units); i++) {
		if (strcmp(text + digits, units[i].name))
			continue;
		if (__builtin_mul_overflow(count, units[i].milliseconds, &count))
			return -EINVAL;
		*milliseconds = count;
		return 0;
	}
	return -EINVAL;
}

static int choice_set(const struct option_spec *option, const char *value, struct error *error)
{
	char known[200] = "";

	for (size_t i = 0; option->choices[i]; i++) {
		if (!strcmp(option->choices[i], value)) {
			*(const char **)option->target = option->choices[i];
			return 0;
		}
		if (i)
			strncat(known, ", ", sizeof(known) - strlen(known) - 1);
		strncat(known, option->choices[i], sizeof(known) - strlen(known) - 1);
	}
	return error_set(error, EINVAL, "--%s: \"%s\" is none of %s", option->name, value, known);
}

static void texts_add(struct option_texts *texts, const char *value)
{
	texts->items = memory_resize(texts->items, texts->count + 1, sizeof(*texts->items));
	texts->items[texts->count++] = value;
}

static int option_store(const struct option_spec *option, const char *value, struct error *error)
{
	switch (option->type) {
	case OPTION_FLAG:
		*(bool *)option->target = true;
		return 0;
	case OPTION_TEXT:
		*(const char **)option->target = value;
		return 0;
	case OPTION_NUMBER:
		if (option_number(value, option->target))
			return error_set(
				error, EINVAL, "--%s: \"%s\" is not a number", option->name, value);
		return 0;
	case OPTION_DURATION:
		if (option_duration(value, option->target))
			return error_set(error, EINVAL,
				"--%s: \"%s\" is not a duration such as 30s or 500ms", option->name,
				value);
		return 0;
	case OPTION_CHOICE:
		return choice_set(option, value, error);
	case OPTION_TEXTS:
		texts_add(option->target, value);
		return 0;
	}
	return -EINVAL;
}

// What getopt_long needs, made from the tables.
struct getopt_tables {
	const struct option_spec *options[OPTION_MAX];
	struct option longs[OPTION_MAX + 1];
	char shorts[OPTION_MAX * 3 + 2];
	size_t count;
};

static int getopt_add(void *context, const struct option_spec *option)
{
	struct getopt_tables *tables = context;
	size_t length = strlen(tables->shorts);

	if (tables->count == OPTION_MAX)
		return -ENOBUFS;
	tables->options[tables->count] = option;
	tables->longs[tables->count] = (struct option){
		.name = option->name,
		.has_arg = !option->argument ? no_argument
			   : option->implied ? optional_argument
					     : required_argument,
		.val = LONG_BASE + (int)tables->count,
	};
	tables->count++;
	if (option->letter) {
		tables->shorts[length++] = option->letter;
		if (option->argument)
			tables->shorts[length++] = ':';
		if (option->argument && option->implied)
			tables->shorts[length++] = ':';
	}
	return 0;
}

static const struct option_spec *getopt_find(const struct getopt_tables *tables, int value)
{
	if (value >= LONG_BASE)
		return tables->options[value - LONG_BASE];
	for (size_t i = 0; i < tables->count; i++)
		if (tables->options[i]->letter == value)
			return tables->options[i];
	return NULL;
}

static const char *option_name_at(void *context, size_t index)
{
	const struct getopt_tables *tables = context;

	return tables->options[index]->name;
}

static int option_unknown(struct getopt_tables *tables, const char *word, struct error *error)
{
	const char *name = word + strspn(word, "-");
	cleanup_free char *bare = strndup(name, strcspn(name, "="));
	const char *near = suggest(bare, tables->count, option_name_at, tables);

	if (near)
		return error_set(
			error, EINVAL, "unknown option %s, did you mean --%s?", word, near);
	return error_set(error, EINVAL, "unknown option %s", word);
}

static int option_set_default(void *context, const struct option_spec *option)
{
	const char *value = option->environment ? getenv(option->environment) : NULL;
	struct error *error = context;

	if (!value || !*value)
		value = option->fallback;
	return value ? option_store(option, value, error) : 0;
}

// A value that may be left out is part of the same word. A time in the next one was hardly meant as
// anything else.
static bool takes_next(const struct option_spec *option, const char *next)
{
	uint64_t ignored;

	return option->type == OPTION_DURATION && option->implied && next &&
	       !option_duration(next, &ignored);
}

int option_parse(const struct option_spec *const *groups, int argc, char **argv, int *first,
	struct error *error)
{
	struct getopt_tables tables = {.shorts = ":"};
	int value, rc = option_each(groups, getopt_add, &tables);

	if (rc)
		return error_set(error, -rc, "too many options");
	rc = option_each(groups, option_set_default, error);
	if (rc)
		return rc;
	opterr = 0;
	optind = 0; // start afresh, also when called again
	while ((value = getopt_long(argc, argv, tables.shorts, tables.longs, NULL)) != -1) {
		const char *word = argv[optind - 1];

		if (value == ':')
			return error_set(error, EINVAL, "%s needs a value", word);
		if (value == '?' && optopt >= LONG_BASE)
			return error_set(error, EINVAL, "%s takes no value", word);
		if (value == '?' && optopt)
			return error_set(error, EINVAL, "unknown option -%c", optopt);
		if (value == '?')
			return option_unknown(&tables, word, error);
		const struct option_spec *option = getopt_find(&tables, value);
		if (!optarg && takes_next(option, argv[optind]))
			return error_set(error, EINVAL,
				"--%s takes its value after a \"=\": --%s=%s", option->name,
				option->name, argv[optind]);
		rc = option_store(option, optarg ? optarg : option->implied, error);
		if (rc)
			return rc;
	}
	*first = optind;
	return 0;
}
