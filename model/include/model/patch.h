// SPDX-License-Identifier: Apache-2.0
// What differs between two versions of an object, as a JSON Patch (RFC 6902): so that whoever holds
// the one is told the other at the cost of what has changed, one rule of a thousand or one prefix of
// a hundred thousand.
//
// Paths are "/field", or "/field/index" of a field that is a list: what is in an item changes with
// all of it. Operations are add, replace and remove.
#pragma once

#include "model/object.h"

// The operations that make of `before`, another version of the same object, `after`. Without what
// nobody is shown (FIELD_SECRET), and without the revision. A new reference.
json_t *object_difference(const struct object *before, const struct object *after);

// What the operations make of `base`: a new object of this revision, with one reference. -EINVAL: an
// operation that is none, or not on what is there; else as object_decode, and `error` names object and
// path. Nothing is done halfway.
int object_patch(struct object **out, const struct object *base, const json_t *operations,
	uint64_t revision, struct error *error);
