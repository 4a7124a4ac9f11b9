// SPDX-License-Identifier: Apache-2.0
// The past, read from the store on its thread: objects, lists, what changed of a list, and the records of
// the audit log.
#pragma once

#include "entries.h"
#include "handler.h"

// Whether the key is of an object of this list; then its tenant and name (64 bytes each).
bool history_match(const struct target *list, const char *key, char *tenant, char *name);

// One object as of `revision`, a list as of it, or what has
// changed of a list since. The request is refused, or `found` is to answer it, with entries that are
// borrowed. Of a list there may be more than it wants (history_match).
// Or the records of the audit log after `revision`, up to the one of the target.
enum history_part { HISTORY_OBJECT, HISTORY_LIST, HISTORY_CHANGES, HISTORY_AUDIT };
typedef void (*history_found)(struct controller *controller, struct request *request,
	const struct target *target, uint64_t revision, const struct entries *entries);
void history_read(struct controller *controller, struct request *request,
	const struct target *target, enum history_part part, uint64_t revision,
	history_found found);
// The part of it that is done on the store's thread; `entries` are released with entries_done.
int history_collect(struct store *store, const struct target *target, enum history_part part,
	uint64_t revision, struct entries *entries, struct error *error);
// The objects among the entries that the target names and the client sees, encoded for reading: a new
// list in `out`.
int history_items(const struct identity *identity, const struct target *target,
	const struct entries *entries, json_t **out, struct error *error);
