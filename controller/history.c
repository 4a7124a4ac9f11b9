// SPDX-License-Identifier: Apache-2.0
#include "history.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "access.h"
#include "base/memory.h"
#include "journal.h"
#include "stored.h"

// The longest prefix that the keys of all objects of a list share.
static char *prefix_of(const struct target *list, char *text)
{
	const char *plural = model_kind_plural(list->kind);
	if (list->tenant[0])
		snprintf(text, STORED_KEY_TEXT, STORED_OBJECTS "%s/%s/", list->tenant, plural);
	else if (!model_kind_in_tenant(list->kind))
		snprintf(text, STORED_KEY_TEXT, STORED_OBJECTS "%s/", plural);
	else
		snprintf(text, STORED_KEY_TEXT, STORED_OBJECTS);
	return text;
}

// Tenants may be called "hosts": the prefix alone does not tell.
bool history_match(const struct target *list, const char *key, char *tenant, char *name)
{
	enum model_kind kind;
	return !object_path_parse(key + strlen(STORED_OBJECTS), &kind, tenant, name) &&
	       kind == list->kind && (!list->tenant[0] || !strcmp(tenant, list->tenant));
}

// ---- reading ----

struct reading {
	struct journal_job job; // first
	struct controller *controller;
	struct request *request; // NULL: the client has left
	struct target target;
	enum history_part part;
	uint64_t revision;
	history_found found;
	int rc;
	struct error error;
	struct entries entries;
};

struct records {
	struct entries *entries;
	uint64_t until;
};

static int add_record(void *context, const struct store_entry *entry)
{
	struct records *records = context;
	if (entry->revision > records->until)
		return 1;
	if (!strcmp(entry->key, STORED_RECORD) && entry->value)
		entries_add(records->entries, entry);
	return 0;
}

static int collect_records(struct store *store, uint64_t since, uint64_t until,
	struct entries *entries, struct error *error)
{
	struct records records = {entries, until};
	int rc = store_changes(store, STORED_RECORD, since, add_record, &records, error);
	return rc > 0 ? 0 : rc;
}

int history_collect(struct store *store, const struct target *target, enum history_part part,
	uint64_t revision, struct entries *entries, struct error *error)
{
	char key[STORED_KEY_TEXT];
	if (part == HISTORY_OBJECT)
		return store_get(store, stored_key(target->kind, target->tenant, target->name, key),
			revision, entries_add, entries, error);
	if (part == HISTORY_AUDIT)
		return collect_records(store, revision, target->revision, entries, error);
	prefix_of(target, key);
	if (part == HISTORY_LIST)
		return store_snapshot(store, key, revision, entries_add, entries, error);
	return store_changes(store, key, revision, entries_add, entries, error);
}

static void read_part(struct journal_job *job, struct store *store)
{
	struct reading *reading = (struct reading *)job;
	reading->rc = history_collect(store, &reading->target, reading->part, reading->revision,
		&reading->entries, &reading->error);
}

static void was_read(struct journal_job *job)
{
	struct reading *reading = (struct reading *)job;
	if (reading->request) {
		reading->request->done = NULL;
		if (reading->rc < 0)
			request_refuse(reading->request, &reading->error);
		else
			reading->found(reading->controller, reading->request, &reading->target,
				reading->revision, &reading->entries);
	}
	entries_done(&reading->entries);
	free(reading);
}

static void reading_left(void *context)
{
	((struct reading *)context)->request = NULL;
}

void history_read(struct controller *controller, struct request *request,
	const struct target *target, enum history_part part, uint64_t revision, history_found found)
{
	struct reading *reading = memory_new(sizeof(*reading));
	reading->job = (struct journal_job){.work = read_part, .done = was_read};
	reading->controller = controller;
	reading->request = request;
	reading->target = *target;
	reading->part = part;
	reading->revision = revision;
	reading->found = found;
	request->done = reading_left;
	request->done_context = reading;
	request_park(request);
	journal_submit(controller->journal, &reading->job);
}

int history_items(const struct identity *identity, const struct target *target,
	const struct entries *entries, json_t **out, struct error *error)
{
	json_t *items = json_array();
	for (size_t i = 0; i < entries->count; i++) {
		char tenant[64], name[64];
		struct object *object;
		if (!history_match(target, entries->items[i].key, tenant, name) ||
			!access_sees(identity, target->kind, tenant, name))
			continue;
		int rc = stored_decode(&entries->items[i], &object, error);
		if (rc < 0) {
			json_decref(items);
			return rc;
		}
		json_t *json = object_encode(object);
		access_reduce(identity, object->kind, json);
		json_array_append_new(items, json);
		object_unref(object);
	}
	*out = items;
	return 0;
}
