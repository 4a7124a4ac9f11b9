// SPDX-License-Identifier: Apache-2.0
#include "preview.h"

#include "commit.h"

static json_t *object_or_null(const struct object *object)
{
	return object ? object_encode(object) : json_null();
}

void preview_request(
	struct controller *controller, struct request *request, struct transaction *transaction)
{
	const struct catalog_change *changes;
	struct error error = {0};
	if (transaction_prepare(transaction, &error) < 0) {
		transaction_abort(transaction);
		request_refuse(request, &error);
		return;
	}
	size_t count = transaction_changes(transaction, &changes), created = 0;
	json_t *list = json_array(), *warnings = commit_warnings(transaction);
	for (size_t i = 0; i < count; i++) {
		created += !changes[i].before;
		json_array_append_new(
			list, json_pack("{s:o, s:o}", "before", object_or_null(changes[i].before),
				      "after", object_or_null(changes[i].after)));
	}
	transaction_abort(transaction);
	json_t *answer = json_pack("{s:I, s:I, s:I, s:o}", "revision",
		(json_int_t)controller->revision, "changed", (json_int_t)count, "created",
		(json_int_t)created, "changes", list);
	if (json_array_size(warnings))
		json_object_set(answer, "warnings", warnings);
	json_decref(warnings);
	request_answer(request, 200, answer);
}
