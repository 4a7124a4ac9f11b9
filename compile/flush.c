// SPDX-License-Identifier: Apache-2.0
#include "flush.h"

#include <utlist.h>

#include "generation.h"

static int put_table(struct rows *rows, enum dp_table table, compiler_emit emit, void *context)
{
	int first = 0;
	struct row *row, *next;
	DL_FOREACH_SAFE(rows->pending[table], row, next)
	{
		if (!row->claims)
			continue;
		int result = row_write(rows, row, row->claims->value, emit, context);
		if (!result)
			row_settle(rows, row);
		first = first ? first : result;
	}
	return first;
}

// `newer`: only what was installed after the last turn, which no packet can have been led to.
static int remove_table(
	struct rows *rows, enum dp_table table, bool newer, compiler_emit emit, void *context)
{
	int first = 0;
	struct row *row, *next;
	DL_FOREACH_SAFE(rows->pending[table], row, next)
	{
		if (row->claims || (newer && row->installed && row->installed_in != rows->turns))
			continue;
		int result = row_remove(rows, row, emit, context);
		if (!result)
			row_settle(rows, row);
		first = first ? first : result;
	}
	return first;
}

// What sets, and who asks for them, are made of.
static bool is_judgement(enum dp_table table)
{
	return table >= DP_TABLE_VECTOR && table <= DP_TABLE_GENERATION;
}

struct outcome {
	int first;
	bool stuck;   // packets are led to what they were led to before
	bool guarded; // every port that may send has its guard
};

static struct outcome put_all(struct rows *rows, compiler_emit emit, void *context)
{
	struct outcome outcome = {.first = generation_begin(rows, emit, context), .guarded = true};
	outcome.stuck = outcome.first;
	for (int table = 0; table < DP_TABLE_COUNT; table++) {
		int result = 0;
		if (table == DP_TABLE_PARTY) {
			if (!outcome.stuck)
				result = generation_turn(rows, emit, context);
			outcome.stuck = outcome.stuck || result;
			if (!outcome.stuck)
				result = generation_write(rows, emit, context);
			if (!outcome.stuck && !result)
				result = generation_end(rows, emit, context);
			outcome.guarded = !outcome.stuck && !result;
		} else if (generation_prepares((enum dp_table)table)) {
			if (!rows->unsettled)
				result = generation_prepare(
					rows, (enum dp_table)table, emit, context);
			outcome.stuck = outcome.stuck || result;
		} else if (table != DP_TABLE_GUARD && table != DP_TABLE_GENERATION &&
			   (table != DP_TABLE_SOURCE || outcome.guarded)) {
			result = put_table(rows, table, emit, context);
			outcome.stuck = outcome.stuck || (result && is_judgement(table));
		}
		outcome.first = outcome.first ? outcome.first : result;
	}
	if (!outcome.stuck)
		rows->versions = false;
	return outcome;
}

static bool any_left(const struct rows *rows, enum dp_table table)
{
	const struct row *row;
	DL_FOREACH (rows->pending[table], row) {
		if (row->installed && !row->claims)
			return true;
	}
	return false;
}

int flush_rows(struct rows *rows, compiler_emit emit, void *context)
{
	struct outcome outcome = put_all(rows, emit, context);
	int first = outcome.first, sources = 0;
	for (int table = DP_TABLE_COUNT - 1; table >= 0; table--) {
		// A guard goes after its device's source.
		if (table == DP_TABLE_GUARD && sources)
			continue;
		bool newer = outcome.stuck && is_judgement(table) && table != DP_TABLE_GUARD;
		int result = remove_table(rows, table, newer, emit, context);
		if (table == DP_TABLE_SOURCE)
			sources = result;
		first = first ? first : result;
	}
	rows->leaving = any_left(rows, DP_TABLE_GUARD);
	return first ? first : generation_end(rows, emit, context);
}
