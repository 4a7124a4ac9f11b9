// SPDX-License-Identifier: Apache-2.0
// The oracle: the definition of what a host needs, written down as plainly as can be, with nothing
// in common with the graph.
#include "topology/topology.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct objects {
	struct object *const *items;
	size_t count;
	bool *reached; // of networks: packets from the host's ports can get there
};

static bool placed_on(const struct object *object, const char *host)
{
	const struct port *port = (const struct port *)object;
	return object->kind == MODEL_PORT && port->host && strcmp(port->host, host) == 0;
}

static bool is_network(const struct object *object, const char *tenant, const char *name)
{
	return object->kind == MODEL_NETWORK && strcmp(object->tenant, tenant) == 0 &&
	       strcmp(object->name, name) == 0;
}

static bool is_reached(struct objects all, const char *tenant, const char *network)
{
	for (size_t i = 0; i < all.count; i++)
		if (is_network(all.items[i], tenant, network))
			return all.reached[i];
	return false;
}

// Mark the network. Is that news?
static bool reach(struct objects all, const char *tenant, const char *network)
{
	for (size_t i = 0; i < all.count; i++)
		if (is_network(all.items[i], tenant, network) && !all.reached[i])
			return all.reached[i] = true;
	return false;
}

static bool joins_reached(struct objects all, const struct object *object)
{
	const struct router *router = (const struct router *)object;
	for (size_t i = 0; i < router->networks.count; i++)
		if (is_reached(all, object->tenant, router->networks.items[i].network))
			return true;
	return false;
}

// The networks of the host's ports, and from there through routers as far as it goes.
static void find_reached(struct objects all, const char *host)
{
	for (size_t i = 0; i < all.count; i++)
		if (placed_on(all.items[i], host))
			reach(all, all.items[i]->tenant,
				((const struct port *)all.items[i])->network);
	bool news = true;
	while (news) {
		news = false;
		for (size_t i = 0; i < all.count; i++) {
			const struct object *object = all.items[i];
			if (object->kind != MODEL_ROUTER || !joins_reached(all, object))
				continue;
			const struct router *router = (const struct router *)object;
			for (size_t j = 0; j < router->networks.count; j++)
				news |= reach(
					all, object->tenant, router->networks.items[j].network);
		}
	}
}

static bool needs_port(struct objects all, const struct object *object)
{
	const struct port *port = (const struct port *)object;
	return port->host && is_reached(all, object->tenant, port->network);
}

// It is the host itself, or a port that the host needs is on it.
static bool needs_host(struct objects all, const char *host, const char *other)
{
	if (strcmp(host, other) == 0)
		return true;
	for (size_t i = 0; i < all.count; i++)
		if (placed_on(all.items[i], other) && needs_port(all, all.items[i]))
			return true;
	return false;
}

static bool serves_tenant(struct objects all, const char *host, const char *tenant)
{
	for (size_t i = 0; i < all.count; i++)
		if (placed_on(all.items[i], host) && strcmp(all.items[i]->tenant, tenant) == 0)
			return true;
	return false;
}

static bool needs(struct objects all, const char *host, const struct object *object)
{
	switch (object->kind) {
	case MODEL_HOST:
		return needs_host(all, host, object->name);
	case MODEL_NETWORK:
		return is_reached(all, object->tenant, object->name);
	case MODEL_PORT:
		return needs_port(all, object);
	case MODEL_ROUTER:
		return joins_reached(all, object);
	case MODEL_ADDRESS_SET:
	case MODEL_POLICY:
		return serves_tenant(all, host, object->tenant);
	case MODEL_TENANT:
	case MODEL_TOKEN:
	case MODEL_ENROLMENT:
	case MODEL_KIND_COUNT:
		break;
	}
	return false;
}

static bool is_known(struct objects all, const char *host)
{
	for (size_t i = 0; i < all.count; i++)
		if (all.items[i]->kind == MODEL_HOST && strcmp(all.items[i]->name, host) == 0)
			return true;
	return false;
}

void topology_recompute(struct object *const *objects, size_t count, const char *host,
	topology_emit emit, void *context)
{
	static const enum model_kind order[] = {MODEL_HOST, MODEL_NETWORK, MODEL_PORT, MODEL_ROUTER,
		MODEL_ADDRESS_SET, MODEL_POLICY};
	struct objects all = {objects, count, NULL};
	if (!is_known(all, host))
		return;
	all.reached = memory_new(count * sizeof(bool));
	find_reached(all, host);
	for (size_t i = 0; i < array_count(order); i++)
		for (size_t j = 0; j < count; j++)
			if (objects[j]->kind == order[i] && needs(all, host, objects[j]))
				emit(context, host, NULL, objects[j]);
	free(all.reached);
}
