// SPDX-License-Identifier: Apache-2.0
// One row, and what they all are in: which of them should be there, and which the datapath holds. Only
// rows.c, generation.c and flush.c look into it.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/table.h"
#include "compile/compile.h"

struct origin {
	char *path;           // of the object; owned
	uint64_t revision;    // of the object
	struct claim *claims; // in the order in which they are made
	uint32_t round;       // that is running, or was last
	struct claim **place; // of the claim that is likely to be made next; NULL: the first
};

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

struct rows {
	struct row *tables[DP_TABLE_COUNT];  // hash by key
	struct row *pending[DP_TABLE_COUNT]; // list, oldest first
	size_t installed[DP_TABLE_COUNT];    // rows that the datapath holds
	size_t classes[129];      // rows of the table of classes, by the bits of their prefix
	struct origin generation; // claims the row of the generation
	uint32_t turns;           // moves on with every change of guards and parties
	bool unsettled;           // packets under way may read what is no more in force
	bool leaving;             // the last flush could not remove guards that nobody claims
	bool versions; // some rows of sets belong to another version than those that the datapath holds
	bool turning; // and this flush leads packets from the one to the other
};

// Bytes of a table's keys and values.
struct row_size {
	size_t key, value;
};
extern const struct row_size row_sizes[DP_TABLE_COUNT];

struct row *row_find(const struct rows *rows, enum dp_table table, const void *key);
// Found or made.
struct row *row_get(struct rows *rows, enum dp_table table, const void *key);
void row_free(struct rows *rows, struct row *row);
// It is to be looked at by the next flush.
void row_touch(struct rows *rows, struct row *row);

// What the row should be; NULL: it should not be there.
const void *row_wanted(const struct row *row);
// What the datapath holds; NULL: nothing.
const void *row_installed(const struct row *row);
// Tell the row with this value, unless the datapath holds it so.
int row_write(
	struct rows *rows, struct row *row, const void *value, compiler_emit emit, void *context);
// The same for one that should not be there.
int row_remove(struct rows *rows, struct row *row, compiler_emit emit, void *context);
// The datapath has come to hold it so, or not to hold it.
void row_note_installed(struct rows *rows, struct row *row, const void *value);
void row_note_removed(struct rows *rows, struct row *row);
// The row is as it should be: nothing is left to tell.
void row_settle(struct rows *rows, struct row *row);
