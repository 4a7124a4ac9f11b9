// SPDX-License-Identifier: Apache-2.0
#include "catalog_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static void broken(const char *what)
{
	fprintf(stderr, "a test is broken: %s\n", what);
	abort();
}

static json_t *fields_of(const char *text)
{
	cleanup_free char *copy = memory_text(text);
	json_error_t error;
	for (char *at = copy; *at; at++)
		if (*at == '\'')
			*at = '"';
	json_t *fields = json_loads(copy, 0, &error);
	if (!fields)
		broken(text);
	return fields;
}

int fixture_line(struct transaction *transaction, const struct catalog *catalog, const char *line,
	struct error *error)
{
	char verb[8], path[OBJECT_PATH_TEXT], tenant[64], name[64];
	enum model_kind kind;
	int rest = 0;
	if (sscanf(line, "%7s %159s %n", verb, path, &rest) != 2 ||
		object_path_parse(path, &kind, tenant, name))
		broken(line);
	if (!strcmp(verb, "delete"))
		return transaction_delete(transaction, kind, tenant, name, error);
	struct object *current = catalog_find(catalog, kind, tenant, name), *object = NULL;
	json_t *fields = fields_of(line + rest);
	int result;
	if (!strcmp(verb, "patch") && current)
		result = object_merge(&object, current, fields, error);
	else
		result = object_decode(&object, kind, tenant, name, fields, false, error);
	json_decref(fields);
	if (!result && current && !strcmp(verb, "put"))
		object_inherit(object, current);
	return result ? result : transaction_put(transaction, object, error);
}

int fixture_apply(struct catalog *catalog, const char *const *lines, size_t count,
	uint64_t revision, size_t *changes, struct error *error)
{
	struct transaction *transaction = transaction_begin(catalog);
	const struct catalog_change *changed;
	int result = 0;
	for (size_t i = 0; !result && i < count; i++)
		result = fixture_line(transaction, catalog, lines[i], error);
	if (!result)
		result = transaction_prepare(transaction, error);
	if (!result && changes)
		*changes = transaction_changes(transaction, &changed);
	if (result)
		transaction_abort(transaction);
	else
		transaction_commit(transaction, revision);
	return result;
}

static int append_object(void *context, struct object *object)
{
	json_array_append_new(context, object_encode(object));
	return 0;
}

static json_t *all_objects(const struct catalog *catalog)
{
	json_t *list = json_array();
	for (int kind = 0; kind < MODEL_KIND_COUNT; kind++)
		catalog_each(catalog, (enum model_kind)kind, NULL, append_object, list);
	return list;
}

char *fixture_dump(const struct catalog *catalog)
{
	json_t *counters = catalog_counters(catalog);
	json_object_del(counters, "history"); // each catalog's own
	json_t *all =
		json_pack("{s:o, s:o}", "counters", counters, "objects", all_objects(catalog));
	for (int kind = 0; kind < MODEL_KIND_COUNT; kind++)
		json_object_set_new(all, model_kind_plural((enum model_kind)kind),
			json_integer((json_int_t)catalog_count(catalog, (enum model_kind)kind)));
	char *text = json_dumps(all, JSON_INDENT(1));
	json_decref(all);
	return text;
}

void fixture_copy(struct catalog *to, const struct catalog *from)
{
	json_t *list = all_objects(from), *counters = catalog_counters(from);
	if (catalog_counters_load(to, counters, NULL))
		broken("counters");
	for (size_t i = json_array_size(list); i--;) {
		const json_t *json = json_array_get(list, i);
		enum model_kind kind = MODEL_TENANT;
		struct object *object = NULL;
		struct error error = {0};
		model_kind_find(json_string_value(json_object_get(json, "kind")), &kind);
		if (object_decode(&object, kind, json_string_value(json_object_get(json, "tenant")),
			    json_string_value(json_object_get(json, "name")), json, true, &error) ||
			catalog_load(to, object, &error))
			broken(error.message);
	}
	json_decref(list);
	json_decref(counters);
}
