// SPDX-License-Identifier: Apache-2.0
// What relays say: which hosts are connected to them, and what those report.
#include <errno.h>
#include <string.h>

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

static int check_hosts(const json_t *list, const char *field, struct error *error)
{
	size_t index;
	json_t *host;
	if (list && !json_is_array(list)) {
		error_set_field(error, "%s", field);
		return error_set(error, EINVAL, "%s must be a list", field);
	}
	json_array_foreach (list, index, host) {
		const char *name = json_string_value(host);
		if (name && !model_name_check(name, NULL))
			continue;
		error_set_field(error, "%s[%zu]", field, index);
		return error_set(error, EINVAL, "%s must list names of hosts", field);
	}
	return 0;
}

// Those that do not exist.
static json_t *join_all(struct controller *controller, const char *relay, const json_t *list)
{
	size_t index;
	json_t *host, *unknown = json_array();
	json_array_foreach (list, index, host) {
		const char *name = json_string_value(host);
		if (catalog_find(controller->catalog, MODEL_HOST, NULL, name))
			feed_join(controller->feed, name, relay);
		else
			json_array_append(unknown, host);
	}
	return json_pack("{s:o}", "unknown", unknown);
}

static bool knows_all(const struct controller *controller, const json_t *list)
{
	size_t index;
	json_t *host;
	json_array_foreach (list, index, host)
		if (!catalog_find(controller->catalog, MODEL_HOST, NULL, json_string_value(host)))
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
	json_array_foreach (absent->present, index, name)
		if (!strcmp(json_string_value(name), host))
			return;
	json_array_append_new(absent->names, json_string(host));
}

static void leave_all(struct controller *controller, const char *relay, const json_t *list)
{
	size_t index;
	json_t *host;
	json_array_foreach (list, index, host)
		feed_leave(controller->feed, json_string_value(host), relay);
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
