// SPDX-License-Identifier: Apache-2.0
// Objects as the store holds them: key "objects/<path>", value the JSON of the fields. The revision
// is the store's own, so it is not in the value.
#pragma once

#include "handler.h"
#include "news.h"

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

// Read the past, on the store's thread: one object as of `revision`, a list as of it, or what has
// changed of a list since. The request is refused, or `found` is to answer it, with entries that are
// borrowed. Of a list there may be more than it wants (history_match).
// Or the records of the audit log after `revision`, up to the one of the target.
enum history_part { HISTORY_OBJECT, HISTORY_LIST, HISTORY_CHANGES, HISTORY_AUDIT };
typedef void (*history_found)(struct controller *controller, struct request *request,
	const struct target *target, uint64_t revision, const struct news *entries);
void history_read(struct controller *controller, struct request *request,
	const struct target *target, enum history_part part, uint64_t revision,
	history_found found);
// The part of it that is done on the store's thread; `entries` are released with news_done.
int history_collect(struct store *store, const struct target *target, enum history_part part,
	uint64_t revision, struct news *entries, struct error *error);
// The objects among the entries that the target names and the client sees, encoded for reading: a new
// list in `out`.
int history_items(const struct identity *identity, const struct target *target,
	const struct news *entries, json_t **out, struct error *error);
