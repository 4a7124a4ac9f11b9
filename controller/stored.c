// SPDX-License-Identifier: Apache-2.0
#include "stored.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

char *stored_key(enum model_kind kind, const char *tenant, const char *name, char *text)
{
	char path[OBJECT_PATH_TEXT];
	snprintf(text, STORED_KEY_TEXT, STORED_OBJECTS "%s",
		object_path_of(kind, tenant, name, path));
	return text;
}

char *stored_encode(const struct object *object)
{
	json_t *json = object_encode_for_store(object);
	json_object_del(json, "revision");
	char *text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return text;
}

int stored_decode(const struct store_entry *entry, struct object **out, struct error *error)
{
	enum model_kind kind;
	char tenant[64] = "", name[64] = "";
	json_t *json = json_loadb(entry->value, entry->length, 0, NULL);
	struct object *object = NULL;
	struct error fault = {0};
	if (json_is_object(json) &&
		!object_path_parse(entry->key + strlen(STORED_OBJECTS), &kind, tenant, name)) {
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
