// SPDX-License-Identifier: Apache-2.0
#include "row.h"

#include <string.h>
#include <utlist.h>

#include "base/memory.h"

// Rows are looked for now and then, and not in any cache by then: each row that a chain leads past is a wait for memory.
#undef HASH_BKT_CAPACITY_THRESH
#define HASH_BKT_CAPACITY_THRESH 5U

#define ROW_SIZES(name, NAME, key, value, kind, maximum) {sizeof(key), sizeof(value)},
const struct row_size row_sizes[DP_TABLE_COUNT] = {DP_TABLES(ROW_SIZES)};
#undef ROW_SIZES

static unsigned char *installed_value(struct row *row)
{
	return row->bytes + row_sizes[row->table].key;
}

const void *row_wanted(const struct row *row)
{
	return row->claims ? row->claims->value : NULL;
}

const void *row_installed(const struct row *row)
{
	return row->installed ? row->bytes + row_sizes[row->table].key : NULL;
}

static struct row *find_hashed(
	const struct rows *rows, enum dp_table table, const void *key, unsigned hash)
{
	struct row *row;
	HASH_FIND_BYHASHVALUE(hh, rows->tables[table], key, row_sizes[table].key, hash, row);
	return row;
}

static unsigned hash_of(enum dp_table table, const void *key)
{
	unsigned hash;
	HASH_VALUE(key, row_sizes[table].key, hash);
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

struct row *row_get(struct rows *rows, enum dp_table table, const void *key)
{
	unsigned hash = hash_of(table, key);
	struct row *row = find_hashed(rows, table, key, hash);
	if (row)
		return row;
	row = memory_new(sizeof(*row) + row_sizes[table].key + row_sizes[table].value);
	row->table = table;
	memcpy(row->bytes, key, row_sizes[table].key);
	HASH_ADD_BYHASHVALUE(hh, rows->tables[table], bytes, row_sizes[table].key, hash, row);
	count_class(rows, row, 1);
	return row;
}

void row_free(struct rows *rows, struct row *row)
{
	HASH_DEL(rows->tables[row->table], row);
	count_class(rows, row, -1);
	free(row->last_path);
	free(row);
}

void row_touch(struct rows *rows, struct row *row)
{
	if (row->pending)
		return;
	row->pending = true;
	DL_APPEND(rows->pending[row->table], row);
}

// ---- what the datapath holds ----

void row_note_installed(struct rows *rows, struct row *row, const void *value)
{
	memcpy(installed_value(row), value, row_sizes[row->table].value);
	if (row->installed)
		return;
	row->installed = true;
	row->installed_in = rows->turns;
	rows->installed[row->table]++;
}

void row_note_removed(struct rows *rows, struct row *row)
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
	if (row->installed && !memcmp(installed_value(row), value, row_sizes[row->table].value))
		return 0;
	int result = emit(context, &change);
	if (!result)
		row_note_installed(rows, row, value);
	return result;
}

int row_remove(struct rows *rows, struct row *row, compiler_emit emit, void *context)
{
	struct row_change change = {
		row->table, row->bytes, NULL, row->last_path, row->last_revision};
	int result = row->installed ? emit(context, &change) : 0;
	if (!result)
		row_note_removed(rows, row);
	return result;
}

void row_settle(struct rows *rows, struct row *row)
{
	DL_DELETE(rows->pending[row->table], row);
	row->pending = false;
	if (!row->claims)
		row_free(rows, row);
}
