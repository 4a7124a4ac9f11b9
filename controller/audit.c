// SPDX-License-Identifier: Apache-2.0
#include "audit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "access.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "history.h"
#include "number.h"

enum {
	OPERATIONS_MAXIMUM = 1000, // in one record; the history has all
	REFUSED_MAXIMUM = 256,     // kept
	SINCE_DEFAULT = 1000,      // revisions back
	REVISIONS_MAXIMUM = 10000, // in one answer
};

// ---- what is recorded ----

// What a stranger sent may be anything: as text that JSON and terminals bear.
static json_t *printable(const char *text)
{
	cleanup_free char *copy = memory_text(text);
	for (char *at = copy; *at; at++)
		if ((unsigned char)*at < ' ' || (unsigned char)*at >= 0x7f)
			*at = '?';
	copy[strnlen(copy, 512)] = '\0';
	return json_string(copy);
}

static json_t *who_and_what(const struct request *request)
{
	char who[IDENTITY_TEXT], time[CLOCK_TEXT];
	json_t *json = json_pack(
		"{s:s}", "time", clock_format((int64_t)(clock_realtime_ms() / 1000), time));
	if (!request) {
		json_object_set_new(json, "who", json_string("controller"));
		return json;
	}
	json_object_set_new(json, "who", json_string(identity_text(&request->identity, who)));
	json_object_set_new(json, "role", json_string(role_name(request->identity.role)));
	json_object_set_new(json, "from", json_string(request->from));
	cleanup_free char *what = memory_format("%s %s", request->method, request->path);
	json_object_set_new(json, "request", printable(what));
	return json;
}

static json_t *operation(const struct catalog_change *change)
{
	char path[OBJECT_PATH_TEXT];
	const char *op = !change->before ? "create" : change->after ? "change" : "delete";
	const struct object *object = change->after ? change->after : change->before;
	json_t *json = json_pack("{s:s, s:s}", "op", op, "object", object_path(object, path));
	if (change->before)
		json_object_set_new(
			json, "before", json_integer((json_int_t)change->before->revision));
	return json;
}

char *audit_record(
	const struct request *request, const struct catalog_change *changes, size_t count)
{
	json_t *record = who_and_what(request), *operations = json_array();
	for (size_t i = 0; i < count && i < OPERATIONS_MAXIMUM; i++)
		json_array_append_new(operations, operation(&changes[i]));
	json_object_set_new(record, "operations", operations);
	if (count > OPERATIONS_MAXIMUM)
		json_object_set_new(
			record, "more", json_integer((json_int_t)(count - OPERATIONS_MAXIMUM)));
	char *text = json_dumps(record, JSON_COMPACT);
	json_decref(record);
	return text;
}

// ---- what was refused ----

void audit_refused(void *context, const struct request *request)
{
	struct controller *controller = context;
	bool unknown = request->identity.role == ROLE_NONE || request->status == 401;
	if (!strcmp(request->method, "GET") && !unknown)
		return;
	json_t *record = who_and_what(request);
	json_object_set_new(record, "status", json_integer(request->status));
	json_object_set_new(record, "detail", printable(request->refusal));
	log_info("refused %s from %s: %s: %u %s", json_string_value(json_object_get(record, "who")),
		request->from, json_string_value(json_object_get(record, "request")),
		request->status, request->refusal);
	if (!controller->refused)
		controller->refused = json_array();
	if (json_array_size(controller->refused) == REFUSED_MAXIMUM)
		json_array_remove(controller->refused, 0);
	json_array_append_new(controller->refused, record);
}

void audit_free(struct controller *controller)
{
	json_decref(steal(controller->refused));
}

// ---- reading ----

static const char *text_of(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));
	return text ? text : "";
}

// Is the object in the tenant, or the tenant itself?
static bool is_of(const char *path, const char *tenant)
{
	enum model_kind kind;
	char of[64], name[64];
	if (object_path_parse(path, &kind, of, name))
		return false;
	return !strcmp(kind == MODEL_TENANT ? name : of, tenant);
}

static bool shows(const struct identity *identity, const char *tenant, const char *path)
{
	enum model_kind kind;
	char of[64], name[64];
	if (object_path_parse(path, &kind, of, name))
		return false;
	return access_sees(identity, kind, of, name) && (!tenant || is_of(path, tenant));
}

// Who works for the deployment as a whole is not named to a tenant's people.
static void hide_who(json_t *record)
{
	if (!strncmp(text_of(record, "role"), "tenant-", 7))
		return;
	json_object_set(record, "who", json_object_get(record, "role"));
	json_object_del(record, "from");
}

// The record as the client sees it; NULL if nothing of it is theirs.
static json_t *reduce(const struct identity *identity, const char *tenant, json_t *record)
{
	size_t index;
	json_t *operation, *seen = json_array();
	bool whole = !identity_is_scoped(identity) && !tenant;
	json_array_foreach (json_object_get(record, "operations"), index, operation)
		if (whole || shows(identity, tenant, text_of(operation, "object")))
			json_array_append(seen, operation);
	if (!whole && !json_array_size(seen)) {
		json_decref(seen);
		json_decref(record);
		return NULL;
	}
	json_object_set_new(record, "operations", seen);
	if (identity_is_scoped(identity))
		hide_who(record);
	return record;
}

// Of what was refused, everybody sees their own, and who sees everything all.
static json_t *refused_seen(const struct controller *controller, const struct identity *identity)
{
	char who[IDENTITY_TEXT];
	size_t index;
	json_t *record, *seen = json_array();
	identity_text(identity, who);
	json_array_foreach (controller->refused, index, record)
		if (!identity_is_scoped(identity) || !strcmp(text_of(record, "who"), who))
			json_array_append(seen, record);
	return seen;
}

static void records_found(struct controller *controller, struct request *request,
	const struct target *target, uint64_t since, const struct entries *entries)
{
	const struct identity *identity = &request->identity;
	const char *tenant = target->tenant[0] ? target->tenant : NULL;
	json_t *items = json_array();
	for (size_t i = 0; i < entries->count; i++) {
		const struct store_entry *entry = &entries->items[i];
		json_t *record = json_loadb(entry->value, entry->length, 0, NULL);
		if (!record)
			continue;
		json_object_set_new(record, "revision", json_integer((json_int_t)entry->revision));
		record = reduce(identity, tenant, record);
		if (record)
			json_array_append_new(items, record);
	}
	request_answer(request, 200,
		json_pack("{s:I, s:I, s:o, s:o}", "since", (json_int_t)since, "until",
			(json_int_t)target->revision, "items", items, "refused",
			refused_seen(controller, identity)));
}

static int get_revision(const struct request *request, const char *name, uint64_t fallback,
	uint64_t *out, struct error *error)
{
	const char *text = request_parameter(request, name);
	*out = fallback;
	if (text && number_parse(text, out) < 0)
		return error_set(error, EINVAL, "%s=%s is no revision", name, text);
	return 0;
}

// The tenant goes with the target; one that the client does not see is not there.
static int get_tenant(const struct request *request, struct target *target, struct error *error)
{
	const char *tenant = request_parameter(request, "tenant");
	if (!tenant)
		return 0;
	int rc = model_name_check(tenant, error);
	if (!rc)
		rc = access_check(&request->identity, VERB_READ, MODEL_TENANT, NULL, tenant, error);
	if (!rc)
		snprintf(target->tenant, sizeof(target->tenant), "%s", tenant);
	return rc;
}

void handle_audit(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	struct target part = *target;
	uint64_t newest = controller_revision(controller), since, until;
	uint64_t back = newest > SINCE_DEFAULT ? newest - SINCE_DEFAULT : 0;
	if (back < controller->compacted)
		back = controller->compacted;
	int rc = get_revision(request, "since", back, &since, &error);
	if (!rc)
		rc = get_revision(request, "until", newest, &until, &error);
	if (!rc)
		rc = get_tenant(request, &part, &error);
	if (!rc && since > newest)
		rc = error_set(&error, ERANGE,
			"revision %" PRIu64 " does not exist yet, the newest is %" PRIu64, since,
			newest);
	if (rc < 0) {
		request_refuse(request, &error);
		return;
	}
	part.revision = until > newest ? newest : until;
	if (part.revision > since + REVISIONS_MAXIMUM)
		part.revision = since + REVISIONS_MAXIMUM;
	history_read(controller, request, &part, HISTORY_AUDIT, since, records_found);
}
