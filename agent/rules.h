// SPDX-License-Identifier: Apache-2.0
// What the datapath counted by rule, as of the last collection, and whose rules they are.
#pragma once

#include <jansson.h>
#include <utarray.h>

#include "compile/compile.h"
#include "datapath/datapath.h"
#include "decisions.h"

struct rule_count {
	uint32_t rule;
	struct dp_rule_counters counters;
};

struct rule_counts {
	UT_array *counts; // struct rule_count, by rule; NULL: never collected
	unsigned since;   // collections since the last one that went through the whole table
};

void rules_done(struct rule_counts *counts);
// Read all, and forget what is counted for rules that are no more; 1: something moved since the
// last time, 0, or -errno. Rules are looked up one by one; the first collection and now and then another one goes through the whole
// table, for what was counted for a rule before it was known here, or when it was just forgotten.
int rules_collect(struct rule_counts *counts, struct datapath *datapath,
	const struct compiler *compiler, struct error *error);
// For reports: a list with each rule that took a packet, and what was logged of it. New reference.
json_t *rules_encode(const struct rule_counts *counts, const struct compiler *compiler,
	const struct decisions *decisions);
