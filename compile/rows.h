// SPDX-License-Identifier: Apache-2.0
// The row store: which rows should be there, who wants them, which the datapath holds, and which of
// them still have to be told.
//
// A row is wanted by claims. An origin (one logical object) claims the rows that follow from it;
// compiling it again is a round: begin, claim each row, end. What was not claimed in the round is
// dropped. Where two origins claim one key the greater path wins, whatever the order of arrival;
// when it goes, the other comes back.
//
// Guards and parties are claimed with both their slots alike, and without epochs: how they turn is
// the work of generation.c.
#pragma once

#include <stdbool.h>

#include "base/table.h"
#include "compile/compile.h"

struct claim;
struct row;

struct origin {
	char *path;        // of the object; owned
	uint64_t revision; // of the object
	struct claim *claims;
};

struct rows {
	struct row *tables[DP_TABLE_COUNT];  // hash by key
	struct row *pending[DP_TABLE_COUNT]; // list, oldest first
	size_t installed[DP_TABLE_COUNT];    // rows that the datapath holds
	struct origin generation;            // claims the row of the generation
	uint32_t turns;                      // moves on with every change of guards and parties
	bool unsettled;                      // packets under way may read what is no more in force
};

void rows_init(struct rows *rows);
void rows_done(struct rows *rows);

void rows_begin(struct origin *origin);
void rows_claim(struct rows *rows, struct origin *origin, enum dp_table table, const void *key,
	const void *value);
void rows_end(struct rows *rows, struct origin *origin);

// As compiler_flush, compiler_rows, compiler_row, compiler_forget, compiler_found say.
int rows_flush(struct rows *rows, compiler_emit emit, void *context);
int rows_each(const struct rows *rows, compiler_emit emit, void *context);
const void *rows_find(const struct rows *rows, enum dp_table table, const void *key);
// Whose claim the row is; NULL: nobody's.
const struct origin *rows_origin(const struct rows *rows, enum dp_table table, const void *key);
void rows_forget(struct rows *rows);
void rows_found(struct rows *rows, enum dp_table table, const void *key, const void *value);

// generation.c: guards and parties. All that they lead to is there. First let packets see those
// that change; a failure leaves what they see as it was. Then write both slots of all.
int generation_turn(struct rows *rows, compiler_emit emit, void *context);
int generation_write(struct rows *rows, compiler_emit emit, void *context);
