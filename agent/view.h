// SPDX-License-Identifier: Apache-2.0
// What the controller says: the objects that this host holds, as of one revision. Pure.
#pragma once

#include "base/table.h"
#include "compile/compile.h"
#include "reader.h"

struct view_entry {
	char *path;
	struct object *object;
	uint64_t batch; // the last that put it
	UT_hash_handle hh;
};

struct view {
	struct view_entry *entries; // hash by path
	uint64_t revision;          // of the last batch
	uint64_t digest;            // of the objects, model/digest.h
	uint64_t batches;
};

void view_done(struct view *view);
// Apply the batch to the view and to the compiler. After a snapshot nothing is left but the
// snapshot.
void view_apply(struct view *view, const struct batch *batch, struct compiler *compiler);
// NULL if absent. Borrowed.
struct object *view_find(
	const struct view *view, enum model_kind kind, const char *tenant, const char *name);
typedef void (*view_visit)(void *context, const struct object *object);
void view_each(const struct view *view, enum model_kind kind, view_visit visit, void *context);
