// SPDX-License-Identifier: Apache-2.0
// The mirror: the objects that a relay holds, and what a batch changes of them. Pure.
#pragma once

#include "base/table.h"
#include "reader.h"
#include "topology/topology.h"

struct mirror_entry;

struct mirror {
	struct mirror_entry *entries; // by path
	uint64_t revision;            // of the last batch
	uint64_t digest;              // of the objects, model/digest.h
	char history[40];             // that the revision belongs to
};

void mirror_done(struct mirror *mirror);

// Take the batch over. After a snapshot nothing is left but the snapshot. `visit` with what has
// changed, each object once, before anything of it is released.
typedef void (*mirror_visit)(void *context, const struct topology_change *changes, size_t count);
void mirror_apply(
	struct mirror *mirror, const struct batch *batch, mirror_visit visit, void *context);

// NULL: it does not hold such an object. Borrowed.
const struct object *mirror_find(
	const struct mirror *mirror, enum model_kind kind, const char *tenant, const char *name);
