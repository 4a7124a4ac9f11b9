// SPDX-License-Identifier: Apache-2.0
#include "model/document.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/suggest.h"
#include "base/table.h"
#include "model/schema.h"
#include "tree.h"

// Where an item stands, by the path of its object.
struct place {
	char path[OBJECT_PATH_TEXT];
	enum model_kind kind;
	size_t item;
	const struct node *fields; // a map, or for an implied tenant its name
	UT_hash_handle hh;
};

struct document {
	char *file;
	struct node *documents;
	struct document_item *items;
	size_t count;
	struct place *places;
	struct error *error; // while parsing
};

static void point(const struct document *document, struct error *error, struct position at)
{
	snprintf(error->file, sizeof(error->file), "%s", document->file);
	error->line = at.line;
	error->column = at.column;
}

__attribute__((format(printf, 3, 4))) static int fail(
	const struct document *document, struct position at, const char *format, ...)
{
	char message[sizeof(document->error->message)];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (document->error && !document->error->code)
		point(document, document->error, at);
	return error_set(document->error, EINVAL, "%s", message);
}

// ---- items ----

static struct place *find_place(const struct document *document, const char *path)
{
	struct place *place;
	HASH_FIND_STR(document->places, path, place);
	return place;
}

static struct document_item *append_item(struct document *document, enum model_kind kind,
	const char *tenant, const char *name, const struct node *fields)
{
	// Grows by doubling: at each power of two.
	if (!(document->count & (document->count - 1)))
		document->items = memory_resize(document->items,
			document->count ? document->count * 2 : 1, sizeof(*document->items));
	struct place *place = memory_new(sizeof(*place));
	object_path_of(kind, tenant, name, place->path);
	place->kind = kind;
	place->item = document->count;
	place->fields = fields;
	HASH_ADD_STR(document->places, path, place);
	struct document_item *item = &document->items[document->count++];
	*item = (struct document_item){
		.kind = kind, .tenant = memory_text(tenant), .name = memory_text(name)};
	return item;
}

// Decode for its errors alone, which it points to.
static int try_item(struct document *document, enum model_kind kind, const char *tenant,
	const char *name, const struct node *node, const json_t *fields)
{
	struct object *object = NULL;
	struct error error = {0};
	int result = object_decode(&object, kind, tenant, name, fields, false, &error);
	object_unref(object);
	if (!result)
		return 0;
	if (error.object[0])
		document_locate(document, &error);
	else // its name is none, so that it has no path
		point(document, &error, node->key_at);
	if (document->error && !document->error->code)
		*document->error = error;
	return result;
}

// What has a revision was printed by `get`: what the controller alone decides is left out, so that it
// can be applied where it is no longer, or not yet.
static json_t *wanted_fields(enum model_kind kind, const struct node *node)
{
	json_t *fields = tree_json(node);
	size_t count;
	const struct field *known = model_fields(kind, &count);
	if (json_object_get(fields, "revision"))
		for (size_t i = 0; i < count; i++)
			if (known[i].flags & FIELD_SERVER)
				json_object_del(fields, known[i].name);
	return fields;
}

// `node`: what stands behind the name, or the whole object in a list.
static int add_item(struct document *document, enum model_kind kind, const char *tenant,
	const char *name, const struct node *node)
{
	char path[OBJECT_PATH_TEXT];
	bool empty = node->type == NODE_SCALAR && json_is_null(node->scalar); // "web1:" and no more
	if (node->type != NODE_MAP && !empty)
		return fail(document, node->at, "expected an object of fields for %s '%s'",
			model_kind_name(kind), name);
	struct place *twin = find_place(document, object_path_of(kind, tenant, name, path));
	struct document_item *item;
	if (!twin) {
		item = append_item(document, kind, tenant, name, node);
	} else {
		// Said in so many words, a tenant is no longer only implied.
		item = &document->items[twin->item];
		if (!item->if_absent)
			return fail(document, node->key_at,
				"%s is in the file twice, first on line %d", path,
				twin->fields->key_at.line);
		item->if_absent = false;
		json_decref(item->fields);
		twin->fields = node;
	}
	item->fields = empty ? json_object() : wanted_fields(kind, node);
	return try_item(document, kind, tenant, name, node, item->fields);
}

// ---- the map form ----

static int read_tenant(struct document *document, const struct node *root, const char **tenant)
{
	const struct node *node = tree_child(root, "tenant");
	char path[OBJECT_PATH_TEXT];
	*tenant = NULL;
	if (!node)
		return 0;
	const char *name = tree_string(node);
	struct error error = {0};
	if (!name)
		return fail(document, node->at,
			"expected the name of a tenant (in quotes, if it is a number)");
	if (model_name_check(name, &error))
		return fail(document, node->at, "%s", error.message);
	*tenant = name;
	if (!find_place(document, object_path_of(MODEL_TENANT, NULL, name, path))) {
		struct document_item *item = append_item(document, MODEL_TENANT, NULL, name, node);
		item->fields = json_object();
		item->if_absent = true;
	}
	return 0;
}

static const char *known_key_at(void *context, size_t index)
{
	(void)context;
	return index < MODEL_KIND_COUNT ? model_kind_plural((enum model_kind)index) : "tenant";
}

static int unknown_key(const struct document *document, const struct node *node)
{
	enum model_kind kind;
	const char *near = model_kind_find(node->key, &kind)
				   ? suggest(node->key, MODEL_KIND_COUNT + 1, known_key_at, NULL)
				   : model_kind_plural(kind);
	if (near)
		return fail(document, node->key_at, "unknown key '%s', did you mean '%s'?",
			node->key, near);
	char known[256] = "tenant";
	for (int each = 0; each < MODEL_KIND_COUNT; each++) {
		size_t used = strlen(known);
		snprintf(known + used, sizeof(known) - used, ", %s",
			model_kind_plural((enum model_kind)each));
	}
	return fail(document, node->key_at, "unknown key '%s', a file has %s", node->key, known);
}

static int read_kind(struct document *document, const struct node *node, enum model_kind kind,
	const char *tenant)
{
	if (node->type == NODE_SCALAR && json_is_null(node->scalar))
		return 0;
	if (node->type != NODE_MAP)
		return fail(document, node->at,
			"expected an object, from names of %s to their fields",
			model_kind_plural(kind));
	if (model_kind_in_tenant(kind) && !tenant)
		return fail(document, node->key_at,
			"%s live in a tenant: which? Say 'tenant: NAME' beside '%s'",
			model_kind_plural(kind), node->key);
	for (size_t i = 0; i < node->count; i++) {
		const struct node *fields = node->items[i];
		int result = add_item(document, kind, model_kind_in_tenant(kind) ? tenant : NULL,
			fields->key, fields);
		if (result)
			return result;
	}
	return 0;
}

static int read_map(struct document *document, const struct node *root)
{
	const char *tenant;
	int result = read_tenant(document, root, &tenant);
	for (size_t i = 0; !result && i < root->count; i++) {
		const struct node *node = root->items[i];
		enum model_kind kind;
		if (!strcmp(node->key, "tenant"))
			continue;
		if (!model_kind_find(node->key, &kind) &&
			!strcmp(node->key, model_kind_plural(kind)))
			result = read_kind(document, node, kind, tenant);
		else
			result = unknown_key(document, node);
	}
	return result;
}

// ---- the list form ----

static int read_word(const struct document *document, const struct node *object, const char *key,
	const char **out)
{
	const struct node *node = tree_child(object, key);
	if (!node)
		return fail(document, object->at, "an object in a list needs its '%s'", key);
	*out = tree_string(node);
	return *out ? 0 : fail(document, node->at, "expected a string");
}

static int read_object(struct document *document, const struct node *object)
{
	const char *word, *tenant = NULL, *name;
	enum model_kind kind;
	if (object->type != NODE_MAP)
		return fail(document, object->at,
			"expected an object like {kind: port, tenant: acme, name: web1, …}");
	int result = read_word(document, object, "kind", &word);
	if (result)
		return result;
	if (model_kind_find(word, &kind))
		return fail(document, tree_child(object, "kind")->at, "unknown kind '%s'", word);
	if (model_kind_in_tenant(kind))
		result = read_word(document, object, "tenant", &tenant);
	if (!result)
		result = read_word(document, object, "name", &name);
	return result ? result : add_item(document, kind, tenant, name, object);
}

static int read_list(struct document *document, const struct node *list)
{
	int result = 0;
	for (size_t i = 0; !result && i < list->count; i++)
		result = read_object(document, list->items[i]);
	return result;
}

// One document of the file: a map of kinds, a list of objects, one object, or the answer to a list request.
static int read_root(struct document *document, const struct node *root)
{
	if (root->type == NODE_SCALAR && json_is_null(root->scalar))
		return 0;
	if (root->type == NODE_LIST)
		return read_list(document, root);
	if (root->type == NODE_SCALAR)
		return fail(document, root->at, "expected objects, found a single value");
	const struct node *items = tree_child(root, "items");
	if (items && items->type == NODE_LIST)
		return read_list(document, items);
	if (tree_child(root, "kind"))
		return read_object(document, root);
	return read_map(document, root);
}

// ---- the document ----

int document_parse(struct document **out, const char *file, const char *text, size_t length,
	struct error *error)
{
	struct document *document = memory_new(sizeof(*document));
	document->file = memory_text(file);
	document->error = error;
	int result = tree_parse(&document->documents, text, length, error);
	if (result && error)
		snprintf(error->file, sizeof(error->file), "%s", file);
	for (size_t i = 0; !result && i < document->documents->count; i++)
		result = read_root(document, document->documents->items[i]);
	document->error = NULL;
	if (result)
		document_free(document);
	else
		*out = document;
	return result;
}

void document_free(struct document *document)
{
	if (!document)
		return;
	struct place *place, *next;
	HASH_ITER (hh, document->places, place, next) {
		HASH_DEL(document->places, place);
		free(place);
	}
	for (size_t i = 0; i < document->count; i++) {
		free(document->items[i].tenant);
		free(document->items[i].name);
		json_decref(document->items[i].fields);
	}
	free(document->items);
	tree_free(document->documents);
	free(document->file);
	free(document);
}

size_t document_items(const struct document *document, const struct document_item **out)
{
	*out = document->items;
	return document->count;
}

void document_locate(const struct document *document, struct error *error)
{
	const struct place *place = find_place(document, error->object);
	if (!place)
		return;
	const char *rest;
	const struct node *node = tree_walk(place->fields, error->field, &rest);
	// A field that is missing is missing from its object; one that is unknown is wrong by its name; else the
	// value is at fault.
	char first[sizeof(error->field)];
	snprintf(first, sizeof(first), "%.*s", (int)strcspn(error->field, ".["), error->field);
	bool known = model_field_find(place->kind, first) != NULL;
	point(document, error, node == place->fields || !known ? node->key_at : node->at);
}
