// SPDX-License-Identifier: Apache-2.0
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct native_row {
	UT_hash_handle hh;
	uint64_t bytes[]; // key, then value from the next multiple of 8 on
};

enum { KEY_BYTES = 64 };

#define FITS(name, NAME, key, value, kind, maximum) \
	_Static_assert(sizeof(key) <= KEY_BYTES, #name ": a longer key needs a longer buffer");
DP_TABLES(FITS)
DP_STATES(FITS)
#undef FITS

static size_t value_offset(const struct datapath_table *info)
{
	return (info->key_size + 7) & ~(size_t)7;
}

static void *row_value(const struct native_table *table, struct native_row *row)
{
	return (char *)row->bytes + value_offset(table->info);
}

static uint32_t prefix_length(const void *key)
{
	uint32_t length;

	memcpy(&length, key, sizeof(length));
	return length;
}

// The key of the row with this prefix length: that length, and no bits beyond it.
static void cut_key(const struct native_table *table, const void *key, uint32_t length, void *out)
{
	uint8_t *data = (uint8_t *)out + sizeof(length);
	size_t size = table->info->key_size - sizeof(length);

	memcpy(out, key, table->info->key_size);
	memcpy(out, &length, sizeof(length));
	for (size_t i = 0; i < size; i++) {
		uint32_t bits = length > 8 * i ? length - 8 * i : 0;
		if (bits < 8)
			data[i] &= (uint8_t)(0xff00 >> bits);
	}
}

static struct native_row *find_row(const struct native_table *table, const void *key)
{
	struct native_row *row;

	HASH_FIND(hh, table->rows, key, table->info->key_size, row);
	return row;
}

static bool key_is_valid(const struct native_table *table, const void *key)
{
	size_t data = table->info->key_size - sizeof(uint32_t);

	switch (table->info->kind) {
	case DATAPATH_TABLE_ARRAY:
		return prefix_length(key) < table->info->maximum; // the index
	case DATAPATH_TABLE_LPM:
		return prefix_length(key) <= 8 * data;
	case DATAPATH_TABLE_HASH:
	case DATAPATH_TABLE_FULL:
	case DATAPATH_TABLE_LRU:
		return true;
	}
	return false;
}

int native_table_put(struct native_table *table, const void *key, const void *value)
{
	const struct datapath_table *info = table->info;
	uint64_t cut[KEY_BYTES / 8];

	if (!key_is_valid(table, key))
		return -EINVAL;
	if (info->kind == DATAPATH_TABLE_LPM) {
		cut_key(table, key, prefix_length(key), cut);
		key = cut;
	}

	struct native_row *row;
	unsigned hash;
	HASH_VALUE(key, info->key_size, hash);
	HASH_FIND_BYHASHVALUE(hh, table->rows, key, info->key_size, hash, row);
	if (!row) {
		if (HASH_COUNT(table->rows) >= info->maximum)
			return -ENOSPC;
		row = memory_new(sizeof(*row) + value_offset(info) + info->value_size);
		memcpy(row->bytes, key, info->key_size);
		HASH_ADD_KEYPTR_BYHASHVALUE(hh, table->rows, row->bytes, info->key_size, hash, row);
		if (info->kind == DATAPATH_TABLE_LPM)
			table->lengths[prefix_length(key)]++;
	}
	memcpy(row_value(table, row), value, info->value_size);
	return 0;
}

static void free_row(struct native_table *table, struct native_row *row)
{
	HASH_DEL(table->rows, row);
	free(row);
}

int native_table_remove(struct native_table *table, const void *key)
{
	uint64_t cut[KEY_BYTES / 8];

	if (!key_is_valid(table, key))
		return -ENOENT;
	if (table->info->kind == DATAPATH_TABLE_LPM) {
		cut_key(table, key, prefix_length(key), cut);
		key = cut;
	}

	struct native_row *row = find_row(table, key);
	if (!row)
		return -ENOENT;
	if (table->info->kind == DATAPATH_TABLE_LPM)
		table->lengths[prefix_length(key)]--;
	free_row(table, row);
	return 0;
}

void native_table_forget(struct native_table *table)
{
	if (table->rows)
		free_row(table, table->rows);
}

void *native_table_find(const struct native_table *table, const void *key)
{
	struct native_row *row = NULL;

	if (table->info->kind != DATAPATH_TABLE_LPM) {
		row = find_row(table, key);
		return row ? row_value(table, row) : NULL;
	}
	for (int64_t length = prefix_length(key); length >= 0 && !row; length--) {
		uint64_t cut[KEY_BYTES / 8];
		if (table->lengths[length] == 0)
			continue;
		cut_key(table, key, (uint32_t)length, cut);
		row = find_row(table, cut);
	}
	return row ? row_value(table, row) : NULL;
}

int native_table_each(const struct native_table *table, datapath_visit visit, void *context)
{
	const struct datapath_table *info = table->info;
	size_t size = value_offset(info) + info->value_size, count = 0;
	cleanup_free char *copy = memory_new(HASH_COUNT(table->rows) * size + 1);
	struct native_row *row, *next;
	int result = 0;

	HASH_ITER (hh, table->rows, row, next)
		memcpy(copy + count++ * size, row->bytes, size);
	for (size_t i = 0; i < count && result == 0; i++) {
		const char *key = copy + i * size;
		result = visit(context, key, key + value_offset(info));
	}
	return result;
}

void native_table_done(struct native_table *table)
{
	struct native_row *row, *next;

	HASH_ITER (hh, table->rows, row, next)
		free_row(table, row);
}
