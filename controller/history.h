// SPDX-License-Identifier: Apache-2.0
// Objects as the store holds them: key "objects/<path>", value the JSON of the fields. The revision
// is the store's own, so it is not in the value.
#pragma once

#include "handler.h"

enum { HISTORY_KEY_TEXT = OBJECT_PATH_TEXT + 8 };
#define HISTORY_PREFIX "objects/"
#define HISTORY_COUNTERS "meta/counters"

char *history_key(enum model_kind kind, const char *tenant, const char *name, char *text);
// The longest prefix that the keys of all objects of a list share.
char *history_prefix(const struct target *list, char *text);
// Whether the key is of an object of this list; then its tenant and name (64 bytes each).
bool history_match(const struct target *list, const char *key, char *tenant, char *name);

// Owned by the caller (free).
char *history_encode(const struct object *object);
// A new reference. -EUCLEAN with the key in `error` if the store holds what no object can be.
int history_decode(const struct store_entry *entry, struct object **out, struct error *error);

// Objects as of revision `at`, encoded for reading.
int history_list(struct controller *controller, const struct target *list, uint64_t at,
	json_t **items, struct error *error);
int history_get(struct controller *controller, const struct target *target, uint64_t at,
	json_t **object, struct error *error);
