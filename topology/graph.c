// SPDX-License-Identifier: Apache-2.0
#include "graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "group.h"
#include "roll.h"

static const UT_icd pointer_icd = {sizeof(void *), NULL, NULL, NULL};

void graph_init(struct graph *graph)
{
	*graph = (struct graph){0};
	utarray_init(&graph->staged_nodes, &pointer_icd);
	utarray_init(&graph->staged_members, &pointer_icd);
	utarray_init(&graph->dirty, &pointer_icd);
	utarray_init(&graph->moved, &pointer_icd);
	utarray_init(&graph->rehung, &pointer_icd);
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
	links_init(&host->segments);
	links_init(&host->tenants);
	HASH_ADD_KEYPTR(hh, graph->hosts, host->name, strlen(host->name), host);
	return host;
}

static void leave_relay(struct host_node *host)
{
	if (host->behind[NOW])
		DL_DELETE(host->behind[NOW]->hosts, host);
	host->behind[NOW] = NULL;
}

static void free_host(struct graph *graph, struct host_node *host)
{
	leave_relay(host);
	while (host->hosts)
		leave_relay(host->hosts);
	HASH_DEL(graph->hosts, host);
	utarray_done(&host->segments);
	utarray_done(&host->tenants);
	free(host->name);
	free(host);
}

// ---- groups and what is in them ----

static void free_segment(struct segment *segment)
{
	rolls_drop(&segment->group);
	group_done(&segment->group);
	free(segment);
}

static struct tenant_node *make_tenant(struct graph *graph, const char *name)
{
	struct tenant_node *tenant;
	HASH_FIND_STR(graph->tenants, name, tenant);
	if (tenant)
		return tenant;
	tenant = memory_new(sizeof(*tenant));
	group_init(graph, &tenant->group, true);
	tenant->name = memory_text(name);
	HASH_ADD_KEYPTR(hh, graph->tenants, tenant->name, strlen(tenant->name), tenant);
	return tenant;
}

static void release_tenant(struct graph *graph, struct tenant_node *tenant)
{
	if (tenant->networks || tenant->items)
		return;
	HASH_DEL(graph->tenants, tenant);
	rolls_drop(&tenant->group);
	group_done(&tenant->group);
	free(tenant->name);
	free(tenant);
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
	network->tenant = make_tenant(graph, tenant);
	network->tenant->networks++;
	struct segment *segment = segment_new(graph);
	DL_APPEND(segment->networks, network);
	network->segment[BEFORE] = network->segment[NOW] = segment;
	utarray_init(&network->routers, &pointer_icd);
	HASH_ADD_KEYPTR(hh, graph->networks, network->path, strlen(network->path), network);
	return network;
}

static void free_network(struct graph *graph, struct network_node *network)
{
	struct segment *segment = network->segment[NOW];
	HASH_DEL(graph->networks, network);
	DL_DELETE(segment->networks, network);
	if (!segment->networks)
		free_segment(segment);
	network->tenant->networks--;
	release_tenant(graph, network->tenant);
	utarray_done(&network->routers);
	free(network->path);
	free(network);
}

struct item_node *graph_find_item(const struct graph *graph, const struct object *object)
{
	struct item_node *item;
	char path[OBJECT_PATH_TEXT];
	object_path(object, path);
	HASH_FIND_STR(graph->items, path, item);
	return item;
}

static struct item_node *make_item(struct graph *graph, const struct object *object)
{
	struct item_node *item = graph_find_item(graph, object);
	if (item)
		return item;
	char path[OBJECT_PATH_TEXT];
	item = memory_new(sizeof(*item));
	node_init(graph, &item->node, object->kind);
	item->path = memory_text(object_path(object, path));
	item->tenant = make_tenant(graph, object->tenant);
	DL_APPEND(item->tenant->items, item);
	HASH_ADD_KEYPTR(hh, graph->items, item->path, strlen(item->path), item);
	return item;
}

static void free_item(struct graph *graph, struct item_node *item)
{
	HASH_DEL(graph->items, item);
	DL_DELETE(item->tenant->items, item);
	release_tenant(graph, item->tenant);
	free(item->path);
	free(item);
}

// ---- relays ----

static void stage_members(
	struct graph *graph, struct host_node *relay, const UT_array *links, int sign)
{
	each_link (link, links)
		member_stage(
			graph, relay, link->member->group, sign * (int)link->member->ports[NOW]);
}

void graph_stage_relay(struct graph *graph, struct host_node *host, const char *name)
{
	struct host_node *before = host->behind[NOW];
	struct host_node *relay = name ? make_host(graph, name) : NULL;
	if (before == relay)
		return;
	leave_relay(host);
	if (before) {
		stage_members(graph, before, &host->segments, -1);
		stage_members(graph, before, &host->tenants, -1);
	}
	if (relay) {
		relay->relay = true;
		stage_members(graph, relay, &host->segments, 1);
		stage_members(graph, relay, &host->tenants, 1);
		DL_APPEND(relay->hosts, host);
		host->behind[NOW] = relay;
	}
	utarray_push_back(&graph->rehung, &host);
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
	struct host_node *host = graph_find_host(graph, port->host);
	member_stage(graph, host, &network->segment[NOW]->group, -1);
	member_stage(graph, host, &network->tenant->group, -1);
	node->network[NOW] = NULL;
}

static void place(struct graph *graph, struct port_node *node, const struct port *port)
{
	const struct object *object = &port->object;
	struct network_node *network = make_network(graph, object->tenant, port->network);
	HASH_ADD_KEYPTR(hh, network->ports, object->name, strlen(object->name), node);
	struct host_node *host = make_host(graph, port->host);
	member_stage(graph, host, &network->segment[NOW]->group, 1);
	member_stage(graph, host, &network->tenant->group, 1);
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

// ---- routers ----

struct router_node *graph_find_router(
	const struct graph *graph, const char *tenant, const char *name)
{
	struct router_node *router;
	char path[OBJECT_PATH_TEXT];
	object_path_of(MODEL_ROUTER, tenant, name, path);
	HASH_FIND_STR(graph->routers, path, router);
	return router;
}

static struct router_node *make_router(struct graph *graph, const struct object *object)
{
	struct router_node *router = graph_find_router(graph, object->tenant, object->name);
	if (router)
		return router;
	char path[OBJECT_PATH_TEXT];
	router = memory_new(sizeof(*router));
	node_init(graph, &router->node, MODEL_ROUTER);
	router->path = memory_text(object_path(object, path));
	utarray_init(&router->networks, &pointer_icd);
	HASH_ADD_KEYPTR(hh, graph->routers, router->path, strlen(router->path), router);
	return router;
}

static void free_router(struct graph *graph, struct router_node *router)
{
	HASH_DEL(graph->routers, router);
	utarray_done(&router->networks);
	free(router->path);
	free(router);
}

static void soil(struct graph *graph, struct segment *segment)
{
	if (segment->dirty)
		return;
	segment->dirty = true;
	utarray_push_back(&graph->dirty, &segment);
}

static void unjoin(struct graph *graph, struct router_node *router)
{
	each_pointer (struct network_node, network, &router->networks) {
		UT_array *routers = &(*network)->routers;
		each_pointer (struct router_node, each, routers)
			if (*each == router) {
				utarray_erase(routers, utarray_eltidx(routers, each), 1);
				break;
			}
		soil(graph, (*network)->segment[NOW]);
	}
	utarray_clear(&router->networks);
	router->network[NOW] = NULL;
}

static void join(struct graph *graph, struct router_node *router, const struct router *object)
{
	for (size_t i = 0; i < object->networks.count; i++) {
		struct network_node *network = make_network(
			graph, object->object.tenant, object->networks.items[i].network);
		utarray_push_back(&router->networks, &network);
		utarray_push_back(&network->routers, &router);
		soil(graph, network->segment[NOW]);
		if (!i)
			router->network[NOW] = network;
	}
}

static bool joins_the_same(const struct router *a, const struct router *b)
{
	if (!a || !b || a->networks.count != b->networks.count)
		return false;
	for (size_t i = 0; i < a->networks.count; i++)
		if (strcmp(a->networks.items[i].network, b->networks.items[i].network) != 0)
			return false;
	return true;
}

static void stage_router(struct graph *graph, struct object *before, struct object *after)
{
	struct router_node *router = make_router(graph, after ? after : before);
	stage_node(graph, &router->node, after);
	if (joins_the_same((const struct router *)before, (const struct router *)after))
		return;
	unjoin(graph, router);
	if (after)
		join(graph, router, (const struct router *)after);
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
		stage_router(graph, before, after);
		break;
	case MODEL_ADDRESS_SET:
	case MODEL_POLICY:
		stage_node(graph, &make_item(graph, object)->node, after);
		break;
	case MODEL_TENANT: // what it holds names it, and no host needs more
	case MODEL_TOKEN:
	case MODEL_ENROLMENT:
	case MODEL_KIND_COUNT:
		break;
	}
}

// Free what is there at neither moment, and nothing names.
static void sweep_node(struct graph *graph, struct node *node)
{
	struct host_node *host = (struct host_node *)node;
	struct network_node *network = (struct network_node *)node;
	switch (node->kind) {
	case MODEL_HOST:
		if (!utarray_len(&host->segments))
			free_host(graph, host);
		break;
	case MODEL_NETWORK:
		if (!network->ports && !utarray_len(&network->routers))
			free_network(graph, network);
		break;
	case MODEL_ROUTER:
		free_router(graph, (struct router_node *)node);
		break;
	case MODEL_ADDRESS_SET:
	case MODEL_POLICY:
		free_item(graph, (struct item_node *)node);
		break;
	case MODEL_PORT: // by settle_port
	case MODEL_TENANT:
	case MODEL_TOKEN:
	case MODEL_ENROLMENT:
	case MODEL_KIND_COUNT:
		break;
	}
}

static void settle_port(struct port_node *port)
{
	port->network[BEFORE] = port->network[NOW];
	if (port->network[NOW])
		return;
	object_unref(port->node.object[NOW]);
	free(port);
}

static void settle_node(struct graph *graph, struct node *node)
{
	object_unref(node->object[BEFORE]);
	node->object[BEFORE] = node->object[NOW];
	node->staged = false;
	if (node->kind == MODEL_ROUTER) {
		struct router_node *router = (struct router_node *)node;
		router->network[BEFORE] = router->network[NOW];
	}
	if (node->kind == MODEL_PORT)
		settle_port((struct port_node *)node);
	else if (!node->object[NOW])
		sweep_node(graph, node);
}

// All its networks may have moved elsewhere.
static void settle_segment(struct segment *segment)
{
	segment->dirty = false;
	segment->counted = segment->best = NULL;
	segment->best_tally = 0;
	if (!segment->networks)
		free_segment(segment);
}

static void settle_relay(struct graph *graph, struct host_node *host)
{
	struct host_node *before = host->behind[BEFORE];
	host->behind[BEFORE] = host->behind[NOW];
	if (before && !before->hosts)
		free_host(graph, before);
}

void graph_settle(struct graph *graph)
{
	each_pointer (struct member, member, &graph->staged_members)
		member_settle(*member);
	utarray_clear(&graph->staged_members);
	each_pointer (struct network_node, network, &graph->moved)
		(*network)->segment[BEFORE] = (*network)->segment[NOW];
	utarray_clear(&graph->moved);
	each_pointer (struct segment, segment, &graph->dirty)
		settle_segment(*segment);
	utarray_clear(&graph->dirty);
	each_pointer (struct node, node, &graph->staged_nodes)
		settle_node(graph, *node);
	utarray_clear(&graph->staged_nodes);
	each_pointer (struct host_node, host, &graph->rehung)
		settle_relay(graph, *host);
	utarray_clear(&graph->rehung);
}

static void free_ports(struct network_node *network)
{
	struct port_node *port, *next;
	HASH_ITER (hh, network->ports, port, next) {
		HASH_DEL(network->ports, port);
		object_unref(port->node.object[NOW]);
		free(port);
	}
}

void graph_done(struct graph *graph)
{
	struct router_node *router, *next_router;
	HASH_ITER (hh, graph->routers, router, next_router) {
		object_unref(router->node.object[NOW]);
		free_router(graph, router);
	}
	struct tenant_node *tenant, *next_tenant;
	HASH_ITER (hh, graph->tenants, tenant, next_tenant)
		group_clear(&tenant->group);
	struct item_node *item, *next_item;
	HASH_ITER (hh, graph->items, item, next_item) {
		object_unref(item->node.object[NOW]);
		free_item(graph, item);
	}
	struct network_node *network, *next_network;
	HASH_ITER (hh, graph->networks, network, next_network) {
		free_ports(network);
		group_clear(&network->segment[NOW]->group);
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
	utarray_done(&graph->dirty);
	utarray_done(&graph->moved);
	utarray_done(&graph->rehung);
}

// ---- questions ----

static bool reaches(
	const struct host_node *host, const struct network_node *network, enum moment moment)
{
	return network && group_has(&network->segment[moment]->group, host, moment);
}

bool graph_needs(const struct host_node *host, const struct node *node, enum moment moment)
{
	if ((!host->relay && !host->node.object[moment]) || !node->object[moment])
		return false;
	switch (node->kind) {
	case MODEL_HOST:
		return &host->node == node ||
		       ((const struct host_node *)node)->behind[moment] == host ||
		       group_shared(host, (const struct host_node *)node, moment);
	case MODEL_NETWORK:
		return reaches(host, (const struct network_node *)node, moment);
	case MODEL_PORT:
		return reaches(host, ((const struct port_node *)node)->network[moment], moment);
	case MODEL_ROUTER:
		return reaches(host, ((const struct router_node *)node)->network[moment], moment);
	case MODEL_ADDRESS_SET:
	case MODEL_POLICY:
		return group_has(&((const struct item_node *)node)->tenant->group, host, moment);
	case MODEL_TENANT:
	case MODEL_TOKEN:
	case MODEL_ENROLMENT:
	case MODEL_KIND_COUNT:
		break;
	}
	return false;
}
