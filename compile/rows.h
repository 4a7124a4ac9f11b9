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

#include "row.h"

void rows_init(struct rows *rows);
void rows_done(struct rows *rows);

void rows_begin(struct origin *origin);
void rows_claim(struct rows *rows, struct origin *origin, enum dp_table table, const void *key,
	const void *value);
void rows_end(struct rows *rows, struct origin *origin);

// As compiler_rows, compiler_row, compiler_forget, compiler_found say.
int rows_each(const struct rows *rows, compiler_emit emit, void *context);
const void *rows_find(const struct rows *rows, enum dp_table table, const void *key);
// Whose claim the row is; NULL: nobody's.
const struct origin *rows_origin(const struct rows *rows, enum dp_table table, const void *key);
void rows_forget(struct rows *rows);
void rows_found(struct rows *rows, enum dp_table table, const void *key, const void *value);
