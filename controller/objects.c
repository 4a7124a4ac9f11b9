// SPDX-License-Identifier: Apache-2.0
// Objects: lists, reading, now and as of the past, and writing one.
#include "handler.h"

#include <errno.h>
#include <string.h>

#include "access.h"
#include "enrolments.h"
#include "history.h"
#include "number.h"
#include "status.h"
#include "submit.h"
#include "watch.h"

static const char *target_tenant(const struct target *target)
{
	return target->tenant[0] ? target->tenant : NULL;
}

static struct object *target_find(
	const struct controller *controller, const struct target *target, struct error *error)
{
	char path[OBJECT_PATH_TEXT];
	struct object *object = catalog_find(
		controller->catalog, target->kind, target_tenant(target), target->name);
	if (object)
		return object;
	error_set(error, ENOENT, "there is no %s %s", model_kind_name(target->kind), target->name);
	error_set_object(error, "%s",
		object_path_of(target->kind, target_tenant(target), target->name, path));
	return NULL;
}

// ---- reading ----

// The revision of ?at=, 0 without one. Revision 0 was before there was anything to read.
static int parse_at(const struct request *request, uint64_t *at, struct error *error)
{
	const char *text = request_parameter(request, "at");
	*at = 0;
	if (text && (number_parse(text, at) < 0 || !*at))
		return error_set(error, EINVAL, "at=%s is no revision", text);
	return 0;
}

static int parse_watch(const struct request *request, bool *watch, struct error *error)
{
	const char *text = request_parameter(request, "watch");
	if (text && strcmp(text, "1"))
		return error_set(error, EINVAL, "watch=%s should be watch=1", text);
	*watch = text != NULL;
	if (!text && request_parameter(request, "since"))
		return error_set(error, EINVAL, "since goes with watch=1");
	if (text && request_parameter(request, "at"))
		return error_set(error, EINVAL, "at and watch do not go together");
	return 0;
}

static void answer_list(struct request *request, uint64_t revision, json_t *items)
{
	request_answer(request, 200,
		json_pack("{s:I, s:o}", "revision", (json_int_t)revision, "items", items));
}

static void list_found(struct controller *controller, struct request *request,
	const struct target *target, uint64_t revision, const struct entries *entries)
{
	(void)controller;
	struct error error = {0};
	json_t *items = NULL;
	if (history_items(&request->identity, target, entries, &items, &error) < 0)
		request_refuse(request, &error);
	else
		answer_list(request, revision, items);
}

static void object_found(struct controller *controller, struct request *request,
	const struct target *target, uint64_t revision, const struct entries *entries)
{
	(void)controller, (void)revision;
	struct error error = {0};
	json_t *items = NULL;
	if (history_items(&request->identity, target, entries, &items, &error) < 0) {
		request_refuse(request, &error);
		return;
	}
	request_answer(request, 200, json_incref(json_array_get(items, 0)));
	json_decref(items);
}

struct listing {
	const struct controller *controller;
	const struct identity *identity;
	json_t *items;
};

static int list_object(void *context, struct object *object)
{
	struct listing *listing = context;
	if (!access_sees(listing->identity, object->kind, object->tenant, object->name))
		return 0;
	json_t *json = status_encode(listing->controller, object);
	access_reduce(listing->identity, object->kind, json);
	json_array_append_new(listing->items, json);
	return 0;
}

// All of a kind, as far as the client sees them: who sees some tenants, costs what those hold.
static void list_seen(struct controller *controller, enum model_kind kind, struct listing *listing)
{
	const struct name_list *tenants = &listing->identity->token->tenants;
	for (size_t i = 0; i < tenants->count; i++)
		catalog_each(controller->catalog, kind, tenants->items[i], list_object, listing);
}

static int list_now(struct controller *controller, const struct request *request,
	const struct target *target, json_t **items, struct error *error)
{
	struct listing listing = {controller, &request->identity, NULL};
	struct target tenant = {.kind = MODEL_TENANT};
	memcpy(tenant.name, target->tenant, sizeof(tenant.name));
	if (target->tenant[0] && !target_find(controller, &tenant, error))
		return -ENOENT;
	*items = listing.items = json_array();
	if (identity_is_scoped(&request->identity) && model_kind_in_tenant(target->kind) &&
		!target->tenant[0])
		list_seen(controller, target->kind, &listing);
	else
		catalog_each(controller->catalog, target->kind, target_tenant(target), list_object,
			&listing);
	return 0;
}

void handle_list(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	uint64_t at;
	bool watch = false;
	json_t *items = NULL;
	int rc = parse_at(request, &at, &error);
	if (!rc)
		rc = parse_watch(request, &watch, &error);
	if (!rc && watch) {
		handle_watch(controller, request, target);
		return;
	}
	if (!rc && at) {
		history_read(controller, request, target, HISTORY_LIST, at, list_found);
		return;
	}
	if (!rc)
		rc = list_now(controller, request, target, &items, &error);
	if (rc < 0)
		request_refuse(request, &error);
	else
		answer_list(request, controller_revision(controller), items);
}

void handle_get(struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	uint64_t at;
	int rc = parse_at(request, &at, &error);
	const struct object *object = NULL;
	if (!rc && at) {
		history_read(controller, request, target, HISTORY_OBJECT, at, object_found);
		return;
	}
	if (!rc)
		object = target_find(controller, target, &error);
	if (!object) {
		request_refuse(request, &error);
		return;
	}
	json_t *json = status_encode(controller, object);
	access_reduce(&request->identity, target->kind, json);
	request_answer(request, 200, json);
}

// ---- writing ----

static bool is_agent(const struct identity *identity)
{
	return identity->role == ROLE_HOST || identity->role == ROLE_RELAY;
}

// A host may say of itself where it is reached, and nothing more.
static int check_fields(const struct request *request, const json_t *json, struct error *error)
{
	const char *name;
	json_t *value;
	if (!is_agent(&request->identity))
		return 0;
	json_object_foreach ((json_t *)json, name, value) {
		if (strcmp(name, "vtep") && strcmp(name, "encap")) {
			error_set_field(error, "%s", name);
			return error_set(
				error, EACCES, "a host may write its vtep and encap, not %s", name);
		}
	}
	return 0;
}

// A host that comes back knows nothing of what people have written about it: its PUT leaves the
// other fields as they are.
static int put_decode(struct controller *controller, const struct request *request,
	const struct target *target, const json_t *json, struct object **out, struct error *error)
{
	const char *tenant = target_tenant(target);
	const struct object *current =
		catalog_find(controller->catalog, target->kind, tenant, target->name);
	if (current && is_agent(&request->identity))
		return object_merge(out, current, json, error);
	int rc = object_decode(out, target->kind, tenant, target->name, json, false, error);
	if (!rc && current)
		object_inherit(*out, current);
	return rc;
}

void handle_put(struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	json_t *json = NULL;
	struct object *object = NULL;
	int rc = request_json(request, &json, &error);
	if (!rc)
		rc = check_fields(request, json, &error);
	if (!rc)
		rc = put_decode(controller, request, target, json, &object, &error);
	json_decref(json);
	if (rc < 0)
		request_refuse(request, &error);
	else
		submit_object(controller, request, object);
}

void handle_patch(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	json_t *json = NULL;
	struct object *object = NULL;
	const struct object *current = target_find(controller, target, &error);
	int rc = current ? request_json(request, &json, &error) : -ENOENT;
	if (!rc)
		rc = check_fields(request, json, &error);
	if (!rc)
		rc = object_merge(&object, current, json, &error);
	json_decref(json);
	if (rc < 0)
		request_refuse(request, &error);
	else
		submit_object(controller, request, object);
}

void handle_delete(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	struct transaction *transaction = transaction_begin(controller->catalog);
	int rc = transaction_delete(
		transaction, target->kind, target_tenant(target), target->name, &error);
	if (!rc && target->kind == MODEL_HOST)
		rc = enrolments_delete(controller, transaction, target->name, &error);
	if (rc < 0) {
		transaction_abort(transaction);
		request_refuse(request, &error);
		return;
	}
	submit(controller, request, transaction);
}
