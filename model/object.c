// SPDX-License-Identifier: Apache-2.0
#include "model/object.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "field_type.h"
#include "kind.h"

#define each_field(field, of_kind)                                     \
	(const struct field *field = kind_get(of_kind)->fields,        \
		*field##_end = field + kind_get(of_kind)->field_count; \
		field < field##_end; field++)

// ---- life ----

struct object *object_ref(struct object *object)
{
	object->references++;
	return object;
}

void object_unref(struct object *object)
{
	if (!object || --object->references)
		return;
	for
		each_field(field, object->kind) field->type->done(field_value(field, object));
	text_release(object->tenant);
	text_release(object->name);
	free(object);
}

void object_unref_pointer(struct object **object)
{
	object_unref(*object);
}

static struct object *object_new(enum model_kind kind, const char *tenant, const char *name)
{
	struct object *object = memory_new(kind_get(kind)->size);
	object->kind = kind;
	object->references = 1;
	object->tenant = model_kind_in_tenant(kind) ? text_share(tenant) : NULL;
	object->name = text_share(name);
	return object;
}

struct object *object_copy(const struct object *object)
{
	struct object *copy = object_new(object->kind, object->tenant, object->name);
	for
		each_field(field, object->kind) if (!field_absent(field, object))
			field->type->copy(field_value(field, copy), field_value(field, object));
	return copy;
}

// ---- decode ----

// The keys that say which object it is, so that what was read can be written: true if `key` is one of them.
static bool decode_identity(struct object *object, const char *key, const json_t *value,
	bool trusted, struct error *error, int *result)
{
	const char *wanted = NULL, *text;
	if (!strcmp(key, "status"))
		return true;
	if (!strcmp(key, "revision")) {
		if (!json_is_integer(value) || json_integer_value(value) < 0)
			*result = decode_expected(error, "a revision", value);
		else if (trusted)
			object->revision = (uint64_t)json_integer_value(value);
		return true;
	}
	if (!strcmp(key, "kind"))
		wanted = model_kind_name(object->kind);
	else if (!strcmp(key, "name"))
		wanted = object->name;
	else if (!strcmp(key, "tenant") && object->tenant)
		wanted = object->tenant;
	else
		return false;
	*result = decode_string(&text, "a string", value, error);
	if (!*result && strcmp(text, wanted))
		*result = error_set(error, EINVAL, "says '%s', but this is '%s'", text, wanted);
	return true;
}

// "a port", "an address_set"
static const char *article(enum model_kind kind)
{
	return strchr("aeiou", model_kind_name(kind)[0]) ? "an" : "a";
}

static int unknown_field(const struct object *object, const char *key, struct error *error)
{
	const char *near = model_field_suggest(object->kind, key);
	if (near)
		return error_set(
			error, EINVAL, "unknown field '%s', did you mean '%s'?", key, near);
	char known[256] = "";
	for
		each_field(field, object->kind)
		{
			size_t used = strlen(known);
			snprintf(known + used, sizeof(known) - used, "%s%s", used ? ", " : "",
				field->name);
		}
	return error_set(error, EINVAL, "unknown field '%s', %s %s has %s", key,
		article(object->kind), model_kind_name(object->kind), known);
}

// In the three types that have defaults: through their own width.
void field_default(const struct field *field, struct object *object)
{
	if (field->fallback && field->type->size == sizeof(bool))
		*(bool *)field_value(field, object) = field->fallback;
	else if (field->fallback)
		memcpy(field_value(field, object), &field->fallback, sizeof(field->fallback));
}

static int decode_fields(
	struct object *object, const json_t *fields, bool trusted, struct error *error)
{
	const struct kind *kind = kind_get(object->kind);
	uint64_t given = 0; // bit i: fields[i]
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)fields, key, value) {
		int result = 0;
		const struct field *field = model_field_find(object->kind, key);
		if (json_is_null(value) && field)
			continue; // as if it were not there
		if (field) {
			result = field->type->decode(
				field, field_value(field, object), value, error);
			given |= (uint64_t)1 << (field - kind->fields);
		} else if (!decode_identity(object, key, value, trusted, error, &result)) {
			result = unknown_field(object, key, error);
		}
		if (result) {
			error_prefix_field(error, "%s", key);
			return result;
		}
	}
	for (size_t i = 0; i < kind->field_count; i++) {
		const struct field *field = &kind->fields[i];
		if (given & (uint64_t)1 << i)
			continue;
		if (field->flags & FIELD_REQUIRED) {
			error_set_field(error, "%s", field->name);
			return error_set(error, EINVAL, "is required: %s %s needs its %s",
				article(object->kind), kind->name, field->name);
		}
		field_default(field, object);
	}
	return 0;
}

int object_decode(struct object **out, enum model_kind kind, const char *tenant, const char *name,
	const json_t *fields, bool trusted, struct error *error)
{
	char path[OBJECT_PATH_TEXT];
	int result = model_kind_in_tenant(kind) ? model_name_check(tenant, error) : 0;
	if (result) {
		error_set_field(error, "tenant");
		return result;
	}
	result = model_name_check(name, error);
	if (result) {
		error_set_field(error, "name");
		return result;
	}
	cleanup_object struct object *object = object_new(kind, tenant, name);
	if (!json_is_object(fields))
		result = decode_expected(error, "an object of fields", fields);
	if (!result)
		result = decode_fields(object, fields, trusted, error);
	if (!result)
		result = kind_check(object, error);
	if (result)
		error_set_object(error, "%s", object_path(object, path));
	else
		*out = steal(object);
	return result;
}

// ---- encode, merge ----

static json_t *encode(const struct object *object, unsigned hidden)
{
	json_t *json = json_object();
	json_object_set_new(json, "kind", json_string(model_kind_name(object->kind)));
	if (object->tenant)
		json_object_set_new(json, "tenant", json_string(object->tenant));
	json_object_set_new(json, "name", json_string(object->name));
	for
		each_field(field,
			object->kind) if (!field_absent(field, object) && !(field->flags & hidden))
			json_object_set_new(json, field->name,
				field->type->encode(field, field_value(field, object)));
	if (object->revision)
		json_object_set_new(json, "revision", json_integer((json_int_t)object->revision));
	return json;
}

json_t *object_encode(const struct object *object)
{
	return encode(object, FIELD_SECRET);
}

json_t *object_encode_for_store(const struct object *object)
{
	return encode(object, 0);
}

// RFC 7396, section 2. Both are objects.
static void merge_patch(json_t *target, const json_t *patch)
{
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)patch, key, value) {
		if (json_is_null(value)) {
			json_object_del(target, key);
		} else if (json_is_object(value)) {
			if (!json_is_object(json_object_get(target, key)))
				json_object_set_new(target, key, json_object());
			merge_patch(json_object_get(target, key), value);
		} else {
			json_object_set(target, key, value);
		}
	}
}

int object_merge(
	struct object **out, const struct object *current, const json_t *patch, struct error *error)
{
	char path[OBJECT_PATH_TEXT];
	if (!json_is_object(patch)) {
		error_set_object(error, "%s", object_path(current, path));
		return decode_expected(error, "an object of fields", patch);
	}
	json_t *merged = object_encode(current);
	merge_patch(merged, patch);
	int result = object_decode(
		out, current->kind, current->tenant, current->name, merged, false, error);
	json_decref(merged);
	return result;
}

// ---- compare ----

void object_inherit(struct object *object, const struct object *previous)
{
	for
		each_field(field, object->kind) if (field->flags & (FIELD_STICKY | FIELD_SERVER) &&
						    field_absent(field, object))
			field->type->copy(field_value(field, object), field_value(field, previous));
}

bool object_equal(const struct object *a, const struct object *b)
{
	if (a->kind != b->kind || strcmp(a->name, b->name) ||
		(a->tenant && strcmp(a->tenant, b->tenant)))
		return false;
	for
		each_field(field, a->kind) if (!field->type->equal(field_value(field, a),
						       field_value(field, b))) return false;
	return true;
}

const char *object_administered(const struct object *before, const struct object *after)
{
	const struct object *object = after ? after : before;
	for
		each_field(field, object->kind)
		{
			if (!(field->flags & FIELD_ADMINISTRATOR))
				continue;
			bool differs = before && after
					       ? !field->type->equal(field_value(field, before),
							 field_value(field, after))
					       : !field_absent(field, object);
			if (differs)
				return field->name;
		}
	return NULL;
}

int object_references(const struct object *object, object_reference_visit visit, void *context)
{
	int result = 0;
	if (object->tenant)
		result = visit(context, "tenant", MODEL_TENANT, NULL, object->tenant);
	for
		each_field(field, object->kind)
		{
			if (result)
				break;
			if (field->type->references)
				result = field->type->references(field, object, visit, context);
			if (!field->type->reference || field_absent(field, object))
				continue;
			enum model_kind kind = field->type->target;
			result = visit(context, field->name, kind,
				model_kind_in_tenant(kind) ? object->tenant : NULL,
				*(char **)field_value(field, object));
		}
	return result;
}
