// SPDX-License-Identifier: Apache-2.0
// One row as the store holds it: for rows.c and generation.c alone.
#pragma once

#include <stddef.h>

#include "rows.h"

struct claim {
	struct origin *origin;
	struct row *row;
	struct claim *next_of_origin;
	struct claim *next_of_row;
	uint32_t round; // of its origin, in which it was made last
	_Alignas(max_align_t) unsigned char value[];
};

// What a look-up reads is in a row: each other line of memory would have to be waited for.
struct row {
	struct row *prev, *next; // pending
	char *last_path;         // origin of the last claim to go, for the removal
	uint64_t last_revision;
	struct claim *claims; // greatest path first: the head is what the row should be
	UT_hash_handle hh;
	enum dp_table table;
	bool pending, installed;
	uint32_t installed_in;                       // rows->turns when it was
	_Alignas(max_align_t) unsigned char bytes[]; // key, then the value that was last installed
};

// What the row should be; NULL: it should not be there.
const void *row_wanted(const struct row *row);
// What the datapath holds; NULL: nothing.
const void *row_installed(const struct row *row);
// Tell the row with this value, unless the datapath holds it so.
int row_write(
	struct rows *rows, struct row *row, const void *value, compiler_emit emit, void *context);
// The row is as it should be: nothing is left to tell.
void row_settle(struct rows *rows, struct row *row);
struct row *row_find(const struct rows *rows, enum dp_table table, const void *key);
size_t row_key_size(const struct row *row);
size_t row_value_size(const struct row *row);
