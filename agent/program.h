// SPDX-License-Identifier: Apache-2.0
// The rows of the datapath, brought to what the compiler says and held there.
//
// What the kernel holds when the agent starts is kept: the first time rows are applied they are
// read back and only the differences written, so an unchanged state costs no write. Later, changes
// are written as they come, and an audit reads a table at a time.
#pragma once

#include <stdint.h>

#include "compile/compile.h"
#include "datapath/datapath.h"

struct program;

// Both are borrowed.
void program_new(struct program **out, struct datapath *datapath, struct compiler *compiler);
void program_free(struct program *program);
// Bring all rows to what the compiler says. The first failure is returned; what failed is tried
// again by the next call.
int program_apply(struct program *program, struct error *error);
// Read one table back, repair and count what differs. Nothing before the first program_apply that
// succeeded. Returns how many rows were wrong, or the first -errno; then the next program_apply
// looks at everything again.
int program_audit(struct program *program, enum dp_table table, struct error *error);
// Could rows of any object not be written?
bool program_failed(const struct program *program);
// Why rows of this object could not be written; NULL: they all are.
const char *program_failure(const struct program *program, const char *path);
// Rows that were repaired so far.
uint64_t program_repairs(const struct program *program);
