// SPDX-License-Identifier: Apache-2.0
#include "news.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "peers.h"
#include "publish.h"
#include "stored.h"

// ---- on the store's thread ----

void news_done(struct news *news)
{
	entries_done(&news->entries);
	*news = (struct news){0};
}

int news_collect(struct news *news, struct store *store, uint64_t since, struct error *error)
{
	struct error fault = {0};
	int rc = store_changes(store, "", since, entries_add, &news->entries, &fault);
	if (rc == -ENODATA) {
		news_done(news);
		news->whole = true;
		fault = (struct error){0};
		rc = store_snapshot(store, "", 0, entries_add, &news->entries, &fault);
	}
	news->revision = store_revision(store);
	news->compacted = store_compacted(store);
	if (rc < 0) {
		news_done(news);
		return error_set(error, -rc, "%s", fault.message);
	}
	return 0;
}

// ---- on the loop ----

static void give_up(const char *key, const struct error *error)
{
	log_error("what the store holds at %s is damaged: %s", key, error->message);
	abort();
}

static bool is_object(const struct store_entry *entry)
{
	return !strncmp(entry->key, STORED_OBJECTS, strlen(STORED_OBJECTS));
}

static void recognize(struct sought *sought, const char *id, uint64_t revision)
{
	if (sought && id && !strcmp(sought->id, id))
		sought->revision = revision;
}

static void take_counters(struct controller *controller, const struct store_entry *entry)
{
	struct error error = {0};
	json_t *counters = json_loadb(entry->value, entry->length, 0, NULL);
	if (catalog_counters_load(controller->catalog, counters, &error) < 0)
		give_up(entry->key, &error);
	controller->counters_revision = entry->revision;
	recognize(controller->sought, json_string_value(json_object_get(counters, "commit")),
		entry->revision);
	json_decref(counters);
}

static void stage(struct controller *controller, struct transaction *transaction,
	const struct store_entry *entry)
{
	struct error error = {0};
	enum model_kind kind;
	char tenant[64] = "", name[64] = "";
	struct object *object;
	if (entry->value) {
		if (stored_decode(entry, &object, &error) < 0 ||
			transaction_put(transaction, object, &error) < 0)
			give_up(entry->key, &error);
		return;
	}
	if (object_path_parse(entry->key + strlen(STORED_OBJECTS), &kind, tenant, name) < 0)
		return;
	if (catalog_find(controller->catalog, kind, tenant[0] ? tenant : NULL, name))
		transaction_delete(transaction, kind, tenant[0] ? tenant : NULL, name, &error);
}

// The entries of one revision.
static void take_revision(
	struct controller *controller, const struct store_entry *entries, size_t count)
{
	struct transaction *transaction = transaction_begin(controller->catalog);
	for (size_t i = 0; i < count; i++)
		if (is_object(&entries[i]))
			stage(controller, transaction, &entries[i]);
	publish(controller, transaction, entries[0].revision);
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(entries[i].key, STORED_COUNTERS))
			take_counters(controller, &entries[i]);
		else if (!strncmp(entries[i].key, PEERS_PREFIX, strlen(PEERS_PREFIX)))
			peers_changed(controller);
	}
}

// ---- everything at once ----

struct absence {
	struct transaction *transaction;
	const json_t *present;
};

static int delete_absent(void *context, struct object *object)
{
	struct absence *absence = context;
	char key[STORED_KEY_TEXT];
	stored_key(object->kind, object->tenant, object->name, key);
	if (!json_object_get(absence->present, key))
		transaction_delete(
			absence->transaction, object->kind, object->tenant, object->name, NULL);
	return 0;
}

static bool is_known(const struct controller *controller, const struct store_entry *entry)
{
	enum model_kind kind;
	char tenant[64] = "", name[64] = "";
	const struct object *object = NULL;
	if (!object_path_parse(entry->key + strlen(STORED_OBJECTS), &kind, tenant, name))
		object = catalog_find(controller->catalog, kind, tenant[0] ? tenant : NULL, name);
	return object && object->revision == entry->revision;
}

// As one revision, the newest: what lies between is not told by anybody any more.
static void take_whole(struct controller *controller, const struct news *news)
{
	struct transaction *transaction = transaction_begin(controller->catalog);
	json_t *present = json_object();
	for (size_t i = 0; i < news->entries.count; i++) {
		if (!is_object(&news->entries.items[i]))
			continue;
		json_object_set_new(present, news->entries.items[i].key, json_true());
		if (!is_known(controller, &news->entries.items[i]))
			stage(controller, transaction, &news->entries.items[i]);
	}
	struct absence absence = {transaction, present};
	for (enum model_kind kind = 0; kind < MODEL_KIND_COUNT; kind++)
		catalog_each(controller->catalog, kind, NULL, delete_absent, &absence);
	json_decref(present);
	log_warning("the history of the store does not reach back to revision %" PRIu64
		    ": all of it is read anew",
		controller->revision);
	publish(controller, transaction, news->revision);
	for (size_t i = 0; i < news->entries.count; i++)
		if (!strcmp(news->entries.items[i].key, STORED_COUNTERS))
			take_counters(controller, &news->entries.items[i]);
}

void news_take(struct controller *controller, const struct news *news)
{
	if (news->whole && news->revision > controller->revision)
		take_whole(controller, news);
	for (size_t i = 0; !news->whole && i < news->entries.count;) {
		size_t count = 1;
		while (i + count < news->entries.count &&
			news->entries.items[i + count].revision == news->entries.items[i].revision)
			count++;
		if (news->entries.items[i].revision > controller->revision)
			take_revision(controller, &news->entries.items[i], count);
		i += count;
	}
	if (news->revision > controller->revision)
		controller->revision = news->revision;
	if (news->compacted > controller->compacted)
		controller->compacted = news->compacted;
}
