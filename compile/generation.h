// SPDX-License-Identifier: Apache-2.0
// What has two slots, in the order of a flush. Begin: nobody reads the slot that is
// not in force. Prepare: write that slot of a table of sets' rows. Turn: all that guards and parties
// lead to is there; let packets see what changes. A failure until then leaves what they see as it
// was. Then write both slots of all.
#pragma once

#include "rows.h"

bool generation_prepares(enum dp_table table);
int generation_begin(struct rows *rows, compiler_emit emit, void *context);
int generation_prepare(struct rows *rows, enum dp_table table, compiler_emit emit, void *context);
int generation_turn(struct rows *rows, compiler_emit emit, void *context);
int generation_write(struct rows *rows, compiler_emit emit, void *context);
// When all of these are as they should be: where no sets are, packets need not look for guards.
int generation_end(struct rows *rows, compiler_emit emit, void *context);
