// SPDX-License-Identifier: Apache-2.0
#include "submit.h"

#include <errno.h>

#include "access.h"
#include "commit.h"
#include "writes.h"

void submit(struct controller *controller, struct request *request, struct transaction *transaction)
{
	const struct catalog_change *changes;
	struct error error = {0};
	// Whoever waited for this turn may have lost what let them in.
	if (!access_holds(controller, &request->identity))
		error_set(&error, EKEYREJECTED, "what let you in ended while this waited");
	if (error.code || transaction_prepare(transaction, &error) < 0) {
		transaction_abort(transaction);
		request_refuse(request, &error);
	} else if (!transaction_changes(transaction, &changes)) {
		transaction_abort(transaction);
		request_answer(request, 200, commit_nothing(controller->revision));
	} else {
		writes_store(controller, transaction);
	}
}

static void put(
	struct controller *controller, struct request *request, struct object *object, bool owned)
{
	struct error error = {0};
	struct transaction *transaction = transaction_begin(controller->catalog);
	int rc = owned ? transaction_put_owned(transaction, object, &error)
		       : transaction_put(transaction, object, &error);
	if (rc < 0) {
		transaction_abort(transaction);
		request_refuse(request, &error);
		return;
	}
	submit(controller, request, transaction);
}

void submit_object(struct controller *controller, struct request *request, struct object *object)
{
	struct error error = {0};
	const struct object *before =
		catalog_find(controller->catalog, object->kind, object->tenant, object->name);
	if (access_check_object(controller, &request->identity, before, object, &error) < 0) {
		object_unref(object);
		request_refuse(request, &error);
		return;
	}
	put(controller, request, object, false);
}

void submit_owned(struct controller *controller, struct request *request, struct object *object)
{
	put(controller, request, object, true);
}
