// SPDX-License-Identifier: Apache-2.0
#include "model/selector.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

static struct selector parsed(const char *text)
{
	struct selector selector;
	struct error error = {0};
	if (selector_parse(&selector, text, &error))
		fail_msg("%s", error.message);
	return selector;
}

static void texts_become_canonical(void **state)
{
	(void)state;
	static const struct {
		const char *text, *canonical;
	} cases[] = {
		{"any", "any"},
		{"  any ", "any"},
		{"tier=web", "tier=web"},
		{" tier = web ", "tier=web"},
		{"tier=", "tier="},
		{"tier!=web", "tier!=web"},
		{"tier in (b, a,b)", "tier in (a, b)"},
		{"tier in(a)", "tier=a"},
		{"tier not in (a)", "tier!=a"},
		{"tier  not  in  ( z , a )", "tier not in (a, z)"},
		{"tier in (, a)", "tier in (, a)"},
		{"tier", "tier"},
		{"!tier", "!tier"},
		{"! tier", "!tier"},
		{"z,b=1,a", "a,b=1,z"},
		{"a,a,a", "a"},
		{"in=not", "in=not"},
		{"in in (in)", "in=in"},
		{"not", "not"},
		{"not not in (x, y)", "not not in (x, y)"},
		{"any=x", "any=x"},
		{"anyone", "anyone"},
		{"app.io/part=x_1", "app.io/part=x_1"},
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct selector selector = parsed(cases[i].text);
		cleanup_free char *text = selector_format(&selector);
		assert_string_equal(text, cases[i].canonical);
		struct selector again = parsed(text), copy;
		assert_int_equal(selector_compare(&selector, &again), 0);
		selector_copy(&copy, &selector);
		assert_int_equal(selector_compare(&selector, &copy), 0);
		selector_done(&selector);
		selector_done(&again);
		selector_done(&copy);
	}
}

static void mistakes_are_located(void **state)
{
	(void)state;
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"", "selector '', character 1: the name of a label is missing"},
		{"a,", "selector 'a,', character 3: the name of a label is missing"},
		{",a", "selector ',a', character 1: the name of a label is missing"},
		{"a=b c", "selector 'a=b c', character 5: ',' or the end is expected"},
		{"a==b", "selector 'a==b', character 3: ',' or the end is expected"},
		{"tier in a", "selector 'tier in a', character 9: '(' is missing"},
		{"tier in (a", "selector 'tier in (a', character 11: ',' or ')' is missing"},
		{"tier in (a b)", "selector 'tier in (a b)', character 12: ',' or ')' is missing"},
		{"tier not (a)",
			"selector 'tier not (a)', character 9: 'in' is missing after 'not'"},
		{"any,a", "selector 'any,a', character 1: 'any' can only stand alone"},
		{"a, any", "selector 'a, any', character 4: 'any' can only stand alone"},
		{"!", "selector '!', character 2: the name of a label is missing"},
		{"-a", "selector '-a', character 1: '-a' cannot be the name of a label (1 to 63 of "
		       "A-Z a-z 0-9 - . _ /, a letter or digit first and last)"},
		{"a=b-", "selector 'a=b-', character 3: 'b-' cannot be the value of a label (1 to "
			 "63 "
			 "of A-Z a-z 0-9 - . _ /, a letter or digit first and last)"},
		{"a=b;c", "selector 'a=b;c', character 4: ',' or the end is expected"},
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct selector selector = {.count = 77};
		struct error error = {0};
		assert_int_equal(selector_parse(&selector, cases[i].text, &error), -EINVAL);
		assert_string_equal(error.message, cases[i].message);
		assert_int_equal(selector.count, 77);
		assert_int_equal(selector_parse(&selector, cases[i].text, NULL), -EINVAL);
	}
}

static void labels_match(void **state)
{
	(void)state;
	struct label web[] = {{"app", "shop"}, {"tier", "web"}};
	struct label_list labels = {2, web}, none = {0};
	static const struct {
		const char *text;
		bool web, none;
	} cases[] = {
		{"any", true, true},
		{"tier=web", true, false},
		{"tier=db", false, false},
		{"tier!=web", false, true},
		{"tier!=db", true, true},
		{"tier in (db, web)", true, false},
		{"tier not in (db, app)", true, true},
		{"tier", true, false},
		{"!tier", false, true},
		{"tier=web,app=shop", true, false},
		{"tier=web,app=bank", false, false},
		{"tier=web,!zone", true, false},
		{"tier=", false, false},
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct selector selector = parsed(cases[i].text);
		assert_int_equal(selector_matches(&selector, &labels), cases[i].web);
		assert_int_equal(selector_matches(&selector, &none), cases[i].none);
		selector_done(&selector);
	}
}

// ---- containment, held against all label sets over a few words ----

static unsigned draw(unsigned *seed, unsigned below)
{
	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 16) % below;
}

static void random_selector(unsigned *seed, char *text, size_t size)
{
	static const char *const forms[] = {
		"%s=x", "%s=y", "%s!=x", "%s in (x, y)", "%s not in (x, y)", "%s", "!%s"};
	size_t used = 0;
	text[0] = '\0';
	for (unsigned i = 1 + draw(seed, 3); i; i--) {
		char part[32];
		snprintf(part, sizeof(part), forms[draw(seed, array_count(forms))],
			draw(seed, 2) ? "a" : "b");
		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? "," : "", part);
	}
}

// Each of two labels absent, x, y or another value: `number` says which.
static struct label_list labels_of(int number, struct label labels[2])
{
	static const char *const values[] = {NULL, "x", "y", "z"};
	static const char *const names[] = {"a", "b"};
	struct label_list list = {0, labels};
	for (int i = 0; i < 2; i++, number /= 4)
		if (values[number % 4])
			labels[list.count++] =
				(struct label){(char *)names[i], (char *)values[number % 4]};
	return list;
}

static bool contains_all(const struct selector *wide, const struct selector *narrow)
{
	for (int number = 0; number < 16; number++) {
		struct label labels[2];
		struct label_list list = labels_of(number, labels);
		if (selector_matches(narrow, &list) && !selector_matches(wide, &list))
			return false;
	}
	return true;
}

static void containment_is_exact(void **state)
{
	(void)state;
	unsigned seed = 1, contained = 0;
	for (int round = 0; round < 20000; round++) {
		char wide_text[128], narrow_text[128];
		random_selector(&seed, wide_text, sizeof(wide_text));
		random_selector(&seed, narrow_text, sizeof(narrow_text));
		struct selector wide = parsed(wide_text), narrow = parsed(narrow_text);
		bool expected = contains_all(&wide, &narrow);
		if (selector_contains(&wide, &narrow) != expected)
			fail_msg("'%s' and '%s'", wide_text, narrow_text);
		contained += expected;
		selector_done(&wide);
		selector_done(&narrow);
	}
	assert_in_range(contained, 2000, 18000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_become_canonical),
		cmocka_unit_test(mistakes_are_located),
		cmocka_unit_test(labels_match),
		cmocka_unit_test(containment_is_exact),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
