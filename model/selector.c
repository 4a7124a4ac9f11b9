// SPDX-License-Identifier: Apache-2.0
#include "model/selector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utstring.h>

#include "base/memory.h"

// ---- words ----

static bool letter_or_digit(char character)
{
	return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
	       (character >= '0' && character <= '9');
}

static bool word_character(char character)
{
	return character && (letter_or_digit(character) || strchr("-._/", character));
}

static int word_check(const char *what, const char *word, struct error *error)
{
	size_t length = strlen(word);
	bool good = length >= 1 && length <= 63 && letter_or_digit(word[0]) &&
		    letter_or_digit(word[length - 1]);
	for (size_t i = 0; good && i < length; i++)
		good = word_character(word[i]);
	return good ? 0
		    : error_set(error, EINVAL,
			      "'%s' cannot be the %s of a label: it has 1 to 63 of A-Z a-z 0-9 - . "
			      "_ / and begins and ends with a letter or digit",
			      word, what);
}

int label_name_check(const char *name, struct error *error)
{
	return word_check("name", name, error);
}

int label_value_check(const char *value, struct error *error)
{
	return *value ? word_check("value", value, error) : 0;
}

// ---- life ----

static void requirement_done(struct requirement *requirement)
{
	for (size_t i = 0; i < requirement->count; i++)
		free(requirement->values[i]);
	free(requirement->values);
	free(requirement->label);
}

void selector_done(struct selector *selector)
{
	for (size_t i = 0; i < selector->count; i++)
		requirement_done(&selector->items[i]);
	free(selector->items);
	*selector = (struct selector){0};
}

void selector_copy(struct selector *to, const struct selector *from)
{
	*to = (struct selector){0};
	if (!from->count)
		return;
	to->count = from->count;
	to->items = memory_new(from->count * sizeof(*to->items));
	for (size_t i = 0; i < from->count; i++) {
		const struct requirement *old = &from->items[i];
		struct requirement *new = &to->items[i];
		*new = (struct requirement){
			.label = memory_text(old->label), .kind = old->kind, .count = old->count};
		if (old->count)
			new->values = memory_new(old->count * sizeof(char *));
		for (size_t j = 0; j < old->count; j++)
			new->values[j] = memory_text(old->values[j]);
	}
}

static int requirement_compare(const void *first, const void *second)
{
	const struct requirement *a = first, *b = second;
	int order = strcmp(a->label, b->label);
	if (order)
		return order;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	for (size_t i = 0; i < a->count && i < b->count; i++) {
		order = strcmp(a->values[i], b->values[i]);
		if (order)
			return order;
	}
	return a->count < b->count ? -1 : a->count > b->count;
}

int selector_compare(const struct selector *a, const struct selector *b)
{
	for (size_t i = 0; i < a->count && i < b->count; i++) {
		int order = requirement_compare(&a->items[i], &b->items[i]);
		if (order)
			return order;
	}
	return a->count < b->count ? -1 : a->count > b->count;
}

// ---- parsing ----

struct parser {
	const char *text, *at;
	struct error *error;
};

static void skip_spaces(struct parser *parser)
{
	parser->at += strspn(parser->at, " \t");
}

static int wrong(const struct parser *parser, const char *at, const char *what)
{
	return error_set(parser->error, EINVAL, "selector '%s', character %zu: %s", parser->text,
		(size_t)(at - parser->text) + 1, what);
}

// Take `mark` if it stands next.
static bool take(struct parser *parser, const char *mark)
{
	skip_spaces(parser);
	size_t length = strlen(mark);
	if (strncmp(parser->at, mark, length) != 0)
		return false;
	parser->at += length;
	return true;
}

static bool take_word(struct parser *parser, const char *word)
{
	const char *before = parser->at;
	if (take(parser, word) && !word_character(*parser->at))
		return true;
	parser->at = before;
	return false;
}

// A name, or a value, which may be empty.
static int parse_word(struct parser *parser, bool name, char **out)
{
	skip_spaces(parser);
	const char *start = parser->at;
	while (word_character(*parser->at))
		parser->at++;
	if (name && parser->at == start)
		return wrong(parser, start, "the name of a label is missing");
	cleanup_free char *word = memory_format("%.*s", (int)(parser->at - start), start);
	if (name ? label_name_check(word, NULL) : label_value_check(word, NULL)) {
		cleanup_free char *what =
			memory_format("'%s' cannot be the %s of a label (1 to 63 of A-Z a-z 0-9 - "
				      ". _ /, a letter or digit first and last)",
				word, name ? "name" : "value");
		return wrong(parser, start, what);
	}
	*out = steal(word);
	return 0;
}

static int parse_value(struct parser *parser, struct requirement *requirement)
{
	char *value;
	int result = parse_word(parser, false, &value);
	if (result)
		return result;
	requirement->values = memory_resize(
		requirement->values, requirement->count + 1, sizeof(*requirement->values));
	requirement->values[requirement->count++] = value;
	return 0;
}

static int parse_values(struct parser *parser, struct requirement *requirement)
{
	if (!take(parser, "("))
		return wrong(parser, parser->at, "'(' is missing");
	do {
		int result = parse_value(parser, requirement);
		if (result)
			return result;
	} while (take(parser, ","));
	if (!take(parser, ")"))
		return wrong(parser, parser->at, "',' or ')' is missing");
	return 0;
}

static int parse_requirement(struct parser *parser, struct requirement *requirement)
{
	if (take(parser, "!")) {
		requirement->kind = REQUIREMENT_ABSENT;
		return parse_word(parser, true, &requirement->label);
	}
	int result = parse_word(parser, true, &requirement->label);
	if (result)
		return result;
	requirement->kind = REQUIREMENT_PRESENT;
	bool unequal = take(parser, "!=");
	if (unequal || take(parser, "=")) {
		requirement->kind = unequal ? REQUIREMENT_NOT_IN : REQUIREMENT_IN;
		return parse_value(parser, requirement);
	}
	bool not = take_word(parser, "not");
	if (take_word(parser, "in")) {
		requirement->kind = not ? REQUIREMENT_NOT_IN : REQUIREMENT_IN;
		return parse_values(parser, requirement);
	}
	return not ? wrong(parser, parser->at, "'in' is missing after 'not'") : 0;
}

static int compare_words(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void requirement_tidy(struct requirement *requirement)
{
	if (!requirement->count)
		return;
	qsort(requirement->values, requirement->count, sizeof(char *), compare_words);
	size_t kept = 1;
	for (size_t i = 1; i < requirement->count; i++)
		if (strcmp(requirement->values[i], requirement->values[kept - 1]) != 0)
			requirement->values[kept++] = requirement->values[i];
		else
			free(requirement->values[i]);
	requirement->count = kept;
}

static void selector_tidy(struct selector *selector)
{
	for (size_t i = 0; i < selector->count; i++)
		requirement_tidy(&selector->items[i]);
	qsort(selector->items, selector->count, sizeof(*selector->items), requirement_compare);
	size_t kept = 1;
	for (size_t i = 1; i < selector->count; i++)
		if (requirement_compare(&selector->items[i], &selector->items[kept - 1]))
			selector->items[kept++] = selector->items[i];
		else
			requirement_done(&selector->items[i]);
	selector->count = kept;
}

static bool stands_for_any(const struct requirement *requirement)
{
	return requirement->kind == REQUIREMENT_PRESENT && !strcmp(requirement->label, "any");
}

int selector_parse(struct selector *out, const char *text, struct error *error)
{
	struct parser parser = {.text = text, .at = text, .error = error};
	struct selector selector = {0};
	if (take_word(&parser, "any") && (skip_spaces(&parser), !*parser.at)) {
		*out = selector;
		return 0;
	}
	parser.at = text;
	int result;
	do {
		selector.items =
			memory_resize(selector.items, selector.count + 1, sizeof(*selector.items));
		struct requirement *requirement = &selector.items[selector.count++];
		*requirement = (struct requirement){0};
		skip_spaces(&parser);
		const char *start = parser.at;
		result = parse_requirement(&parser, requirement);
		if (!result && stands_for_any(requirement))
			result = wrong(&parser, start, "'any' can only stand alone");
	} while (!result && take(&parser, ","));
	if (!result && *parser.at)
		result = wrong(&parser, parser.at, "',' or the end is expected");
	if (result) {
		selector_done(&selector);
		return result;
	}
	selector_tidy(&selector);
	*out = selector;
	return 0;
}

// ---- formatting ----

static void format_values(UT_string *text, const struct requirement *requirement)
{
	for (size_t i = 0; i < requirement->count; i++)
		utstring_printf(text, "%s%s", i ? ", " : "", requirement->values[i]);
}

static void format_requirement(UT_string *text, const struct requirement *requirement)
{
	bool absent = requirement->kind == REQUIREMENT_ABSENT;
	bool not = requirement->kind == REQUIREMENT_NOT_IN;
	utstring_printf(text, "%s%s", absent ? "!" : "", requirement->label);
	if (requirement->count == 1) {
		utstring_printf(text, "%s", not ? "!=" : "=");
		format_values(text, requirement);
	} else if (requirement->count) {
		utstring_printf(text, "%s", not ? " not in (" : " in (");
		format_values(text, requirement);
		utstring_printf(text, ")");
	}
}

char *selector_format(const struct selector *selector)
{
	UT_string text;
	utstring_init(&text);
	for (size_t i = 0; i < selector->count; i++) {
		utstring_printf(&text, "%s", i ? "," : "");
		format_requirement(&text, &selector->items[i]);
	}
	if (!selector->count)
		utstring_printf(&text, "any");
	return utstring_body(&text);
}

// ---- matching ----

// `value` NULL: there is no such label.
static bool requirement_holds(const struct requirement *requirement, const char *value)
{
	switch (requirement->kind) {
	case REQUIREMENT_PRESENT:
		return value;
	case REQUIREMENT_ABSENT:
		return !value;
	case REQUIREMENT_IN:
	case REQUIREMENT_NOT_IN:
		break;
	}
	bool in = value && bsearch(&value, requirement->values, requirement->count, sizeof(char *),
				   compare_words);
	return in == (requirement->kind == REQUIREMENT_IN);
}

static int compare_labels(const void *a, const void *b)
{
	return strcmp(((const struct label *)a)->name, ((const struct label *)b)->name);
}

bool selector_matches(const struct selector *selector, const struct label_list *labels)
{
	for (size_t i = 0; i < selector->count; i++) {
		const struct requirement *requirement = &selector->items[i];
		const struct label key = {.name = requirement->label}, *found = NULL;
		if (labels->count)
			found = bsearch(
				&key, labels->items, labels->count, sizeof(key), compare_labels);
		if (!requirement_holds(requirement, found ? found->value : NULL))
			return false;
	}
	return true;
}

// ---- containment ----
//
// Labels are independent of each other, so each can be looked at alone. Of one label only so much
// can be told apart: that it is absent, each value that a requirement names, and any other value.
// Trying these decides.

// A value that no label can have.
static const char other_value[] = "\n";

static bool label_allowed(const struct selector *selector, const char *label, const char *value)
{
	for (size_t i = 0; i < selector->count; i++)
		if (!strcmp(selector->items[i].label, label) &&
			!requirement_holds(&selector->items[i], value))
			return false;
	return true;
}

struct trial {
	const struct selector *wide, *narrow;
	const char *label;
	bool possible; // narrow takes some value
	bool escaped;  // narrow takes a value that wide does not
};

static void try_value(struct trial *trial, const char *value)
{
	if (!label_allowed(trial->narrow, trial->label, value))
		return;
	trial->possible = true;
	trial->escaped |= !label_allowed(trial->wide, trial->label, value);
}

static void try_values_of(struct trial *trial, const struct selector *selector)
{
	for (size_t i = 0; i < selector->count; i++)
		if (!strcmp(selector->items[i].label, trial->label))
			for (size_t j = 0; j < selector->items[i].count; j++)
				try_value(trial, selector->items[i].values[j]);
}

static struct trial try_label(
	const struct selector *wide, const struct selector *narrow, const char *label)
{
	struct trial trial = {.wide = wide, .narrow = narrow, .label = label};
	try_value(&trial, NULL);
	try_value(&trial, other_value);
	try_values_of(&trial, wide);
	try_values_of(&trial, narrow);
	return trial;
}

bool selector_contains(const struct selector *wide, const struct selector *narrow)
{
	bool escaped = false;
	for (size_t i = 0; i < wide->count; i++)
		escaped |= try_label(wide, narrow, wide->items[i].label).escaped;
	for (size_t i = 0; i < narrow->count; i++)
		if (!try_label(wide, narrow, narrow->items[i].label).possible)
			return true; // it takes nothing
	return !escaped;
}
