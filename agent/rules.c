// SPDX-License-Identifier: Apache-2.0
#include "rules.h"

#include <string.h>

static const UT_icd count_icd = {sizeof(struct rule_count), NULL, NULL, NULL};

void rules_done(struct rule_counts *counts)
{
	if (counts->counts)
		utarray_free(counts->counts);
	counts->counts = NULL;
}

static void take(void *context, uint32_t rule, const struct dp_rule_counters *counters)
{
	struct rule_count count = {rule, {.packets = counters->packets, .bytes = counters->bytes}};
	utarray_push_back((UT_array *)context, &count);
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
	int result = datapath_rule_counters(datapath, take, all, error);
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
