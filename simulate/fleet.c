// SPDX-License-Identifier: Apache-2.0
#include "fleet.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "base/memory.h"
#include "content.h"

enum {
	UNDERLAY_IFINDEX = 2,
	UNDERLAY_MTU = 1600,
	DEVICE_MTU = 1500,
	FIRST_TAP = 100,
	FIRST_SPARE = 1 << 28
};

// ---- devices ----

// Whatever device a port names is there; its number follows from its name.
static uint32_t ifindex_of(const char *device)
{
	unsigned number = 0;
	if (sscanf(device, "spare%u", &number) == 1)
		return FIRST_SPARE + number;
	sscanf(device, "tap%u", &number);
	return FIRST_TAP + number;
}

static void see_device(const char *host, const struct object *object, struct compiler *compiler)
{
	const struct port *port = (const struct port *)object;
	if (!object || object->kind != MODEL_PORT || !port->host || !port->device ||
		strcmp(port->host, host))
		return;
	struct compiler_device device = {ifindex_of(port->device), DP_DEVICE_PEER};
	compiler_device(compiler, port->device, &device);
}

void fleet_devices(const struct fleet_host *host, struct object *const *objects, size_t count,
	struct compiler *compiler)
{
	compiler_underlay(compiler, UNDERLAY_IFINDEX, UNDERLAY_MTU);
	for (size_t i = 0; i < count; i++)
		see_device(host->name, objects[i], compiler);
}

static struct link device_link(const char *name)
{
	struct link link = {.ifindex = ifindex_of(name), .mtu = DEVICE_MTU, .up = true};
	snprintf(link.name, sizeof(link.name), "%s", name);
	snprintf(link.kind, sizeof(link.kind), "tun");
	link.mac =
		(struct mac){{0x06, 0, (uint8_t)(link.ifindex >> 24), (uint8_t)(link.ifindex >> 16),
			(uint8_t)(link.ifindex >> 8), (uint8_t)link.ifindex}};
	return link;
}

// ---- reports: what an agent says, of the devices that are imagined ----

static void add_interfaces(const struct fleet_host *host, struct content_list *list)
{
	char name[PLAN_NAME];
	for (size_t i = 0; i < FLEET_SPARES; i++) {
		snprintf(name, sizeof(name), "spare%zu", i);
		struct link link = device_link(name);
		content_list_interface(list, &link, NULL);
	}
	for (size_t i = 0; i < host->port_count; i++) {
		struct link link = device_link(plan_device_name(host->ports[i], name));
		content_list_interface(list, &link, "port");
	}
}

static json_t *agent_encode(const struct fleet_host *host)
{
	size_t rows = 0;
	for (int table = 0; table < DP_TABLE_COUNT; table++)
		rows += compiler_count(host->compiler, table);
	return json_pack("{s:s,s:s,s:I,s:I,s:I,s:[],s:{}}", "version", WEFT_VERSION, "kernel",
		"simulated", "rows", (json_int_t)rows, "writes",
		(json_int_t)datapath_writes(host->datapath), "repairs",
		(json_int_t)program_repairs(host->program), "warnings", "services");
}

struct listing {
	const struct fleet_host *host;
	struct content_list list;
};

static void add_port(void *context, const struct compiler_port *port)
{
	struct listing *listing = context;
	char path[OBJECT_PATH_TEXT];
	const char *problem = port->problem;
	if (!problem && listing->host->failure)
		problem = program_failure(listing->host->program,
			object_path_of(MODEL_PORT, port->tenant, port->name, path));
	content_list_port(&listing->list, port, problem, NULL);
}

// A light host tells of the ports of the plan, as if it had realized them.
static void add_ports_of_plan(const struct fleet_host *host, struct content_list *list)
{
	const struct plan *plan = host->fleet->plan;
	char tenant[PLAN_NAME], name[PLAN_NAME];
	for (size_t i = 0; i < host->port_count; i++) {
		size_t number = host->ports[i];
		struct compiler_port port = {
			.tenant = plan_tenant_name(plan, plan_tenant_of(plan, number), tenant),
			.name = plan_port_name(number, name),
			.ifindex = FIRST_TAP + (uint32_t)number,
			.key = (uint32_t)number,
		};
		content_list_port(list, &port, NULL, NULL);
	}
}

static json_t *report_content(void *context, unsigned members, bool whole)
{
	struct fleet_host *host = context;
	struct listing listing = {.host = host};
	json_t *report = json_object();
	host->fleet->counts.reports++;
	if (members & REPORT_REALIZED) {
		json_object_set_new(report, "realized", json_integer((json_int_t)host->realized));
		json_object_set_new(report, "failure",
			host->failure ? json_string(host->failure) : json_null());
	}
	if (members & REPORT_AGENT && !host->light)
		json_object_set_new(report, "agent", agent_encode(host));
	if (members & REPORT_INTERFACES) {
		content_list_begin(&listing.list, &host->told_interfaces, whole);
		add_interfaces(host, &listing.list);
		content_list_end(&listing.list, "interfaces", report);
	}
	if (members & REPORT_PORTS) {
		content_list_begin(&listing.list, &host->told_ports, whole);
		if (host->light)
			add_ports_of_plan(host, &listing.list);
		else
			compiler_ports(host->compiler, add_port, &listing);
		content_list_end(&listing.list, "ports", report);
	}
	if (members & REPORT_DROPS)
		json_object_set_new(report, "drops", json_object());
	if (members & REPORT_RULES)
		json_object_set_new(report, "rules", json_array());
	return report;
}

// ---- what the controller says ----

static void set_failure(struct fleet_host *host, const struct error *error)
{
	char text[900];
	free(host->failure);
	host->failure = error->code ? memory_text(error_format(error, text, sizeof(text))) : NULL;
	if (!error->code)
		host->realized = host->view.revision;
}

static void stop_waiting(struct fleet_host *host)
{
	struct fleet *fleet = host->fleet;
	if (!host->waits)
		return;
	host->waits = false;
	DL_DELETE(fleet->waiting, host);
	if (!fleet->waiting)
		uv_idle_stop(fleet->turns);
}

static void note_connected(struct fleet_host *host)
{
	if (host->connected)
		return;
	host->fleet->connected++;
	host->connected = true;
	agent_report_online(host->report, true);
}

static void realize(struct fleet_host *host)
{
	struct error error = {0};
	uint64_t written = datapath_writes(host->datapath);
	bool failed = host->failure;
	program_apply(host->program, &error);
	set_failure(host, &error);
	host->fleet->counts.rows += datapath_writes(host->datapath) - written;
	agent_report_note(host->report, REPORT_REALIZED | REPORT_AGENT | REPORT_RULES);
	if (failed || error.code || compiler_ports_changes(host->compiler) != host->ports_changes)
		agent_report_note(host->report, REPORT_PORTS);
	host->ports_changes = compiler_ports_changes(host->compiler);
	note_connected(host);
}

// One host a turn of the loop, so that what it reports is on its way while the next one works.
static void realize_next(uv_idle_t *turns)
{
	struct fleet *fleet = turns->data;
	struct fleet_host *host = fleet->waiting;
	stop_waiting(host);
	realize(host);
}

static void take_batch(void *context, const struct batch *batch)
{
	struct fleet_host *host = context;
	struct fleet *fleet = host->fleet;
	const struct batch_item *item = NULL;
	while ((item = utarray_next(&batch->items, item)))
		see_device(host->name, item->object, host->compiler);
	view_apply(&host->view, batch, host->compiler);
	fleet->counts.batches++;
	fleet->counts.items += utarray_len(&batch->items);
	if (host->waits)
		return;
	host->waits = true;
	DL_APPEND(fleet->waiting, host);
	uv_idle_start(fleet->turns, realize_next);
}

static void take_light_batch(void *context, uint64_t revision, uint64_t objects)
{
	struct fleet_host *host = context;
	host->realized = revision;
	host->fleet->counts.batches++;
	host->fleet->counts.items += objects;
	agent_report_note(host->report, REPORT_REALIZED);
	note_connected(host);
}

static void stream_lost(void *context)
{
	struct fleet_host *host = context;
	stop_waiting(host); // the next connection begins with a batch
	host->fleet->connected -= host->connected;
	host->connected = false;
	agent_report_online(host->report, false);
}

static void tell_what_is_held(void *context, uint64_t *revision, uint64_t *digest)
{
	const struct fleet_host *host = context;
	*revision = host->view.revision;
	*digest = host->view.digest;
}

static const struct object *find_held(
	void *context, enum model_kind kind, const char *tenant, const char *name)
{
	const struct fleet_host *host = context;
	return view_find(&host->view, kind, tenant, name);
}

static void diverged(void *context)
{
	struct fleet_host *host = context;
	host->fleet->counts.divergences++;
}

// Nobody asks a simulated host for a trace; a question without an answer times out. What a relay asks
// of its hosts, it does.
static int take_message(void *context, const char *type, json_t *message)
{
	struct fleet_host *host = context;
	(void)message;
	if (!strcmp(type, "report")) {
		agent_report_online(host->report, false);
		agent_report_online(host->report, true);
	}
	return 0;
}

// ---- life ----

static struct fleet_host *host_new(struct fleet *fleet, const char *name, bool light)
{
	struct fleet_host *host = memory_new(sizeof(*host));
	host->fleet = fleet;
	host->light = light;
	host->client = &fleet->clients[fleet->made++ % FLEET_CLIENTS];
	snprintf(host->name, sizeof(host->name), "%s", name);
	if (light)
		return host;
	datapath_open(&host->datapath, "native", NULL, NULL);
	compiler_new(&host->compiler, host->name);
	compiler_underlay(host->compiler, UNDERLAY_IFINDEX, UNDERLAY_MTU);
	program_new(&host->program, host->datapath, host->compiler);
	return host;
}

static void host_start(struct fleet_host *host, const char *registration)
{
	struct fleet *fleet = host->fleet;
	const struct stream_events events = {
		.batch = take_batch,
		.lost = stream_lost,
		.message = take_message,
		.context = host,
		.holds = tell_what_is_held,
		.find = find_held,
		.diverged = diverged,
	};
	cleanup_free char *path = memory_format("/v1/hosts/%s", host->name);
	struct light_events light_events = {take_light_batch, stream_lost, host};
	agent_report_new(&host->report, fleet->loop, host->client->reports, host->name,
		report_content, host);
	if (host->light)
		light_new(&host->light_stream, fleet->loop, host->client->streams, host->name,
			&light_events);
	else
		agent_stream_new(&host->stream, fleet->loop, host->client->streams, path,
			registration, &events);
}

static void host_free(struct fleet_host *host)
{
	host->fleet->connected -= host->connected;
	stop_waiting(host);
	light_free(host->light_stream);
	agent_stream_free(host->stream);
	agent_report_free(host->report);
	program_free(host->program);
	compiler_free(host->compiler);
	if (host->datapath)
		datapath_close(host->datapath);
	view_done(&host->view);
	told_forget(&host->told_interfaces);
	told_forget(&host->told_ports);
	free(host->failure);
	free(host);
}

// The ports of the plan in the order of their hosts: each host's are counted, then written.
static void deal_ports(struct fleet *fleet)
{
	const struct plan *plan = fleet->plan;
	size_t *next = fleet->ports = memory_new((plan->ports + 1) * sizeof(*fleet->ports));
	for (const struct plan_tenant *tenant = plan->tenants; tenant < plan->tenants + plan->count;
		tenant++)
		for (size_t port = tenant->first; port < tenant->first + tenant->ports; port++)
			fleet->hosts[plan_port_host(plan, tenant, port)]->port_count++;
	for (size_t i = 0; i < plan->hosts; i++) {
		fleet->hosts[i]->ports = next;
		next += fleet->hosts[i]->port_count;
		fleet->hosts[i]->port_count = 0;
	}
	for (const struct plan_tenant *tenant = plan->tenants; tenant < plan->tenants + plan->count;
		tenant++)
		for (size_t port = tenant->first; port < tenant->first + tenant->ports; port++) {
			struct fleet_host *host = fleet->hosts[plan_port_host(plan, tenant, port)];
			host->ports[host->port_count++] = port;
		}
}

// Which are not light: of those that changes concern as many as may be, then others.
static void choose(struct fleet *fleet)
{
	size_t *concerned = memory_new(fleet->count * sizeof(*concerned)), left = fleet->full;
	fleet->concerned = plan_concerned(fleet->plan, concerned);
	fleet->compiles = memory_new(fleet->count * sizeof(*fleet->compiles));
	for (size_t i = 0; i < fleet->concerned && left; i++, left--)
		fleet->compiles[concerned[i]] = true;
	for (size_t i = 0; i < fleet->count && left; i++) {
		left -= !fleet->compiles[i];
		fleet->compiles[i] = true;
	}
	free(concerned);
}

void fleet_init(struct fleet *fleet, uv_loop_t *loop, const struct fleet_client *clients,
	const struct plan *plan, size_t full)
{
	char name[PLAN_NAME];
	*fleet = (struct fleet){
		.loop = loop, .clients = clients, .plan = plan, .count = plan->hosts};
	fleet->full = full && full < plan->hosts ? full : plan->hosts;
	fleet->turns = memory_new(sizeof(*fleet->turns));
	fleet->turns->data = fleet;
	uv_idle_init(loop, fleet->turns);
	choose(fleet);
	fleet->hosts = memory_new(plan->hosts * sizeof(*fleet->hosts));
	for (size_t i = 0; i < plan->hosts; i++)
		fleet->hosts[i] = host_new(fleet, plan_host_name(i, name), !fleet->compiles[i]);
	deal_ports(fleet);
}

void fleet_start(struct fleet *fleet)
{
	for (size_t i = 0; i < fleet->count; i++)
		host_start(fleet->hosts[i], NULL);
}

static void turns_closed(uv_handle_t *turns)
{
	free(turns);
}

void fleet_done(struct fleet *fleet)
{
	for (size_t i = 0; i < fleet->count; i++)
		host_free(fleet->hosts[i]);
	if (fleet->turns)
		uv_close((uv_handle_t *)fleet->turns, turns_closed);
	free(fleet->hosts);
	free(fleet->compiles);
	free(fleet->ports);
}

void fleet_lost(struct fleet *fleet)
{
	for (size_t i = 0; i < fleet->count; i++)
		fleet->hosts[i]->connected = false;
	fleet->connected = 0;
}

struct fleet_host *fleet_join(struct fleet *fleet, const char *name, const char *vtep)
{
	struct fleet_host *host = host_new(fleet, name, false);
	cleanup_free char *registration =
		memory_format("{\"vtep\":\"%s\",\"encap\":\"geneve\"}", vtep);
	host_start(host, registration);
	return host;
}

void fleet_leave(struct fleet_host *host)
{
	host_free(host);
}
