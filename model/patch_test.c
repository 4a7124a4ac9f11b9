// SPDX-License-Identifier: Apache-2.0
#include "model/patch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

// JSON with ' for ".
static json_t *parse(const char *text)
{
	cleanup_free char *json = memory_text(text);
	for (char *at = json; (at = strchr(at, '\'')); at++)
		*at = '"';
	json_t *parsed = json_loads(json, JSON_DECODE_ANY, NULL);
	assert_non_null(parsed);
	return parsed;
}

static struct object *object_of(enum model_kind kind, const char *text, uint64_t revision)
{
	struct object *object;
	struct error error = {0};
	json_t *json = parse(text);
	const char *tenant = model_kind_in_tenant(kind) ? "acme" : NULL;
	if (object_decode(&object, kind, tenant, "a", json, true, &error))
		fail_msg("%s: %s: %s", text, error.field, error.message);
	json_decref(json);
	object->revision = revision;
	return object;
}

// Whoever holds the one makes the other of it. How many operations; -1: it is told whole.
static int check_way(const struct object *before, const struct object *after)
{
	struct object *patched;
	struct error error = {0};
	json_t *difference = object_difference(before, after);
	assert_non_null(difference);
	if (object_patch(&patched, before, difference, after->revision, &error))
		fail_msg("%s: %s", error.field, error.message);
	json_t *wanted = object_encode(after), *found = object_encode(patched);
	assert_true(json_equal(wanted, found));
	assert_true(object_equal(after, patched));
	int count = (int)json_array_size(difference);
	json_decref(wanted);
	json_decref(found);
	json_decref(difference);
	object_unref(patched);
	return count;
}

static int check_both_ways(enum model_kind kind, const char *one, const char *other)
{
	cleanup_object struct object *before = object_of(kind, one, 7);
	cleanup_object struct object *after = object_of(kind, other, 8);
	check_way(after, before);
	return check_way(before, after);
}

static void says_what_differs(void **state)
{
	(void)state;
	static const struct {
		enum model_kind kind;
		const char *before, *after, *operations;
	} cases[] = {
		{MODEL_PORT, "{'network': 'n'}", "{'network': 'n'}", "[]"},
		{MODEL_PORT, "{'network': 'n', 'labels': {'a': '1'}}",
			"{'network': 'n', 'labels': {'a': '2'}}",
			"[{'op': 'replace', 'path': '/labels', 'value': {'a': '2'}}]"},
		{MODEL_PORT, "{'network': 'n', 'host': 'h1'}", "{'network': 'n', 'device': 'tap0'}",
			"[{'op': 'remove', 'path': '/host'},"
			" {'op': 'add', 'path': '/device', 'value': 'tap0'}]"},
		{MODEL_ADDRESS_SET, "{'addresses': ['10.0.0.0/24', '10.0.2.0/24']}",
			"{'addresses': ['10.0.0.0/24', '10.0.1.0/24', '10.0.2.0/24']}",
			"[{'op': 'add', 'path': '/addresses/1', 'value': '10.0.1.0/24'}]"},
		{MODEL_ADDRESS_SET,
			"{'addresses': ['10.0.0.0/24', '10.0.1.0/24', 'fd00::/64', 'fd01::/64']}",
			"{'addresses': ['10.0.0.0/24', 'fd01::/64']}",
			"[{'op': 'replace', 'path': '/addresses', 'value': ['10.0.0.0/24', "
			"'fd01::/64']}]"},
		{MODEL_ADDRESS_SET, "{'addresses': ['10.0.0.0/24', '10.0.1.0/24', '10.0.2.0/24']}",
			"{'addresses': ['10.0.0.0/24', '10.0.2.0/24']}",
			"[{'op': 'remove', 'path': '/addresses/1'}]"},
		{MODEL_ADDRESS_SET, "{'addresses': ['10.0.0.0/24']}", "{'addresses': []}",
			"[{'op': 'replace', 'path': '/addresses', 'value': []}]"},
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		cleanup_object struct object *before = object_of(cases[i].kind, cases[i].before, 1);
		cleanup_object struct object *after = object_of(cases[i].kind, cases[i].after, 2);
		json_t *said = object_difference(before, after),
		       *wanted = parse(cases[i].operations);
		if (!json_equal(said, wanted))
			fail_msg("case %zu: %s", i, json_dumps(said, 0));
		json_decref(said);
		json_decref(wanted);
		check_both_ways(cases[i].kind, cases[i].before, cases[i].after);
	}
}

enum { ROUNDS = 4000, MOST = 12 };

static int below(int limit)
{
	return rand() % limit;
}

// A list of rules, each of which is another but for its name.
static void random_rules(char *text, size_t size)
{
	static const char *const peers[] = {"'any'", "'tier=web'", "['10.0.0.0/8', 'set:s']"};
	static const char *const actions[] = {"allow", "drop", "reject"};
	size_t used = 0;
	*text = '\0';
	for (int i = 0; i < MOST; i++)
		if (below(3))
			used += (size_t)snprintf(text + used, size - used,
				"%s{'name': 'r%d', 'from': %s, 'ports': ['tcp/%d'], 'action': "
				"'%s'}",
				used ? "," : "", i, peers[below(8) ? 0 : below(3)],
				below(6) ? 80 : 1 + below(9), actions[below(6) ? 0 : below(3)]);
}

static void random_policy(char *text, size_t size)
{
	char rules[MOST * 120];
	random_rules(rules, sizeof(rules));
	int used = snprintf(text, size, "{'rules': [%s]", rules);
	if (below(2))
		used += snprintf(text + used, size - used, ", 'tier': %d", below(3));
	snprintf(text + used, size - used, ", 'applies_to': 'a=%d'}", below(3));
}

static void random_router(char *text, size_t size)
{
	int used = snprintf(text, size, "{'networks': ['n', 'm'], 'routes': [");
	const char *comma = "";
	for (int i = 0; i < MOST; i++)
		if (below(3)) {
			used += snprintf(text + used, size - used,
				"%s{'to': '10.%d.0.0/16', 'via': ['10.255.0.%d']}", comma, i,
				below(5) ? 1 : 2);
			comma = ",";
		}
	snprintf(text + used, size - used, "]}");
}

static void random_set(char *text, size_t size)
{
	int used = snprintf(text, size, "{'addresses': [");
	const char *comma = "";
	for (int i = 0; i < MOST; i++)
		if (below(4)) {
			used += snprintf(text + used, size - used, "%s'%s%d%s'", comma,
				i % 2 ? "10." : "fd00:", i, i % 2 ? ".0.0/16" : "::/32");
			comma = ",";
		}
	snprintf(text + used, size - used, "]}");
}

static void random_port(char *text, size_t size)
{
	int used = snprintf(text, size, "{'network': 'n'");
	if (below(2))
		used += snprintf(text + used, size - used,
			", 'addresses': ['10.0.0.%d', 'fd00::%d']", 1 + below(3), 1 + below(3));
	if (below(2))
		used += snprintf(text + used, size - used, ", 'labels': {'a': '%d', 'b': '%d'}",
			below(2), below(2));
	if (below(2))
		used += snprintf(text + used, size - used,
			", 'security': [{'addresses': ['10.9.%d.0/24']}, {'mac': "
			"'02:00:00:00:00:0%d', 'addresses': ['fd09::/64']}]",
			below(2), below(3));
	if (below(2))
		used += snprintf(text + used, size - used, ", 'host': 'h%d'", below(2));
	snprintf(text + used, size - used, "}");
}

static void makes_any_of_any(void **state)
{
	(void)state;
	static const struct {
		enum model_kind kind;
		void (*make)(char *text, size_t size);
	} kinds[] = {{MODEL_POLICY, random_policy}, {MODEL_ROUTER, random_router},
		{MODEL_ADDRESS_SET, random_set}, {MODEL_PORT, random_port}};
	srand(1);
	size_t items = 0;
	for (int round = 0; round < ROUNDS; round++) {
		char one[MOST * 140], other[MOST * 140];
		size_t kind = (size_t)round % array_count(kinds);
		kinds[kind].make(one, sizeof(one));
		kinds[kind].make(other, sizeof(other));
		items += check_both_ways(kinds[kind].kind, one, other) > 2;
	}
	assert_true(items > ROUNDS / 20); // lists were changed by their items
}

// One rule of a hundred is told by one rule.
static void costs_what_it_changes(void **state)
{
	(void)state;
	enum { RULES = 100 };
	char texts[2][RULES * 100];
	for (int version = 0; version < 2; version++) {
		int used = snprintf(texts[version], sizeof(texts[version]), "{'rules': [");
		for (int i = 0; i < RULES; i++)
			used += snprintf(texts[version] + used, sizeof(texts[version]) - used,
				"%s{'name': 'r%d', 'from': 'any', 'ports': ['tcp/%d'], 'action': "
				"'allow'}",
				i ? "," : "", i, i == 50 ? 1 + version : 100 + i);
		snprintf(texts[version] + used, sizeof(texts[version]) - used, "]}");
	}
	assert_int_equal(check_both_ways(MODEL_POLICY, texts[0], texts[1]), 1);
}

static void refuses_what_is_no_patch(void **state)
{
	(void)state;
	static const struct {
		const char *patch, *field, *message;
	} cases[] = {
		{"{}", "", "expected a list of operations"},
		{"[{}]", "operation 0", "does not say what to do"},
		{"[{'op': 'test', 'path': '/tier', 'value': 1}]", "operation 0", "'test'"},
		{"[{'op': 'replace', 'value': 1}]", "operation 0", "there is no path here"},
		{"[{'op': 'replace', 'path': 'tier', 'value': 1}]", "operation 0",
			"there is no path tier"},
		{"[{'op': 'remove', 'path': '/tier'}, {'op': 'remove', 'path': '/nothing'}]",
			"operation 1", "there is no path /nothing"},
		{"[{'op': 'remove', 'path': '/'}]", "operation 0", "there is no path /"},
		{"[{'op': 'remove', 'path': '/rules/x'}]", "operation 0",
			"there is no path /rules/x"},
		{"[{'op': 'remove', 'path': '/rules/-1'}]", "operation 0", "there is no path"},
		{"[{'op': 'remove', 'path': '/rules/0/name'}]", "operation 0", "there is no path"},
		{"[{'op': 'remove', 'path': '/rules/2'}]", "operation 0", "rules has 2 items"},
		{"[{'op': 'add', 'path': '/rules/3', 'value': {'action': 'drop'}}]", "operation 0",
			"rules has 2 items"},
		{"[{'op': 'add', 'path': '/rules/99999999999999999999', 'value': {}}]",
			"operation 0", "rules has 2 items"},
		{"[{'op': 'add', 'path': '/rules/0'}]", "operation 0", "has no value"},
		{"[{'op': 'replace', 'path': '/tier/0', 'value': 1}]", "operation 0",
			"tier is no list"},
		{"[{'op': 'add', 'path': '/rules/0', 'value': {'action': 'fly'}}]", "operation 0",
			"'fly'"},
		{"[{'op': 'replace', 'path': '/tier', 'value': 'x'}]", "operation 0", "expected"},
		{"[{'op': 'add', 'path': '/rules/2', 'value': {'name': 'a', 'action': 'drop'}}]",
			"rules[2]", "has the name of item 0"},
	};
	cleanup_object struct object *base = object_of(MODEL_POLICY,
		"{'rules': [{'name': 'a', 'action': 'drop'}, {'name': 'b', 'action': 'drop'}]}", 1);
	json_t *before = object_encode(base);
	for (size_t i = 0; i < array_count(cases); i++) {
		struct object *out = NULL;
		struct error error = {0};
		json_t *patch = parse(cases[i].patch);
		assert_true(object_patch(&out, base, patch, 2, &error) < 0);
		assert_null(out);
		assert_string_equal(error.object, "acme/policies/a");
		if (strncmp(error.field, cases[i].field, strlen(cases[i].field)) ||
			!strstr(error.message, cases[i].message))
			fail_msg("%s: %s: %s", cases[i].patch, error.field, error.message);
		json_decref(patch);
	}
	json_t *after = object_encode(base);
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_differs),
		cmocka_unit_test(makes_any_of_any),
		cmocka_unit_test(costs_what_it_changes),
		cmocka_unit_test(refuses_what_is_no_patch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
