// SPDX-License-Identifier: Apache-2.0
#include "graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static const UT_icd link_icd = {sizeof(struct link), NULL, NULL, NULL};
static const UT_icd pointer_icd = {sizeof(void *), NULL, NULL, NULL};

void graph_init(struct graph *graph)
{
	*graph = (struct graph){0};
	utarray_init(&graph->staged_nodes, &pointer_icd);
	utarray_init(&graph->staged_members, &pointer_icd);
}

// ---- nodes ----

static void node_init(struct graph *graph, struct node *node, enum model_kind kind)
{
	node->kind = kind;
	node->serial = ++graph->serials;
}

static void stage_node(struct graph *graph, struct node *node, struct object *after)
{
	node->staged = true;
	node->object[NOW] = after ? object_ref(after) : NULL;
	utarray_push_back(&graph->staged_nodes, &node);
}

struct host_node *graph_find_host(const struct graph *graph, const char *name)
{
	struct host_node *host;
	HASH_FIND_STR(graph->hosts, name, host);
	return host;
}

static struct host_node *make_host(struct graph *graph, const char *name)
{
	struct host_node *host = graph_find_host(graph, name);
	if (host)
		return host;
	host = memory_new(sizeof(*host));
	node_init(graph, &host->node, MODEL_HOST);
	host->name = memory_text(name);
	utarray_init(&host->members, &link_icd);
	HASH_ADD_KEYPTR(hh, graph->hosts, host->name, strlen(host->name), host);
	return host;
}

static void free_host(struct graph *graph, struct host_node *host)
{
	HASH_DEL(graph->hosts, host);
	utarray_done(&host->members);
	free(host->name);
	free(host);
}

struct network_node *graph_find_network(
	const struct graph *graph, const char *tenant, const char *name)
{
	struct network_node *network;
	char path[OBJECT_PATH_TEXT];
	object_path_of(MODEL_NETWORK, tenant, name, path);
	HASH_FIND_STR(graph->networks, path, network);
	return network;
}

static struct network_node *make_network(struct graph *graph, const char *tenant, const char *name)
{
	struct network_node *network = graph_find_network(graph, tenant, name);
	if (network)
		return network;
	char path[OBJECT_PATH_TEXT];
	network = memory_new(sizeof(*network));
	node_init(graph, &network->node, MODEL_NETWORK);
	network->path = memory_text(object_path_of(MODEL_NETWORK, tenant, name, path));
	network->segment = memory_new(sizeof(*network->segment));
	network->segment->serial = network->node.serial;
	network->segment->network = network;
	utarray_init(&network->segment->members, &link_icd);
	HASH_ADD_KEYPTR(hh, graph->networks, network->path, strlen(network->path), network);
	return network;
}

static void free_network(struct graph *graph, struct network_node *network)
{
	HASH_DEL(graph->networks, network);
	utarray_done(&network->segment->members);
	free(network->segment);
	free(network->path);
	free(network);
}

// ---- members ----

static unsigned count_of(const UT_array *links)
{
	return utarray_len(links);
}

static struct link *link_at(const UT_array *links, unsigned index)
{
	return (struct link *)links->d + index;
}

// The first link from `start` on whose serial is not smaller.
static unsigned lower_bound(const UT_array *links, unsigned start, uint64_t serial)
{
	unsigned end = count_of(links);
	while (start < end) {
		unsigned middle = start + (end - start) / 2;
		if (link_at(links, middle)->serial < serial)
			start = middle + 1;
		else
			end = middle;
	}
	return start;
}

static struct member *find_member(const UT_array *links, uint64_t serial)
{
	unsigned index = lower_bound(links, 0, serial);
	if (index == count_of(links) || link_at(links, index)->serial != serial)
		return NULL;
	return link_at(links, index)->member;
}

static void add_link(UT_array *links, uint64_t serial, struct member *member)
{
	struct link link = {serial, member};
	unsigned index = lower_bound(links, 0, serial);
	utarray_insert(links, &link, index);
}

static void remove_link(UT_array *links, uint64_t serial)
{
	utarray_erase(links, lower_bound(links, 0, serial), 1);
}

static void free_member(struct member *member)
{
	remove_link(&member->host->members, member->segment->serial);
	remove_link(&member->segment->members, member->host->node.serial);
	free(member);
}

// One port of the host in the segment more, or less.
static void stage_member(
	struct graph *graph, struct host_node *host, struct segment *segment, int difference)
{
	struct member *member = find_member(&segment->members, host->node.serial);
	if (!member) {
		member = memory_new(sizeof(*member));
		member->host = host;
		member->segment = segment;
		add_link(&host->members, segment->serial, member);
		add_link(&segment->members, host->node.serial, member);
	}
	member->ports[NOW] += (uint32_t)difference;
	if (!member->staged) {
		member->staged = true;
		utarray_push_back(&graph->staged_members, &member);
	}
}

// ---- ports ----

static const struct port *placed(const struct object *object)
{
	const struct port *port = (const struct port *)object;
	return port && port->host ? port : NULL;
}

struct port_node *graph_find_port(const struct graph *graph, const struct object *object)
{
	const struct port *port = placed(object);
	struct network_node *network =
		port ? graph_find_network(graph, object->tenant, port->network) : NULL;
	struct port_node *node = NULL;
	if (network)
		HASH_FIND_STR(network->ports, object->name, node);
	return node;
}

static void unplace(struct graph *graph, struct port_node *node)
{
	const struct port *port = (const struct port *)node->node.object[NOW];
	struct network_node *network = node->network[NOW];
	HASH_DEL(network->ports, node);
	stage_member(graph, graph_find_host(graph, port->host), network->segment, -1);
	node->network[NOW] = NULL;
}

static void place(struct graph *graph, struct port_node *node, const struct port *port)
{
	const struct object *object = &port->object;
	struct network_node *network = make_network(graph, object->tenant, port->network);
	HASH_ADD_KEYPTR(hh, network->ports, object->name, strlen(object->name), node);
	stage_member(graph, make_host(graph, port->host), network->segment, 1);
	node->network[NOW] = network;
}

static void stage_port(struct graph *graph, struct object *before, struct object *after)
{
	struct port_node *node = graph_find_port(graph, before);
	if (node)
		unplace(graph, node);
	else if (!placed(after))
		return;
	else {
		node = memory_new(sizeof(*node));
		node_init(graph, &node->node, MODEL_PORT);
	}
	stage_node(graph, &node->node, after);
	if (placed(after))
		place(graph, node, placed(after));
}

// ---- applying ----

void graph_stage(struct graph *graph, struct object *before, struct object *after)
{
	const struct object *object = after ? after : before;
	switch (object->kind) {
	case MODEL_HOST:
		stage_node(graph, &make_host(graph, object->name)->node, after);
		break;
	case MODEL_NETWORK:
		stage_node(graph, &make_network(graph, object->tenant, object->name)->node, after);
		break;
	case MODEL_PORT:
		stage_port(graph, before, after);
		break;
	case MODEL_ROUTER:
	case MODEL_ADDRESS_SET:
	case MODEL_POLICY:
	case MODEL_TENANT: // what it holds names it, and no host needs more
	case MODEL_KIND_COUNT:
		break;
	}
}

static void settle_member(struct member *member)
{
	member->staged = false;
	member->ports[BEFORE] = member->ports[NOW];
	if (member->ports[NOW] == 0)
		free_member(member);
}

static void settle_node(struct graph *graph, struct node *node)
{
	object_unref(node->object[BEFORE]);
	node->object[BEFORE] = node->object[NOW];
	node->staged = false;
	if (node->kind == MODEL_PORT) {
		struct port_node *port = (struct port_node *)node;
		port->network[BEFORE] = port->network[NOW];
		if (!port->network[NOW]) {
			object_unref(node->object[NOW]);
			free(port);
		}
		return;
	}
	if (node->object[NOW])
		return;
	struct host_node *host = (struct host_node *)node;
	struct network_node *network = (struct network_node *)node;
	if (node->kind == MODEL_HOST && count_of(&host->members) == 0)
		free_host(graph, host);
	else if (node->kind == MODEL_NETWORK && !network->ports)
		free_network(graph, network);
}

void graph_settle(struct graph *graph)
{
	each_pointer (struct member, member, &graph->staged_members)
		settle_member(*member);
	utarray_clear(&graph->staged_members);
	each_pointer (struct node, node, &graph->staged_nodes)
		settle_node(graph, *node);
	utarray_clear(&graph->staged_nodes);
}

void graph_done(struct graph *graph)
{
	struct network_node *network, *next_network;
	HASH_ITER (hh, graph->networks, network, next_network) {
		struct port_node *port, *next_port;
		HASH_ITER (hh, network->ports, port, next_port) {
			HASH_DEL(network->ports, port);
			object_unref(port->node.object[NOW]);
			free(port);
		}
		while (count_of(&network->segment->members))
			free_member(link_at(&network->segment->members, 0)->member);
		object_unref(network->node.object[NOW]);
		free_network(graph, network);
	}
	struct host_node *host, *next_host;
	HASH_ITER (hh, graph->hosts, host, next_host) {
		object_unref(host->node.object[NOW]);
		free_host(graph, host);
	}
	utarray_done(&graph->staged_nodes);
	utarray_done(&graph->staged_members);
}

// ---- questions ----

// Do two hosts have ports in one segment? Walks the shorter list, and halves its way through the
// longer one, so that a host with very many networks does not make it dear for the others.
static bool share(const struct host_node *a, const struct host_node *b, enum moment moment)
{
	const UT_array *few = &a->members, *many = &b->members;
	if (count_of(few) > count_of(many)) {
		few = &b->members;
		many = &a->members;
	}
	unsigned position = 0;
	for (unsigned i = 0; i < count_of(few); i++) {
		const struct link *link = link_at(few, i);
		position = lower_bound(many, position, link->serial);
		if (position == count_of(many))
			return false;
		const struct link *other = link_at(many, position);
		if (other->serial == link->serial && link->member->ports[moment] &&
			other->member->ports[moment])
			return true;
	}
	return false;
}

static bool reaches(
	const struct host_node *host, const struct network_node *network, enum moment moment)
{
	if (!network)
		return false;
	struct member *member = find_member(&network->segment->members, host->node.serial);
	return member && member->ports[moment];
}

bool graph_needs(const struct host_node *host, const struct node *node, enum moment moment)
{
	if (!host->node.object[moment] || !node->object[moment])
		return false;
	switch (node->kind) {
	case MODEL_HOST:
		return &host->node == node || share(host, (const struct host_node *)node, moment);
	case MODEL_NETWORK:
		return reaches(host, (const struct network_node *)node, moment);
	case MODEL_PORT:
		return reaches(host, ((const struct port_node *)node)->network[moment], moment);
	case MODEL_ROUTER:
	case MODEL_ADDRESS_SET:
	case MODEL_POLICY:
	case MODEL_TENANT:
	case MODEL_KIND_COUNT:
		break;
	}
	return false;
}

static void add_unmarked(UT_array *hosts, struct host_node *host)
{
	if (host->marked)
		return;
	host->marked = true;
	utarray_push_back(hosts, &host);
}

void graph_peers(struct host_node *host, UT_array *hosts)
{
	utarray_init(hosts, &pointer_icd);
	add_unmarked(hosts, host);
	each_link (link, &host->members)
		each_link (other, &link->member->segment->members)
			add_unmarked(hosts, other->member->host);
	each_pointer (struct host_node, each, hosts)
		(*each)->marked = false;
}
