// SPDX-License-Identifier: Apache-2.0
// The one path of every write: validate, store, publish, tell.
#pragma once

#include "state.h"

// Commit the transaction, or abort it; either way it is gone. On success `answer` (a new reference)
// is what a write answers: revision, changed, created, objects, and warnings if there are any. On failure nothing has changed.
int commit(struct controller *controller, struct transaction *transaction, json_t **answer,
	struct error *error);
// The same for what a request wrote: answer it, with 201 if anything is new.
void commit_request(
	struct controller *controller, struct request *request, struct transaction *transaction);
// The same for one object that a request puts; takes the reference.
void commit_object(struct controller *controller, struct request *request, struct object *object);
