// SPDX-License-Identifier: Apache-2.0
#include "topology/topology.h"

#include <stdlib.h>

#include "base/memory.h"
#include "graph.h"

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

static void add_for_members(
	UT_array *candidates, const struct network_node *network, struct node *node)
{
	if (network)
		each_link (link, &network->segment->members)
			add(candidates, link->member->host, node);
}

// All of a segment for one of its hosts.
static void add_segment(UT_array *candidates, struct host_node *host, const struct segment *segment)
{
	struct network_node *network = segment->network;
	add(candidates, host, &network->node);
	for (struct port_node *port = network->ports; port; port = port->hh.next)
		add(candidates, host, &port->node);
}

// All who may need the host's object. What the host itself needs changes with its members: one
// that comes or goes has no ports before, or after.
static void add_host(UT_array *candidates, struct host_node *host)
{
	UT_array peers;
	graph_peers(host, &peers);
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
	case MODEL_ROUTER:
	case MODEL_ADDRESS_SET:
	case MODEL_POLICY:
	case MODEL_TENANT:
	case MODEL_KIND_COUNT:
		break;
	}
}

// The host entered or left the segment: it needs all of it or none, and the hosts there each other.
static void add_member(UT_array *candidates, const struct member *member)
{
	if (!member->ports[BEFORE] == !member->ports[NOW])
		return;
	add_segment(candidates, member->host, member->segment);
	each_link (link, &member->segment->members) {
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
			emit(context, each->host->name, object[NOW], false);
	}
	while (count--)
		if (first[count].gone)
			emit(context, first[count].host->name, first[count].node->object[BEFORE],
				true);
}

void topology_apply(struct topology *topology, const struct topology_change *changes, size_t count,
	topology_emit emit, void *context)
{
	struct graph *graph = &topology->graph;
	for (size_t i = 0; i < count; i++)
		graph_stage(graph, changes[i].before, changes[i].after);
	if (emit) {
		UT_array candidates;
		utarray_init(&candidates, &candidate_icd);
		each_pointer (struct node, node, &graph->staged_nodes)
			add_node(&candidates, *node);
		each_pointer (struct member, member, &graph->staged_members)
			add_member(&candidates, *member);
		emit_differences(&candidates, emit, context);
		utarray_done(&candidates);
	}
	graph_settle(graph);
}

// ---- questions ----

static void emit_node(
	const struct host_node *host, const struct node *node, topology_emit emit, void *context)
{
	if (node->object[NOW])
		emit(context, host->name, node->object[NOW], false);
}

void topology_host(
	const struct topology *topology, const char *name, topology_emit emit, void *context)
{
	struct host_node *host = graph_find_host(&topology->graph, name);
	if (!host || !host->node.object[NOW])
		return;
	UT_array peers;
	graph_peers(host, &peers);
	each_pointer (struct host_node, peer, &peers)
		emit_node(host, &(*peer)->node, emit, context);
	utarray_done(&peers);
	each_link (link, &host->members)
		emit_node(host, &link->member->segment->network->node, emit, context);
	each_link (link, &host->members) {
		struct port_node *port = link->member->segment->network->ports;
		for (; port; port = port->hh.next)
			emit_node(host, &port->node, emit, context);
	}
}

static void visit_members(const struct network_node *network,
	void (*visit)(void *context, const char *host), void *context)
{
	each_link (link, &network->segment->members)
		if (link->member->host->node.object[NOW])
			visit(context, link->member->host->name);
}

static void visit_peers(
	struct host_node *host, void (*visit)(void *context, const char *host), void *context)
{
	UT_array peers;
	graph_peers(host, &peers);
	each_pointer (struct host_node, peer, &peers)
		if ((*peer)->node.object[NOW])
			visit(context, (*peer)->name);
	utarray_done(&peers);
}

void topology_interested(const struct topology *topology, const struct object *object,
	void (*visit)(void *context, const char *host), void *context)
{
	const struct graph *graph = &topology->graph;
	if (object->kind == MODEL_HOST) {
		struct host_node *host = graph_find_host(graph, object->name);
		if (host && host->node.object[NOW])
			visit_peers(host, visit, context);
	} else if (object->kind == MODEL_NETWORK) {
		struct network_node *network =
			graph_find_network(graph, object->tenant, object->name);
		if (network)
			visit_members(network, visit, context);
	} else if (object->kind == MODEL_PORT) {
		struct port_node *port = graph_find_port(graph, object);
		if (port)
			visit_members(port->network[NOW], visit, context);
	}
}
