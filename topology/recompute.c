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
};

static bool placed_on(const struct object *object, const char *host)
{
	const struct port *port = (const struct port *)object;
	return object->kind == MODEL_PORT && port->host && strcmp(port->host, host) == 0;
}

static bool on_network(const struct object *object, const char *tenant, const char *network)
{
	return object->kind == MODEL_PORT && strcmp(object->tenant, tenant) == 0 &&
	       strcmp(((const struct port *)object)->network, network) == 0;
}

// A port of the network is on the host.
static bool needs_network(
	struct objects all, const char *host, const char *tenant, const char *network)
{
	for (size_t i = 0; i < all.count; i++)
		if (placed_on(all.items[i], host) && on_network(all.items[i], tenant, network))
			return true;
	return false;
}

static bool needs_port(struct objects all, const char *host, const struct object *object)
{
	const struct port *port = (const struct port *)object;
	return port->host && needs_network(all, host, object->tenant, port->network);
}

// It is the host itself, or a port that the host needs is on it.
static bool needs_host(struct objects all, const char *host, const char *other)
{
	if (strcmp(host, other) == 0)
		return true;
	for (size_t i = 0; i < all.count; i++)
		if (placed_on(all.items[i], other) && needs_port(all, host, all.items[i]))
			return true;
	return false;
}

static bool needs(struct objects all, const char *host, const struct object *object)
{
	switch (object->kind) {
	case MODEL_HOST:
		return needs_host(all, host, object->name);
	case MODEL_NETWORK:
		return needs_network(all, host, object->tenant, object->name);
	case MODEL_PORT:
		return needs_port(all, host, object);
	case MODEL_ROUTER:
	case MODEL_ADDRESS_SET:
	case MODEL_POLICY:
	case MODEL_TENANT:
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
	static const enum model_kind order[] = {MODEL_HOST, MODEL_NETWORK, MODEL_PORT};
	struct objects all = {objects, count};
	if (!is_known(all, host))
		return;
	for (size_t i = 0; i < array_count(order); i++)
		for (size_t j = 0; j < count; j++)
			if (objects[j]->kind == order[i] && needs(all, host, objects[j]))
				emit(context, host, objects[j], false);
}
