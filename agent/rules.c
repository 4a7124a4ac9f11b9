// SPDX-License-Identifier: Apache-2.0
#include "rules.h"

#include <errno.h>
#include <string.h>

// Collections come every other second. A walk through the table costs as much as 10,000 look-ups, whatever it holds.
enum { WALK_EVERY = 30, WALK_RULES = 10000 };

static const UT_icd count_icd = {sizeof(struct rule_count), NULL, NULL, NULL};

void rules_done(struct rule_counts *counts)
{
	if (counts->counts)
		utarray_free(counts->counts);
	counts->counts = NULL;
}

// One collection.
struct collecting {
	struct datapath *datapath;
	UT_array *all; // struct rule_count
	int result;
};

static void take(void *context, uint32_t rule, const struct dp_rule_counters *counters)
{
	struct rule_count count = {rule, {.packets = counters->packets, .bytes = counters->bytes}};
	utarray_push_back(((struct collecting *)context)->all, &count);
}

static void look_up(void *context, uint32_t rule)
{
	struct collecting *collecting = context;
	struct dp_rule_counters counters;
	int result = datapath_rule_counted(collecting->datapath, rule, &counters);
	if (result == 0)
		take(context, rule, &counters);
	else if (result != -ENOENT)
		collecting->result = result;
}

// What was counted before, too: some of it may be of rules that are no more.
static int look_up_all(struct collecting *collecting, const struct rule_counts *counts,
	const struct compiler *compiler, struct error *error)
{
	struct compiler_rule rule;
	const struct rule_count *count = NULL;
	compiler_each_rule(compiler, look_up, collecting);
	while ((count = utarray_next(counts->counts, count)))
		if (compiler_rule(compiler, count->rule, &rule))
			take(collecting, count->rule, &count->counters);
	if (collecting->result)
		error_set(error, -collecting->result, "cannot look up the counters of rules: %s",
			strerror(-collecting->result));
	return collecting->result;
}

static bool walks(const struct rule_counts *counts, const struct compiler *compiler)
{
	return !counts->counts || counts->since >= WALK_EVERY ||
	       compiler_rule_count(compiler) > WALK_RULES;
}

static int compare_rules(const void *left, const void *right)
{
	const struct rule_count *a = left, *b = right;
	return a->rule < b->rule ? -1 : a->rule > b->rule;
}

static bool equal(const UT_array *a, const UT_array *b)
{
	return a && utarray_len(a) == utarray_len(b) &&
	       (!utarray_len(a) || !memcmp(a->d, b->d, utarray_len(a) * sizeof(struct rule_count)));
}

int rules_collect(struct rule_counts *counts, struct datapath *datapath,
	const struct compiler *compiler, struct error *error)
{
	UT_array *all, *known;
	struct compiler_rule rule;
	const struct rule_count *count = NULL;
	utarray_new(all, &count_icd);
	struct collecting collecting = {.datapath = datapath, .all = all};
	bool walk = walks(counts, compiler);
	int result = walk ? datapath_rule_counters(datapath, take, &collecting, error)
			  : look_up_all(&collecting, counts, compiler, error);
	if (result) {
		utarray_free(all);
		return result;
	}
	utarray_new(known, &count_icd);
	while ((count = utarray_next(all, count))) {
		if (compiler_rule(compiler, count->rule, &rule))
			datapath_rule_counters_forget(datapath, count->rule);
		else
			utarray_push_back(known, count);
	}
	utarray_free(all);
	if (utarray_len(known))
		utarray_sort(known, compare_rules);
	bool moved = !equal(counts->counts, known);
	rules_done(counts);
	counts->counts = known;
	counts->since = walk ? 0 : counts->since + 1;
	return moved;
}

json_t *rules_encode(const struct rule_counts *counts, const struct compiler *compiler,
	const struct decisions *decisions)
{
	json_t *list = json_array();
	struct compiler_rule rule;
	const struct rule_count *count = NULL;
	while (counts->counts && (count = utarray_next(counts->counts, count))) {
		if (compiler_rule(compiler, count->rule, &rule))
			continue;
		json_array_append_new(list,
			json_pack("{s:s,s:I,s:s?,s:i,s:I,s:I,s:o*}", "policy", rule.policy,
				"revision", (json_int_t)rule.revision, "name", rule.name, "index",
				rule.index, "packets", (json_int_t)count->counters.packets, "bytes",
				(json_int_t)count->counters.bytes, "log",
				decisions_encode(decisions, count->rule)));
	}
	return list;
}
