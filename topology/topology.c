// SPDX-License-Identifier: Apache-2.0
#include "topology/topology.h"

#include <stdlib.h>

#include "base/memory.h"
#include "graph.h"
#include "group.h"
#include "roll.h"
#include "segments.h"

struct topology {
	struct graph graph;
};

void topology_new(struct topology **out)
{
	*out = memory_new(sizeof(**out));
	graph_init(&(*out)->graph);
}

void topology_free(struct topology *topology)
{
	if (!topology)
		return;
	graph_done(&topology->graph);
	free(topology);
}

// ---- applying changes ----

// A host and an object whose place in the host's set may have changed. It need not have: each
// candidate is asked what holds at both moments, so that only the list has to be long enough.
struct candidate {
	struct node *node;
	struct host_node *host;
	bool gone;
};

static const UT_icd candidate_icd = {sizeof(struct candidate), NULL, NULL, NULL};

static void add(UT_array *candidates, struct host_node *host, struct node *node)
{
	struct candidate candidate = {node, host, false};
	utarray_push_back(candidates, &candidate);
}

static void add_for_group(UT_array *candidates, const struct group *group, struct node *node)
{
	each_link (link, &group->members)
		add(candidates, link->member->host, node);
}

// For all who reach the network, or did.
static void add_for_members(
	UT_array *candidates, const struct network_node *network, struct node *node)
{
	if (!network)
		return;
	add_for_group(candidates, &network->segment[NOW]->group, node);
	if (network->segment[BEFORE] != network->segment[NOW])
		add_for_group(candidates, &network->segment[BEFORE]->group, node);
}

// All on a network for one host.
static void add_network(UT_array *candidates, struct host_node *host, struct network_node *network)
{
	add(candidates, host, &network->node);
	for (struct port_node *port = network->ports; port; port = port->hh.next)
		add(candidates, host, &port->node);
	each_pointer (struct router_node, router, &network->routers)
		add(candidates, host, &(*router)->node);
}

// All of a segment for one of its hosts.
static void add_segment(UT_array *candidates, struct host_node *host, const struct segment *segment)
{
	for (struct network_node *network = segment->networks; network; network = network->next)
		add_network(candidates, host, network);
}

// It came into another segment with all that is on it. Hosts that came or went with it are
// candidates as members.
static void add_moved(UT_array *candidates, struct network_node *network)
{
	for (enum moment moment = BEFORE; moment <= NOW; moment++)
		each_link (link, &network->segment[moment]->group.members)
			add_network(candidates, link->member->host, network);
}

// All who may need the host's object. What the host itself needs changes with its members: one
// that comes or goes has no ports before, or after.
static void add_host(UT_array *candidates, struct host_node *host)
{
	UT_array peers;
	group_peers(host, &peers);
	each_pointer (struct host_node, peer, &peers)
		add(candidates, *peer, &host->node);
	utarray_done(&peers);
}

static void add_node(UT_array *candidates, struct node *node)
{
	switch (node->kind) {
	case MODEL_HOST:
		add_host(candidates, (struct host_node *)node);
		break;
	case MODEL_NETWORK:
		add_for_members(candidates, (struct network_node *)node, node);
		break;
	case MODEL_PORT: {
		struct port_node *port = (struct port_node *)node;
		add_for_members(candidates, port->network[NOW], node);
		if (port->network[BEFORE] != port->network[NOW])
			add_for_members(candidates, port->network[BEFORE], node);
		break;
	}
	case MODEL_ROUTER: {
		struct router_node *router = (struct router_node *)node;
		add_for_members(candidates, router->network[NOW], node);
		if (router->network[BEFORE] != router->network[NOW])
			add_for_members(candidates, router->network[BEFORE], node);
		break;
	}
	case MODEL_ADDRESS_SET:
	case MODEL_POLICY:
		add_for_group(candidates, &((struct item_node *)node)->tenant->group, node);
		break;
	case MODEL_TENANT:
	case MODEL_TOKEN:
	case MODEL_ENROLMENT:
	case MODEL_KIND_COUNT:
		break;
	}
}

// The host entered or left the group: it needs all of it or none, and the hosts of a segment each
// other.
static void add_member(UT_array *candidates, const struct member *member)
{
	if (!member->ports[BEFORE] == !member->ports[NOW])
		return;
	if (member->group->tenant) {
		for (struct item_node *item = graph_tenant_of(member)->items; item;
			item = item->next)
			add(candidates, member->host, &item->node);
		return;
	}
	add_segment(candidates, member->host, graph_segment_of(member));
	each_link (link, &member->group->members) {
		struct host_node *other = link->member->host;
		if (other == member->host)
			continue;
		add(candidates, member->host, &other->node);
		add(candidates, other, &member->host->node);
	}
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

// Kinds refer to earlier kinds only. All hosts of one object come in a row, for callers that encode
// it once.
static int compare_candidates(const void *first, const void *second)
{
	const struct candidate *a = first, *b = second;
	if (a->node->kind != b->node->kind)
		return a->node->kind < b->node->kind ? -1 : 1;
	if (a->node != b->node)
		return compare_numbers(a->node->serial, b->node->serial);
	return compare_numbers(a->host->node.serial, b->host->node.serial);
}

static bool same(const struct candidate *a, const struct candidate *b)
{
	return a->node == b->node && a->host == b->host;
}

static void emit_differences(UT_array *candidates, topology_emit emit, void *context)
{
	if (utarray_len(candidates) == 0)
		return;
	utarray_sort(candidates, compare_candidates);
	struct candidate *first = (struct candidate *)utarray_front(candidates), *last = NULL;
	size_t count = utarray_len(candidates);
	for (struct candidate *each = first; each < first + count; each++) {
		if (last && same(last, each))
			continue;
		last = each;
		struct object *const *object = each->node->object;
		bool before = graph_needs(each->host, each->node, BEFORE);
		bool now = graph_needs(each->host, each->node, NOW);
		each->gone = before && !now;
		if (now && (!before || object[BEFORE] != object[NOW]))
			emit(context, each->host->name, before ? object[BEFORE] : NULL,
				object[NOW]);
	}
	while (count--)
		if (first[count].gone)
			emit(context, first[count].host->name, first[count].node->object[BEFORE],
				NULL);
}

static void apply(struct topology *topology, topology_emit emit, void *context)
{
	struct graph *graph = &topology->graph;
	segments_sort(graph);
	if (emit) {
		UT_array candidates;
		utarray_init(&candidates, &candidate_icd);
		each_pointer (struct node, node, &graph->staged_nodes)
			add_node(&candidates, *node);
		each_pointer (struct member, member, &graph->staged_members)
			add_member(&candidates, *member);
		each_pointer (struct network_node, network, &graph->moved)
			add_moved(&candidates, *network);
		each_pointer (struct host_node, host, &graph->rehung)
			add_host(&candidates, *host);
		emit_differences(&candidates, emit, context);
		utarray_done(&candidates);
	}
	rolls_touch(graph);
	graph_settle(graph);
}

void topology_apply(struct topology *topology, const struct topology_change *changes, size_t count,
	topology_emit emit, void *context)
{
	for (size_t i = 0; i < count; i++)
		graph_stage(&topology->graph, changes[i].before, changes[i].after);
	apply(topology, emit, context);
}

void topology_relay(struct topology *topology, const char *name, const char *relay,
	topology_emit emit, void *context)
{
	struct host_node *host = graph_find_host(&topology->graph, name);
	if (!host || !host->node.object[NOW])
		return;
	graph_stage_relay(&topology->graph, host, relay);
	apply(topology, emit, context);
}

// ---- questions ----

static void emit_node(
	const struct host_node *host, const struct node *node, topology_emit emit, void *context)
{
	if (node->object[NOW])
		emit(context, host->name, NULL, node->object[NOW]);
}

static void emit_networks(struct host_node *host, topology_emit emit, void *context)
{
	each_link (link, &host->segments) {
		struct network_node *network = graph_segment_of(link->member)->networks;
		for (; network; network = network->next)
			emit_node(host, &network->node, emit, context);
	}
}

static void emit_ports(struct host_node *host, topology_emit emit, void *context)
{
	each_link (link, &host->segments) {
		struct network_node *network = graph_segment_of(link->member)->networks;
		for (; network; network = network->next)
			for (struct port_node *port = network->ports; port; port = port->hh.next)
				emit_node(host, &port->node, emit, context);
	}
}

// A router is on several networks, and told on the one that stands for all.
static void emit_routers(struct host_node *host, topology_emit emit, void *context)
{
	each_link (link, &host->segments) {
		struct network_node *network = graph_segment_of(link->member)->networks;
		for (; network; network = network->next)
			each_pointer (struct router_node, router, &network->routers)
				if ((*router)->network[NOW] == network)
					emit_node(host, &(*router)->node, emit, context);
	}
}

static void emit_items(
	struct host_node *host, enum model_kind kind, topology_emit emit, void *context)
{
	each_link (link, &host->tenants) {
		struct item_node *item = graph_tenant_of(link->member)->items;
		for (; item; item = item->next)
			if (item->node.kind == kind)
				emit_node(host, &item->node, emit, context);
	}
}

void topology_host(
	const struct topology *topology, const char *name, topology_emit emit, void *context)
{
	struct host_node *host = graph_find_host(&topology->graph, name);
	if (!host || !host->node.object[NOW])
		return;
	UT_array peers;
	group_peers(host, &peers);
	each_pointer (struct host_node, peer, &peers)
		emit_node(host, &(*peer)->node, emit, context);
	utarray_done(&peers);
	emit_networks(host, emit, context);
	emit_ports(host, emit, context);
	emit_routers(host, emit, context);
	emit_items(host, MODEL_ADDRESS_SET, emit, context);
	emit_items(host, MODEL_POLICY, emit, context);
}

static bool is_there(const struct host_node *host)
{
	return host && (host->relay || host->node.object[NOW]);
}

size_t topology_rolls(struct topology *topology, const char *name, struct topology_roll ***out)
{
	struct host_node *host = graph_find_host(&topology->graph, name);
	*out = NULL;
	return is_there(host) ? rolls_of(host, out) : 0;
}

uint64_t topology_digest(struct topology *topology, const char *name)
{
	struct host_node *host = graph_find_host(&topology->graph, name);
	return is_there(host) ? rolls_digest(host) : 0;
}

typedef void (*visit_host)(void *context, const char *host);

static void visit_group(const struct group *group, visit_host visit, void *context)
{
	each_link (link, &group->members)
		if (link->member->host->node.object[NOW])
			visit(context, link->member->host->name);
}

static void visit_segment(const struct network_node *network, visit_host visit, void *context)
{
	if (network)
		visit_group(&network->segment[NOW]->group, visit, context);
}

static void visit_peers(struct host_node *host, visit_host visit, void *context)
{
	if (!host || !host->node.object[NOW])
		return;
	UT_array peers;
	group_peers(host, &peers);
	each_pointer (struct host_node, peer, &peers)
		if ((*peer)->node.object[NOW])
			visit(context, (*peer)->name);
	utarray_done(&peers);
}

void topology_interested(const struct topology *topology, const struct object *object,
	void (*visit)(void *context, const char *host), void *context)
{
	const struct graph *graph = &topology->graph;
	const char *tenant = object->tenant, *name = object->name;
	const struct port_node *port;
	const struct router_node *router;
	const struct item_node *item;
	switch (object->kind) {
	case MODEL_HOST:
		visit_peers(graph_find_host(graph, name), visit, context);
		break;
	case MODEL_NETWORK:
		visit_segment(graph_find_network(graph, tenant, name), visit, context);
		break;
	case MODEL_PORT:
		port = graph_find_port(graph, object);
		visit_segment(port ? port->network[NOW] : NULL, visit, context);
		break;
	case MODEL_ROUTER:
		router = graph_find_router(graph, tenant, name);
		visit_segment(router ? router->network[NOW] : NULL, visit, context);
		break;
	case MODEL_ADDRESS_SET:
	case MODEL_POLICY:
		item = graph_find_item(graph, object);
		if (item)
			visit_group(&item->tenant->group, visit, context);
		break;
	case MODEL_TENANT:
	case MODEL_TOKEN:
	case MODEL_ENROLMENT:
	case MODEL_KIND_COUNT:
		break;
	}
}
