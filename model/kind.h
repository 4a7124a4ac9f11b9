// SPDX-License-Identifier: Apache-2.0
// A kind of object: its name and its table of fields. Private to the model.
#pragma once

#include "model/schema.h"

struct kind {
	const char *name, *plural, *help;
	bool in_tenant;
	size_t size; // of its struct
	const struct field *fields;
	size_t field_count;
};

const struct kind *kind_get(enum model_kind kind);

// A version of the object that nobody else holds, to be changed before it is published. It has no
// revision.
struct object *object_copy(const struct object *object);

// What must hold between the fields of one object; all of them are decoded.
int kind_check(const struct object *object, struct error *error);
