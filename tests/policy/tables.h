// SPDX-License-Identifier: Apache-2.0
// The tables of a datapath, and what the code that forwards reads in them.
#pragma once

#include "evaluate.h"
#include "native/table.h"

struct tables {
	struct native_table tables[DP_TABLE_COUNT];
	unsigned puts, removals, barriers;
	unsigned counts[DP_TABLE_COUNT]; // puts and removals by table
};

void tables_init(struct tables *tables);
void tables_done(struct tables *tables);
// A compiler_emit.
int tables_apply(void *context, const struct row_change *change);
void tables_clear_counts(struct tables *tables);

struct answer {
	bool known; // the port has a guard
	bool allowed;
	int action;      // enum dp_action; where no rule took it, drop or allow
	uint32_t number; // of the rule; 0: nobody was asked, or the default allows
};
// As the port with this key is told, in its domain. Fails the test if a row is missing.
struct answer tables_judge(struct tables *tables, uint32_t key, uint32_t domain,
	enum rule_direction direction, const struct packet *packet);
// Domain of what the device sends; 0: no such source.
uint32_t tables_domain(struct tables *tables, uint32_t ifindex);
