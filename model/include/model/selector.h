// SPDX-License-Identifier: Apache-2.0
// Selectors: which ports are meant, by their labels.
//
// A selector is requirements joined by commas, all of which must hold:
//     tier=web   tier!=web   tier in (a, b)   tier not in (a, b)   tier   !tier
// `tier!=web` and `tier not in (…)` also hold where there is no label tier. `any`, alone, selects
// all; so a label that is called any must be compared with something.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct label {
	const char *name, *value; // of text_share
};
struct label_list {
	size_t count;
	struct label *items;
}; // sorted by name

enum requirement_kind {
	REQUIREMENT_IN,      // has the label, with one of the values
	REQUIREMENT_NOT_IN,  // does not: another value, or no such label
	REQUIREMENT_PRESENT, // has the label, whatever its value
	REQUIREMENT_ABSENT,
};

struct requirement {
	char *label;
	enum requirement_kind kind;
	size_t count;
	char **values; // sorted, none twice
};

// Canonical: sorted, none twice, so that equal texts are equal selectors. All zero: any.
struct selector {
	size_t count;
	struct requirement *items;
};

// 0; or -EINVAL, with a message that says at which character, and `out` untouched.
int selector_parse(struct selector *out, const char *text, struct error *error);
// The canonical text: "any", "app=shop,tier in (a, b)". Owned by the caller (free).
char *selector_format(const struct selector *selector);
void selector_done(struct selector *selector);
void selector_copy(struct selector *to, const struct selector *from); // `to` is overwritten
int selector_compare(const struct selector *a, const struct selector *b);

bool selector_matches(const struct selector *selector, const struct label_list *labels);
// Does `wide` take all labels that `narrow` takes, whatever labels there may be? Exact.
bool selector_contains(const struct selector *wide, const struct selector *narrow);

// The words of labels: 1 to 63 of A-Z a-z 0-9 - . _ /, beginning and ending with a letter or digit.
// A value may be empty too. 0 or -EINVAL.
int label_name_check(const char *name, struct error *error);
int label_value_check(const char *value, struct error *error);
