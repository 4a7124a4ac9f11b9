// SPDX-License-Identifier: Apache-2.0
#include "reports.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <uthash.h>

#include "access.h"
#include "base/clock.h"
#include "base/memory.h"
#include "bulletin.h"
#include "follow.h"
#include "handler.h"
#include "presence.h"
#include "revisions.h"

struct report {
	char host[64];
	uint64_t realized;
	char *failure;         // why it cannot realize what it was sent; NULL: it can
	json_t *agent, *drops; // objects; NULL: not reported
	json_t *interfaces;    // array
	json_t *ports;         // object: "acme/ports/web1" to what was reported of it
	json_t *rules; // object: "acme/policies/front" to a list of what was counted by its rules
	UT_hash_handle hh;
};

struct reports {
	struct report *by_host;
};

static struct report *report_find(const struct controller *controller, const char *host)
{
	struct report *report;
	HASH_FIND_STR(controller->reports->by_host, host, report);
	return report;
}

static struct report *report_get(struct controller *controller, const char *host)
{
	struct report *report = report_find(controller, host);
	if (!report) {
		report = memory_new(sizeof(*report));
		snprintf(report->host, sizeof(report->host), "%s", host);
		HASH_ADD_STR(controller->reports->by_host, host, report);
	}
	return report;
}

static void report_delete(struct controller *controller, struct report *report)
{
	HASH_DEL(controller->reports->by_host, report);
	free(report->failure);
	json_decref(report->agent);
	json_decref(report->drops);
	json_decref(report->interfaces);
	json_decref(report->ports);
	json_decref(report->rules);
	free(report);
}

void reports_start(struct controller *controller)
{
	controller->reports = memory_new(sizeof(*controller->reports));
}

void reports_free(struct controller *controller)
{
	struct report *report, *next;
	HASH_ITER (hh, controller->reports->by_host, report, next)
		report_delete(controller, report);
	free(steal(controller->reports));
}

void reports_forget(struct controller *controller, const char *host)
{
	struct report *report = report_find(controller, host);
	if (report)
		report_delete(controller, report);
}

// ---- checking what came ----

// Members that are there must be of their type; others are a newer agent's and are let through.
struct member {
	const char *name;
	json_type type;
	bool needed;
};

static int check_member(const json_t *json, const struct member *member, struct error *error)
{
	static const char *const words[] = {[JSON_OBJECT] = "an object",
		[JSON_ARRAY] = "a list",
		[JSON_STRING] = "a text",
		[JSON_INTEGER] = "a number"};
	const json_t *value = json_object_get(json, member->name);
	if (!value || json_is_null(value)) {
		if (!member->needed)
			return 0;
	} else if (json_typeof(value) == member->type) {
		return 0;
	}
	error_set_field(error, "%s", member->name);
	return error_set(error, EINVAL, "%s must be %s", member->name, words[member->type]);
}

static int check_list(const json_t *json, const char *list, const struct member *members,
	size_t count, struct error *error)
{
	size_t index;
	json_t *item;
	json_array_foreach (json_object_get(json, list), index, item) {
		int rc = json_is_object(item)
				 ? 0
				 : error_set(error, EINVAL, "%s must list objects", list);
		for (size_t i = 0; !rc && i < count; i++)
			rc = check_member(item, &members[i], error);
		if (rc < 0) {
			error_prefix_field(error, "%s[%zu]", list, index);
			return rc;
		}
	}
	return 0;
}

static int report_check(
	const struct controller *controller, const json_t *json, struct error *error)
{
	static const struct member top[] = {
		{"realized", JSON_INTEGER},
		{"failure", JSON_STRING},
		{"agent", JSON_OBJECT},
		{"interfaces", JSON_ARRAY},
		{"ports", JSON_ARRAY},
		{"drops", JSON_OBJECT},
		{"rules", JSON_ARRAY},
	};
	static const struct member interfaces[] = {
		{"name", JSON_STRING, true}, {"ifindex", JSON_INTEGER}, {"role", JSON_STRING}};
	static const struct member ports[] = {
		{"tenant", JSON_STRING, true},
		{"name", JSON_STRING, true},
		{"state", JSON_STRING, true},
		{"problem", JSON_STRING},
		{"ifindex", JSON_INTEGER},
		{"counters", JSON_OBJECT},
		{"drops", JSON_OBJECT},
	};
	static const struct member rules[] = {
		{"policy", JSON_STRING, true},
		{"revision", JSON_INTEGER, true},
		{"name", JSON_STRING},
		{"index", JSON_INTEGER, true},
		{"packets", JSON_INTEGER, true},
		{"bytes", JSON_INTEGER, true},
	};
	int rc = 0;
	for (size_t i = 0; !rc && i < array_count(top); i++)
		rc = check_member(json, &top[i], error);
	if (!rc)
		rc = check_list(json, "interfaces", interfaces, array_count(interfaces), error);
	if (!rc)
		rc = check_list(json, "ports", ports, array_count(ports), error);
	if (!rc)
		rc = check_list(json, "rules", rules, array_count(rules), error);
	if (rc < 0)
		return rc;
	const json_t *realized = json_object_get(json, "realized");
	json_int_t revision = json_integer_value(realized);
	// A host that another controller has told may be ahead of this one.
	if (revision < 0 || (follow_alone(controller) &&
				    (uint64_t)revision > controller_revision(controller))) {
		error_set_field(error, "realized");
		return error_set(
			error, EINVAL, "there is no revision %" JSON_INTEGER_FORMAT, revision);
	}
	return 0;
}

// ---- taking it over ----

static void replace(json_t **slot, const json_t *json, const char *name)
{
	json_t *value = json_object_get(json, name);
	if (!value)
		return;
	json_decref(*slot);
	*slot = json_is_null(value) ? NULL : json_incref(value);
}

static const char *port_key(const json_t *port, char *text)
{
	const char *tenant = json_string_value(json_object_get(port, "tenant"));
	const char *name = json_string_value(json_object_get(port, "name"));
	if (model_name_check(tenant, NULL) || model_name_check(name, NULL))
		return NULL;
	return object_path_of(MODEL_PORT, tenant, name, text);
}

static void replace_ports(struct report *report, const json_t *json)
{
	const json_t *ports = json_object_get(json, "ports");
	size_t index;
	json_t *port;
	char text[OBJECT_PATH_TEXT];
	if (!ports)
		return;
	json_decref(report->ports);
	report->ports = json_object();
	json_array_foreach (ports, index, port) {
		const char *key = port_key(port, text);
		if (key)
			json_object_set(report->ports, key, port);
	}
}

static void replace_rules(struct report *report, const json_t *json)
{
	const json_t *rules = json_object_get(json, "rules");
	size_t index;
	json_t *rule;
	if (!rules)
		return;
	json_decref(report->rules);
	report->rules = json_object();
	json_array_foreach (rules, index, rule) {
		const char *policy = json_string_value(json_object_get(rule, "policy"));
		json_t *list = json_object_get(report->rules, policy);
		if (!list) {
			list = json_array();
			json_object_set_new(report->rules, policy, list);
		}
		json_array_append(list, rule);
	}
}

void handle_report(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	json_t *json = NULL;
	int rc = 0;
	if (!catalog_find(controller->catalog, MODEL_HOST, NULL, target->name)) {
		rc = error_set(&error, ENOENT, "there is no host %s", target->name);
		error_set_object(&error, "hosts/%s", target->name);
	}
	if (!rc)
		rc = request_json(request, &json, &error);
	if (!rc)
		rc = report_check(controller, json, &error);
	if (rc < 0) {
		json_decref(json);
		request_refuse(request, &error);
		return;
	}
	reports_take(controller, target->name, json);
	bulletin_report(controller, target->name, json);
	json_decref(json);
	request_answer(request, 200, json_object());
}

void reports_take(struct controller *controller, const char *host, const json_t *json)
{
	struct report *report = report_get(controller, host);
	replace(&report->agent, json, "agent");
	replace(&report->drops, json, "drops");
	replace(&report->interfaces, json, "interfaces");
	replace_ports(report, json);
	replace_rules(report, json);
	const json_t *realized = json_object_get(json, "realized");
	const json_t *failure = json_object_get(json, "failure");
	if (json_is_integer(realized))
		report->realized = (uint64_t)json_integer_value(realized);
	if (json_is_integer(realized) || failure) {
		free(report->failure);
		report->failure = memory_text(json_string_value(failure));
		receipts_realized(controller->receipts, report->host, report->realized,
			report->failure, clock_monotonic_ms());
		revisions_progress(controller);
	}
}

void reports_introduce(struct controller *controller, const char *host)
{
	const struct report *report = report_find(controller, host);
	if (report)
		receipts_realized(controller->receipts, host, report->realized, report->failure,
			clock_monotonic_ms());
}

// ---- telling it on ----

static void put_known(json_t *json, const char *name, json_t *value)
{
	if (value)
		json_object_set(json, name, value);
}

json_t *reports_encode(const struct controller *controller, const char *host)
{
	const struct report *report = report_find(controller, host);
	const char *key;
	json_t *value;
	if (!report)
		return NULL;
	json_t *json = json_pack("{s:I, s:s?}", "realized", (json_int_t)report->realized, "failure",
		report->failure);
	put_known(json, "agent", report->agent);
	put_known(json, "drops", report->drops);
	put_known(json, "interfaces", report->interfaces);
	if (report->ports) {
		json_t *ports = json_array();
		json_object_foreach (report->ports, key, value)
			json_array_append(ports, value);
		json_object_set_new(json, "ports", ports);
	}
	if (report->rules) {
		json_t *rules = json_array();
		json_object_foreach (report->rules, key, value)
			json_array_extend(rules, value);
		json_object_set_new(json, "rules", rules);
	}
	return json;
}

// ---- reading ----

const json_t *reports_interfaces(const struct controller *controller, const char *host)
{
	const struct report *report = report_find(controller, host);
	return report ? report->interfaces : NULL;
}

const json_t *reports_interface(
	const struct controller *controller, const char *host, const char *device)
{
	size_t index;
	json_t *interface;
	json_array_foreach (reports_interfaces(controller, host), index, interface) {
		if (!strcmp(json_string_value(json_object_get(interface, "name")), device))
			return interface;
	}
	return NULL;
}

const json_t *reports_port(
	const struct controller *controller, const char *host, const char *tenant, const char *name)
{
	const struct report *report = report_find(controller, host);
	char key[OBJECT_PATH_TEXT];
	return report ? json_object_get(
				report->ports, object_path_of(MODEL_PORT, tenant, name, key))
		      : NULL;
}

const json_t *reports_agent(const struct controller *controller, const char *host)
{
	const struct report *report = report_find(controller, host);
	return report ? report->agent : NULL;
}

const json_t *reports_drops(const struct controller *controller, const char *host)
{
	const struct report *report = report_find(controller, host);
	return report ? report->drops : NULL;
}

void reports_rules(const struct controller *controller, const struct object *policy,
	reports_visit visit, void *context)
{
	char path[OBJECT_PATH_TEXT];
	object_path(policy, path);
	const struct report *report;
	for (report = controller->reports->by_host; report; report = report->hh.next) {
		size_t index;
		json_t *rule;
		json_array_foreach (json_object_get(report->rules, path), index, rule)
			visit(context, rule);
	}
}

uint64_t reports_realized(const struct controller *controller, const char *host)
{
	const struct report *report = report_find(controller, host);
	return report ? report->realized : 0;
}

void handle_interfaces(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	if (!catalog_find(controller->catalog, MODEL_HOST, NULL, target->name)) {
		error_set(&error, ENOENT, "there is no host %s", target->name);
		error_set_object(&error, "hosts/%s", target->name);
		request_refuse(request, &error);
		return;
	}
	json_t *items = json_array(), *interface;
	size_t index;
	json_array_foreach (reports_interfaces(controller, target->name), index, interface)
		if (access_sees_device(controller, &request->identity, target->name,
			    json_string_value(json_object_get(interface, "name"))))
			json_array_append(items, interface);
	request_answer(request, 200,
		json_pack("{s:s, s:b, s:o}", "host", target->name, "connected",
			presence_connected(controller, target->name, NULL), "items", items));
}
