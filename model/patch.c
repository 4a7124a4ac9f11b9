// SPDX-License-Identifier: Apache-2.0
#include "model/patch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "field_type.h"
#include "kind.h"
#include "list.h"

// ---- what differs ----

// Of a list that was nearly all replaced the list itself is shorter.
enum { OPERATIONS_OF_LIST = 64 };

static void say(json_t *operations, const char *op, json_t *path, json_t *value)
{
	json_t *operation = json_pack("{s:s, s:o}", "op", op, "path", path);
	if (value)
		json_object_set_new(operation, "value", value);
	json_array_append_new(operations, operation);
}

static json_t *path_of_item(const struct field *field, size_t index)
{
	return json_sprintf("/%s/%zu", field->name, index);
}

static bool items_equal(const struct element *element, const struct list *before, size_t i,
	const struct list *after, size_t j)
{
	return element->equal(list_item(element, before, i), list_item(element, after, j));
}

// What is left of both without the items that they begin and end with alike, [start, end) of
// `before` and [start, end + after->count - before->count) of `after`.
struct middle {
	size_t start, before_end, after_end;
};

static struct middle middle_of(
	const struct element *element, const struct list *before, const struct list *after)
{
	struct middle middle = {0, before->count, after->count};
	while (middle.start < middle.before_end && middle.start < middle.after_end &&
		items_equal(element, before, middle.start, after, middle.start))
		middle.start++;
	while (middle.before_end > middle.start && middle.after_end > middle.start &&
		items_equal(element, before, middle.before_end - 1, after, middle.after_end - 1)) {
		middle.before_end--;
		middle.after_end--;
	}
	return middle;
}

// Items that take each other's places, those that come, and those that go, the last first. False:
// too many, and nothing is said.
static bool say_items(json_t *operations, const struct field *field, const struct list *before,
	const struct list *after)
{
	const struct element *element = field->type->element;
	struct middle middle = middle_of(element, before, after);
	json_t *said = json_array();
	size_t most = after->count / 2 < OPERATIONS_OF_LIST ? after->count / 2 : OPERATIONS_OF_LIST;
	for (size_t i = middle.start; i < middle.after_end && json_array_size(said) <= most; i++) {
		bool replaces = i < middle.before_end;
		if (!replaces || !items_equal(element, before, i, after, i))
			say(said, replaces ? "replace" : "add", path_of_item(field, i),
				element->encode(list_item(element, after, i)));
	}
	for (size_t i = middle.before_end; i-- > middle.after_end && json_array_size(said) <= most;)
		say(said, "remove", path_of_item(field, i), NULL);
	bool few = json_array_size(said) <= most;
	if (few)
		json_array_extend(operations, said);
	json_decref(said);
	return few;
}

static void say_field(json_t *operations, const struct field *field, const struct object *before,
	const struct object *after)
{
	const void *old = field_value(field, before), *new = field_value(field, after);
	bool was = !field_absent(field, before), is = !field_absent(field, after);
	json_t *path = json_sprintf("/%s", field->name);
	if (!is)
		say(operations, "remove", json_incref(path), NULL);
	else if (!was || !field->type->element || !say_items(operations, field, old, new))
		say(operations, was ? "replace" : "add", json_incref(path),
			field->type->encode(field, new));
	json_decref(path);
}

json_t *object_difference(const struct object *before, const struct object *after)
{
	const struct kind *kind = kind_get(after->kind);
	json_t *operations = json_array();
	for (const struct field *field = kind->fields; field < kind->fields + kind->field_count;
		field++)
		if (!(field->flags & FIELD_SECRET) &&
			!field->type->equal(field_value(field, before), field_value(field, after)))
			say_field(operations, field, before, after);
	return operations;
}

// ---- doing it ----

enum operation { OPERATION_ADD, OPERATION_REPLACE, OPERATION_REMOVE };

struct step {
	enum operation operation;
	const struct field *field;
	bool of_item;
	size_t index;
	const json_t *value; // NULL: remove
};

static int read_index(const char *text, struct step *step)
{
	char *end;
	step->of_item = true;
	step->index = strtoul(text, &end, 10);
	return *text < '0' || *text > '9' || *end ? -EINVAL : 0;
}

// "/rules/3"
static int read_path(enum model_kind kind, const char *path, struct step *step)
{
	char name[64];
	const char *slash = path && *path == '/' ? strchr(path + 1, '/') : NULL;
	size_t length = !path || *path != '/' ? 0
			: slash               ? (size_t)(slash - path - 1)
					      : strlen(path + 1);
	if (!length || length >= sizeof(name))
		return -EINVAL;
	memcpy(name, path + 1, length);
	name[length] = '\0';
	step->field = model_field_find(kind, name);
	if (!step->field)
		return -EINVAL;
	return slash ? read_index(slash + 1, step) : 0;
}

static int read_step(
	enum model_kind kind, const json_t *operation, struct step *step, struct error *error)
{
	static const char *const words[] = {"add", "replace", "remove", NULL};
	const json_t *op = json_object_get(operation, "op");
	const char *path = json_string_value(json_object_get(operation, "path"));
	int word;
	if (!op)
		return error_set(error, EINVAL, "does not say what to do (op)");
	int rc = decode_word(&word, words, op, error);
	if (rc)
		return rc;
	*step = (struct step){.operation = (enum operation)word};
	if (read_path(kind, path, step) < 0)
		return error_set(error, EINVAL, "there is no path %s", path ? path : "here");
	if (word != OPERATION_REMOVE && !(step->value = json_object_get(operation, "value")))
		return error_set(error, EINVAL, "has no value");
	return 0;
}

static int change_item(struct list *list, const struct step *step, struct error *error)
{
	const struct element *element = step->field->type->element;
	if (!element)
		return error_set(error, EINVAL, "%s is no list", step->field->name);
	if (step->index >= list->count + (step->operation == OPERATION_ADD))
		return error_set(error, EINVAL, "%s has %zu items", step->field->name, list->count);
	switch (step->operation) {
	case OPERATION_ADD:
		return list_insert(element, list, step->index, step->value, error);
	case OPERATION_REPLACE:
		return list_replace(element, list, step->index, step->value, error);
	default:
		list_remove(element, list, step->index);
		return 0;
	}
}

static int change_field(struct object *object, const struct step *step, struct error *error)
{
	const struct field *field = step->field;
	void *value = field_value(field, object);
	field->type->done(value);
	if (step->value)
		return field->type->decode(field, value, step->value, error);
	field_default(field, object);
	return 0;
}

// Once for each list of which items have changed, not for each item.
static int check_lists(struct object *object, uint64_t lists, struct error *error)
{
	const struct kind *kind = kind_get(object->kind);
	int rc = 0;
	for (size_t i = 0; i < kind->field_count && !rc; i++) {
		const struct field *field = &kind->fields[i];
		if (!(lists & (uint64_t)1 << i))
			continue;
		rc = list_check(
			field->type->element, field->maximum, field_value(field, object), error);
		if (rc)
			error_prefix_field(error, "%s", field->name);
	}
	return rc;
}

static int change(struct object *object, const json_t *operations, struct error *error)
{
	const struct field *first = kind_get(object->kind)->fields;
	uint64_t lists = 0;
	struct step step = {0};
	if (!json_is_array(operations))
		return decode_expected(error, "a list of operations", operations);
	for (size_t i = 0; i < json_array_size(operations); i++) {
		const json_t *operation = json_array_get(operations, i);
		int rc = read_step(object->kind, operation, &step, error);
		if (!rc && step.of_item)
			rc = change_item(field_value(step.field, object), &step, error);
		else if (!rc)
			rc = change_field(object, &step, error);
		if (rc) {
			error_prefix_field(error, "operation %zu", i);
			return rc;
		}
		if (step.of_item)
			lists |= (uint64_t)1 << (step.field - first);
	}
	return check_lists(object, lists, error);
}

int object_patch(struct object **out, const struct object *base, const json_t *operations,
	uint64_t revision, struct error *error)
{
	char path[OBJECT_PATH_TEXT];
	cleanup_object struct object *object = object_copy(base);
	object->revision = revision;
	int rc = change(object, operations, error);
	if (!rc)
		rc = kind_check(object, error);
	if (rc)
		error_set_object(error, "%s", object_path(base, path));
	else
		*out = steal(object);
	return rc;
}
