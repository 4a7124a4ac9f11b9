// SPDX-License-Identifier: Apache-2.0
// Rules as the compiler writes them and the classifier reads them, against the plain evaluator:
// after every flush, and after every single row of it, where the answer must be that of before or
// that of after, both directions together.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "tables.h"

// ---- packets ----

// One port of this host to another, or to an address.
struct flow {
	struct packet packet;
	int to; // index of the port; -1: none of this host
};

static const struct port *port_in(const struct world *world, unsigned index)
{
	return (const struct port *)world->ports[index];
}

static bool has_address(const struct port *port, const struct address *address)
{
	for (size_t i = 0; i < port->addresses.count; i++)
		if (!address_compare(&port->addresses.items[i], address))
			return true;
	return false;
}

static bool is_here(const struct world *world, unsigned index)
{
	const struct port *port = port_in(world, index);
	return port && port->host && !strcmp(port->host, "h0") && evaluate_domain(world, port);
}

static bool flow_draw(const struct world *world, struct flow *flow)
{
	static const uint8_t protocols[] = {1, 6, 6, 17, 47, 58};
	unsigned from = draw(PORTS), to = draw(PORTS);
	if (!is_here(world, from))
		return false;
	bool ipv6 = draw(2);
	*flow = (struct flow){.to = -1};
	flow->packet.from = from;
	flow->packet.source = port_in(world, from)->addresses.items[ipv6];
	flow->packet.destination = draw_address();
	if (draw(3) && is_here(world, to) &&
		evaluate_domain(world, port_in(world, to)) ==
			evaluate_domain(world, port_in(world, from))) {
		flow->to = (int)to;
		flow->packet.destination = port_in(world, to)->addresses.items[ipv6];
	}
	flow->packet.protocol = protocols[draw(6)];
	static const uint16_t services[] = {80, 85, 53, 500, 8 << 8, 128 << 8, 3 << 8 | 4, 4000};
	flow->packet.service = flow->packet.protocol == 47 ? 0 : services[draw(8)];
	flow->packet.source_port = flow->packet.protocol == 47 ? 0 : 1000 + (uint16_t)draw(2);
	return true;
}

// Is the flow between the same ports, on the same segment, in both worlds?
static bool flow_stays(const struct world *a, const struct world *b, const struct flow *flow)
{
	unsigned ends[2] = {flow->packet.from, (unsigned)flow->to};
	const struct address *addresses[2] = {&flow->packet.source, &flow->packet.destination};
	for (int i = 0; i < (flow->to < 0 ? 1 : 2); i++) {
		if (!is_here(a, ends[i]) || !is_here(b, ends[i]) ||
			!has_address(port_in(b, ends[i]), addresses[i]) ||
			evaluate_domain(a, port_in(a, ends[i])) !=
				evaluate_domain(b, port_in(b, ends[i])))
			return false;
	}
	return true;
}

struct pair {
	int actions[2]; // enum dp_action, egress of the source and ingress of the destination
};

static struct pair pair_evaluate(const struct world *world, const struct flow *flow)
{
	static const int actions[] = {
		[ALLOWED] = DP_ACTION_ALLOW,
		[ALLOWED_STATELESS] = DP_ACTION_STATELESS,
		[DROPPED] = DP_ACTION_DROP,
		[REJECTED] = DP_ACTION_REJECT,
	};
	struct pair pair = {{DP_ACTION_ALLOW, DP_ACTION_ALLOW}};
	pair.actions[0] =
		actions[evaluate(world, flow->packet.from, RULE_EGRESS, &flow->packet).action];
	if (flow->to >= 0)
		pair.actions[1] =
			actions[evaluate(world, (unsigned)flow->to, RULE_INGRESS, &flow->packet)
					.action];
	return pair;
}

static struct pair pair_judge(
	struct tables *tables, const struct world *world, const struct flow *flow)
{
	uint32_t domain = evaluate_domain(world, port_in(world, flow->packet.from));
	struct pair pair = {{DP_ACTION_ALLOW, DP_ACTION_ALLOW}};
	struct answer answer = tables_judge(
		tables, port_in(world, flow->packet.from)->key, domain, RULE_EGRESS, &flow->packet);
	assert_true(answer.known);
	pair.actions[0] = answer.action;
	if (flow->to < 0)
		return pair;
	answer = tables_judge(tables, port_in(world, (unsigned)flow->to)->key, domain, RULE_INGRESS,
		&flow->packet);
	assert_true(answer.known);
	pair.actions[1] = answer.action;
	return pair;
}

// ---- a flush, row by row ----

enum { FLOWS = 8, STAGES = 8 };

struct stage {
	struct tables *tables;
	const struct world *now;
	struct world before[STAGES]; // what packets may still see
	unsigned count;
	struct flow flows[FLOWS];
	struct pair now_pairs[FLOWS], before_pairs[FLOWS][STAGES];
	unsigned flow_count;
	unsigned failing; // one in so many emissions; 0: none
	size_t checks;
};

static bool pair_equal(struct pair a, struct pair b)
{
	return a.actions[0] == b.actions[0] && a.actions[1] == b.actions[1];
}

static void stage_draw(struct stage *stage)
{
	stage->flow_count = 0;
	for (unsigned i = 0; i < 3 * FLOWS && stage->flow_count < FLOWS; i++) {
		struct flow flow;
		bool stays = flow_draw(stage->now, &flow);
		for (unsigned j = 0; stays && j < stage->count; j++)
			stays = flow_stays(stage->now, &stage->before[j], &flow);
		if (!stays)
			continue;
		unsigned at = stage->flow_count++;
		stage->flows[at] = flow;
		stage->now_pairs[at] = pair_evaluate(stage->now, &flow);
		for (unsigned j = 0; j < stage->count; j++)
			stage->before_pairs[at][j] = pair_evaluate(&stage->before[j], &flow);
	}
}

static int stage_emit(void *context, const struct row_change *change)
{
	struct stage *stage = context;
	if (stage->failing && !draw(stage->failing))
		return -ENOSPC;
	int result = tables_apply(stage->tables, change);
	assert_int_equal(result, 0);
	for (unsigned i = 0; i < stage->flow_count; i++) {
		const struct flow *flow = &stage->flows[i];
		struct pair is = pair_judge(stage->tables, stage->now, flow);
		bool right = pair_equal(is, stage->now_pairs[i]);
		for (unsigned j = 0; j < stage->count && !right; j++)
			right = pair_equal(is, stage->before_pairs[i][j]);
		assert_true(right);
		stage->checks++;
	}
	return 0;
}

static void stage_keep(struct stage *stage)
{
	assert_true(stage->count < STAGES);
	world_copy(&stage->before[stage->count++], stage->now);
}

static void stage_drop(struct stage *stage)
{
	while (stage->count)
		world_done(&stage->before[--stage->count]);
}

// ---- after a flush ----

static void check_rule(
	const struct compiler *compiler, const struct answer *answer, const struct verdict *verdict)
{
	struct compiler_rule rule;
	char path[OBJECT_PATH_TEXT];
	if (!verdict->policy) {
		assert_int_equal(answer->number, 0);
		return;
	}
	assert_int_equal(compiler_rule(compiler, answer->number, &rule), 0);
	assert_string_equal(rule.policy, object_path(verdict->policy, path));
	assert_int_equal(rule.revision, verdict->policy->revision);
	assert_int_equal(rule.index, verdict->rule);
	const struct policy *policy = (const struct policy *)verdict->policy;
	const char *name = verdict->rule < 0 ? NULL : policy->rules.items[verdict->rule].name;
	assert_true(!name == !rule.name && (!name || !strcmp(name, rule.name)));
}

static size_t check_flows(struct tables *tables, const struct world *world,
	const struct compiler *compiler, unsigned count)
{
	size_t asked = 0;
	for (unsigned i = 0; i < count; i++) {
		struct flow flow;
		if (!flow_draw(world, &flow))
			continue;
		struct pair is = pair_judge(tables, world, &flow);
		struct pair wanted = pair_evaluate(world, &flow);
		assert_int_equal(is.actions[0], wanted.actions[0]);
		assert_int_equal(is.actions[1], wanted.actions[1]);
		const struct port *from = port_in(world, flow.packet.from);
		struct answer answer = tables_judge(
			tables, from->key, evaluate_domain(world, from), RULE_EGRESS, &flow.packet);
		struct verdict verdict =
			evaluate(world, flow.packet.from, RULE_EGRESS, &flow.packet);
		check_rule(compiler, &answer, &verdict);
		asked += verdict.policy != NULL;
	}
	return asked;
}

struct comparison {
	const struct compiler *compiler, *fresh;
	uint32_t base, set; // the set that was last looked for, by its base
};

static int find_set(void *context, const struct row_change *change)
{
	struct comparison *comparison = context;
	if (change->table != DP_TABLE_SET ||
		((const struct dp_set *)change->value)->base != comparison->base)
		return 0;
	comparison->set = *(const uint32_t *)change->key;
	return 1;
}

// What the fresh compiler has in place of this base: that of the set whose base it is.
static uint32_t fresh_base(struct comparison *comparison, uint32_t base)
{
	if (comparison->base != base) {
		comparison->base = base;
		assert_int_equal(compiler_rows(comparison->compiler, find_set, comparison), 1);
	}
	const struct dp_set *set = compiler_row(comparison->fresh, DP_TABLE_SET, &comparison->set);
	assert_non_null(set);
	return set->base;
}

union key {
	struct dp_rule_key rule;
	struct dp_class_key class;
	struct dp_identity_key identity;
	unsigned char bytes[64];
};

// The key of a row, as the fresh compiler has it.
static union key fresh_key(struct comparison *comparison, const struct row_change *change)
{
	union key key;
	memcpy(&key, change->key, datapath_key_size(change->table));
	uint32_t base = compiler_key_base(change->table, &key);
	if (base)
		compiler_key_rebase(change->table, &key, fresh_base(comparison, base));
	return key;
}

static int compare_row(void *context, const struct row_change *change)
{
	struct comparison *comparison = context;
	if (change->table == DP_TABLE_GENERATION)
		return 0;
	union key key = fresh_key(comparison, change);
	const void *value = compiler_row(comparison->fresh, change->table, &key);
	if (!value)
		fail_msg("a row of table %s, object %s, should not be there",
			datapath_table_name(change->table), change->object);
	if (change->table == DP_TABLE_GUARD) {
		struct dp_guard a = *(const struct dp_guard *)value;
		struct dp_guard b = *(const struct dp_guard *)change->value;
		for (int slot = 0; slot < 2; slot++)
			a.slots[slot].epoch = b.slots[slot].epoch = 0;
		assert_memory_equal(&a, &b, sizeof(a));
		return 0;
	}
	if (change->table == DP_TABLE_SET) {
		struct dp_set set = *(const struct dp_set *)change->value;
		set.base = fresh_base(comparison, set.base);
		assert_memory_equal(value, &set, sizeof(set));
		return 0;
	}
	assert_memory_equal(value, change->value, datapath_value_size(change->table));
	return 0;
}

static int ignore(void *context, const struct row_change *change)
{
	(void)context;
	(void)change;
	return 0;
}

// The same rows, numbers included, but for epochs, and for bases, which sets have from those that
// they follow.
static void check_fresh(const struct world *world, const struct compiler *compiler)
{
	struct compiler *fresh;
	compiler_new(&fresh, "h0");
	world_put(world, fresh);
	assert_int_equal(compiler_flush(fresh, ignore, NULL), 0);
	for (int table = 0; table < DP_TABLE_COUNT; table++)
		if (table != DP_TABLE_GENERATION)
			assert_int_equal(
				compiler_count(compiler, table), compiler_count(fresh, table));
	compiler_rows(compiler, compare_row, &(struct comparison){compiler, fresh, 0, 0});
	compiler_free(fresh);
}

static int check_held(void *context, const struct row_change *change)
{
	struct tables *tables = context;
	const void *value = native_table_find(&tables->tables[change->table], change->key);
	assert_non_null(value);
	assert_memory_equal(value, change->value, datapath_value_size(change->table));
	return 0;
}

static uint32_t epoch_of(struct tables *tables, uint32_t port)
{
	static const struct dp_generation none;
	uint32_t zero = 0;
	const struct dp_generation *generation =
		native_table_find(&tables->tables[DP_TABLE_GENERATION], &zero);
	const struct dp_guard *guard = native_table_find(&tables->tables[DP_TABLE_GUARD], &port);
	generation = generation ? generation : &none;
	return guard ? dp_epoch(generation, guard, generation->slot) : 0;
}

// ---- the streams ----

struct stream {
	struct world world;
	struct compiler *compiler;
	struct tables tables;
	struct stage stage;
};

static void stream_init(struct stream *stream, uint32_t seed)
{
	draw_seed(seed);
	*stream = (struct stream){.stage = {.tables = &stream->tables, .now = &stream->world}};
	compiler_new(&stream->compiler, "h0");
	tables_init(&stream->tables);
	world_init(&stream->world, stream->compiler);
	evaluate_segments(&stream->world);
	assert_int_equal(compiler_flush(stream->compiler, tables_apply, &stream->tables), 0);
	stage_keep(&stream->stage);
}

static void stream_done(struct stream *stream)
{
	stage_drop(&stream->stage);
	compiler_free(stream->compiler);
	tables_done(&stream->tables);
	world_done(&stream->world);
}

static void change(struct stream *stream, unsigned count, bool told)
{
	for (unsigned i = 0; i < count; i++)
		world_change(&stream->world, told ? stream->compiler : NULL);
	evaluate_segments(&stream->world);
}

static void test_random(void **state)
{
	struct stream stream;
	size_t asked = 0, turns = 0;
	(void)state;
	stream_init(&stream, 7);
	for (unsigned i = 0; i < 6000; i++) {
		change(&stream, 1 + draw(4), true);
		stage_draw(&stream.stage);
		tables_clear_counts(&stream.tables);
		assert_int_equal(compiler_flush(stream.compiler, stage_emit, &stream.stage), 0);
		turns += stream.tables.barriers;
		assert_true(stream.tables.barriers <= 1);
		stage_drop(&stream.stage);
		stage_keep(&stream.stage);
		asked += check_flows(&stream.tables, &stream.world, stream.compiler, 20);
		if (!draw(20)) {
			check_fresh(&stream.world, stream.compiler);
			compiler_rows(stream.compiler, check_held, &stream.tables);
		}
	}
	assert_true(asked > 20000 && turns > 1000 && stream.stage.checks > 100000);
	stream_done(&stream);
}

// Rows that cannot be written: nothing that packets are led to is missing, and in the end all is
// there.
static void test_failing(void **state)
{
	struct stream stream;
	size_t failed = 0;
	(void)state;
	stream_init(&stream, 11);
	for (unsigned i = 0; i < 3000; i++) {
		change(&stream, 1, true);
		stream.stage.failing = stream.stage.count < STAGES - 1 ? 3 + draw(20) : 0;
		stage_draw(&stream.stage);
		int result = compiler_flush(stream.compiler, stage_emit, &stream.stage);
		failed += result != 0;
		if (!result) {
			stage_drop(&stream.stage);
			check_flows(&stream.tables, &stream.world, stream.compiler, 5);
			compiler_rows(stream.compiler, check_held, &stream.tables);
			if (!draw(20))
				check_fresh(&stream.world, stream.compiler);
		}
		stage_keep(&stream.stage);
	}
	assert_true(failed > 500);
	stream_done(&stream);
}

static int find_row(void *context, const void *key, const void *value)
{
	void **found = context;
	compiler_found(found[0], *(enum dp_table *)found[1], key, value);
	return 0;
}

// Another compiler over the rows that this one has written; changes that were made meanwhile come
// with the same care.
static void test_restart(void **state)
{
	struct stream stream;
	(void)state;
	stream_init(&stream, 13);
	for (unsigned i = 0; i < 400; i++) {
		unsigned changes = draw(2) ? 0 : 1 + draw(8);
		change(&stream, changes, false);
		compiler_free(stream.compiler);
		compiler_new(&stream.compiler, "h0");
		compiler_forget(stream.compiler);
		for (enum dp_table table = 0; table < DP_TABLE_COUNT; table++) {
			void *found[2] = {stream.compiler, &table};
			native_table_each(&stream.tables.tables[table], find_row, found);
		}
		world_put(&stream.world, stream.compiler);
		stage_draw(&stream.stage);
		tables_clear_counts(&stream.tables);
		assert_int_equal(compiler_flush(stream.compiler, stage_emit, &stream.stage), 0);
		if (!changes)
			assert_int_equal(stream.tables.puts + stream.tables.removals, 0);
		stage_drop(&stream.stage);
		stage_keep(&stream.stage);
		check_flows(&stream.tables, &stream.world, stream.compiler, 20);
		check_fresh(&stream.world, stream.compiler);
	}
	stream_done(&stream);
}

// Where another answer is due, connections are judged again.
static void test_epochs(void **state)
{
	struct stream stream;
	size_t changed = 0, same = 0;
	(void)state;
	stream_init(&stream, 17);
	for (unsigned i = 0; i < 3000; i++) {
		uint32_t before[PORTS];
		for (unsigned j = 0; j < PORTS; j++)
			before[j] = epoch_of(&stream.tables, 1 + j);
		change(&stream, 1, true);
		compiler_flush(stream.compiler, tables_apply, &stream.tables);
		stage_draw(&stream.stage);
		for (unsigned j = 0; j < stream.stage.flow_count; j++) {
			const struct flow *flow = &stream.stage.flows[j];
			struct pair was = pair_evaluate(&stream.stage.before[0], flow);
			struct pair is = pair_evaluate(&stream.world, flow);
			unsigned from = flow->packet.from, to = (unsigned)flow->to;
			if (was.actions[0] != is.actions[0])
				assert_true(before[from] != epoch_of(&stream.tables, 1 + from));
			if (was.actions[1] != is.actions[1])
				assert_true(before[to] != epoch_of(&stream.tables, 1 + to));
			changed += !pair_equal(was, is);
			same += before[from] == epoch_of(&stream.tables, 1 + from);
		}
		stage_drop(&stream.stage);
		stage_keep(&stream.stage);
	}
	assert_true(changed > 200 && same > 1000);
	stream_done(&stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_failing),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_epochs),
	};
	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
