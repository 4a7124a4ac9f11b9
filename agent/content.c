// SPDX-License-Identifier: Apache-2.0
#include "content.h"

#include <stdio.h>

#include "base/memory.h"
#include "daemon.h"
#include "warnings.h"

const char *content_link_use(const struct link *link)
{
	if (link->addressed)
		return "carries addresses of the host";
	return link->member ? "belongs to a bridge, bond or VRF" : NULL;
}

json_t *content_interface(const struct link *link, const char *role)
{
	char mac[MAC_TEXT];
	return json_pack("{s:s,s:I,s:s,s:s,s:I,s:b,s:s?,s:s?}", "name", link->name, "ifindex",
		(json_int_t)link->ifindex, "kind", link->kind, "mac", mac_format(&link->mac, mac),
		"mtu", (json_int_t)link->mtu, "up", link->up, "role", role, "use",
		content_link_use(link));
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

static void add_gone(void *context, const char *name)
{
	json_array_append_new(context, json_string(name));
}

void content_list_begin(struct content_list *list, struct told *told, bool whole)
{
	*list = (struct content_list){told, whole, json_array(), json_array()};
	if (whole)
		told_forget(told);
	told_begin(told);
}

void content_list_end(struct content_list *list, const char *name, json_t *report)
{
	char text[32];
	told_end(list->told, add_gone, list->gone);
	if (list->whole) {
		json_object_set(report, name, list->items);
	} else if (json_array_size(list->items)) {
		snprintf(text, sizeof(text), "%s_changed", name);
		json_object_set(report, text, list->items);
	}
	if (json_array_size(list->gone)) {
		snprintf(text, sizeof(text), "%s_gone", name);
		json_object_set(report, text, list->gone);
	}
	json_decref(list->items);
	json_decref(list->gone);
}

void content_list_interface(struct content_list *list, const struct link *link, const char *role)
{
	uint64_t digest = told_digest_text(TOLD_SEED, link->kind);
	digest = told_digest(digest, &link->mac, sizeof(link->mac));
	digest = told_digest(digest, &link->mtu, sizeof(link->mtu));
	digest = told_digest(digest, &link->up, sizeof(link->up));
	digest = told_digest_text(digest, role);
	digest = told_digest_text(digest, content_link_use(link));
	if (told_look(list->told, link->ifindex, link->name, digest, add_gone, list->gone))
		json_array_append_new(list->items, content_interface(link, role));
}

static uint64_t digest_counters(uint64_t digest, const struct port_counters *counters)
{
	if (!counters)
		return digest;
	digest = told_digest(digest, &counters->counters, sizeof(counters->counters));
	for (unsigned i = 0; i < utarray_len(&counters->drops); i++) {
		const struct drop_count *drop = (const void *)utarray_eltptr(&counters->drops, i);
		digest = told_digest(digest, &drop->reason, sizeof(drop->reason));
		digest = told_digest(digest, &drop->drops, sizeof(drop->drops));
	}
	return digest;
}

void content_list_port(struct content_list *list, const struct compiler_port *port,
	const char *problem, const struct port_counters *counters)
{
	char name[OBJECT_PATH_TEXT];
	uint64_t digest = told_digest_text(TOLD_SEED, problem);
	digest = told_digest_text(told_digest_text(digest, port->tenant), port->name);
	digest = told_digest(digest, &port->ifindex, sizeof(port->ifindex));
	digest = digest_counters(digest, counters);
	if (told_still(list->told, port->key, digest))
		return;
	snprintf(name, sizeof(name), "%s/%s", port->tenant, port->name);
	if (told_look(list->told, port->key, name, digest, add_gone, list->gone))
		json_array_append_new(list->items, content_port(port, problem, counters));
}

struct listing {
	struct agent *agent;
	struct content_list list;
};

static void add_interface(void *context, const struct link *link)
{
	struct listing *listing = context;
	const char *role = attachments_role(listing->agent->attachments, link->ifindex);
	content_list_interface(&listing->list, link, role);
}

const char *content_link_problem(const struct link *link, bool held)
{
	if (!link)
		return NULL;
	if (mac_is_zero(&link->mac))
		return "the device is no Ethernet interface";
	if (!held && link->addressed)
		return "the device carries addresses of the host";
	return !held && link->member ? "the device belongs to a bridge, bond or VRF" : NULL;
}

static const char *port_problem(const struct agent *agent, const struct compiler_port *port)
{
	char path[OBJECT_PATH_TEXT];
	if (port->problem)
		return port->problem;
	if (port->ifindex && port->ifindex == agent->underlay)
		return "the device carries the VTEP of the host";
	const char *unfit = content_link_problem(links_find(agent->links, port->ifindex),
		attachments_holds(agent->attachments, port->ifindex));
	if (unfit)
		return unfit;
	const char *failure = attachments_failure(agent->attachments, port->ifindex);
	if (failure || !program_failed(agent->program))
		return failure;
	object_path_of(MODEL_PORT, port->tenant, port->name, path);
	return program_failure(agent->program, path);
}

static void add_port(void *context, const struct compiler_port *port)
{
	struct listing *listing = context;
	const struct agent *agent = listing->agent;
	content_list_port(&listing->list, port, port_problem(agent, port),
		counters_find(&agent->counters, port->key));
}

// They follow from hosts, networks and the underlay, and are kept until one of these changes.
static json_t *warnings_now(struct agent *agent)
{
	const struct link *underlay = links_find(agent->links, agent->underlay);
	if (!agent->warnings)
		agent->warnings =
			warnings_encode(&agent->view, agent->host, &agent->vtep, underlay);
	return json_copy(agent->warnings);
}

static json_t *agent_encode(struct agent *agent)
{
	size_t rows = 0;
	json_t *warnings = warnings_now(agent);
	if (agent->route_failure)
		json_array_append_new(warnings, json_string(agent->route_failure));
	crowding_warn(&agent->crowding, warnings);
	for (int table = 0; table < DP_TABLE_COUNT; table++)
		rows += compiler_count(agent->compiler, table);
	return json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:o,s:o}", "version", WEFT_VERSION, "kernel",
		agent->kernel, "rows", (json_int_t)rows, "writes",
		(json_int_t)datapath_writes(agent->datapath), "repairs",
		(json_int_t)(program_repairs(agent->program) + agent->reattached), "divergences",
		(json_int_t)agent->divergences, "warnings", warnings, "services",
		services_encode(agent->services));
}

json_t *content_build(void *context, unsigned members, bool whole)
{
	struct agent *agent = context;
	struct listing listing = {.agent = agent};
	json_t *report = json_object();
	if (members & REPORT_REALIZED) {
		json_object_set_new(report, "realized", json_integer(agent->realized));
		json_object_set_new(report, "failure",
			agent->failure ? json_string(agent->failure) : json_null());
	}
	if (members & REPORT_AGENT)
		json_object_set_new(report, "agent", agent_encode(agent));
	if (members & REPORT_INTERFACES) {
		content_list_begin(&listing.list, &agent->told_interfaces, whole);
		links_each(agent->links, add_interface, &listing);
		content_list_end(&listing.list, "interfaces", report);
	}
	if (members & REPORT_PORTS) {
		content_list_begin(&listing.list, &agent->told_ports, whole);
		compiler_ports(agent->compiler, add_port, &listing);
		content_list_end(&listing.list, "ports", report);
	}
	if (members & REPORT_DROPS) {
		json_t *drops = counters_encode_drops(counters_find(&agent->counters, 0));
		json_object_set_new(report, "drops", drops ? drops : json_object());
	}
	if (members & REPORT_RULES)
		json_object_set_new(report, "rules",
			rules_encode(&agent->rule_counts, agent->compiler, &agent->decisions));
	return report;
}
