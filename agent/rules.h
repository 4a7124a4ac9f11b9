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
};

void rules_done(struct rule_counts *counts);
// Read all, and forget what is counted for rules that are no more; 1: something moved since the
// last time, 0, or -errno.
int rules_collect(struct rule_counts *counts, struct datapath *datapath,
	const struct compiler *compiler, struct error *error);
// For reports: a list with each rule that took a packet, and what was logged of it. New reference.
json_t *rules_encode(const struct rule_counts *counts, const struct compiler *compiler,
	const struct decisions *decisions);
