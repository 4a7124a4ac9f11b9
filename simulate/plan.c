// SPDX-License-Identifier: Apache-2.0
#include "plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
	SIZE_LEAST = 8,
	SIZE_MOST = 1000,
	TIERS = 3,
	TIERED_FROM = 12, // ports of a tenant with three networks
	HOST_SHARE = 25,  // ports of one tenant on one host
	HOSTS_LEAST = 3,
	OPERATIONS = 400, // of a transaction
	GROUP_RULES = 10,
};
static const double exponent = 1.3;
static const char *const roles[TIERS] = {"web", "app", "db"};

// ---- drawing ----

// splitmix64 (Steele, Lea, Flood 2014): every state gives a good number.
static uint64_t draw(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

// The inverse of the distribution's function.
static size_t draw_size(uint64_t *state)
{
	double part = (double)(draw(state) >> 11) / (double)(UINT64_C(1) << 53);
	double least = pow(SIZE_LEAST, exponent), most = pow(SIZE_MOST, exponent);
	return (size_t)pow(-(part * most - part * least - most) / (most * least), -1 / exponent);
}

static size_t greatest_common_divisor(size_t a, size_t b)
{
	return b ? greatest_common_divisor(b, a % b) : a;
}

// ---- tenants ----

static void add_tenant(
	struct plan *plan, size_t first, size_t ports, const char *group, uint64_t *state)
{
	if (plan->count == plan->capacity) {
		plan->capacity = plan->capacity ? 2 * plan->capacity : 64;
		plan->tenants =
			memory_resize(plan->tenants, plan->capacity, sizeof(*plan->tenants));
	}
	size_t hosts = (ports + HOST_SHARE - 1) / HOST_SHARE;
	if (hosts < HOSTS_LEAST)
		hosts = HOSTS_LEAST;
	if (hosts > ports)
		hosts = ports;
	if (hosts > plan->hosts)
		hosts = plan->hosts;
	// Without a common divisor all steps lead to different hosts.
	size_t step = 1 + draw(state) % plan->hosts;
	while (greatest_common_divisor(step, plan->hosts) != 1)
		step++;
	plan->tenants[plan->count++] = (struct plan_tenant){
		.first = first,
		.ports = ports,
		.networks = group                 ? (uint32_t)(ports / PLAN_GROUP_SMALL)
			    : ports < TIERED_FROM ? 1
						  : TIERS,
		.joined = !group && ports >= TIERED_FROM,
		.hosts = (uint32_t)hosts,
		.place = draw(state) % plan->hosts,
		.step = step,
		.group = group,
	};
}

void plan_init(struct plan *plan, size_t hosts, size_t ports, uint64_t seed)
{
	uint64_t state = seed,
		 groups = ~seed; // whether there are groups leaves the others as they are
	size_t next = 0;
	*plan = (struct plan){.hosts = hosts, .ports = ports};
	if (ports >= 2 * PLAN_GROUP_SMALL) {
		add_tenant(plan, next, PLAN_GROUP_SMALL, "1000", &groups);
		next += PLAN_GROUP_SMALL;
	}
	if (ports >= 2 * PLAN_GROUP_LARGE) {
		add_tenant(plan, next, PLAN_GROUP_LARGE, "10000", &groups);
		next += PLAN_GROUP_LARGE;
	}
	while (next < ports) {
		size_t size = draw_size(&state);
		if (size > ports - next)
			size = ports - next;
		add_tenant(plan, next, size, NULL, &state);
		next += size;
	}
}

void plan_done(struct plan *plan)
{
	free(plan->tenants);
	*plan = (struct plan){0};
}

const struct plan_tenant *plan_group(const struct plan *plan, const char *group)
{
	for (size_t i = 0; i < plan->count && plan->tenants[i].group; i++)
		if (!strcmp(plan->tenants[i].group, group))
			return &plan->tenants[i];
	return NULL;
}

const struct plan_tenant *plan_others(const struct plan *plan)
{
	const struct plan_tenant *tenant = plan->tenants;
	while (tenant->group)
		tenant++;
	return tenant;
}

const struct plan_tenant *plan_tenant_of(const struct plan *plan, size_t port)
{
	size_t low = 0, high = plan->count - 1; // the last whose first port is not beyond
	while (low < high) {
		size_t middle = high - (high - low) / 2;
		if (plan->tenants[middle].first <= port)
			low = middle;
		else
			high = middle - 1;
	}
	return &plan->tenants[low];
}

size_t plan_concerned(const struct plan *plan, size_t *out)
{
	bool *known = memory_new(plan->hosts * sizeof(*known));
	const struct plan_tenant *end = plan->tenants + plan->count;
	size_t last = plan_others(plan)->first + PLAN_CHANGED, count = 0;
	for (const struct plan_tenant *tenant = plan->tenants; tenant < end && tenant->first < last;
		tenant++)
		for (size_t n = 0; n < tenant->hosts; n++) {
			size_t host = plan_host(plan, tenant, n);
			if (!known[host])
				out[count++] = host;
			known[host] = true;
		}
	free(known);
	return count;
}

// ---- names and places ----

const char *plan_tenant_name(const struct plan *plan, const struct plan_tenant *tenant, char *text)
{
	if (tenant->group)
		snprintf(text, PLAN_NAME, "group%s", tenant->group);
	else
		snprintf(text, PLAN_NAME, "t%zu", (size_t)(tenant - plan->tenants));
	return text;
}

const char *plan_host_name(size_t host, char *text)
{
	snprintf(text, PLAN_NAME, "h%zu", host);
	return text;
}

const char *plan_port_name(size_t port, char *text)
{
	snprintf(text, PLAN_NAME, "p%zu", port);
	return text;
}

const char *plan_device_name(size_t port, char *text)
{
	snprintf(text, PLAN_NAME, "tap%zu", port);
	return text;
}

// Neighbors in number share a network and a host only by chance: each is dealt by itself.
static size_t network_of(const struct plan_tenant *tenant, size_t port)
{
	return (port - tenant->first) % tenant->networks;
}

static const char *network_name(const struct plan_tenant *tenant, size_t network, char *text)
{
	if (tenant->networks == TIERS)
		snprintf(text, PLAN_NAME, "%s", roles[network]);
	else
		snprintf(text, PLAN_NAME, "n%zu", network);
	return text;
}

const char *plan_network_name(const struct plan_tenant *tenant, size_t port, char *text)
{
	return network_name(tenant, network_of(tenant, port), text);
}

const char *plan_role(size_t port)
{
	return roles[port % TIERS];
}

size_t plan_host(const struct plan *plan, const struct plan_tenant *tenant, size_t n)
{
	return (tenant->place + n % tenant->hosts * tenant->step) % plan->hosts;
}

// A network of a large tenant is on a part of its hosts only.
size_t plan_port_host(const struct plan *plan, const struct plan_tenant *tenant, size_t port)
{
	size_t index = port - tenant->first;
	size_t share = tenant->hosts / tenant->networks;
	if (tenant->joined || tenant->networks == 1 || !share)
		return plan_host(plan, tenant, index / tenant->networks);
	return plan_host(
		plan, tenant, network_of(tenant, port) * share + index / tenant->networks % share);
}

// ---- objects ----

json_t *plan_host_object(size_t host)
{
	return json_pack("{s:o}", "vtep",
		json_sprintf("172.%zu.%zu.%zu", 16 + (host >> 16), host >> 8 & 255, host & 255));
}

json_t *plan_port_object(const struct plan *plan, const struct plan_tenant *tenant, size_t port)
{
	char network[PLAN_NAME], host[PLAN_NAME], device[PLAN_NAME];
	json_t *labels = json_pack("{s:s}", "role", plan_role(port - tenant->first));
	if (tenant->group)
		json_object_set_new(labels, "group", json_string(tenant->group));
	return json_pack("{s:s,s:o,s:s,s:s}", "network", plan_network_name(tenant, port, network),
		"labels", labels, "host", plan_host_name(plan_port_host(plan, tenant, port), host),
		"device", plan_device_name(port, device));
}

static json_t *network_object(size_t network)
{
	return json_pack("{s:[o,o]}", "subnets", json_sprintf("10.%zu.0.0/16", network),
		json_sprintf("fd00:0:0:%zx::/64", network));
}

static json_t *router_object(const struct plan_tenant *tenant)
{
	char name[PLAN_NAME];
	json_t *networks = json_array();
	for (size_t i = 0; i < tenant->networks; i++)
		json_array_append_new(networks, json_string(network_name(tenant, i, name)));
	return json_pack("{s:o}", "networks", networks);
}

static json_t *tier_policy(size_t tier)
{
	static const char *const services[TIERS] = {"tcp/443", "tcp/8080", "tcp/5432"};
	json_t *from = tier ? json_sprintf("role=%s", roles[tier - 1]) : json_string("any");
	return json_pack("{s:o,s:[{s:s,s:o,s:[s],s:s}]}", "applies_to",
		json_sprintf("role=%s", roles[tier]), "rules", "name", "tier", "from", from,
		"ports", services[tier], "action", "allow");
}

json_t *plan_group_policy(const struct plan_tenant *tenant, unsigned service)
{
	json_t *rules = json_array();
	for (unsigned i = 0; i < GROUP_RULES; i++)
		json_array_append_new(rules,
			json_pack("{s:o,s:o,s:[o],s:s}", "name", json_sprintf("r%u", i), "from",
				json_sprintf("192.0.2.%u", i), "ports",
				json_sprintf("tcp/%u", i ? 9000 + i : service), "action", "allow"));
	return json_pack(
		"{s:o,s:o}", "applies_to", json_sprintf("group=%s", tenant->group), "rules", rules);
}

// ---- transactions ----

json_t *plan_operation(
	const char *op, const char *kind, const char *tenant, const char *name, json_t *object)
{
	return json_pack("{s:s,s:s,s:s*,s:s,s:o*}", "op", op, "kind", kind, "tenant", tenant,
		"name", name, "object", object);
}

struct writer {
	const struct plan *plan;
	json_t *operations;
	plan_visit visit;
	void *context;
	int result;
};

static void flush(struct writer *writer)
{
	json_t *operations = writer->operations;
	writer->operations = json_array();
	if (!json_array_size(operations) || writer->result)
		json_decref(operations);
	else
		writer->result = writer->visit(
			writer->context, json_pack("{s:o}", "operations", operations));
}

static void write_object(struct writer *writer, const char *kind, const char *tenant,
	const char *name, json_t *object)
{
	json_array_append_new(
		writer->operations, plan_operation("put", kind, tenant, name, object));
}

static void write_policies(
	struct writer *writer, const struct plan_tenant *tenant, const char *name)
{
	for (size_t tier = 0; tier < TIERS; tier++)
		write_object(writer, "policy", name, roles[tier], tier_policy(tier));
	if (tenant->group)
		write_object(writer, "policy", name, "group", plan_group_policy(tenant, 9000));
}

static void write_tenant(struct writer *writer, const struct plan_tenant *tenant)
{
	char name[PLAN_NAME], text[PLAN_NAME];
	plan_tenant_name(writer->plan, tenant, name);
	write_object(writer, "tenant", NULL, name, json_object());
	for (size_t i = 0; i < tenant->networks; i++)
		write_object(
			writer, "network", name, network_name(tenant, i, text), network_object(i));
	if (tenant->joined)
		write_object(writer, "router", name, "main", router_object(tenant));
	write_policies(writer, tenant, name);
	for (size_t i = 0; i < tenant->ports; i++) {
		size_t port = tenant->first + i;
		write_object(writer, "port", name, plan_port_name(port, text),
			plan_port_object(writer->plan, tenant, port));
		if (tenant->group && json_array_size(writer->operations) >= OPERATIONS)
			flush(writer);
	}
}

int plan_transactions(const struct plan *plan, plan_visit visit, void *context)
{
	struct writer writer = {plan, json_array(), visit, context, 0};
	char name[PLAN_NAME];
	for (size_t host = 0; host < plan->hosts && !writer.result; host++) {
		write_object(
			&writer, "host", NULL, plan_host_name(host, name), plan_host_object(host));
		if (json_array_size(writer.operations) >= OPERATIONS)
			flush(&writer);
	}
	flush(&writer);
	for (size_t i = 0; i < plan->count && !writer.result; i++) {
		write_tenant(&writer, &plan->tenants[i]);
		if (json_array_size(writer.operations) >= OPERATIONS)
			flush(&writer);
	}
	flush(&writer);
	json_decref(writer.operations);
	return writer.result;
}
