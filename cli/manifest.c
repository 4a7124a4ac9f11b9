// SPDX-License-Identifier: Apache-2.0
#include "manifest.h"

#include <string.h>

#include "model/schema.h"

// The document of the tenant (NULL: of what is in none), made where it is not there yet.
static json_t *document_of(json_t *documents, const char *tenant)
{
	json_t *document;
	size_t index;

	json_array_foreach (documents, index, document) {
		const char *has = json_string_value(json_object_get(document, "tenant"));
		if (tenant ? has && !strcmp(has, tenant) : !has)
			return document;
	}
	document = tenant ? json_pack("{s:s}", "tenant", tenant) : json_object();
	json_array_insert_new(documents, tenant ? json_array_size(documents) : 0, document);
	return document;
}

static json_t *wanted_fields(enum model_kind kind, const json_t *item)
{
	json_t *fields = json_object(), *value;
	const char *name;

	json_object_foreach ((json_t *)item, name, value) {
		const struct field *field = model_field_find(kind, name);
		if (field && !(field->flags & FIELD_SERVER))
			json_object_set(fields, name, value);
	}
	return fields;
}

json_t *manifest_documents(const json_t *items)
{
	json_t *documents = json_array(), *item;
	size_t index;

	json_array_foreach ((json_t *)items, index, item) {
		const char *kind_name = json_string_value(json_object_get(item, "kind"));
		const char *name = json_string_value(json_object_get(item, "name"));
		json_t *document =
			document_of(documents, json_string_value(json_object_get(item, "tenant")));
		enum model_kind kind;
		if (!kind_name || !name || model_kind_find(kind_name, &kind))
			continue;
		json_t *objects = json_object_get(document, model_kind_plural(kind));
		if (!objects) {
			objects = json_object();
			json_object_set_new(document, model_kind_plural(kind), objects);
		}
		json_object_set_new(objects, name, wanted_fields(kind, item));
	}
	return documents;
}
