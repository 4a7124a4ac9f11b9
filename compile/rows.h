// SPDX-License-Identifier: Apache-2.0
// The row store: which rows should be there, who wants them, and which of them still have to be
// told.
//
// A row is wanted by claims. An origin (one logical object) claims the rows that follow from it;
// compiling it again is a round: begin, claim each row, end. What was not claimed in the round is
// dropped. Where two origins claim one key the greater path wins, whatever the order of arrival;
// when it goes, the other comes back.
#pragma once

#include <stdbool.h>
#include <uthash.h>

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
	size_t wanted[DP_TABLE_COUNT];       // rows with a claim
};

void rows_done(struct rows *rows);

void rows_begin(struct origin *origin);
void rows_claim(struct rows *rows, struct origin *origin, enum dp_table table, const void *key,
	const void *value);
void rows_end(struct rows *rows, struct origin *origin);

// As compiler_flush, compiler_rows, compiler_row say.
int rows_flush(struct rows *rows, compiler_emit emit, void *context);
int rows_each(const struct rows *rows, compiler_emit emit, void *context);
const void *rows_find(const struct rows *rows, enum dp_table table, const void *key);
