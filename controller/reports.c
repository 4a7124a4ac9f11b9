// SPDX-License-Identifier: Apache-2.0
#include "reports.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "access.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/table.h"
#include "handler.h"
#include "presence.h"
#include "records.h"
#include "revisions.h"
#include "suspicion.h"

enum list { LIST_INTERFACES, LIST_PORTS, LIST_COUNT };

static const struct {
	const char *whole, *changed, *gone; // members of a report
} lists[LIST_COUNT] = {
	[LIST_INTERFACES] = {"interfaces", "interfaces_changed", "interfaces_gone"},
	[LIST_PORTS] = {"ports", "ports_changed", "ports_gone"},
};

struct report {
	char host[64];
	uint64_t realized;
	char *failure;             // why it cannot realize what it was sent; NULL: it can
	json_t *agent, *drops;     // objects; NULL: not reported
	struct records interfaces; // by name
	struct records ports;      // by "acme/web1"; without tenant and name
	bool whole[LIST_COUNT];    // the list was once reported whole, so that changes can follow
	uint64_t foreign_ports;    // told of ports that are elsewhere, so often
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
	records_clear(&report->interfaces);
	records_clear(&report->ports);
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

static int check_names(const json_t *json, const char *list, struct error *error)
{
	size_t index;
	json_t *name;
	json_array_foreach (json_object_get(json, list), index, name) {
		if (json_is_string(name))
			continue;
		error_set_field(error, "%s[%zu]", list, index);
		return error_set(error, EINVAL, "%s must list names", list);
	}
	return 0;
}

static int report_check(const json_t *json, struct error *error)
{
	static const struct member top[] = {
		{"realized", JSON_INTEGER},
		{"failure", JSON_STRING},
		{"agent", JSON_OBJECT},
		{"interfaces", JSON_ARRAY},
		{"interfaces_changed", JSON_ARRAY},
		{"interfaces_gone", JSON_ARRAY},
		{"ports", JSON_ARRAY},
		{"ports_changed", JSON_ARRAY},
		{"ports_gone", JSON_ARRAY},
		{"drops", JSON_OBJECT},
		{"rules", JSON_ARRAY},
	};
	static const struct member interfaces[] = {{"name", JSON_STRING, true},
		{"ifindex", JSON_INTEGER}, {"role", JSON_STRING}, {"use", JSON_STRING}};
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
		{"log", JSON_ARRAY},
	};
	int rc = 0;
	for (size_t i = 0; !rc && i < array_count(top); i++)
		rc = check_member(json, &top[i], error);
	static const char *const interface_lists[] = {"interfaces", "interfaces_changed"};
	static const char *const port_lists[] = {"ports", "ports_changed"};
	for (size_t i = 0; !rc && i < array_count(interface_lists); i++)
		rc = check_list(
			json, interface_lists[i], interfaces, array_count(interfaces), error);
	for (size_t i = 0; !rc && i < array_count(port_lists); i++)
		rc = check_list(json, port_lists[i], ports, array_count(ports), error);
	if (!rc)
		rc = check_names(json, "interfaces_gone", error);
	if (!rc)
		rc = check_names(json, "ports_gone", error);
	if (!rc)
		rc = check_list(json, "rules", rules, array_count(rules), error);
	if (rc < 0)
		return rc;
	json_int_t realized = json_integer_value(json_object_get(json, "realized"));
	if (realized < 0) {
		error_set_field(error, "realized");
		rc = error_set(
			error, EINVAL, "there is no revision %" JSON_INTEGER_FORMAT, realized);
	}
	return rc;
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

static void take_interfaces(struct report *report, const json_t *list)
{
	size_t index;
	json_t *interface;
	json_array_foreach (list, index, interface)
		records_put(&report->interfaces,
			json_string_value(json_object_get(interface, "name")), interface);
}

// The name is in the key.
static void take_ports(struct report *report, const json_t *list)
{
	size_t index;
	json_t *port;
	char key[OBJECT_PATH_TEXT];
	json_array_foreach (list, index, port) {
		const char *tenant = json_string_value(json_object_get(port, "tenant"));
		const char *name = json_string_value(json_object_get(port, "name"));
		if (model_name_check(tenant, NULL) || model_name_check(name, NULL))
			continue;
		snprintf(key, sizeof(key), "%s/%s", tenant, name);
		json_t *rest = json_copy(port);
		json_object_del(rest, "tenant");
		json_object_del(rest, "name");
		records_put(&report->ports, key, rest);
		json_decref(rest);
	}
}

static void remove_all(struct records *records, const json_t *names)
{
	size_t index;
	json_t *name;
	json_array_foreach (names, index, name)
		records_remove(records, json_string_value(name));
}

static void take_lists(struct report *report, const json_t *json)
{
	const json_t *interfaces = json_object_get(json, "interfaces");
	const json_t *ports = json_object_get(json, "ports");
	if (interfaces)
		records_clear(&report->interfaces);
	if (ports)
		records_clear(&report->ports);
	report->whole[LIST_INTERFACES] = report->whole[LIST_INTERFACES] || interfaces;
	report->whole[LIST_PORTS] = report->whole[LIST_PORTS] || ports;
	take_interfaces(report, interfaces);
	take_ports(report, ports);
	remove_all(&report->interfaces, json_object_get(json, "interfaces_gone"));
	remove_all(&report->ports, json_object_get(json, "ports_gone"));
	take_interfaces(report, json_object_get(json, "interfaces_changed"));
	take_ports(report, json_object_get(json, "ports_changed"));
}

// Differences follow something whole, and that may have been told to another controller.
static int check_differences(const struct report *report, const json_t *json, struct error *error)
{
	for (size_t i = 0; i < LIST_COUNT; i++) {
		if (report->whole[i] || json_object_get(json, lists[i].whole) ||
			(!json_object_get(json, lists[i].changed) &&
				!json_object_get(json, lists[i].gone)))
			continue;
		error_set_field(error, "%s", lists[i].whole);
		return error_set(error, ESTALE,
			"the %s of this host are not known, of which some are told to have changed",
			lists[i].whole);
	}
	return 0;
}

static int check_bounds(const struct report *report, const json_t *json, struct error *error)
{
	const size_t held[LIST_COUNT] = {report->interfaces.count, report->ports.count};
	int rc = 0;
	for (size_t i = 0; !rc && i < LIST_COUNT; i++)
		rc = suspicion_bound(json, lists[i].whole, lists[i].changed, held[i], error);
	return rc;
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

static void take(struct controller *controller, struct report *report, const json_t *json)
{
	replace(&report->agent, json, "agent");
	replace(&report->drops, json, "drops");
	take_lists(report, json);
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

int reports_accept(
	struct controller *controller, const char *host, const json_t *json, struct error *error)
{
	if (!catalog_find(controller->catalog, MODEL_HOST, NULL, host)) {
		error_set_object(error, "hosts/%s", host);
		return error_set(error, ENOENT, "there is no host %s", host);
	}
	struct report *report = report_get(controller, host);
	int rc = report_check(json, error);
	if (!rc)
		rc = check_differences(report, json, error);
	if (!rc)
		rc = check_bounds(report, json, error);
	if (rc < 0)
		return rc;
	take(controller, report, json);
	report->foreign_ports += suspicion_foreign_ports(controller, host, report->realized, json);
	if (json_is_integer(json_object_get(json, "realized")))
		presence_answered(controller, host);
	return 0;
}

// The other controller has judged it, and may know more than this one yet.
void reports_hear(struct controller *controller, const char *host, const json_t *json)
{
	struct report *report = report_get(controller, host);
	struct error error = {0};
	if (report_check(json, &error) < 0 || check_differences(report, json, &error) < 0)
		log_warning("a report of host %s that another controller tells is ignored: %s",
			host, error.message);
	else
		take(controller, report, json);
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

static json_t *encode_interfaces(const struct report *report)
{
	json_t *list = json_array();
	for (size_t i = 0; i < report->interfaces.count; i++)
		json_array_append_new(list, records_at(&report->interfaces, i, NULL));
	return list;
}

static json_t *encode_ports(const struct report *report)
{
	json_t *list = json_array();
	for (size_t i = 0; i < report->ports.count; i++) {
		const char *key;
		json_t *port = records_at(&report->ports, i, &key);
		const char *slash = strchr(key, '/');
		json_object_set_new(port, "tenant", json_stringn(key, (size_t)(slash - key)));
		json_object_set_new(port, "name", json_string(slash + 1));
		json_array_append_new(list, port);
	}
	return list;
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
	if (report->whole[LIST_INTERFACES])
		json_object_set_new(json, "interfaces", encode_interfaces(report));
	if (report->whole[LIST_PORTS])
		json_object_set_new(json, "ports", encode_ports(report));
	if (report->rules) {
		json_t *rules = json_array();
		json_object_foreach (report->rules, key, value)
			json_array_extend(rules, value);
		json_object_set_new(json, "rules", rules);
	}
	return json;
}

// ---- reading ----

// Those that this one may see.
static json_t *interfaces_of(
	const struct controller *controller, const struct identity *identity, const char *host)
{
	const struct report *report = report_find(controller, host);
	json_t *list = json_array();
	const char *name;
	for (size_t i = 0; report && i < report->interfaces.count; i++) {
		json_t *interface = records_at(&report->interfaces, i, &name);
		if (access_sees_device(controller, identity, host, name))
			json_array_append(list, interface);
		json_decref(interface);
	}
	return list;
}

json_t *reports_interface(const struct controller *controller, const char *host, const char *device)
{
	const struct report *report = report_find(controller, host);
	return report ? records_get(&report->interfaces, device) : NULL;
}

json_t *reports_port(
	const struct controller *controller, const char *host, const char *tenant, const char *name)
{
	const struct report *report = report_find(controller, host);
	char key[OBJECT_PATH_TEXT];
	snprintf(key, sizeof(key), "%s/%s", tenant, name);
	return report ? records_get(&report->ports, key) : NULL;
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
		json_t *rule, *rules = json_object_get(report->rules, path);
		if (!rules ||
			!catalog_host_carries(controller->catalog, report->host, policy->tenant))
			continue;
		json_array_foreach (rules, index, rule)
			visit(context, report->host, rule);
	}
}

uint64_t reports_foreign_ports(const struct controller *controller, const char *host)
{
	const struct report *report = report_find(controller, host);
	return report ? report->foreign_ports : 0;
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
	request_answer(request, 200,
		json_pack("{s:s, s:b, s:o}", "host", target->name, "connected",
			presence_connected(controller, target->name, NULL), "items",
			interfaces_of(controller, &request->identity, target->name)));
}
