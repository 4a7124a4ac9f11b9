// SPDX-License-Identifier: Apache-2.0
// What the store holds: objects at "objects/<path>", the JSON of their fields, and beside them what
// every commit writes besides. The revision is the store's own, so it is not in the value.
#pragma once

#include "model/object.h"
#include "store/store.h"

#define STORED_OBJECTS "objects/"
#define STORED_COUNTERS "meta/counters" // of allocation, and the id of the commit
#define STORED_RECORD "meta/audit"      // of the audit log; its history is the log
enum { STORED_KEY_TEXT = OBJECT_PATH_TEXT + 8 };

char *stored_key(enum model_kind kind, const char *tenant, const char *name, char *text);
// Owned by the caller (free).
char *stored_encode(const struct object *object);
// A new reference. -EUCLEAN with the key in `error` if the store holds what no object can be.
int stored_decode(const struct store_entry *entry, struct object **out, struct error *error);
