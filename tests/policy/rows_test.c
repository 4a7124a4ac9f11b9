// SPDX-License-Identifier: Apache-2.0
// Policies that somebody wrote, not chance: which rows a change writes, what is there without rules,
// and lists of rules that fill a set.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "tables.h"

// ---- cost ----

static void put(struct compiler *compiler, struct object *object)
{
	compiler_put(compiler, object);
	object_unref(object);
}

static struct object *labelled_port(unsigned index, const char *tier)
{
	char name[16], mac[32], address[32], device[16];
	snprintf(name, sizeof(name), "v%u", index);
	snprintf(mac, sizeof(mac), "02:00:00:00:%02x:%02x", index >> 8, index & 255);
	snprintf(address, sizeof(address), "10.0.%u.%u", index / 200, 2 + index % 200);
	snprintf(device, sizeof(device), "tap%u", index);
	return world_decode(MODEL_PORT, "acme", name, 2,
		json_pack("{s:s,s:s,s:[s],s:i,s:s,s:s,s:{s:s}}", "network", "web", "mac", mac,
			"addresses", address, "key", 1 + index, "host", index % 2 ? "h0" : "h1",
			"device", device, "labels", "tier", tier));
}

static struct object *policy(const char *name, const char *json)
{
	json_t *fields = json_loads(json, 0, NULL);
	static uint64_t revision = 10;
	return world_decode(MODEL_POLICY, "acme", name, ++revision, fields);
}

enum { MANY = 1000 };

static void many_ports(struct compiler **compiler)
{
	static const char *const tiers[] = {"web", "app", "db", "cache"};
	compiler_new(compiler, "h0");
	put(*compiler, world_decode(MODEL_NETWORK, "acme", "web", 1,
			       json_pack("{s:[s],s:i}", "subnets", "10.0.0.0/16", "vni", 7)));
	for (unsigned i = 0; i < MANY; i++)
		put(*compiler, labelled_port(i, tiers[i % 4]));
	put(*compiler,
		policy("front", "{\"rules\": [{\"to\": \"tier=web\", \"ports\": [\"tcp/80\"], "
				"\"action\": \"allow\"}]}"));
	put(*compiler,
		policy("tiers",
			"{\"rules\": [{\"to\": \"tier=app\", \"from\": \"tier=web\", \"action\": "
			"\"allow\"}, {\"to\": \"tier=db\", \"from\": \"tier=app\", \"action\": "
			"\"allow\"}, {\"to\": \"tier=cache\", \"from\": \"tier in (web, app)\", "
			"\"action\": \"allow\"}]}"));
}

static void test_label_cost(void **state)
{
	struct compiler *compiler;
	struct tables tables;
	(void)state;
	many_ports(&compiler);
	tables_init(&tables);
	assert_int_equal(compiler_flush(compiler, tables_apply, &tables), 0);

	// To labels that others have: its party rows, in two steps, the generation, and its guard
	// if it is here.
	for (unsigned index = 0; index < 2; index++) {
		tables_clear_counts(&tables);
		put(compiler, labelled_port(index, index ? "cache" : "db"));
		assert_int_equal(compiler_flush(compiler, tables_apply, &tables), 0);
		assert_int_equal(tables.counts[DP_TABLE_PARTY], 2 * 2);
		assert_int_equal(tables.counts[DP_TABLE_GUARD], index ? 2 : 0);
		assert_int_equal(tables.counts[DP_TABLE_GENERATION], 2);
		assert_int_equal(tables.puts + tables.removals, 6 + (index ? 2 : 0));
		assert_int_equal(tables.barriers, 1);
	}
	// To labels that are new, on another host: no rule selects them, so no set knows them.
	tables_clear_counts(&tables);
	put(compiler, labelled_port(4, "new"));
	assert_int_equal(compiler_flush(compiler, tables_apply, &tables), 0);
	assert_int_equal(tables.puts + tables.removals, 6);
	// On this host: one set more, that of ports that no rule lets anybody in.
	tables_clear_counts(&tables);
	put(compiler, labelled_port(5, "other"));
	assert_int_equal(compiler_flush(compiler, tables_apply, &tables), 0);
	assert_in_range(tables.puts + tables.removals, 8, 16);
	compiler_free(compiler);
	tables_done(&tables);
}

static void test_rule_cost(void **state)
{
	struct compiler *compiler;
	struct tables tables;
	uint32_t key = 1 + 1, other = 1 + 3; // tiers app and cache, on this host
	(void)state;
	many_ports(&compiler);
	tables_init(&tables);
	assert_int_equal(compiler_flush(compiler, tables_apply, &tables), 0);
	struct dp_guard app =
		*(const struct dp_guard *)compiler_row(compiler, DP_TABLE_GUARD, &key);
	struct dp_guard cache =
		*(const struct dp_guard *)compiler_row(compiler, DP_TABLE_GUARD, &other);

	// The rule of the caches changes: their 250 guards, in two steps, and their set. The others
	// keep theirs.
	tables_clear_counts(&tables);
	put(compiler,
		policy("tiers",
			"{\"rules\": [{\"to\": \"tier=app\", \"from\": \"tier=web\", \"action\": "
			"\"allow\"}, {\"to\": \"tier=db\", \"from\": \"tier=app\", \"action\": "
			"\"allow\"}, {\"to\": \"tier=cache\", \"from\": \"tier in (web, db)\", "
			"\"action\": \"allow\"}]}"));
	assert_int_equal(compiler_flush(compiler, tables_apply, &tables), 0);
	assert_memory_equal(compiler_row(compiler, DP_TABLE_GUARD, &key), &app, sizeof(app));
	const struct dp_guard *now = compiler_row(compiler, DP_TABLE_GUARD, &other);
	assert_int_not_equal(now->slots[0].sets[DP_INGRESS], cache.slots[0].sets[DP_INGRESS]);
	assert_int_not_equal(now->slots[0].epoch, cache.slots[0].epoch);
	assert_int_equal(tables.counts[DP_TABLE_GUARD], 2 * MANY / 4);
	assert_int_equal(tables.counts[DP_TABLE_SET], 2); // one comes, one goes
	assert_int_equal(tables.counts[DP_TABLE_RULE], 2);
	assert_int_equal(tables.counts[DP_TABLE_IDENTITY], 4);
	assert_int_equal(tables.counts[DP_TABLE_PARTY], 0);
	// Said again in other words: nothing.
	tables_clear_counts(&tables);
	put(compiler,
		policy("tiers",
			"{\"rules\": [{\"to\": \"tier=app\", \"from\": \"tier = web\", \"action\": "
			"\"allow\"}, {\"to\": \"tier=db\", \"from\": \"tier=app\", \"action\": "
			"\"allow\"}, {\"to\": \"tier=cache\", \"from\": \"tier in (db, web)\", "
			"\"action\": \"allow\", \"priority\": 1000}]}"));
	assert_int_equal(compiler_flush(compiler, tables_apply, &tables), 0);
	assert_int_equal(tables.puts + tables.removals, 0);
	compiler_free(compiler);
	tables_done(&tables);
}

// A policy of many rules, each from a network of its own to a service of its own; the one in the
// middle to `service`, or left out where that is 0.
static struct object *policy_of_services(unsigned count, unsigned service)
{
	json_t *rules = json_array();
	for (unsigned i = 0; i < count; i++) {
		unsigned port = i == count / 2 ? service : 1000 + i;
		if (!port)
			continue;
		cleanup_free char *from = memory_format("10.9.%u.0/24", i);
		cleanup_free char *to = memory_format("tcp/%u", port);
		cleanup_free char *name = memory_format("r%u", i);
		json_array_append_new(rules, json_pack("{s:s,s:s,s:[s],s:s}", "name", name, "from",
						     from, "ports", to, "action", "allow"));
	}
	return world_decode(MODEL_POLICY, "acme", "many", 5, json_pack("{s:o}", "rules", rules));
}

// One rule of many costs its own classes, however many others there are.
static void test_shared_rows(void **state)
{
	(void)state;
	for (unsigned rules = 20; rules <= 200; rules += 180) {
		struct compiler *compiler;
		struct tables tables;
		compiler_new(&compiler, "h0");
		tables_init(&tables);
		put(compiler,
			world_decode(MODEL_NETWORK, "acme", "web", 1,
				json_pack("{s:[s],s:i}", "subnets", "10.0.0.0/16", "vni", 7)));
		put(compiler, labelled_port(1, "web"));
		put(compiler, policy_of_services(rules, 80));
		assert_int_equal(compiler_flush(compiler, tables_apply, &tables), 0);

		// The service that comes and the one that goes, each in two steps.
		tables_clear_counts(&tables);
		put(compiler, policy_of_services(rules, 81));
		assert_int_equal(compiler_flush(compiler, tables_apply, &tables), 0);
		assert_int_equal(tables.counts[DP_TABLE_CLASS], 4);
		assert_int_equal(tables.counts[DP_TABLE_VECTOR], 0);
		assert_int_equal(tables.counts[DP_TABLE_RULE], 0);
		assert_int_equal(tables.counts[DP_TABLE_SET], 2);
		assert_int_equal(tables.counts[DP_TABLE_GUARD], 2);
		assert_int_equal(tables.barriers, 1);

		// A rule that goes moves those that are asked after it, but not those before.
		tables_clear_counts(&tables);
		put(compiler, policy_of_services(rules, 0));
		assert_int_equal(compiler_flush(compiler, tables_apply, &tables), 0);
		assert_int_equal(tables.counts[DP_TABLE_RULE], 2 * (rules / 2 - 1) + 1);
		assert_int_equal(tables.barriers, 1);
		compiler_free(compiler);
		tables_done(&tables);
	}
}

// ---- without rules ----

static int deny_sets(void *context, const void *key, const void *value)
{
	const struct dp_guard_slot *slots = ((const struct dp_guard *)value)->slots;
	(void)context;
	(void)key;
	for (unsigned slot = 0; slot < 2; slot++)
		assert_true(!slots[slot].sets[DP_INGRESS] && !slots[slot].sets[DP_EGRESS]);
	return 0;
}

// While packets are told that nobody is guarded, nobody is.
static int apply_unguarded(void *context, const struct row_change *change)
{
	static const uint32_t zero;
	struct tables *tables = context;
	int result = tables_apply(tables, change);
	const struct dp_generation *generation =
		native_table_find(&tables->tables[DP_TABLE_GENERATION], &zero);
	if (generation && generation->unguarded)
		native_table_each(&tables->tables[DP_TABLE_GUARD], deny_sets, NULL);
	return result;
}

static bool unguarded(struct compiler *compiler, struct tables *tables)
{
	static const uint32_t zero;
	assert_int_equal(compiler_flush(compiler, apply_unguarded, tables), 0);
	const struct dp_generation *generation =
		native_table_find(&tables->tables[DP_TABLE_GENERATION], &zero);
	return generation->unguarded;
}

static void test_unguarded(void **state)
{
	struct compiler *compiler;
	struct tables tables;
	(void)state;
	many_ports(&compiler);
	tables_init(&tables);
	assert_false(unguarded(compiler, &tables));
	compiler_remove(compiler, MODEL_POLICY, "acme", "front");
	assert_false(unguarded(compiler, &tables));
	compiler_remove(compiler, MODEL_POLICY, "acme", "tiers");
	assert_true(unguarded(compiler, &tables));
	put(compiler, labelled_port(1, "db"));
	assert_true(unguarded(compiler, &tables));
	put(compiler,
		policy("front", "{\"rules\": [{\"to\": \"tier=web\", \"action\": \"allow\"}]}"));
	assert_false(unguarded(compiler, &tables));
	compiler_free(compiler);
	tables_done(&tables);
}

// ---- many rules ----

static struct object *long_policy(unsigned count)
{
	json_t *rules = json_array();
	for (unsigned i = 0; i < count; i++) {
		cleanup_free char *from = memory_format("10.%u.%u.0/24", 1 + i / 200, i % 200);
		json_array_append_new(rules,
			json_pack("{s:s,s:s,s:s,s:i}", "from", from, "to", "any", "action",
				i % 2 ? "allow" : "drop", "priority", 65535 - (int)(i % 60000)));
	}
	return world_decode(MODEL_POLICY, "acme", "long", 5, json_pack("{s:o}", "rules", rules));
}

static struct packet packet_from(unsigned second, unsigned third)
{
	return (struct packet){
		.source = address_from_ipv4(10u << 24 | second << 16 | third << 8 | 9),
		.destination = address_from_ipv4(10u << 24 | 3),
		.protocol = 6,
		.service = 80};
}

static void check_long(unsigned count, bool overflow)
{
	struct compiler *compiler;
	struct tables tables;
	compiler_new(&compiler, "h0");
	tables_init(&tables);
	put(compiler, world_decode(MODEL_NETWORK, "acme", "web", 1,
			      json_pack("{s:[s],s:i}", "subnets", "10.0.0.0/16", "vni", 7)));
	put(compiler, labelled_port(1, "web"));
	put(compiler, long_policy(count));
	assert_int_equal(compiler_flush(compiler, tables_apply, &tables), 0);
	unsigned rules = overflow ? DP_SET_RULES : count;
	assert_int_equal(compiler_count(compiler, DP_TABLE_RULE), rules);
	assert_int_equal(compiler_count(compiler, DP_TABLE_SET), 1);
	for (unsigned i = 0; i < count; i += 1 + count / 500) {
		struct packet packet = packet_from(1 + i / 200, i % 200);
		struct answer answer = tables_judge(&tables, 2, 7, RULE_INGRESS, &packet);
		struct compiler_rule rule;
		assert_int_equal(compiler_rule(compiler, answer.number, &rule), 0);
		assert_int_equal(rule.index, i < rules ? (int)i : -1);
		assert_int_equal(answer.allowed, i < rules && i % 2);
	}
	struct packet stranger = packet_from(250, 1);
	assert_false(tables_judge(&tables, 2, 7, RULE_INGRESS, &stranger).allowed);
	compiler_remove(compiler, MODEL_POLICY, "acme", "long");
	assert_int_equal(compiler_flush(compiler, tables_apply, &tables), 0);
	assert_int_equal(compiler_count(compiler, DP_TABLE_RULE), 0);
	assert_int_equal(compiler_count(compiler, DP_TABLE_VECTOR), 0);
	assert_int_equal(compiler_count(compiler, DP_TABLE_CLASS), 0);
	assert_true(tables_judge(&tables, 2, 7, RULE_INGRESS, &stranger).allowed);
	compiler_free(compiler);
	tables_done(&tables);
}

static void test_long(void **state)
{
	(void)state;
	check_long(DP_PART_RULES, false);
	check_long(DP_PART_RULES + 1, false);
	check_long(10000, false);
	check_long(DP_SET_RULES, false);
	check_long(DP_SET_RULES + 1000, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_label_cost),
		cmocka_unit_test(test_rule_cost),
		cmocka_unit_test(test_shared_rows),
		cmocka_unit_test(test_unguarded),
		cmocka_unit_test(test_long),
	};
	return cmocka_run_group_tests_name("rows", tests, NULL, NULL);
}
