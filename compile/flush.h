// SPDX-License-Identifier: Apache-2.0
// Telling the datapath what rows should be there: in an order in which no packet finds a row that
// leads to one that is not there.
#pragma once

#include "rows.h"

// As compiler_flush says.
int flush_rows(struct rows *rows, compiler_emit emit, void *context);
