// SPDX-License-Identifier: Apache-2.0
#include "rows.h"

#include <string.h>
#include <utlist.h>

#include "base/memory.h"
#include "row.h"

// Rows are looked for now and then, and not in any cache by then: each row that a chain leads past is a wait for memory.
#undef HASH_BKT_CAPACITY_THRESH
#define HASH_BKT_CAPACITY_THRESH 5U

#define ROW_SIZES(name, NAME, key, value, kind, maximum) {sizeof(key), sizeof(value)},
static const struct {
	size_t key, value;
} sizes[DP_TABLE_COUNT] = {DP_TABLES(ROW_SIZES)};
#undef ROW_SIZES

static unsigned char *installed_value(struct row *row)
{
	return row->bytes + sizes[row->table].key;
}

const void *row_wanted(const struct row *row)
{
	return row->claims ? row->claims->value : NULL;
}

const void *row_installed(const struct row *row)
{
	return row->installed ? row->bytes + sizes[row->table].key : NULL;
}

size_t row_key_size(const struct row *row)
{
	return sizes[row->table].key;
}

size_t row_value_size(const struct row *row)
{
	return sizes[row->table].value;
}

static struct row *find_hashed(
	const struct rows *rows, enum dp_table table, const void *key, unsigned hash)
{
	struct row *row;
	HASH_FIND_BYHASHVALUE(hh, rows->tables[table], key, sizes[table].key, hash, row);
	return row;
}

static unsigned hash_of(enum dp_table table, const void *key)
{
	unsigned hash;
	HASH_VALUE(key, sizes[table].key, hash);
	return hash;
}

struct row *row_find(const struct rows *rows, enum dp_table table, const void *key)
{
	// An empty table needs no hash.
	return rows->tables[table] ? find_hashed(rows, table, key, hash_of(table, key)) : NULL;
}

static void count_class(struct rows *rows, const struct row *row, int how_many)
{
	const struct dp_class_key *key = (const void *)row->bytes;
	if (row->table != DP_TABLE_CLASS)
		return;
	// What is found in a datapath may be anything.
	size_t bits = key->prefix_length - (size_t)DP_CLASS_FIXED_BITS;
	if (bits < array_count(rows->classes))
		rows->classes[bits] += how_many;
}

static struct row *row_get(struct rows *rows, enum dp_table table, const void *key)
{
	unsigned hash = hash_of(table, key);
	struct row *row = find_hashed(rows, table, key, hash);
	if (row)
		return row;
	row = memory_new(sizeof(*row) + sizes[table].key + sizes[table].value);
	row->table = table;
	memcpy(row->bytes, key, sizes[table].key);
	HASH_ADD_BYHASHVALUE(hh, rows->tables[table], bytes, sizes[table].key, hash, row);
	count_class(rows, row, 1);
	return row;
}

static void row_free(struct rows *rows, struct row *row)
{
	HASH_DEL(rows->tables[row->table], row);
	count_class(rows, row, -1);
	free(row->last_path);
	free(row);
}

static void row_touch(struct rows *rows, struct row *row)
{
	if (row->pending)
		return;
	row->pending = true;
	DL_APPEND(rows->pending[row->table], row);
}

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
		!memcmp(claim->row->bytes, key, sizes[table].key))
		return claim;
	struct row *row = row_get(rows, table, key);
	claim = claim_of(row, origin);
	if (claim)
		return claim;
	claim = memory_new(sizeof(*claim) + sizes[table].value);
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
	if (!is_new && !memcmp(claim->value, value, sizes[table].value))
		return;
	memcpy(claim->value, value, sizes[table].value);
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

// ---- telling ----

static void note_installed(struct rows *rows, struct row *row, const void *value)
{
	memcpy(installed_value(row), value, sizes[row->table].value);
	if (row->installed)
		return;
	row->installed = true;
	row->installed_in = rows->turns;
	rows->installed[row->table]++;
}

static void note_removed(struct rows *rows, struct row *row)
{
	if (row->installed)
		rows->installed[row->table]--;
	row->installed = false;
}

int row_write(
	struct rows *rows, struct row *row, const void *value, compiler_emit emit, void *context)
{
	const struct origin *origin = row->claims ? row->claims->origin : NULL;
	struct row_change change = {
		.table = row->table,
		.key = row->bytes,
		.value = value,
		.object = origin ? origin->path : row->last_path,
		.revision = origin ? origin->revision : row->last_revision,
	};
	if (row->installed && !memcmp(installed_value(row), value, sizes[row->table].value))
		return 0;
	int result = emit(context, &change);
	if (!result)
		note_installed(rows, row, value);
	return result;
}

static int row_remove(struct rows *rows, struct row *row, compiler_emit emit, void *context)
{
	struct row_change change = {
		row->table, row->bytes, NULL, row->last_path, row->last_revision};
	int result = row->installed ? emit(context, &change) : 0;
	if (!result)
		note_removed(rows, row);
	return result;
}

void row_settle(struct rows *rows, struct row *row)
{
	DL_DELETE(rows->pending[row->table], row);
	row->pending = false;
	if (!row->claims)
		row_free(rows, row);
}

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

int rows_flush(struct rows *rows, compiler_emit emit, void *context)
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

// ---- what the datapath holds ----

void rows_forget(struct rows *rows)
{
	for (int table = 0; table < DP_TABLE_COUNT; table++) {
		struct row *row, *next;
		HASH_ITER (hh, rows->tables[table], row, next) {
			note_removed(rows, row);
			row_touch(rows, row);
		}
	}
}

void rows_found(struct rows *rows, enum dp_table table, const void *key, const void *value)
{
	struct row *row = row_get(rows, table, key);
	note_installed(rows, row, value);
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
