// SPDX-License-Identifier: Apache-2.0
#include "status.h"

#include <string.h>

#include "access.h"
#include "handler.h"
#include "policy_status.h"
#include "reports.h"
#include "presence.h"

static json_t *host_status(const struct controller *controller, const struct host *host)
{
	const char *name = host->object.name;
	uint64_t since;
	bool connected = presence_connected(controller, name, &since);
	const json_t *agent = reports_agent(controller, name);
	const json_t *drops = reports_drops(controller, name);
	json_t *status =
		json_pack("{s:b, s:I, s:I}", "connected", connected, "since_ms", (json_int_t)since,
			"realized_revision", (json_int_t)reports_realized(controller, name));
	uint64_t foreign = reports_foreign_ports(controller, name);
	if (foreign)
		json_object_set_new(status, "foreign_ports", json_integer((json_int_t)foreign));
	if (agent)
		json_object_update_missing(status, (json_t *)agent);
	if (drops)
		json_object_set(status, "drops", (json_t *)drops);
	return status;
}

// What the agent says of a port counts for the port as it is now only if the agent has realized the
// revision that made it so.
static const char *port_state(
	const struct controller *controller, const struct port *port, const json_t *report)
{
	if (!port->host || !port->device)
		return "unplaced";
	const struct host *host =
		(struct host *)catalog_find(controller->catalog, MODEL_HOST, NULL, port->host);
	if (host && !host->managed)
		return "unmanaged";
	if (!presence_connected(controller, port->host, NULL))
		return "host-offline";
	const char *state = json_string_value(json_object_get(report, "state"));
	if (!state)
		return "pending";
	if (!strcmp(state, "missing-device"))
		return "missing-device";
	if (!strcmp(state, "realized") &&
		reports_realized(controller, port->host) >= port->object.revision)
		return "realized";
	return "pending";
}

static json_t *port_status(const struct controller *controller, const struct port *port)
{
	static const char *const taken[] = {"problem", "ifindex", "counters", "drops", NULL};
	json_t *report = NULL;
	if (port->host)
		report = reports_port(
			controller, port->host, port->object.tenant, port->object.name);
	json_t *status = json_pack("{s:s}", "state", port_state(controller, port, report));
	if (!report)
		return status;
	json_object_set_new(status, "realized_revision",
		json_integer((json_int_t)reports_realized(controller, port->host)));
	for (size_t i = 0; taken[i]; i++) {
		json_t *value = json_object_get(report, taken[i]);
		if (value)
			json_object_set(status, taken[i], value);
	}
	json_decref(report);
	return status;
}

json_t *status_encode(const struct controller *controller, const struct object *object)
{
	json_t *json = object_encode(object);
	if (object->kind == MODEL_HOST)
		json_object_set_new(
			json, "status", host_status(controller, (const struct host *)object));
	else if (object->kind == MODEL_PORT)
		json_object_set_new(
			json, "status", port_status(controller, (const struct port *)object));
	else if (object->kind == MODEL_POLICY)
		json_object_set_new(
			json, "status", policy_status(controller, (const struct policy *)object));
	return json;
}
