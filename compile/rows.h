// SPDX-License-Identifier: Apache-2.0
// The row store: which rows should be there, who wants them, which the datapath holds, and which of
// them still have to be told.
//
// A row is wanted by claims. An origin (one logical object) claims the rows that follow from it;
// compiling it again is a round: begin, claim each row, end. What was not claimed in the round is
// dropped. Where two origins claim one key the greater path wins, whatever the order of arrival;
// when it goes, the other comes back.
//
// Guards, parties, and the rules, classes and identities of sets are claimed with both their slots
// alike, and without epochs: how they turn is the work of generation.c.
#pragma once

#include <stdbool.h>

#include "base/table.h"
#include "compile/compile.h"

struct claim;
struct row;

struct origin {
	char *path;           // of the object; owned
	uint64_t revision;    // of the object
	struct claim *claims; // in the order in which they are made
	uint32_t round;       // that is running, or was last
	struct claim **place; // of the claim that is likely to be made next; NULL: the first
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

// generation.c: what has two slots, in the order of a flush. Begin: nobody reads the slot that is
// not in force. Prepare: write that slot of a table of sets' rows. Turn: all that guards and parties
// lead to is there; let packets see what changes. A failure until then leaves what they see as it
// was. Then write both slots of all.
bool generation_prepares(enum dp_table table);
int generation_begin(struct rows *rows, compiler_emit emit, void *context);
int generation_prepare(struct rows *rows, enum dp_table table, compiler_emit emit, void *context);
int generation_turn(struct rows *rows, compiler_emit emit, void *context);
int generation_write(struct rows *rows, compiler_emit emit, void *context);
// When all of these are as they should be: where no sets are, packets need not look for guards.
int generation_end(struct rows *rows, compiler_emit emit, void *context);
