// SPDX-License-Identifier: Apache-2.0
// Transactions: many writes, all or nothing, one revision.
#include "handler.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "access.h"
#include "base/memory.h"
#include "enrolments.h"
#include "preview.h"
#include "submit.h"

// The object that a part of a transaction speaks of; the texts belong to the JSON.
struct subject {
	enum model_kind kind;
	const char *tenant; // NULL: none
	const char *name;
};

static int fail(struct error *error, const char *field, const char *message)
{
	error_set_field(error, "%s", field);
	return error_set(error, EINVAL, "%s", message);
}

// Refuse members that have no meaning: one misspelt would silently do nothing.
static int check_members(const json_t *json, const char *const *known, struct error *error)
{
	const char *name;
	json_t *value;
	if (!json_is_object(json))
		return error_set(error, EINVAL, "must be an object");
	json_object_foreach ((json_t *)json, name, value) {
		size_t i = 0;
		while (known[i] && strcmp(known[i], name))
			i++;
		if (!known[i])
			return fail(error, name, "there is no such member");
	}
	return 0;
}

static int get_name(const json_t *json, const char *member, const char **out, struct error *error)
{
	*out = json_string_value(json_object_get(json, member));
	if (!*out)
		return fail(error, member, "must be given, as a text");
	int rc = model_name_check(*out, error);
	if (rc < 0)
		error_set_field(error, "%s", member);
	return rc;
}

static int subject_get(const json_t *json, struct subject *out, struct error *error)
{
	const char *kind = json_string_value(json_object_get(json, "kind"));
	if (!kind || model_kind_find(kind, &out->kind) < 0 ||
		strcmp(model_kind_name(out->kind), kind))
		return fail(error, "kind", "must be a kind of object, in singular");
	int rc = get_name(json, "name", &out->name, error);
	if (rc < 0)
		return rc;
	out->tenant = NULL;
	if (model_kind_in_tenant(out->kind))
		return get_name(json, "tenant", &out->tenant, error);
	const json_t *tenant = json_object_get(json, "tenant");
	if (tenant && !json_is_null(tenant))
		return fail(error, "tenant", "such an object lives in no tenant");
	return 0;
}

static int compare(const struct controller *controller, const struct identity *identity,
	const json_t *json, struct error *error)
{
	static const char *const members[] = {"kind", "tenant", "name", "revision", NULL};
	struct subject subject;
	int rc = check_members(json, members, error);
	if (!rc)
		rc = subject_get(json, &subject, error);
	if (!rc)
		rc = access_check(
			identity, VERB_READ, subject.kind, subject.tenant, subject.name, error);
	if (rc < 0)
		return rc;
	const json_t *revision = json_object_get(json, "revision");
	if (!json_is_integer(revision))
		return fail(error, "revision", "must be given, as a number");
	const struct object *object =
		catalog_find(controller->catalog, subject.kind, subject.tenant, subject.name);
	uint64_t current = object ? object->revision : 0;
	if (current == (uint64_t)json_integer_value(revision))
		return 0;
	char path[OBJECT_PATH_TEXT];
	error_set_object(
		error, "%s", object_path_of(subject.kind, subject.tenant, subject.name, path));
	if (!object)
		return error_set(error, ESTALE, "it does not exist");
	return error_set(error, ESTALE, "it was last changed at revision %" PRIu64, current);
}

// The object that "put", "create" or "patch" makes of `fields`.
static int make_object(const struct subject *subject, const char *op, const struct object *current,
	const json_t *fields, struct object **out, struct error *error)
{
	if (!strcmp(op, "patch")) {
		if (current)
			return object_merge(out, current, fields, error);
		char path[OBJECT_PATH_TEXT];
		error_set_object(error, "%s",
			object_path_of(subject->kind, subject->tenant, subject->name, path));
		return error_set(error, ENOENT, "there is no %s %s", model_kind_name(subject->kind),
			subject->name);
	}
	int rc = object_decode(
		out, subject->kind, subject->tenant, subject->name, fields, false, error);
	if (!rc && current)
		object_inherit(*out, current);
	return rc;
}

static int delete_object(struct controller *controller, struct transaction *transaction,
	const struct subject *subject, struct error *error)
{
	int rc = transaction_delete(
		transaction, subject->kind, subject->tenant, subject->name, error);
	return !rc && subject->kind == MODEL_HOST
		       ? enrolments_delete(controller, transaction, subject->name, error)
		       : rc;
}

static int operate(struct controller *controller, const struct identity *identity,
	struct transaction *transaction, const json_t *json, struct error *error)
{
	static const char *const members[] = {"op", "kind", "tenant", "name", "object", NULL};
	struct subject subject;
	struct object *object;
	int rc = check_members(json, members, error);
	if (!rc)
		rc = subject_get(json, &subject, error);
	const char *op = json_string_value(json_object_get(json, "op"));
	const json_t *fields = json_object_get(json, "object");
	bool delete = op && !strcmp(op, "delete");
	if (!rc)
		rc = access_check(identity, delete ? VERB_DELETE : VERB_WRITE, subject.kind,
			subject.tenant, subject.name, error);
	if (rc < 0)
		return rc;
	if (delete) {
		if (fields)
			return fail(error, "object", "a delete has none");
		return delete_object(controller, transaction, &subject, error);
	}
	if (!op || (strcmp(op, "put") && strcmp(op, "create") && strcmp(op, "patch")))
		return fail(error, "op", "must be put, create, patch or delete");
	if (!json_is_object(fields))
		return fail(error, "object", "must be given, as an object");
	const struct object *current =
		catalog_find(controller->catalog, subject.kind, subject.tenant, subject.name);
	if (current && !strcmp(op, "create"))
		return 0;
	rc = make_object(&subject, op, current, fields, &object, error);
	if (rc < 0)
		return rc;
	rc = access_check_object(controller, identity, current, object, error);
	if (rc < 0) {
		object_unref(object);
		return rc;
	}
	return transaction_put(transaction, object, error);
}

// Where a fault has no object of its own, the part of the body is named.
static int locate(int rc, const char *list, size_t index, struct error *error)
{
	if (rc < 0 && !error->object[0])
		error_prefix_field(error, "%s[%zu]", list, index);
	return rc;
}

static int run(struct controller *controller, const struct identity *identity,
	struct transaction *transaction, const json_t *json, struct error *error)
{
	static const char *const members[] = {"operations", "compare", "dry_run", NULL};
	const json_t *operations = json_object_get(json, "operations");
	const json_t *compares = json_object_get(json, "compare");
	const json_t *dry_run = json_object_get(json, "dry_run");
	size_t index;
	json_t *item;
	int rc = check_members(json, members, error);
	if (rc < 0)
		return rc;
	if (!json_is_array(operations))
		return fail(error, "operations", "must be given, as a list");
	if (compares && !json_is_array(compares))
		return fail(error, "compare", "must be a list");
	if (dry_run && !json_is_boolean(dry_run))
		return fail(error, "dry_run", "must be true or false");
	json_array_foreach (compares, index, item) {
		rc = locate(compare(controller, identity, item, error), "compare", index, error);
		if (rc < 0)
			return rc;
	}
	json_array_foreach (operations, index, item) {
		rc = locate(operate(controller, identity, transaction, item, error), "operations",
			index, error);
		if (rc < 0)
			return rc;
	}
	return 0;
}

void handle_transaction(
	struct controller *controller, struct request *request, const struct target *target)
{
	(void)target;
	struct error error = {0};
	json_t *json;
	if (request_json(request, &json, &error) < 0) {
		request_refuse(request, &error);
		return;
	}
	struct transaction *transaction = transaction_begin(controller->catalog);
	int rc = run(controller, &request->identity, transaction, json, &error);
	bool dry_run = json_is_true(json_object_get(json, "dry_run"));
	json_decref(json);
	if (rc < 0) {
		transaction_abort(transaction);
		request_refuse(request, &error);
		return;
	}
	if (dry_run)
		preview_request(controller, request, transaction);
	else
		submit(controller, request, transaction);
}
