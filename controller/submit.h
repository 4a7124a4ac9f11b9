// SPDX-License-Identifier: Apache-2.0
// What the handlers of writes end in.
#pragma once

#include "state.h"

// Validate, and store what changes. The request is answered here
// if it is refused or changes nothing, and by writes.c when it is stored. The transaction is gone.
void submit(
	struct controller *controller, struct request *request, struct transaction *transaction);
// The same for one object that a request puts, if its client may write that; takes the reference.
void submit_object(struct controller *controller, struct request *request, struct object *object);
// The same for one in which the controller has written what it owns.
void submit_owned(struct controller *controller, struct request *request, struct object *object);
