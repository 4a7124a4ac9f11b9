// SPDX-License-Identifier: Apache-2.0
#include "commit.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "history.h"
#include "reports.h"
#include "revisions.h"
#include "streams.h"
#include "watch.h"

// Store what the transaction changes, with the counters of allocation in the same commit. Every
// commit writes the counters, so comparing their revision makes sure that no other process has
// written since: memory and store say the same.
static int store_changes_of(struct controller *controller, const struct catalog_change *changes,
	size_t count, uint64_t *revision, struct error *error)
{
	struct store_operation *operations = memory_new((count + 1) * sizeof(*operations));
	char(*keys)[HISTORY_KEY_TEXT] = memory_new((count + 1) * sizeof(*keys));
	for (size_t i = 0; i < count; i++) {
		const struct object *object =
			changes[i].after ? changes[i].after : changes[i].before;
		operations[i].key =
			history_key(object->kind, object->tenant, object->name, keys[i]);
		if (changes[i].after) {
			operations[i].value = history_encode(object);
			operations[i].length = strlen(operations[i].value);
		}
	}
	json_t *counters = catalog_counters(controller->catalog);
	operations[count].key = HISTORY_COUNTERS;
	operations[count].value = json_dumps(counters, JSON_COMPACT);
	operations[count].length = strlen(operations[count].value);
	json_decref(counters);

	struct store_compare compare = {HISTORY_COUNTERS, controller->counters_revision};
	struct error fault = {0};
	int rc = store_commit(
		controller->store, &compare, 1, operations, count + 1, revision, &fault);
	if (rc < 0)
		rc = error_set(
			error, EIO, "nothing was changed, the store failed: %s", fault.message);
	for (size_t i = 0; i <= count; i++)
		free((void *)operations[i].value);
	free(operations);
	free(keys);
	return rc;
}

static const char *managed_host(const struct object *object)
{
	if (!object || object->kind != MODEL_HOST || !((const struct host *)object)->managed)
		return NULL;
	return object->name;
}

// Hosts that are new must answer, and those that are gone are not waited for.
static void adjust_hosts(
	struct controller *controller, const struct topology_change *changes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *before = managed_host(changes[i].before);
		const char *after = managed_host(changes[i].after);
		if (before && !after)
			receipts_host_remove(controller->receipts, before);
		if (after && !before) {
			receipts_host_add(controller->receipts, after);
			streams_introduce(controller, after);
		}
	}
}

static void forget_hosts(
	struct controller *controller, const struct topology_change *changes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct object *before = changes[i].before;
		if (changes[i].after || before->kind != MODEL_HOST)
			continue;
		streams_forget(controller, before->name);
		reports_forget(controller, before->name);
	}
}

static void publish(struct controller *controller, const struct topology_change *changes,
	size_t count, uint64_t revision)
{
	adjust_hosts(controller, changes, count);
	streams_publish(controller, changes, count, revision);
	watch_publish(controller, changes, count, revision);
	forget_hosts(controller, changes, count);
	revisions_progress(controller);
}

static json_t *answer_of(const struct topology_change *changes, size_t count, uint64_t revision)
{
	size_t created = 0;
	json_t *objects = json_array();
	for (size_t i = 0; i < count; i++) {
		created += !changes[i].before;
		if (changes[i].after)
			json_array_append_new(objects, object_encode(changes[i].after));
	}
	return json_pack("{s:I, s:I, s:I, s:o}", "revision", (json_int_t)revision, "changed",
		(json_int_t)count, "created", (json_int_t)created, "objects", objects);
}

// {"warning": name, "object": path, "field": path, "message": sentence}
static void take_warning(void *context, enum model_warning warning, const struct error *what)
{
	json_array_append_new(context,
		json_pack("{s:s, s:s, s:s, s:s}", "warning", model_warning_name(warning), "object",
			what->object, "field", what->field, "message", what->message));
}

int commit(struct controller *controller, struct transaction *transaction, json_t **answer,
	struct error *error)
{
	const struct catalog_change *changes;
	uint64_t revision;
	int rc = transaction_prepare(transaction, error);
	if (rc < 0) {
		transaction_abort(transaction);
		return rc;
	}
	size_t count = transaction_changes(transaction, &changes);
	if (!count) {
		transaction_abort(transaction);
		*answer = answer_of(NULL, 0, controller_revision(controller));
		return 0;
	}
	rc = store_changes_of(controller, changes, count, &revision, error);
	if (rc < 0) {
		transaction_abort(transaction);
		return rc;
	}
	controller->counters_revision = revision;
	struct topology_change *kept = memory_new(count * sizeof(*kept));
	for (size_t i = 0; i < count; i++) {
		kept[i].before = changes[i].before ? object_ref(changes[i].before) : NULL;
		kept[i].after = changes[i].after ? object_ref(changes[i].after) : NULL;
	}
	json_t *warnings = json_array();
	transaction_warnings(transaction, take_warning, warnings);
	transaction_commit(transaction, revision);
	publish(controller, kept, count, revision);
	*answer = answer_of(kept, count, revision);
	if (json_array_size(warnings))
		json_object_set(*answer, "warnings", warnings);
	json_decref(warnings);
	for (size_t i = 0; i < count; i++) {
		object_unref(kept[i].before);
		object_unref(kept[i].after);
	}
	free(kept);
	return 0;
}

void commit_request(
	struct controller *controller, struct request *request, struct transaction *transaction)
{
	json_t *answer;
	struct error error = {0};
	if (commit(controller, transaction, &answer, &error) < 0) {
		request_refuse(request, &error);
		return;
	}
	json_int_t created = json_integer_value(json_object_get(answer, "created"));
	request_answer(request, created ? 201 : 200, answer);
}

void commit_object(struct controller *controller, struct request *request, struct object *object)
{
	struct error error = {0};
	struct transaction *transaction = transaction_begin(controller->catalog);
	if (transaction_put(transaction, object, &error) < 0) {
		transaction_abort(transaction);
		request_refuse(request, &error);
		return;
	}
	commit_request(controller, request, transaction);
}
