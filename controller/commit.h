// SPDX-License-Identifier: Apache-2.0
// The one path of every write: validate, store, publish, tell.
//
// Storing takes as long as the store takes, so the transaction is withdrawn from the catalog for that
// time. Every commit writes the counters of allocation too and compares their revision, so that it
// goes through only if memory and store said the same when it was judged.
#pragma once

#include "state.h"

// What is accepted and yet hardly meant in a prepared transaction, as the API tells it: a list, empty
// if there is nothing. New reference.
json_t *commit_warnings(const struct transaction *transaction);

struct commit;

// 0: stored and published. -ESTALE: others have written since it was judged, and that is taken in
// now. -ETIMEDOUT: nobody knows yet whether it is stored. Else nothing is changed.
typedef void (*commit_ended)(void *context, int rc, const struct error *error);

// The transaction is prepared, has changes, and is gone in the end. `id` is stored beside the
// counters, and what the request is in the audit log. Release with commit_free, not before it has ended.
struct commit *commit_start(struct controller *controller, const struct request *request,
	struct transaction *transaction, const char *id, commit_ended ended, void *context);
void commit_free(struct commit *commit); // NULL is fine
// What a write is answered that changes nothing. New reference.
json_t *commit_nothing(uint64_t revision);
// What the write is answered if it was stored as `revision`: revision, changed, created, objects,
// and warnings if there are any. New reference.
json_t *commit_answer(struct commit *commit, uint64_t revision);
uint64_t commit_revision(const struct commit *commit); // after it has ended with 0
