// SPDX-License-Identifier: Apache-2.0
// What relays say: which hosts are connected to them, and what those report.
#include "handler.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "access.h"
#include "feed.h"
#include "intake.h"
#include "place.h"
#include "reads.h"
#include "relayed.h"

void handle_relay_stream(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	struct place place = {0};
	if (place_read(request, &place, &error) < 0)
		request_refuse(request, &error);
	else
		feed_open_relay(controller->feed, target->name, request, &place);
}

// ---- hosts ----

// A host as a relay tells of it: who it has shown to be, and the number of its attempt; 0: none.
struct visitor {
	struct identity identity;
	uint64_t attempt;
};

// "h1", or {"host": "h1", "attempt": 1790000000000000, "enrolment": "…", "expires": 1790000000}.
static int read_host(const json_t *json, struct visitor *out)
{
	const char *name = json_string_value(json), *enrolment = NULL;
	json_int_t attempt = 0, expires = 0;
	if (!name && json_unpack((json_t *)json, "{s:s, s?I, s?s, s?I !}", "host", &name, "attempt",
			     &attempt, "enrolment", &enrolment, "expires", &expires))
		return -EINVAL;
	if (model_name_check(name, NULL) || attempt < 0 ||
		(enrolment && strlen(enrolment) >= ENROLMENT_TEXT))
		return -EINVAL;
	*out = (struct visitor){.attempt = (uint64_t)attempt};
	out->identity = (struct identity){
		.role = ROLE_HOST, .source = SOURCE_CERTIFICATE, .expires = expires};
	snprintf(out->identity.name, sizeof(out->identity.name), "%s", name);
	snprintf(out->identity.enrolment, sizeof(out->identity.enrolment), "%s",
		enrolment ? enrolment : "");
	return 0;
}

static int check_hosts(const json_t *list, const char *field, struct error *error)
{
	size_t index;
	json_t *host;
	struct visitor visitor;
	if (list && !json_is_array(list)) {
		error_set_field(error, "%s", field);
		return error_set(error, EINVAL, "%s must be a list", field);
	}
	json_array_foreach (list, index, host) {
		if (!read_host(host, &visitor))
			continue;
		error_set_field(error, "%s[%zu]", field, index);
		return error_set(error, EINVAL, "%s must list hosts", field);
	}
	return 0;
}

// Those that do not exist, those that may not, and those that have a newer stream elsewhere.
static json_t *join_all(struct controller *controller, const char *relay, const json_t *list)
{
	size_t index;
	json_t *host, *unknown = json_array(), *refused = json_array(), *older = json_array();
	struct visitor visitor;
	json_array_foreach (list, index, host) {
		read_host(host, &visitor);
		const char *name = visitor.identity.name;
		if (!catalog_find(controller->catalog, MODEL_HOST, NULL, name))
			json_array_append_new(unknown, json_string(name));
		else if (!access_holds(controller, &visitor.identity))
			json_array_append_new(refused, json_string(name));
		else if (feed_join(controller->feed, name, relay, visitor.attempt))
			relayed_keep(controller, &visitor.identity);
		else
			json_array_append_new(older,
				json_pack("{s:s, s:I}", "host", name, "attempt",
					(json_int_t)feed_attempt(controller->feed, name).host));
	}
	return json_pack("{s:o, s:o, s:o}", "unknown", unknown, "refused", refused, "older", older);
}

static bool knows_all(const struct controller *controller, const json_t *list)
{
	size_t index;
	json_t *host;
	struct visitor visitor;
	json_array_foreach (list, index, host)
		if (read_host(host, &visitor) ||
			!catalog_find(controller->catalog, MODEL_HOST, NULL, visitor.identity.name))
			return false;
	return true;
}

static int read_lists(
	struct request *request, json_t **json, const char *const *fields, struct error *error)
{
	int rc = request_json(request, json, error);
	const json_t *attempt = json_object_get(*json, "attempt");
	if (!rc && attempt && json_integer_value(attempt) <= 0) {
		error_set_field(error, "attempt");
		rc = error_set(error, EINVAL, "attempt must be a number from 1");
	}
	for (size_t i = 0; !rc && fields[i]; i++)
		rc = check_hosts(json_object_get(*json, fields[i]), fields[i], error);
	return rc;
}

// What a relay says that has a newer stream is out of date: nobody waits for the answer.
static bool is_current(struct controller *controller, const char *relay, const json_t *json)
{
	json_int_t attempt = json_integer_value(json_object_get(json, "attempt"));
	return feed_relay_speaks(controller->feed, relay, (uint64_t)attempt);
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
	struct visitor visitor;
	json_array_foreach (absent->present, index, name)
		if (!read_host(name, &visitor) && !strcmp(visitor.identity.name, host))
			return;
	json_array_append_new(absent->names, json_string(host));
}

static void leave_all(struct controller *controller, const char *relay, const json_t *list)
{
	size_t index;
	json_t *host;
	struct visitor visitor;
	json_array_foreach (list, index, host)
		if (!read_host(host, &visitor))
			feed_leave(controller->feed, visitor.identity.name, relay);
}

static void set_hosts(
	struct controller *controller, struct request *request, const struct target *target)
{
	static const char *const fields[] = {"hosts", NULL};
	struct error error = {0};
	json_t *json = NULL;
	if (read_lists(request, &json, fields, &error) < 0) {
		request_refuse(request, &error);
	} else if (!is_current(controller, target->name, json)) {
		request_answer(request, 200, join_all(controller, target->name, NULL));
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
	} else if (!is_current(controller, target->name, json)) {
		request_answer(request, 200, join_all(controller, target->name, NULL));
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
		rc = intake_report(controller, host, report, &error);
	if (!rc)
		return json_pack("{s:i}", "status", 200);
	return problem_encode(problem_from_error(&error, true), &error);
}

// Each is judged by itself, in the order in which they come.
static void take_reports(struct controller *controller, struct request *request,
	const struct target *target, const json_t *json)
{
	json_t *item, *results = json_array();
	size_t index;
	json_array_foreach (json_object_get(json, "reports"), index, item)
		json_array_append_new(results, take_report(controller, target->name, item));
	request_answer(request, 200, json_pack("{s:o}", "results", results));
}

static void take_reports_anew(
	struct controller *controller, struct request *request, const struct target *target)
{
	json_t *json = request_json_again(request);
	take_reports(controller, request, target, json);
	json_decref(json);
}

static bool any_ahead(const struct controller *controller, const json_t *reports)
{
	size_t index;
	json_t *item;
	json_array_foreach (reports, index, item)
		if (intake_ahead(controller, json_object_get(item, "report")))
			return true;
	return false;
}

void handle_relay_reports(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	json_t *json = NULL;
	if (request_json(request, &json, &error) < 0)
		request_refuse(request, &error);
	else if (any_ahead(controller, json_object_get(json, "reports")))
		reads_handle_anyway(controller, request, take_reports_anew, target);
	else
		take_reports(controller, request, target, json);
	json_decref(json);
}
