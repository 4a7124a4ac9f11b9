// SPDX-License-Identifier: Apache-2.0
#include "rows.h"

#include <string.h>
#include <utlist.h>

#include "base/memory.h"

static void claim_insert(struct row *row, struct claim *claim)
{
	struct claim **place = &row->claims;
	while (*place && strcmp((*place)->origin->path, claim->origin->path) > 0)
		place = &(*place)->next_of_row;
	claim->next_of_row = *place;
	*place = claim;
}

// Take the claim out of its row (its origin's list is the caller's).
static void claim_drop(struct rows *rows, struct claim *claim)
{
	struct row *row = claim->row;
	LL_DELETE2(row->claims, claim, next_of_row);
	if (!row->claims) {
		free(row->last_path);
		row->last_path = memory_text(claim->origin->path);
		row->last_revision = claim->origin->revision;
	}
	row_touch(rows, row);
	free(claim);
}

void rows_begin(struct origin *origin)
{
	origin->round++;
	origin->place = &origin->claims;
}

static struct claim *claim_of(const struct row *row, const struct origin *origin)
{
	struct claim *claim;
	LL_FOREACH2(row->claims, claim, next_of_row)
	{
		if (claim->origin == origin)
			return claim;
	}
	return NULL;
}

// The claim of this row that was made before; else a new one. Most often a round claims what the one
// before it claimed, in the same order, so the row need not be looked for.
static struct claim *claim_get(struct rows *rows, struct origin *origin, enum dp_table table,
	const void *key, bool *is_new)
{
	struct claim **place = origin->place ? origin->place : &origin->claims, *claim = *place;
	*is_new = false;
	if (claim && claim->row->table == table &&
		!memcmp(claim->row->bytes, key, row_sizes[table].key))
		return claim;
	struct row *row = row_get(rows, table, key);
	claim = claim_of(row, origin);
	if (claim)
		return claim;
	claim = memory_new(sizeof(*claim) + row_sizes[table].value);
	claim->origin = origin;
	claim->row = row;
	claim->next_of_origin = *place;
	*place = claim;
	claim_insert(row, claim);
	*is_new = true;
	return claim;
}

void rows_claim(struct rows *rows, struct origin *origin, enum dp_table table, const void *key,
	const void *value)
{
	bool is_new;
	struct claim *claim = claim_get(rows, origin, table, key, &is_new);
	claim->round = origin->round;
	origin->place = &claim->next_of_origin;
	if (!is_new && !memcmp(claim->value, value, row_sizes[table].value))
		return;
	memcpy(claim->value, value, row_sizes[table].value);
	row_touch(rows, claim->row);
}

void rows_end(struct rows *rows, struct origin *origin)
{
	struct claim **place = &origin->claims;
	origin->place = NULL;
	while (*place) {
		struct claim *claim = *place;
		if (claim->round == origin->round) {
			place = &claim->next_of_origin;
			continue;
		}
		*place = claim->next_of_origin;
		claim_drop(rows, claim);
	}
}

// ---- what the datapath holds ----

int rows_each(const struct rows *rows, compiler_emit emit, void *context)
{
	for (int table = 0; table < DP_TABLE_COUNT; table++) {
		for (const struct row *row = rows->tables[table]; row; row = row->hh.next) {
			if (!row->installed)
				continue;
			const struct origin *origin = row->claims ? row->claims->origin : NULL;
			struct row_change change = {
				.table = row->table,
				.key = row->bytes,
				.value = row_installed(row),
				.object = origin ? origin->path : row->last_path,
				.revision = origin ? origin->revision : row->last_revision,
			};
			int result = emit(context, &change);
			if (result)
				return result;
		}
	}
	return 0;
}

const void *rows_find(const struct rows *rows, enum dp_table table, const void *key)
{
	const struct row *row = row_find(rows, table, key);
	return row ? row_installed(row) : NULL;
}

void rows_forget(struct rows *rows)
{
	for (int table = 0; table < DP_TABLE_COUNT; table++) {
		struct row *row, *next;
		HASH_ITER (hh, rows->tables[table], row, next) {
			row_note_removed(rows, row);
			row_touch(rows, row);
		}
	}
}

void rows_found(struct rows *rows, enum dp_table table, const void *key, const void *value)
{
	struct row *row = row_get(rows, table, key);
	row_note_installed(rows, row, value);
	row->installed_in = rows->turns - 1; // packets may be led to it
	if (!row->claims && !row->last_path)
		row->last_path = memory_text("rows that no object asks for");
	row_touch(rows, row);
}

// ---- life ----

void rows_init(struct rows *rows)
{
	*rows = (struct rows){.turns = 1};
	rows->generation.path = memory_text("policies");
}

const struct origin *rows_origin(const struct rows *rows, enum dp_table table, const void *key)
{
	const struct row *row = row_find(rows, table, key);
	return row && row->claims ? row->claims->origin : NULL;
}

void rows_done(struct rows *rows)
{
	for (int table = 0; table < DP_TABLE_COUNT; table++) {
		struct row *row, *next;
		HASH_ITER (hh, rows->tables[table], row, next) {
			struct claim *claim, *after;
			LL_FOREACH_SAFE2(row->claims, claim, after, next_of_row)
			free(claim);
			row_free(rows, row);
		}
	}
	free(rows->generation.path);
}
