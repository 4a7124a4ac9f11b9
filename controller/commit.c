// SPDX-License-Identifier: Apache-2.0
#include "commit.h"

#include <errno.h>
#include <string.h>

#include "allowance.h"
#include "audit.h"
#include "base/memory.h"
#include "journal.h"
#include "news.h"
#include "publish.h"
#include "stored.h"

// The counters and the record of the audit log.
enum { BESIDES = 2 };

struct commit {
	struct journal_job job; // first
	struct controller *controller;
	struct transaction *transaction; // withdrawn; NULL: gone
	// What is stored, and what is known when it is judged.
	struct store_operation *operations;
	char (*keys)[STORED_KEY_TEXT];
	size_t count; // of changes; BESIDES more operations
	uint64_t known, counters_revision;
	// What came of it.
	int rc;
	struct error error;
	uint64_t revision;
	struct news news;
	commit_ended ended;
	void *context;
	// What is answered.
	struct object **objects; // references, not of deleted ones
	size_t object_count, created;
	json_t *warnings;
};

// ---- what is stored ----

static char *counters_of(const struct controller *controller, const char *id, size_t *length)
{
	json_t *counters = catalog_counters(controller->catalog);
	json_object_set_new(counters, "commit", json_string(id));
	char *text = json_dumps(counters, JSON_COMPACT);
	json_decref(counters);
	*length = strlen(text);
	return text;
}

static void collect_operations(struct commit *commit, const struct request *request,
	const struct catalog_change *changes, const char *id)
{
	commit->operations = memory_new((commit->count + BESIDES) * sizeof(*commit->operations));
	commit->keys = memory_new(commit->count * sizeof(*commit->keys));
	struct store_operation *operation = commit->operations;
	for (size_t i = 0; i < commit->count; i++, operation++) {
		const struct object *object =
			changes[i].after ? changes[i].after : changes[i].before;
		operation->key =
			stored_key(object->kind, object->tenant, object->name, commit->keys[i]);
		if (changes[i].after) {
			operation->value = stored_encode(object);
			operation->length = strlen(operation->value);
		}
	}
	operation->key = STORED_COUNTERS;
	operation->value = counters_of(commit->controller, id, &operation->length);
	operation++;
	operation->key = STORED_RECORD;
	operation->value = audit_record(request, changes, commit->count);
	operation->length = strlen(operation->value);
}

static void free_operations(struct commit *commit)
{
	for (size_t i = 0; commit->operations && i < commit->count + BESIDES; i++)
		free((void *)commit->operations[i].value);
	free(steal(commit->operations));
	free(steal(commit->keys));
}

// On the store's thread. What others have written since is read at once.
static void store_it(struct journal_job *job, struct store *store)
{
	struct commit *commit = (struct commit *)job;
	const struct store_compare compare = {STORED_COUNTERS, commit->counters_revision};
	struct error failure = {0};
	commit->rc = store_commit(store, &compare, 1, commit->operations, commit->count + BESIDES,
		&commit->revision, &failure);
	if (commit->rc && commit->rc != -ESTALE && commit->rc != -ETIMEDOUT)
		error_set(&commit->error, commit->rc == -EAGAIN ? EAGAIN : EIO,
			"nothing was changed, the store failed: %s", failure.message);
	if (commit->rc && commit->rc != -ESTALE)
		return;
	if (commit->rc || commit->revision != commit->known + 1) {
		struct error fault = {0};
		if (news_collect(&commit->news, store, commit->known, &fault) < 0) {
			// That there is news is known, but not what: let it be found out.
			commit->rc = -ETIMEDOUT;
		}
	}
}

static void stored(struct journal_job *job)
{
	struct commit *commit = (struct commit *)job;
	struct controller *controller = commit->controller;
	free_operations(commit);
	if (!commit->rc && !commit->news.revision) {
		publish(controller, steal(commit->transaction), commit->revision);
		controller->counters_revision = commit->revision;
	} else {
		// Our own is among the news, if it is stored.
		transaction_abort(steal(commit->transaction));
		if (commit->news.revision)
			news_take(controller, &commit->news);
	}
	news_done(&commit->news);
	commit->ended(commit->context, commit->rc, &commit->error);
}

// ---- what is answered ----

static void keep_objects(struct commit *commit, const struct catalog_change *changes)
{
	commit->objects = memory_new((commit->count + 1) * sizeof(struct object *));
	for (size_t i = 0; i < commit->count; i++) {
		commit->created += !changes[i].before;
		if (changes[i].after)
			commit->objects[commit->object_count++] = object_ref(changes[i].after);
	}
}

static json_t *answer_of(uint64_t revision, size_t changed, size_t created, json_t *objects)
{
	return json_pack("{s:I, s:I, s:I, s:o}", "revision", (json_int_t)revision, "changed",
		(json_int_t)changed, "created", (json_int_t)created, "objects", objects);
}

json_t *commit_nothing(uint64_t revision)
{
	return answer_of(revision, 0, 0, json_array());
}

json_t *commit_answer(struct commit *commit, uint64_t revision)
{
	json_t *objects = json_array();
	for (size_t i = 0; i < commit->object_count; i++) {
		// It may have been published as another object of the same content.
		commit->objects[i]->revision = revision;
		json_array_append_new(objects, object_encode(commit->objects[i]));
	}
	json_t *answer = answer_of(revision, commit->count, commit->created, objects);
	if (json_array_size(commit->warnings))
		json_object_set(answer, "warnings", commit->warnings);
	return answer;
}

uint64_t commit_revision(const struct commit *commit)
{
	return commit->revision;
}

// {"warning": name, "object": path, "field": path, "message": sentence}
static void take_warning(void *context, enum model_warning warning, const struct error *what)
{
	json_array_append_new(context,
		json_pack("{s:s, s:s, s:s, s:s}", "warning", model_warning_name(warning), "object",
			what->object, "field", what->field, "message", what->message));
}

json_t *commit_warnings(const struct transaction *transaction)
{
	json_t *warnings = json_array();
	transaction_warnings(transaction, take_warning, warnings);
	return warnings;
}

// ---- life ----

struct commit *commit_start(struct controller *controller, const struct request *request,
	struct transaction *transaction, const char *id, commit_ended ended, void *context)
{
	const struct catalog_change *changes;
	struct commit *commit = memory_new(sizeof(*commit));
	commit->job = (struct journal_job){.work = store_it, .done = stored, .urgent = true};
	commit->controller = controller;
	commit->transaction = transaction;
	commit->count = transaction_changes(transaction, &changes);
	commit->known = controller->revision;
	commit->counters_revision = controller->counters_revision;
	commit->ended = ended;
	commit->context = context;
	commit->warnings = commit_warnings(transaction);
	collect_operations(commit, request, changes, id);
	allowance_charge(controller, request, changes, commit->count);
	keep_objects(commit, changes);
	transaction_withdraw(transaction);
	journal_submit(controller->journal, &commit->job);
	return commit;
}

void commit_free(struct commit *commit)
{
	if (!commit)
		return;
	for (size_t i = 0; i < commit->object_count; i++)
		object_unref(commit->objects[i]);
	free(commit->objects);
	json_decref(commit->warnings);
	free(commit);
}
