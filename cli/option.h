// SPDX-License-Identifier: Apache-2.0
// The options of a command: one table from which parsing, help and completion derive.
//
// A command has several tables (its own, those of the connection, those of all commands), so tables
// come in groups: a NULL-terminated array of tables, each ended by an option without a name.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum option_type {
	OPTION_FLAG,     // bool
	OPTION_TEXT,     // const char *
	OPTION_NUMBER,   // uint64_t
	OPTION_DURATION, // uint64_t, milliseconds: "500ms", "30s", "2m", "30d"
	OPTION_CHOICE,   // const char *, one of `choices`
	OPTION_TEXTS, // struct option_texts: given any number of times; nothing stands in for none
};

// In the order of the command line.
struct option_texts {
	size_t count;
	const char **items;
};

struct option_spec {
	const char *name; // without dashes; NULL ends a table
	char letter;      // 0: none
	enum option_type type;
	void *target;            // where the value goes, of the type above
	const char *argument;    // what the argument is called, "TENANT"; NULL for a flag
	const char *implied;     // the argument may be left out and is then this; NULL: it may not
	const char *environment; // taken from this variable where it is not given; NULL: none
	const char *fallback;    // taken where neither is given; NULL: the target stays
	const char *const *choices; // NULL-terminated, for OPTION_CHOICE
	const char *help;
};

// Call `visit` for each option of the groups, in order; a non-zero answer stops and is returned.
typedef int (*option_visit)(void *context, const struct option_spec *option);
int option_each(const struct option_spec *const *groups, option_visit visit, void *context);

// Parse `argv` (argv[0] is the command) into the targets. The words that are no options are moved
// to the end, in order; `first` is the index of the first of them. On failure: -EINVAL and a
// message that names the option. Texts point into `argv` or the environment.
int option_parse(const struct option_spec *const *groups, int argc, char **argv, int *first,
	struct error *error);

// "1500ms", "30s", "2m", "1h", "30d", or plain seconds. 0, or -EINVAL with `milliseconds` untouched.
int option_duration(const char *text, uint64_t *milliseconds);
// Decimal, whole. 0, or -EINVAL with `number` untouched.
int option_number(const char *text, uint64_t *number);
