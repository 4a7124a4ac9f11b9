// SPDX-License-Identifier: Apache-2.0
#include "agent/agent.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <sys/utsname.h>
#include <utarray.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "content.h"
#include "daemon.h"
#include "trace.h"

enum { RETRY_MS = 1000, COUNT_MS = 2000, AUDIT_SECONDS = 10 };
// A table of 262,144 connections in 16 seconds, some milliseconds a step, while there is something to remove. To look for it costs
// as much as the table has buckets, be it empty.
enum { EXPIRE_MS = 1000, EXPIRE_IDLE_MS = 4000, EXPIRE_ROWS = 16384 };

// ---- bringing the host to what the view says ----

static void forget_warnings(struct agent *agent)
{
	json_decref(steal(agent->warnings));
}

static void find_underlay(struct agent *agent)
{
	const struct link *link;
	if (!agent->underlay_stale)
		return;
	agent->underlay_stale = false;
	forget_warnings(agent);
	link = links_readdress(agent->links, &agent->vtep);
	uint32_t ifindex = link ? link->ifindex : 0;
	if (ifindex != agent->underlay) {
		log_info("the underlay is %s", link ? link->name : "on no link");
		agent->neighbors_stale = true;
	}
	agent->underlay = ifindex;
	compiler_underlay(agent->compiler, ifindex, link ? link->mtu : 0);
}

static void want_port(void *context, const struct compiler_port *port)
{
	struct agent *agent = context;
	const struct link *link = links_find(agent->links, port->ifindex);
	if (port->ifindex && !port->problem && port->ifindex != agent->underlay &&
		!content_link_problem(link, attachments_holds(agent->attachments, port->ifindex)))
		attachments_want(agent->attachments, port->ifindex, port->device, DATAPATH_PORT);
}

static int attach(struct agent *agent, bool audit, struct error *error)
{
	const struct link *underlay = links_find(agent->links, agent->underlay);
	attachments_begin(agent->attachments);
	compiler_ports(agent->compiler, want_port, agent);
	if (underlay)
		attachments_want(
			agent->attachments, underlay->ifindex, underlay->name, DATAPATH_UNDERLAY);
	return attachments_end(agent->attachments, audit, error);
}

struct vteps {
	const struct agent *agent;
	UT_array *list;
};

static void add_vtep(void *context, const struct object *object)
{
	struct vteps *vteps = context;
	const struct host *host = (const struct host *)object;
	if (strcmp(object->name, vteps->agent->host) && !address_is_zero(&host->vtep))
		utarray_push_back(vteps->list, &host->vtep);
}

static void keep_neighbors(struct agent *agent)
{
	UT_icd icd = {sizeof(struct address), NULL, NULL, NULL};
	UT_array list;
	struct error error = {0};
	struct vteps vteps = {agent, &list};
	agent->neighbors_stale = false;
	utarray_init(&list, &icd);
	if (agent->underlay)
		view_each(&agent->view, MODEL_HOST, add_vtep, &vteps);
	int result = neighbors_update(
		agent->neighbors, utarray_front(&list), utarray_len(&list), &error);
	utarray_done(&list);
	bool was = agent->route_failure;
	free(agent->route_failure);
	agent->route_failure = result ? memory_text(error.message) : NULL;
	if (result && !was)
		log_warning("%s", error.message);
	if (was != !!result)
		agent_report_note(agent->report, REPORT_AGENT);
}

static void set_failure(struct agent *agent, const struct error *error)
{
	char text[900];
	const char *now = error->code ? error_format(error, text, sizeof(text)) : NULL;
	if (now && (!agent->failure || strcmp(now, agent->failure)))
		log_warning("revision %llu is not realized: %s",
			(unsigned long long)agent->view.revision, now);
	free(agent->failure);
	agent->failure = memory_text(now);
	if (!now)
		agent->realized = agent->view.revision;
	else
		agent_timer_start(agent->retry, RETRY_MS, 0);
}

// Devices are looked at, and ports reported, where something of either has changed or failed.
static void apply(void *context)
{
	struct agent *agent = context;
	struct error error = {0};
	if (!agent->synced)
		return;
	agent_timer_stop(agent->apply_soon);
	agent_timer_stop(agent->retry);
	bool devices = agent->devices_stale || agent->underlay_stale || agent->failure;
	find_underlay(agent);
	program_apply(agent->program, &error);
	if (devices || error.code ||
		compiler_ports_changes(agent->compiler) != agent->ports_changes) {
		agent->devices_stale = false;
		agent->ports_changes = compiler_ports_changes(agent->compiler);
		attach(agent, false, &error);
		agent_report_note(agent->report, REPORT_PORTS);
	}
	if (agent->neighbors_stale)
		keep_neighbors(agent);
	services_refresh(agent->services);
	set_failure(agent, &error);
	agent_report_note(agent->report, REPORT_REALIZED | REPORT_AGENT | REPORT_RULES);
}

// What is seen of the host comes in bursts: once for all that comes in one turn of the loop.
static void soon(struct agent *agent)
{
	agent->devices_stale = true;
	if (agent->synced && !agent_timer_active(agent->apply_soon))
		agent_timer_start(agent->apply_soon, 0, 0);
}

// ---- what the controller says ----

static void adopt(void *context, const struct link *link)
{
	struct agent *agent = context;
	attachments_adopt(agent->attachments, link->ifindex, link->name);
}

static void note_kinds(struct agent *agent, const struct batch *batch)
{
	const struct batch_item *item = NULL;
	bool hosts = batch->snapshot, networks = hosts;
	while ((!hosts || !networks) && (item = utarray_next(&batch->items, item))) {
		hosts = hosts || item->kind == MODEL_HOST;
		networks = networks || item->kind == MODEL_NETWORK;
	}
	if (hosts || networks)
		forget_warnings(agent);
	if (!hosts)
		return;
	agent->neighbors_stale = true;
	const struct object *self = view_find(&agent->view, MODEL_HOST, NULL, agent->host);
	if (!self || !address_compare(&((const struct host *)self)->vtep, &agent->vtep))
		return;
	agent->vtep = ((const struct host *)self)->vtep;
	agent->underlay_stale = true;
}

static void take_batch(void *context, const struct batch *batch)
{
	struct agent *agent = context;
	view_apply(&agent->view, batch, agent->compiler);
	services_take(agent->services, batch);
	note_kinds(agent, batch);
	if (!agent->synced)
		links_each(agent->links, adopt, agent);
	agent->synced = true;
	apply(agent);
	agent_report_online(agent->report, true);
}

static void stream_lost(void *context)
{
	struct agent *agent = context;
	agent_report_online(agent->report, false);
}

static void tell_what_is_held(void *context, uint64_t *revision, uint64_t *digest)
{
	const struct agent *agent = context;
	*revision = agent->view.revision;
	*digest = agent->view.digest;
}

static const struct object *find_held(
	void *context, enum model_kind kind, const char *tenant, const char *name)
{
	const struct agent *agent = context;
	return view_find(&agent->view, kind, tenant, name);
}

static void diverged(void *context)
{
	struct agent *agent = context;
	agent->divergences++;
	agent_report_note(agent->report, REPORT_AGENT);
}

// "report": whoever passes this host's reports on speaks to another controller now, or the same
// anew.
static int take_message(void *context, const char *type, json_t *message)
{
	struct agent *agent = context;
	if (!strcmp(type, "trace")) {
		agent_answers_ask(agent->answers, message);
	} else if (!strcmp(type, "report")) {
		agent_report_online(agent->report, false);
		agent_report_online(agent->report, true);
	} else {
		return -EPROTO;
	}
	return 0;
}

static bool find_next_hop(void *context, const struct dp_address *vtep, struct dp_mac *out)
{
	struct agent *agent = context;
	struct address address;
	struct mac mac = {{0}};
	memcpy(&address, vtep, sizeof(address));
	if (neighbors_find(agent->neighbors, &address, &mac))
		return false;
	memcpy(out, &mac, sizeof(mac));
	return true;
}

static json_t *answer(void *context, const json_t *question)
{
	struct agent *agent = context;
	const struct link *underlay = links_find(agent->links, agent->underlay);
	struct trace_world world = {
		.host = agent->host,
		.view = &agent->view,
		.compiler = agent->compiler,
		.datapath = agent->datapath,
		.underlay = agent->underlay,
		.underlay_mac = underlay ? underlay->mac : (struct mac){{0}},
		.resolve = find_next_hop,
		.resolve_context = agent,
	};
	return trace_answer(&world, question);
}

// ---- what the host's network says ----

struct named {
	const char *name;
	bool found;
};

static void compare_name(void *context, const struct link *link)
{
	struct named *named = context;
	named->found = named->found || !strcmp(link->name, named->name);
}

static void name_gone(struct agent *agent, const char *name)
{
	// Where links swap names, another may have this one already.
	struct named named = {.name = name};
	if (agent->links)
		links_each(agent->links, compare_name, &named);
	if (!named.found)
		compiler_device(agent->compiler, name, NULL);
}

static void link_changed(void *context, const struct link *before, const struct link *after)
{
	struct agent *agent = context;
	if (before && (!after || strcmp(before->name, after->name)))
		name_gone(agent, before->name);
	if (after) {
		struct compiler_device device = {
			.ifindex = after->ifindex,
			.device = after->peer ? DP_DEVICE_PEER : DP_DEVICE_PLAIN,
		};
		compiler_device(agent->compiler, after->name, &device);
		attachments_rename(agent->attachments, after->ifindex, after->name);
	} else {
		attachments_forget(agent->attachments, before->ifindex);
	}
	uint32_t ifindex = after ? after->ifindex : before->ifindex;
	if (!agent->underlay || agent->underlay == ifindex)
		agent->underlay_stale = true;
	agent_report_note(agent->report, REPORT_INTERFACES);
	soon(agent);
}

static void addresses_changed(void *context)
{
	struct agent *agent = context;
	agent->underlay_stale = true;
	soon(agent);
}

// ---- timers ----

static void audit_devices(struct agent *agent)
{
	struct error error = {0};
	if (links_resync(agent->links, &error))
		log_warning("%s", error.message);
	int repaired = attach(agent, true, &error);
	if (repaired > 0)
		agent->reattached += repaired;
	agent->devices_stale = agent->devices_stale || repaired < 0;
	if (repaired)
		agent_report_note(agent->report, REPORT_AGENT | REPORT_PORTS | REPORT_INTERFACES);
	keep_neighbors(agent);
}

// One table a tick, then the devices, so that a host with many rows does not stop for all of them
// at once.
static void audit(void *context)
{
	struct agent *agent = context;
	struct error error = {0};
	int step = agent->audit_step;
	if (!agent->synced)
		return;
	agent->audit_step = (step + 1) % (DP_TABLE_COUNT + 1);
	if (step == DP_TABLE_COUNT) {
		audit_devices(agent);
		return;
	}
	int repaired = program_audit(agent->program, step, &error);
	if (repaired > 0)
		agent_report_note(agent->report, REPORT_AGENT);
	if (repaired < 0) {
		agent->devices_stale = true;
		apply(agent);
	}
}

static void keep_counters(void *context, const struct compiler_port *port)
{
	struct agent *agent = context;
	struct port_counters *entry;
	HASH_FIND(hh, agent->counters.ports, &port->key, sizeof(port->key), entry);
	if (entry)
		entry->known = true;
}

static void count_rules(struct agent *agent)
{
	struct error error = {0};
	if (decisions_collect(&agent->decisions, agent->datapath, agent->compiler, &error) < 0)
		log_warning("%s", error.message);
	int moved = rules_collect(&agent->rule_counts, agent->datapath, agent->compiler, &error);
	if (moved < 0)
		log_warning("%s", error.message);
	if (moved > 0)
		agent_report_note(agent->report, REPORT_RULES);
}

static void count(void *context)
{
	struct agent *agent = context;
	struct error error = {0};
	if (!agent->synced)
		return;
	count_rules(agent);
	if (services_moved(agent->services))
		agent_report_note(agent->report, REPORT_AGENT);
	int moved = counters_collect(&agent->counters, agent->datapath, &error);
	if (moved < 0)
		log_warning("%s", error.message);
	if (crowding_collect(
		    &agent->crowding, agent->compiler, &agent->counters, clock_monotonic_ms()))
		agent_report_note(agent->report, REPORT_AGENT);
	if (moved <= 0)
		return;
	compiler_ports(agent->compiler, keep_counters, agent);
	for (const struct port_counters *entry = agent->counters.ports; entry;
		entry = entry->hh.next) {
		if (entry->port && !entry->known)
			datapath_counters_forget(agent->datapath, entry->port);
	}
	agent_report_note(agent->report, REPORT_PORTS | REPORT_DROPS);
}

// Memory of connections that nobody uses any more. Without the agent, packets still find them expired.
static void expire(void *context)
{
	struct agent *agent = context;
	struct error error = {0};
	int removed = datapath_expire(agent->datapath, clock_monotonic_ns(), EXPIRE_ROWS, &error);
	if (removed < 0)
		log_warning("%s", error.message);
	agent_timer_start(agent->expire, removed > 0 ? EXPIRE_MS : EXPIRE_IDLE_MS, 0);
}

// ---- life ----

static char *registration_of(const struct agent_options *options)
{
	const char *encap = options->encap ? options->encap : "geneve";
	if (!options->vtep)
		return NULL;
	json_t *json = json_pack("{s:s,s:s}", "vtep", options->vtep, "encap", encap);
	char *text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return text;
}

static int check_options(const struct agent_options *options, struct error *error)
{
	struct address address;
	int result = model_name_check(options->host, error);
	if (result)
		return result;
	if (options->vtep && address_parse(options->vtep, &address))
		return error_set(error, EINVAL, "the VTEP %s is not an IP address", options->vtep);
	if (options->encap && strcmp(options->encap, "geneve") && strcmp(options->encap, "vxlan"))
		return error_set(error, EINVAL, "the encapsulation %s is neither geneve nor vxlan",
			options->encap);
	return 0;
}

static void start_timers(struct agent *agent, uv_loop_t *loop, unsigned audit_seconds)
{
	uint64_t step =
		(audit_seconds ? audit_seconds : AUDIT_SECONDS) * 1000 / (DP_TABLE_COUNT + 1);
	agent_timer_new(&agent->apply_soon, loop, apply, agent);
	agent_timer_new(&agent->retry, loop, apply, agent);
	agent_timer_new(&agent->audit, loop, audit, agent);
	agent_timer_new(&agent->count, loop, count, agent);
	agent_timer_start(agent->audit, step, step);
	agent_timer_start(agent->count, COUNT_MS, COUNT_MS);
	agent_timer_new(&agent->expire, loop, expire, agent);
	agent_timer_start(agent->expire, EXPIRE_MS, 0);
}

static int start_parts(struct agent *agent, uv_loop_t *loop, const struct agent_options *options,
	struct error *error)
{
	struct links_events link_events = {link_changed, addresses_changed, agent};
	struct http_client_options http = {
		.servers = options->controller,
		.certificate = options->certificate,
		.key = options->key,
		.authority = options->authority,
		.seed = options->host,
	};
	const char *provider = options->provider ? options->provider : "kernel";
	int result = datapath_open(&agent->datapath, provider, options->state, error);
	if (result)
		return result;
	compiler_new(&agent->compiler, options->host);
	program_new(&agent->program, agent->datapath, agent->compiler);
	attachments_new(&agent->attachments, agent->datapath);
	start_timers(agent, loop, options->audit_seconds);
	http_client_new(&agent->http, loop, &http);
	agent_report_new(&agent->report, loop, agent->http, options->host, content_build, agent);
	agent_answers_new(&agent->answers, loop, agent->http, options->host, answer, agent);
	agent_renewal_new(&agent->renewal, loop, agent->http, options->host, options->certificate,
		options->key);
	result = services_new(&agent->services, loop, agent->datapath, agent->compiler, error);
	if (!result)
		result = neighbors_new(&agent->neighbors, error);
	if (!result)
		result = links_new(&agent->links, loop, &link_events, error);
	return result;
}

int agent_start(struct agent **out, uv_loop_t *loop, const struct agent_options *options,
	struct error *error)
{
	struct utsname kernel;
	int result = check_options(options, error);
	if (result)
		return result;
	struct agent *agent = memory_new(sizeof(*agent));
	agent->host = memory_text(options->host);
	agent->kernel = memory_text(uname(&kernel) ? "" : kernel.release);
	agent->underlay_stale = true;
	if (options->vtep)
		address_parse(options->vtep, &agent->vtep);
	result = start_parts(agent, loop, options, error);
	if (result) {
		agent_stop(agent);
		return result;
	}
	const struct stream_events events = {
		.batch = take_batch,
		.lost = stream_lost,
		.message = take_message,
		.context = agent,
		.holds = tell_what_is_held,
		.find = find_held,
		.diverged = diverged,
	};
	cleanup_free char *registration = registration_of(options);
	cleanup_free char *path = memory_format("/v1/hosts/%s", options->host);
	agent_stream_new(&agent->stream, loop, agent->http, path, registration, &events);
	*out = agent;
	return 0;
}

void agent_stop(struct agent *agent)
{
	if (!agent)
		return;
	agent_stream_free(agent->stream);
	agent_report_free(agent->report);
	agent_renewal_free(agent->renewal);
	agent_answers_free(agent->answers);
	http_client_free(agent->http);
	agent_timer_free(&agent->apply_soon);
	agent_timer_free(&agent->retry);
	agent_timer_free(&agent->audit);
	agent_timer_free(&agent->count);
	agent_timer_free(&agent->expire);
	services_free(agent->services);
	links_free(agent->links);
	neighbors_free(agent->neighbors);
	attachments_free(agent->attachments);
	program_free(agent->program);
	compiler_free(agent->compiler);
	datapath_close(agent->datapath);
	counters_done(&agent->counters);
	rules_done(&agent->rule_counts);
	decisions_done(&agent->decisions);
	crowding_done(&agent->crowding);
	told_forget(&agent->told_interfaces);
	told_forget(&agent->told_ports);
	view_done(&agent->view);
	forget_warnings(agent);
	free(agent->failure);
	free(agent->route_failure);
	free(agent->kernel);
	free(agent->host);
	free(agent);
}
