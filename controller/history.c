// SPDX-License-Identifier: Apache-2.0
#include "history.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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
	json_t *json = object_encode(object);
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

struct listing {
	const struct target *list;
	json_t *items;
	struct error *error;
};

static int visit(void *context, const struct store_entry *entry)
{
	struct listing *listing = context;
	char tenant[64], name[64];
	struct object *object;
	if (!history_match(listing->list, entry->key, tenant, name))
		return 0;
	int rc = history_decode(entry, &object, listing->error);
	if (rc < 0)
		return rc;
	json_array_append_new(listing->items, object_encode(object));
	object_unref(object);
	return 0;
}

int history_list(struct controller *controller, const struct target *list, uint64_t at,
	json_t **items, struct error *error)
{
	char prefix[HISTORY_KEY_TEXT];
	struct listing listing = {list, json_array(), error};
	int rc = store_snapshot(
		controller->store, history_prefix(list, prefix), at, visit, &listing, error);
	if (rc < 0) {
		json_decref(listing.items);
		return rc;
	}
	*items = listing.items;
	return 0;
}

int history_get(struct controller *controller, const struct target *target, uint64_t at,
	json_t **object, struct error *error)
{
	char key[HISTORY_KEY_TEXT];
	struct listing listing = {target, json_array(), error};
	history_key(target->kind, target->tenant, target->name, key);
	int rc = store_get(controller->store, key, at, visit, &listing, error);
	if (!rc)
		*object = json_incref(json_array_get(listing.items, 0));
	json_decref(listing.items);
	return rc;
}
