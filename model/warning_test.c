// SPDX-License-Identifier: Apache-2.0
#include "model/warning.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "catalog_fixture.h"

static struct catalog *catalog;

struct told {
	char text[4096];
	size_t count;
};

static void take(void *context, enum model_warning warning, const struct error *what)
{
	struct told *told = context;
	size_t used = strlen(told->text);
	snprintf(told->text + used, sizeof(told->text) - used, "%s %s %s: %s\n",
		model_warning_name(warning), what->object, what->field, what->message);
	told->count++;
}

// What is told of the lines, as one transaction that is accepted.
static struct told *warnings_of(const char *const *lines, size_t count)
{
	static struct told told;
	struct error error = {0};
	struct transaction *transaction = transaction_begin(catalog);
	told = (struct told){0};
	for (size_t i = 0; i < count; i++)
		if (fixture_line(transaction, catalog, lines[i], &error))
			fail_msg("%s: %s", error.field, error.message);
	if (transaction_prepare(transaction, &error))
		fail_msg("%s: %s", error.field, error.message);
	transaction_warnings(transaction, take, &told);
	transaction_commit(transaction, 1);
	return &told;
}

#define expect(expected, ...)                                                                  \
	do {                                                                                   \
		const char *const lines_[] = {__VA_ARGS__};                                    \
		assert_string_equal(warnings_of(lines_, array_count(lines_))->text, expected); \
	} while (0)

static int setup(void **state)
{
	(void)state;
	catalog_new(&catalog);
	expect("", "put tenants/acme {}", "put acme/networks/a {'subnets': ['10.1.0.0/24']}",
		"put acme/networks/b {'subnets': ['10.2.0.0/24']}", "put acme/networks/bare {}",
		"put acme/ports/w {'network': 'bare', 'labels': {'tier': 'web'}}",
		"put acme/ports/d {'network': 'bare', 'labels': {'tier': 'db'}}");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	catalog_free(catalog);
	return 0;
}

static void hidden_rules_are_told(void **state)
{
	(void)state;
	expect("rule-shadowed acme/policies/p rules[0]: rule 'late' is shadowed by rule 'early' "
	       "(rules[1]), which takes all its packets before\n",
		"put acme/policies/p {'rules': [{'name': 'late', 'action': 'allow', 'to': "
		"'tier=web', 'priority': 5}, {'name': 'early', 'action': 'allow'}]}");
	// Of equal priority, what drops is asked first, wherever it stands.
	expect("rule-contradicted acme/policies/p rules[0]: is shadowed by rules[1], which takes "
	       "all "
	       "its packets before and does otherwise\n",
		"put acme/policies/p {'rules': [{'action': 'allow', 'ports': ['tcp/80']}, "
		"{'action': 'drop', 'ports': ['tcp']}]}");
	// Told again only when the policy changes.
	expect("", "put acme/ports/x {'network': 'a'}");
	expect("", "put acme/policies/p {'rules': [{'action': 'allow', 'ports': ['tcp/80']}, "
		   "{'action': 'drop', 'ports': ['tcp'], 'direction': 'egress'}]}");
	expect("", "put acme/policies/p {'rules': [{'action': 'allow', 'from': 'tier=web'}, "
		   "{'action': 'drop', 'priority': 0}]}");
}

// Pieces of the hiding rule add up; address sets count by what is in them.
static void sets_and_pieces_hide(void **state)
{
	(void)state;
	expect("rule-shadowed acme/policies/p rules[1]: is shadowed by rules[0], which takes all "
	       "its "
	       "packets before\n",
		"put acme/address_sets/s {'addresses': ['10.0.0.0/9', '10.128.0.0/10', "
		"'10.192.0.0/10']}",
		"put acme/policies/p {'rules': [{'action': 'drop', 'from': 'set:s', 'ports': "
		"['tcp/1-10', 'tcp/11-20']}, {'action': 'drop', 'from': '10.0.0.0/8', 'ports': "
		"['tcp/5-15']}]}");
	expect("", "put acme/policies/p {'rules': [{'action': 'drop', 'from': 'set:s', 'ports': "
		   "['tcp/1-10', 'tcp/12-20']}, {'action': 'drop', 'from': '10.0.0.0/8', 'ports': "
		   "['tcp/5-15']}]}");
	expect("", "put acme/policies/p {'rules': [{'action': 'drop', 'from': '10.0.0.0/9'}, "
		   "{'action': 'drop', 'from': 'set:s'}]}");
	expect("rule-shadowed acme/policies/p rules[1]: is shadowed by rules[0], which takes all "
	       "its "
	       "packets before\n",
		"put acme/policies/p {'rules': [{'action': 'drop', 'from': '10.0.0.0/8'}, "
		"{'action': 'drop', 'from': 'set:s'}]}");
}

static void useless_selectors_are_told(void **state)
{
	(void)state;
	expect("selector-matches-nothing acme/policies/p applies_to: 'tier=app' selects none of "
	       "the "
	       "ports that there are\n"
	       "selector-matches-nothing acme/policies/p rules[0].from: 'zone' selects none of the "
	       "ports that there are\n",
		"put acme/policies/p {'applies_to': 'tier=app', 'rules': [{'action': 'drop', "
		"'from': ['tier=db', 'zone'], 'to': 'tier!=web'}]}");
	// Ports of the same transaction count.
	expect("", "put acme/policies/q {'applies_to': 'tier=app'}",
		"put acme/ports/y {'network': 'a', 'labels': {'tier': 'app'}}");
}

static void empty_sets_are_told(void **state)
{
	(void)state;
	expect("address-set-empty acme/address_sets/s addresses: is empty: rules that name this "
	       "set "
	       "match nothing\n"
	       "address-set-empty acme/policies/p rules[0].from: address set 's' is empty: this "
	       "matches nothing\n",
		"put acme/address_sets/s {'addresses': []}",
		"put acme/policies/p {'rules': [{'action': 'drop', 'from': 'set:s'}]}");
}

static void routers_are_told(void **state)
{
	(void)state;
	expect("router-without-address acme/routers/r networks[0]: the router has no address on "
	       "network 'bare'\n",
		"put acme/routers/r {'networks': ['bare']}", "put acme/routers/x {'networks': []}");
	expect("", "put acme/routers/a {'networks': ['a', 'b'], 'routes': [{'to': '10.9.0.0/16', "
		   "'via': ['10.1.0.3']}, {'to': '10.8.0.0/16', 'via': ['10.1.0.2', "
		   "'10.1.0.9']}]}");
	expect("routes-loop acme/routers/b routes[1]: leads to router 'a', whose routes lead back: "
	       "packets would go round until they are dropped\n",
		"put acme/routers/b {'networks': [{'network': 'a', 'addresses': ['10.1.0.2']}], "
		"'routes': [{'to': '10.9.0.0/16', 'via': ['10.1.0.1']}, {'to': '10.8.0.0/17', "
		"'via': ['10.1.0.1']}, {'to': '10.2.0.0/24', 'via': ['10.1.0.1']}]}");
	// Over a third.
	expect("routes-loop acme/routers/c routes[0]: leads to router 'b', whose routes lead back: "
	       "packets would go round until they are dropped\n",
		"put acme/routers/c {'networks': [{'network': 'a', 'addresses': ['10.1.0.3']}], "
		"'routes': [{'to': '10.9.0.0/16', 'via': ['10.1.0.2']}]}");
}

static void not_more_than_some_are_told(void **state)
{
	(void)state;
	enum { RULES = 3000 };
	json_t *rules = json_array();
	for (int i = 0; i < RULES; i++)
		json_array_append_new(rules, json_pack("{s:s}", "action", "drop"));
	json_t *fields = json_pack("{s:o}", "rules", rules);
	struct object *object;
	assert_int_equal(object_decode(&object, MODEL_POLICY, "acme", "p", fields, false, NULL), 0);
	json_decref(fields);
	struct transaction *transaction = transaction_begin(catalog);
	assert_int_equal(transaction_put(transaction, object, NULL), 0);
	assert_int_equal(transaction_prepare(transaction, NULL), 0);
	struct told told = {0};
	transaction_warnings(transaction, take, &told);
	assert_int_equal(told.count, WARNINGS_MAXIMUM);
	transaction_abort(transaction);
}

// ---- shadows, held against all packets of a small world ----

static unsigned draw(unsigned *seed, unsigned below)
{
	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 16) % below;
}

// Eight addresses, and one that stands for all others; seven ports, and one for all others.
enum { ADDRESSES = 9, PORTS = 8, PROTOCOLS = 2 };
static const uint8_t protocols[PROTOCOLS] = {6, 17};

static json_t *random_prefixes(unsigned *seed)
{
	if (!draw(seed, 3))
		return json_string("any");
	json_t *list = json_array();
	for (unsigned i = 1 + draw(seed, 3); i; i--) {
		unsigned length = 29 + draw(seed, 4);
		unsigned host = draw(seed, 8) & ~0u << (32 - length);
		json_t *prefix = json_sprintf("10.0.0.%u/%u", host, length);
		for (size_t j = 0; j < json_array_size(list); j++)
			if (json_equal(json_array_get(list, j), prefix)) {
				json_decref(prefix);
				prefix = NULL;
				break;
			}
		if (prefix)
			json_array_append_new(list, prefix);
	}
	return list;
}

static json_t *random_services(unsigned *seed)
{
	static const char *const names[] = {"tcp", "udp"};
	json_t *list = json_array();
	for (unsigned protocol = 0; protocol < PROTOCOLS; protocol++) {
		unsigned low = draw(seed, 7), high = low + draw(seed, 7 - low);
		switch (draw(seed, 4)) {
		case 0:
			json_array_append_new(list, json_string(names[protocol]));
			break;
		case 1:
			if (high < 6)
				json_array_append_new(
					list, json_sprintf("%s/%u-6", names[protocol], high + 1));
			__attribute__((fallthrough));
		case 2:
			json_array_append_new(
				list, json_sprintf("%s/%u-%u", names[protocol], low, high));
			break;
		default:
			break;
		}
	}
	return list;
}

static json_t *random_rule(unsigned *seed)
{
	json_t *rule = json_pack("{s:s, s:o, s:o, s:i}", "action", "drop", "from",
		random_prefixes(seed), "to", random_prefixes(seed), "priority", draw(seed, 3));
	json_t *ports = random_services(seed), *source_ports = random_services(seed);
	if (json_array_size(ports))
		json_object_set(rule, "ports", ports);
	if (json_array_size(source_ports) && draw(seed, 2))
		json_object_set(rule, "source_ports", source_ports);
	json_decref(ports);
	json_decref(source_ports);
	return rule;
}

static bool takes_address(const struct peer_list *peers, int number)
{
	struct address address = address_from_ipv4(
		number < ADDRESSES - 1 ? 0x0a000000u + (unsigned)number : 0xc0000201u);
	for (size_t i = 0; i < peers->count; i++)
		if (peers->items[i].kind == PEER_ANY ||
			prefix_contains(&peers->items[i].prefix, &address))
			return true;
	return false;
}

static bool takes_port(const struct service_list *services, uint8_t protocol, int number)
{
	int port = number < PORTS - 1 ? number : 40000;
	for (size_t i = 0; i < services->count; i++)
		if (services->items[i].protocol == protocol && services->items[i].low <= port &&
			port <= services->items[i].high)
			return true;
	return !services->items;
}

// Which packets a rule takes: a set a protocol and field, as the fields are independent. Protocol 2
// is any other one.
struct taken {
	unsigned from, to, ports[PROTOCOLS + 1], source_ports[PROTOCOLS + 1];
};

static struct taken taken_by(const struct policy_rule *rule)
{
	struct taken taken = {0};
	for (int i = 0; i < ADDRESSES; i++) {
		taken.from |= (unsigned)takes_address(&rule->from, i) << i;
		taken.to |= (unsigned)takes_address(&rule->to, i) << i;
	}
	for (int p = 0; p <= PROTOCOLS; p++)
		for (int i = 0; i < PORTS; i++) {
			uint8_t protocol = p < PROTOCOLS ? protocols[p] : 99;
			taken.ports[p] |= (unsigned)takes_port(&rule->ports, protocol, i) << i;
			taken.source_ports[p] |=
				(unsigned)takes_port(&rule->source_ports, protocol, i) << i;
		}
	return taken;
}

static bool takes_all_of(const struct taken *wide, const struct taken *narrow)
{
	if (narrow->from & ~wide->from || narrow->to & ~wide->to)
		return false;
	for (int p = 0; p <= PROTOCOLS; p++)
		if (narrow->ports[p] && narrow->source_ports[p] &&
			(narrow->ports[p] & ~wide->ports[p] ||
				narrow->source_ports[p] & ~wide->source_ports[p]))
			return false;
	return true;
}

struct hidden {
	bool rules[16];
};

static void mark_hidden(void *context, enum model_warning warning, const struct error *what)
{
	struct hidden *hidden = context;
	unsigned rule;
	assert_int_equal(warning, WARNING_RULE_SHADOWED);
	assert_int_equal(sscanf(what->field, "rules[%u]", &rule), 1);
	hidden->rules[rule] = true;
}

static size_t check_shadows(const struct policy *policy, const struct hidden *hidden)
{
	size_t found = 0;
	for (size_t i = 0; i < policy->rules.count; i++) {
		const struct policy_rule *one = &policy->rules.items[i];
		struct taken narrow = taken_by(one);
		bool expected = false;
		for (size_t j = 0; j < policy->rules.count; j++) {
			const struct policy_rule *other = &policy->rules.items[j];
			struct taken wide = taken_by(other);
			bool before = other->priority > one->priority ||
				      (other->priority == one->priority && j < i);
			expected |= before && takes_all_of(&wide, &narrow);
		}
		assert_int_equal(hidden->rules[i], expected);
		found += expected;
	}
	return found;
}

static void shadows_are_exact(void **state)
{
	(void)state;
	unsigned seed = 1;
	size_t found = 0, rules = 0;
	for (int round = 0; round < 3000; round++) {
		json_t *list = json_array();
		for (unsigned i = 2 + draw(&seed, 10); i; i--)
			json_array_append_new(list, random_rule(&seed));
		json_t *fields = json_pack("{s:o}", "rules", list);
		struct object *object;
		struct error error = {0};
		int result =
			object_decode(&object, MODEL_POLICY, "acme", "p", fields, false, &error);
		json_decref(fields);
		if (result) {
			// The one thing that can be wrong here.
			assert_string_equal(error.message,
				"has no protocol in common with 'ports': no packet can match both");
			continue;
		}
		struct transaction *transaction = transaction_begin(catalog);
		assert_int_equal(transaction_put(transaction, object_ref(object), NULL), 0);
		assert_int_equal(transaction_prepare(transaction, NULL), 0);
		struct hidden hidden = {0};
		transaction_warnings(transaction, mark_hidden, &hidden);
		transaction_abort(transaction);
		found += check_shadows((const struct policy *)object, &hidden);
		rules += ((const struct policy *)object)->rules.count;
		object_unref(object);
	}
	assert_in_range(found, rules / 20, rules / 2);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(hidden_rules_are_told),
		TEST(sets_and_pieces_hide),
		TEST(useless_selectors_are_told),
		TEST(empty_sets_are_told),
		TEST(routers_are_told),
		TEST(not_more_than_some_are_told),
		TEST(shadows_are_exact),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
