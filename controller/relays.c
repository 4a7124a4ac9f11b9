// SPDX-License-Identifier: Apache-2.0
// What relays say: which hosts are connected to them, and what those report.
#include "relays.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <uthash.h>

#include "access.h"
#include "base/memory.h"
#include "bulletin.h"
#include "feed.h"
#include "handler.h"
#include "number.h"
#include "reads.h"
#include "reports.h"
#include "streams.h"

static void open_stream(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	struct feed_place place = {0};
	if (streams_place(request, &place, &error) < 0)
		request_refuse(request, &error);
	else
		feed_open_relay(controller->feed, target->name, request, &place);
}

// One that another controller has told more is not set back: first this one takes in what it lacks.
void handle_relay_stream(
	struct controller *controller, struct request *request, const struct target *target)
{
	const char *since = request_parameter(request, "since");
	uint64_t revision;
	if (since && !number_parse(since, &revision) && revision > controller_revision(controller))
		reads_handle(controller, request, open_stream, target);
	else
		open_stream(controller, request, target);
}

// ---- hosts ----

struct relayed {
	struct identity identity;
	UT_hash_handle hh;
};

const struct identity *relays_identity(const struct controller *controller, const char *host)
{
	struct relayed *relayed;
	HASH_FIND_STR(controller->relayed, host, relayed);
	return relayed ? &relayed->identity : NULL;
}

static void forget_identity(struct controller *controller, const char *host)
{
	struct relayed *relayed;
	HASH_FIND_STR(controller->relayed, host, relayed);
	if (!relayed)
		return;
	HASH_DEL(controller->relayed, relayed);
	free(relayed);
}

static void keep_identity(struct controller *controller, const struct identity *identity)
{
	forget_identity(controller, identity->name);
	if (!*identity->enrolment && !identity->expires)
		return;
	struct relayed *relayed = memory_new(sizeof(*relayed));
	relayed->identity = *identity;
	HASH_ADD_STR(controller->relayed, identity.name, relayed);
}

void relays_enforce(struct controller *controller)
{
	struct relayed *relayed, *next;
	HASH_ITER (hh, controller->relayed, relayed, next) {
		if (access_holds(controller, &relayed->identity))
			continue;
		feed_yield(controller->feed, relayed->identity.name);
		forget_identity(controller, relayed->identity.name);
	}
}

void relays_free(struct controller *controller)
{
	struct relayed *relayed, *next;
	HASH_ITER (hh, controller->relayed, relayed, next)
		forget_identity(controller, relayed->identity.name);
}

// "h1", or {"host": "h1", "enrolment": "…", "expires": 1790000000}.
static int read_host(const json_t *json, struct identity *out)
{
	const char *name = json_string_value(json), *enrolment = NULL;
	json_int_t expires = 0;
	if (!name && json_unpack((json_t *)json, "{s:s, s?s, s?I !}", "host", &name, "enrolment",
			     &enrolment, "expires", &expires))
		return -EINVAL;
	if (model_name_check(name, NULL) || (enrolment && strlen(enrolment) >= ENROLMENT_TEXT))
		return -EINVAL;
	*out = (struct identity){
		.role = ROLE_HOST, .source = SOURCE_CERTIFICATE, .expires = expires};
	snprintf(out->name, sizeof(out->name), "%s", name);
	snprintf(out->enrolment, sizeof(out->enrolment), "%s", enrolment ? enrolment : "");
	return 0;
}

static int check_hosts(const json_t *list, const char *field, struct error *error)
{
	size_t index;
	json_t *host;
	struct identity identity;
	if (list && !json_is_array(list)) {
		error_set_field(error, "%s", field);
		return error_set(error, EINVAL, "%s must be a list", field);
	}
	json_array_foreach (list, index, host) {
		if (!read_host(host, &identity))
			continue;
		error_set_field(error, "%s[%zu]", field, index);
		return error_set(error, EINVAL, "%s must list hosts", field);
	}
	return 0;
}

// Those that do not exist, and those that may not.
static json_t *join_all(struct controller *controller, const char *relay, const json_t *list)
{
	size_t index;
	json_t *host, *unknown = json_array(), *refused = json_array();
	struct identity identity;
	json_array_foreach (list, index, host) {
		read_host(host, &identity);
		if (!catalog_find(controller->catalog, MODEL_HOST, NULL, identity.name)) {
			json_array_append_new(unknown, json_string(identity.name));
		} else if (!access_holds(controller, &identity)) {
			json_array_append_new(refused, json_string(identity.name));
		} else {
			keep_identity(controller, &identity);
			feed_join(controller->feed, identity.name, relay);
		}
	}
	return json_pack("{s:o, s:o}", "unknown", unknown, "refused", refused);
}

static bool knows_all(const struct controller *controller, const json_t *list)
{
	size_t index;
	json_t *host;
	struct identity identity;
	json_array_foreach (list, index, host)
		if (read_host(host, &identity) ||
			!catalog_find(controller->catalog, MODEL_HOST, NULL, identity.name))
			return false;
	return true;
}

static int read_lists(
	struct request *request, json_t **json, const char *const *fields, struct error *error)
{
	int rc = request_json(request, json, error);
	for (size_t i = 0; !rc && fields[i]; i++)
		rc = check_hosts(json_object_get(*json, fields[i]), fields[i], error);
	return rc;
}

struct absent {
	const json_t *present;
	json_t *names;
};

static void note_absent(void *context, const char *host)
{
	const struct absent *absent = context;
	size_t index;
	json_t *name;
	struct identity identity;
	json_array_foreach (absent->present, index, name)
		if (!read_host(name, &identity) && !strcmp(identity.name, host))
			return;
	json_array_append_new(absent->names, json_string(host));
}

static void leave_all(struct controller *controller, const char *relay, const json_t *list)
{
	size_t index;
	json_t *host;
	struct identity identity;
	json_array_foreach (list, index, host)
		if (!read_host(host, &identity))
			feed_leave(controller->feed, identity.name, relay);
}

static void set_hosts(
	struct controller *controller, struct request *request, const struct target *target)
{
	static const char *const fields[] = {"hosts", NULL};
	struct error error = {0};
	json_t *json = NULL;
	if (read_lists(request, &json, fields, &error) < 0) {
		request_refuse(request, &error);
	} else {
		struct absent absent = {json_object_get(json, "hosts"), json_array()};
		feed_each_behind(controller->feed, target->name, note_absent, &absent);
		leave_all(controller, target->name, absent.names);
		json_decref(absent.names);
		request_answer(request, 200,
			join_all(controller, target->name, json_object_get(json, "hosts")));
	}
	json_decref(json);
}

static void change_hosts(
	struct controller *controller, struct request *request, const struct target *target)
{
	static const char *const fields[] = {"joined", "left", NULL};
	struct error error = {0};
	json_t *json = NULL;
	if (read_lists(request, &json, fields, &error) < 0) {
		request_refuse(request, &error);
	} else {
		leave_all(controller, target->name, json_object_get(json, "left"));
		request_answer(request, 200,
			join_all(controller, target->name, json_object_get(json, "joined")));
	}
	json_decref(json);
}

// Of a host that has just been created, another controller may know before this one.
static void handle_hosts(struct controller *controller, struct request *request,
	const struct target *target, const char *field, handler handle)
{
	struct error ignored = {0};
	json_t *json = NULL;
	bool known = request_json(request, &json, &ignored) < 0 ||
		     check_hosts(json_object_get(json, field), field, &ignored) < 0 ||
		     knows_all(controller, json_object_get(json, field));
	json_decref(json);
	if (known)
		handle(controller, request, target);
	else
		reads_handle_anyway(controller, request, handle, target);
}

// All that there are: what a relay says before it opens its stream.
void handle_relay_hosts(
	struct controller *controller, struct request *request, const struct target *target)
{
	handle_hosts(controller, request, target, "hosts", set_hosts);
}

// Those that have come or gone since.
void handle_relay_change(
	struct controller *controller, struct request *request, const struct target *target)
{
	handle_hosts(controller, request, target, "joined", change_hosts);
}

// ---- reports ----

static json_t *take_report(struct controller *controller, const char *relay, const json_t *item)
{
	struct error error = {0};
	const char *host = json_string_value(json_object_get(item, "host"));
	json_t *report = json_object_get(item, "report");
	int rc = 0;
	if (!host || !json_is_object(report))
		rc = error_set(&error, EINVAL, "a report needs \"host\" and \"report\"");
	else if (!feed_is_behind(controller->feed, host, relay))
		rc = error_set(
			&error, EACCES, "host %s is not connected through relay %s", host, relay);
	else
		rc = reports_accept(controller, host, report, &error);
	if (!rc)
		return json_pack("{s:i}", "status", 200);
	return problem_encode(problem_from_error(&error, true), &error);
}

// Each is judged by itself, in the order in which they come.
void handle_relay_reports(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	json_t *json = NULL, *item, *results = json_array();
	size_t index;
	if (request_json(request, &json, &error) < 0) {
		request_refuse(request, &error);
	} else {
		json_array_foreach (json_object_get(json, "reports"), index, item)
			json_array_append_new(results, take_report(controller, target->name, item));
		request_answer(request, 200, json_pack("{s:O}", "results", results));
	}
	json_decref(results);
	json_decref(json);
}
