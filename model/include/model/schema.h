// SPDX-License-Identifier: Apache-2.0
// The schema as data, for code that walks fields: the CLI's flags, columns and completion,
// `explain`, and the model's own decoder. Descriptors are static and never change.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/object.h"

enum field_flags {
	FIELD_REQUIRED = 1 << 0,      // must be given
	FIELD_SERVER = 1 << 1,        // owned by the controller: read, not written
	FIELD_STICKY = 1 << 2,        // absent in a replacement: stays as it was
	FIELD_CONSTANT = 1 << 3,      // cannot change while the object exists
	FIELD_COLUMN = 1 << 4,        // shown in tables
	FIELD_WIDE = 1 << 5,          // shown in wide tables
	FIELD_ADMINISTRATOR = 1 << 6, // written by administrators only, not by those of the tenant
	FIELD_SECRET = 1 << 7,        // shown to nobody: only the store holds it
};

// A member of a value that is an object, or a list of objects: of a rule, "action".
struct field_member {
	const char *name; // NULL ends a list of members
	const char *help; // sentences without the final stop
};

struct field_type; // how values of a type are decoded, encoded and compared: private to the model

struct field {
	const char *name;
	const struct field_type *type;
	size_t offset; // of the member in its struct
	unsigned flags;
	const char *help; // one sentence without final stop
	// Of a number: its range. Of a text: most bytes. Of a list: most items. `maximum` 0: any.
	uint32_t minimum, maximum;
	// The value of a number, flag or choice that is not given; without one a number is absent.
	uint32_t fallback;
};

// Fields of a kind in the order of the schema.
const struct field *model_fields(enum model_kind kind, size_t *count);
// NULL if the kind has no such field.
const struct field *model_field_find(enum model_kind kind, const char *name);
// The known name that is nearest to `name`, for "did you mean"; NULL if none is near.
const char *model_field_suggest(enum model_kind kind, const char *name);

const char *field_type_name(const struct field *field); // for people: "list of prefixes"
// How a value is written; NULL where its name says it all.
const char *field_type_help(const struct field *field);
// The members of each item of a list of objects, ended by one without a name; NULL for other types.
const struct field_member *field_members(const struct field *field);
// The words of a choice, NULL-terminated; NULL for other types.
const char *const *field_choices(const struct field *field);
// Whether it names another object (then `kind` is filled).
bool field_reference(const struct field *field, enum model_kind *kind);
// The default as text ("1400", "geneve", "true"); NULL if there is none. Owned by the caller
// (free).
char *field_default_text(const struct field *field);
