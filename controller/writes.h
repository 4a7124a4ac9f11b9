// SPDX-License-Identifier: Apache-2.0
// Writes, one after the other. While one is on its way to the store the next wait, in order; each is
// judged on what the ones before have made.
//
// Several controllers may write to one store. A write that lost the race against another
// controller's is handled again from its request, on the state that it lost to; so is one that would
// be refused, unless it is certain that nobody else has committed what would make it right.
#pragma once

#include "handler.h"

void writes_start(struct controller *controller);
// Handle the request now or when its turn has come. Too many that wait: it is refused.
void writes_handle(struct controller *controller, struct request *request, handler handle,
	const struct target *target);
// From within the handler: store what the transaction, which is prepared, changes, and answer.
void writes_store(struct controller *controller, struct transaction *transaction);
// Refuse those that wait. The one that is being stored goes its way.
void writes_end(struct controller *controller);
void writes_free(struct controller *controller);
