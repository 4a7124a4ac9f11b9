// SPDX-License-Identifier: Apache-2.0
// What is told of selectors follows from labels that are counted as ports come and go; here it is
// held against a walk over all ports, while random transactions are committed, aborted and withdrawn.
#include "labels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "catalog_fixture.h"
#include "state.h"

enum { ROUNDS = 3000, PORTS = 12, LINES = 5, LINE = 400, TEXT = 80 };

static struct catalog *catalog;

static unsigned below(unsigned limit)
{
	return (unsigned)rand() % limit;
}

// ---- what is drawn ----

// Of one label, with a value that is empty among others.
static void draw_requirement(char *text, char label)
{
	static const char *const forms[] = {
		"%c=%u", "%c!=%u", "%c in (%u, 0)", "%c not in (%u, 1)", "%c", "!%c", "%c="};
	snprintf(text, TEXT, forms[below(array_count(forms))], label, below(3));
}

static void draw_selector(char *text /* TEXT bytes */)
{
	char parts[3][TEXT];
	for (unsigned i = 0; i < 3; i++)
		draw_requirement(parts[i], (char)('a' + i));
	switch (below(3)) {
	case 0:
		snprintf(text, TEXT, "%.24s", parts[below(3)]);
		break;
	case 1:
		snprintf(text, TEXT, "%.24s,%.24s", parts[0], parts[1 + below(2)]);
		break;
	default:
		snprintf(text, TEXT, "%.24s,%.24s,%.24s", parts[0], parts[1], parts[2]);
	}
}

static void draw_labels(char *text, size_t size)
{
	size_t used = 0;
	*text = '\0';
	for (char label = 'a'; label < 'd'; label++)
		if (below(2))
			used += (size_t)snprintf(text + used, size - used, "%s'%c': '%.*s'",
				used ? ", " : "", label, below(6) ? 1 : 0,
				(const char *[]){"0", "1", "2"}[below(3)]);
}

static void draw_port(char *line)
{
	char labels[LINE / 2];
	draw_labels(labels, sizeof(labels));
	unsigned tenant = below(2), port = below(PORTS);
	char name[16];
	snprintf(name, sizeof(name), "p%u", port);
	char of[16];
	snprintf(of, sizeof(of), "t%u", tenant);
	if (catalog_find(catalog, MODEL_PORT, of, name) && below(2))
		snprintf(line, LINE, "delete t%u/ports/p%u", tenant, port);
	else
		snprintf(line, LINE, "put t%u/ports/p%u {'network': 'n', 'labels': {%s}}", tenant,
			port, labels);
}

// ---- what is told, and what should be ----

static void take(void *context, enum model_warning warning, const struct error *what)
{
	char(*told)[1024] = context;
	size_t used = strlen(*told);
	assert_int_equal(warning, WARNING_SELECTOR_EMPTY);
	snprintf(*told + used, sizeof(*told) - used, "%s %s\n", what->field, what->message);
}

static int port_is_selected(void *context, struct object *object)
{
	return selector_matches(context, &((const struct port *)object)->labels);
}

static void expect_of(const char *tenant, const char *text, const char *field, char (*out)[1024])
{
	struct selector selector;
	assert_int_equal(selector_parse(&selector, text, NULL), 0);
	cleanup_free char *canonical = selector_format(&selector);
	size_t used = strlen(*out);
	if (!catalog_each(catalog, MODEL_PORT, tenant, port_is_selected, &selector))
		snprintf(*out + used, sizeof(*out) - used,
			"%s '%s' selects none of the ports that there are\n", field, canonical);
	selector_done(&selector);
}

// A policy in the open transaction.
struct drawn_policy {
	char tenant[8], applies_to[TEXT], from[TEXT], to[TEXT];
};

static void draw_policy(struct drawn_policy *policy, char *line)
{
	snprintf(policy->tenant, sizeof(policy->tenant), "t%u", below(2));
	draw_selector(policy->applies_to);
	draw_selector(policy->from);
	draw_selector(policy->to);
	// One and the same policy gets another priority, so that it is a change whatever is drawn.
	static unsigned turn;
	snprintf(line, LINE,
		"put %s/policies/p {'applies_to': '%s', 'rules': [{'action': 'drop', 'priority': "
		"%u, 'from': '%s', 'to': '%s'}]}",
		policy->tenant, policy->applies_to, turn++ % 1000, policy->from, policy->to);
}

static void told_as_expected(struct transaction *transaction, const struct drawn_policy *policy)
{
	char told[1024] = "", expected[1024] = "";
	transaction_warnings(transaction, take, &told);
	expect_of(policy->tenant, policy->applies_to, "applies_to", &expected);
	expect_of(policy->tenant, policy->from, "rules[0].from", &expected);
	expect_of(policy->tenant, policy->to, "rules[0].to", &expected);
	assert_string_equal(told, expected);
}

static void random_transaction(uint64_t revision)
{
	struct error error = {0};
	struct drawn_policy policy;
	char line[LINE];
	struct transaction *transaction = transaction_begin(catalog);
	for (unsigned i = below(LINES); i > 0; i--) {
		draw_port(line);
		fixture_line(transaction, catalog, line, NULL); // a port may be drawn twice
	}
	draw_policy(&policy, line);
	assert_int_equal(fixture_line(transaction, catalog, line, &error), 0);
	if (transaction_prepare(transaction, &error))
		fail_msg("%s %s: %s", error.object, error.field, error.message);
	told_as_expected(transaction, &policy);
	switch (below(3)) {
	case 0:
		transaction_abort(transaction);
		return;
	case 1:
		transaction_withdraw(transaction);
		assert_int_equal(transaction_adopt(transaction, &error), 0);
		break;
	default:
		break;
	}
	transaction_commit(transaction, revision);
}

static void random_transactions_tell_what_a_walk_finds(void **state)
{
	(void)state;
	static const char *const lines[] = {"put tenants/t0 {}", "put tenants/t1 {}",
		"put t0/networks/n {}", "put t1/networks/n {}"};
	srand(5);
	catalog_new(&catalog);
	assert_int_equal(fixture_apply(catalog, lines, array_count(lines), 1, NULL, NULL), 0);
	for (unsigned round = 0; round < ROUNDS; round++)
		random_transaction(2 + round);
	catalog_free(catalog);
}

// ---- cost ----

// Whether one of a thousand ports with labels of their own is selected costs as much as of ten.
static size_t cost_of(unsigned ports, const char *text, bool expected)
{
	struct tenant_labels *all = NULL;
	struct selector selector;
	size_t work = 1000000, before = work;
	assert_int_equal(selector_parse(&selector, text, NULL), 0);
	char names[2][16];
	struct label items[2] = {{"name", names[0]}, {"tier", "web"}};
	for (unsigned i = 0; i < ports; i++) {
		struct port port = {.object = {.kind = MODEL_PORT, .tenant = (char *)"t"}};
		snprintf(names[0], sizeof(names[0]), "x%u", i);
		struct label shared[2];
		for (size_t j = 0; j < 2; j++)
			shared[j] = (struct label){
				text_share(items[j].name), text_share(items[j].value)};
		port.labels = (struct label_list){2, shared};
		labels_add(&all, &port.object);
		for (size_t j = 0; j < 2; j++) {
			text_release(shared[j].name);
			text_release(shared[j].value);
		}
	}
	assert_int_equal(labels_select(all, "t", &selector, &work), expected);
	assert_false(labels_select(all, "other", &selector, &work));
	selector_done(&selector);
	labels_done(&all);
	return before - work;
}

static void cost_does_not_follow_the_ports(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool selects;
	} cases[] = {{"tier=db", false}, {"tier!=web", false}, {"!tier", false}, {"zone", false},
		{"name=x3", true}, {"name=x3,tier=web", true}, {"name=x3,tier!=web", false},
		{"name in (x1, x2),!tier", false}, {"name=x3,tier=db", false},
		{"name!=x3,tier=web", true}};
	for (size_t i = 0; i < array_count(cases); i++) {
		size_t few = cost_of(10, cases[i].text, cases[i].selects);
		assert_int_equal(few, cost_of(1000, cases[i].text, cases[i].selects));
		assert_true(few <= 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_transactions_tell_what_a_walk_finds),
		cmocka_unit_test(cost_does_not_follow_the_ports),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
