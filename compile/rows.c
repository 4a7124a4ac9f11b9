// SPDX-License-Identifier: Apache-2.0
#include "rows.h"

#include <stddef.h>
#include <string.h>
#include <utlist.h>

#include "base/memory.h"

struct claim {
	struct origin *origin;
	struct row *row;
	struct claim *next_of_origin;
	struct claim *next_of_row;
	bool stale; // not claimed in the running round
	_Alignas(max_align_t) unsigned char value[];
};

struct row {
	UT_hash_handle hh;
	struct row *prev, *next; // pending
	struct claim *claims;    // greatest path first: the head is the row
	enum dp_table table;
	bool pending, installed;
	char *last_path; // origin of the last claim to go, for the removal
	uint64_t last_revision;
	_Alignas(max_align_t) unsigned char bytes[]; // key, then the value that was last installed
};

#define ROW_SIZES(name, NAME, key, value, kind, maximum) {sizeof(key), sizeof(value)},
static const struct {
	size_t key, value;
} sizes[DP_TABLE_COUNT] = {DP_TABLES(ROW_SIZES)};
#undef ROW_SIZES

static unsigned char *installed_value(struct row *row)
{
	return row->bytes + sizes[row->table].key;
}

static struct row *row_find(const struct rows *rows, enum dp_table table, const void *key)
{
	struct row *row;
	HASH_FIND(hh, rows->tables[table], key, sizes[table].key, row);
	return row;
}

static struct row *row_get(struct rows *rows, enum dp_table table, const void *key)
{
	struct row *row = row_find(rows, table, key);
	if (row)
		return row;
	row = memory_new(sizeof(*row) + sizes[table].key + sizes[table].value);
	row->table = table;
	memcpy(row->bytes, key, sizes[table].key);
	HASH_ADD(hh, rows->tables[table], bytes, sizes[table].key, row);
	return row;
}

static void row_free(struct rows *rows, struct row *row)
{
	HASH_DEL(rows->tables[row->table], row);
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

static void claim_insert(struct rows *rows, struct row *row, struct claim *claim)
{
	struct claim **place = &row->claims;
	if (!*place)
		rows->wanted[row->table]++;
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
		rows->wanted[row->table]--;
		free(row->last_path);
		row->last_path = memory_text(claim->origin->path);
		row->last_revision = claim->origin->revision;
	}
	row_touch(rows, row);
	free(claim);
}

void rows_begin(struct origin *origin)
{
	struct claim *claim;
	LL_FOREACH2(origin->claims, claim, next_of_origin)
	claim->stale = true;
}

void rows_claim(struct rows *rows, struct origin *origin, enum dp_table table, const void *key,
	const void *value)
{
	struct row *row = row_get(rows, table, key);
	struct claim *claim;
	LL_FOREACH2(row->claims, claim, next_of_row)
	{
		if (claim->origin == origin)
			break;
	}
	if (!claim) {
		claim = memory_new(sizeof(*claim) + sizes[table].value);
		claim->origin = origin;
		claim->row = row;
		LL_PREPEND2(origin->claims, claim, next_of_origin);
		claim_insert(rows, row, claim);
	} else if (!memcmp(claim->value, value, sizes[table].value)) {
		claim->stale = false;
		return;
	}
	claim->stale = false;
	memcpy(claim->value, value, sizes[table].value);
	row_touch(rows, row);
}

void rows_end(struct rows *rows, struct origin *origin)
{
	struct claim **place = &origin->claims;
	while (*place) {
		struct claim *claim = *place;
		if (!claim->stale) {
			place = &claim->next_of_origin;
			continue;
		}
		*place = claim->next_of_origin;
		claim_drop(rows, claim);
	}
}

static struct row_change row_put(const struct row *row)
{
	return (struct row_change){row->table, row->bytes, row->claims->value,
		row->claims->origin->path, row->claims->origin->revision};
}

static int row_emit(struct row *row, compiler_emit emit, void *context)
{
	struct row_change change = {
		row->table, row->bytes, NULL, row->last_path, row->last_revision};
	if (!row->claims)
		return row->installed ? emit(context, &change) : 0;

	change = row_put(row);
	size_t size = sizes[row->table].value;
	if (row->installed && !memcmp(installed_value(row), change.value, size))
		return 0;
	int result = emit(context, &change);
	if (result)
		return result;
	memcpy(installed_value(row), change.value, size);
	row->installed = true;
	return 0;
}

static int flush_table(
	struct rows *rows, enum dp_table table, bool removals, compiler_emit emit, void *context)
{
	int first = 0;
	struct row *row, *next;
	DL_FOREACH_SAFE(rows->pending[table], row, next)
	{
		if (!row->claims != removals)
			continue;
		int result = row_emit(row, emit, context);
		if (result) {
			first = first ? first : result;
			continue;
		}
		DL_DELETE(rows->pending[table], row);
		row->pending = false;
		if (removals)
			row_free(rows, row);
	}
	return first;
}

int rows_flush(struct rows *rows, compiler_emit emit, void *context)
{
	int first = 0;
	for (int table = 0; table < DP_TABLE_COUNT; table++) {
		int result = flush_table(rows, table, false, emit, context);
		first = first ? first : result;
	}
	for (int table = DP_TABLE_COUNT - 1; table >= 0; table--) {
		int result = flush_table(rows, table, true, emit, context);
		first = first ? first : result;
	}
	return first;
}

int rows_each(const struct rows *rows, compiler_emit emit, void *context)
{
	for (int table = 0; table < DP_TABLE_COUNT; table++) {
		for (const struct row *row = rows->tables[table]; row; row = row->hh.next) {
			if (!row->claims)
				continue;
			struct row_change change = row_put(row);
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
	return row && row->claims ? row->claims->value : NULL;
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
}
