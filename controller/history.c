// SPDX-License-Identifier: Apache-2.0
#include "history.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "access.h"
#include "audit.h"
#include "base/memory.h"

char *history_key(enum model_kind kind, const char *tenant, const char *name, char *text)
{
	char path[OBJECT_PATH_TEXT];
	snprintf(text, HISTORY_KEY_TEXT, HISTORY_PREFIX "%s",
		object_path_of(kind, tenant, name, path));
	return text;
}

char *history_prefix(const struct target *list, char *text)
{
	const char *plural = model_kind_plural(list->kind);
	if (list->tenant[0])
		snprintf(text, HISTORY_KEY_TEXT, HISTORY_PREFIX "%s/%s/", list->tenant, plural);
	else if (!model_kind_in_tenant(list->kind))
		snprintf(text, HISTORY_KEY_TEXT, HISTORY_PREFIX "%s/", plural);
	else
		snprintf(text, HISTORY_KEY_TEXT, HISTORY_PREFIX);
	return text;
}

// Tenants may be called "hosts": the prefix alone does not tell.
bool history_match(const struct target *list, const char *key, char *tenant, char *name)
{
	enum model_kind kind;
	return !object_path_parse(key + strlen(HISTORY_PREFIX), &kind, tenant, name) &&
	       kind == list->kind && (!list->tenant[0] || !strcmp(tenant, list->tenant));
}

char *history_encode(const struct object *object)
{
	json_t *json = object_encode_for_store(object);
	json_object_del(json, "revision");
	char *text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return text;
}

int history_decode(const struct store_entry *entry, struct object **out, struct error *error)
{
	enum model_kind kind;
	char tenant[64] = "", name[64] = "";
	json_t *json = json_loadb(entry->value, entry->length, 0, NULL);
	struct object *object = NULL;
	struct error fault = {0};
	if (json_is_object(json) &&
		!object_path_parse(entry->key + strlen(HISTORY_PREFIX), &kind, tenant, name)) {
		json_object_set_new(json, "revision", json_integer((json_int_t)entry->revision));
		object_decode(&object, kind, tenant[0] ? tenant : NULL, name, json, true, &fault);
	}
	json_decref(json);
	if (!object)
		return error_set(error, EUCLEAN, "the store holds no valid object at %s: %s",
			entry->key, fault.message);
	*out = object;
	return 0;
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
	struct news entries;
};

static int add(void *context, const struct store_entry *entry)
{
	news_add(context, entry);
	return 0;
}

struct records {
	struct news *entries;
	uint64_t until;
};

static int add_record(void *context, const struct store_entry *entry)
{
	struct records *records = context;
	if (entry->revision > records->until)
		return 1;
	if (!strcmp(entry->key, AUDIT_KEY) && entry->value)
		news_add(records->entries, entry);
	return 0;
}

static int collect_records(struct store *store, uint64_t since, uint64_t until,
	struct news *entries, struct error *error)
{
	struct records records = {entries, until};
	int rc = store_changes(store, AUDIT_KEY, since, add_record, &records, error);
	return rc > 0 ? 0 : rc;
}

int history_collect(struct store *store, const struct target *target, enum history_part part,
	uint64_t revision, struct news *entries, struct error *error)
{
	char key[HISTORY_KEY_TEXT];
	if (part == HISTORY_OBJECT)
		return store_get(store,
			history_key(target->kind, target->tenant, target->name, key), revision, add,
			entries, error);
	if (part == HISTORY_AUDIT)
		return collect_records(store, revision, target->revision, entries, error);
	history_prefix(target, key);
	if (part == HISTORY_LIST)
		return store_snapshot(store, key, revision, add, entries, error);
	return store_changes(store, key, revision, add, entries, error);
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
	news_done(&reading->entries);
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
	const struct news *entries, json_t **out, struct error *error)
{
	json_t *items = json_array();
	for (size_t i = 0; i < entries->count; i++) {
		char tenant[64], name[64];
		struct object *object;
		if (!history_match(target, entries->entries[i].key, tenant, name) ||
			!access_sees(identity, target->kind, tenant, name))
			continue;
		int rc = history_decode(&entries->entries[i], &object, error);
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
