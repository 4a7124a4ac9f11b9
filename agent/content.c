// SPDX-License-Identifier: Apache-2.0
#include "content.h"

#include "base/memory.h"
#include "daemon.h"
#include "warnings.h"

json_t *content_interface(const struct link *link, const char *role)
{
	char mac[MAC_TEXT];
	return json_pack("{s:s,s:I,s:s,s:s,s:I,s:b,s:s?}", "name", link->name, "ifindex",
		(json_int_t)link->ifindex, "kind", link->kind, "mac", mac_format(&link->mac, mac),
		"mtu", (json_int_t)link->mtu, "up", link->up, "role", role);
}

json_t *content_port(
	const struct compiler_port *port, const char *problem, const struct port_counters *counters)
{
	const char *state = "realized";
	if (problem)
		state = "failed";
	else if (!port->ifindex)
		state = "missing-device";
	return json_pack("{s:s,s:s,s:s,s:s?,s:I,s:o*,s:o*}", "tenant", port->tenant, "name",
		port->name, "state", state, "problem", problem, "ifindex",
		(json_int_t)port->ifindex, "counters", counters_encode(counters), "drops",
		counters_encode_drops(counters));
}

// ---- lists ----

struct list {
	const struct agent *agent;
	json_t *items;
};

static void add_interface(void *context, const struct link *link)
{
	struct list *list = context;
	const char *role = attachments_role(list->agent->attachments, link->ifindex);
	json_array_append_new(list->items, content_interface(link, role));
}

const char *content_link_problem(const struct link *link)
{
	return link && mac_is_zero(&link->mac) ? "the device is no Ethernet interface" : NULL;
}

static const char *port_problem(const struct agent *agent, const struct compiler_port *port)
{
	char path[OBJECT_PATH_TEXT];
	if (port->problem)
		return port->problem;
	if (port->ifindex && port->ifindex == agent->underlay)
		return "the device carries the VTEP of the host";
	const char *unfit = content_link_problem(links_find(agent->links, port->ifindex));
	if (unfit)
		return unfit;
	const char *failure = attachments_failure(agent->attachments, port->ifindex);
	if (failure)
		return failure;
	object_path_of(MODEL_PORT, port->tenant, port->name, path);
	return program_failure(agent->program, path);
}

static void add_port(void *context, const struct compiler_port *port)
{
	struct list *list = context;
	const struct agent *agent = list->agent;
	json_array_append_new(list->items, content_port(port, port_problem(agent, port),
						   counters_find(&agent->counters, port->key)));
}

static json_t *agent_encode(const struct agent *agent)
{
	size_t rows = 0;
	const struct link *underlay = links_find(agent->links, agent->underlay);
	json_t *warnings = warnings_encode(&agent->view, agent->host, &agent->vtep, underlay);
	if (agent->route_failure)
		json_array_append_new(warnings, json_string(agent->route_failure));
	for (int table = 0; table < DP_TABLE_COUNT; table++)
		rows += compiler_count(agent->compiler, table);
	return json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:o,s:o}", "version", WEFT_VERSION, "kernel",
		agent->kernel, "rows", (json_int_t)rows, "writes",
		(json_int_t)datapath_writes(agent->datapath), "repairs",
		(json_int_t)(program_repairs(agent->program) + agent->reattached), "divergences",
		(json_int_t)agent->divergences, "warnings", warnings, "services",
		services_encode(agent->services));
}

json_t *content_build(void *context, unsigned members)
{
	const struct agent *agent = context;
	json_t *report = json_object();
	if (members & REPORT_REALIZED) {
		json_object_set_new(report, "realized", json_integer(agent->realized));
		json_object_set_new(report, "failure",
			agent->failure ? json_string(agent->failure) : json_null());
	}
	if (members & REPORT_AGENT)
		json_object_set_new(report, "agent", agent_encode(agent));
	if (members & REPORT_INTERFACES) {
		struct list list = {agent, json_array()};
		links_each(agent->links, add_interface, &list);
		json_object_set_new(report, "interfaces", list.items);
	}
	if (members & REPORT_PORTS) {
		struct list list = {agent, json_array()};
		compiler_ports(agent->compiler, add_port, &list);
		json_object_set_new(report, "ports", list.items);
	}
	if (members & REPORT_DROPS) {
		json_t *drops = counters_encode_drops(counters_find(&agent->counters, 0));
		json_object_set_new(report, "drops", drops ? drops : json_object());
	}
	if (members & REPORT_RULES)
		json_object_set_new(
			report, "rules", rules_encode(&agent->rule_counts, agent->compiler));
	return report;
}
