// SPDX-License-Identifier: Apache-2.0
// The row of a network; its flood list is in flood.c.
#include "state.h"
#include "tenancy.h"

#include <utlist.h>

const struct network *network_of(const struct network_node *network)
{
	return (const struct network *)network->node.object;
}

static bool same_subnets(const struct network *a, const struct network *b)
{
	if (a->subnets.count != b->subnets.count)
		return false;
	for (size_t i = 0; i < a->subnets.count; i++) {
		const struct prefix *x = &a->subnets.items[i], *y = &b->subnets.items[i];
		if (x->length != y->length || address_compare(&x->address, &y->address))
			return false;
	}
	return true;
}

// Of a network, the rows of its routers hold the VNI and the subnets, and its segment's number the
// VNI.
static void routers_changed(struct compiler *compiler, struct network_node *network,
	const struct network *old, const struct network *new)
{
	struct joined *joined;
	bool renumbered = !old || !new || old->vni != new->vni;
	if (renumbered)
		segment_stale(compiler, network);
	DL_FOREACH (network->routers, joined) {
		if (renumbered)
			segment_stale_all(compiler, joined->router);
		if (renumbered || !same_subnets(old, new))
			node_touch(compiler, &joined->router->node);
	}
}

void network_changed(
	struct compiler *compiler, struct network_node *network, const struct object *before)
{
	const struct network *old = (const struct network *)before;
	const struct network *new = network_of(network);
	routers_changed(compiler, network, old, new);
	compiler->ports_changes += !old != !new && network->local;
	// Of a network, its ports' rows hold the VNI and the MTU.
	if (old && new && old->vni == new->vni && old->mtu == new->mtu)
		return;
	struct port_node *port;
	DL_FOREACH2(network->local, port, network_next)
	node_touch(compiler, &port->node);
	DL_FOREACH2(network->other, port, network_next)
	node_touch(compiler, &port->node);
}

// Any router can speak for the network: the one with the lowest key, so that all hosts agree.
static uint32_t lowest_router(const struct network_node *network)
{
	const struct joined *joined;
	uint32_t lowest = 0;
	DL_FOREACH (network->routers, joined) {
		uint32_t key = router_of(joined->router)->key;
		if (key && (!lowest || key < lowest))
			lowest = key;
	}
	return lowest;
}

void network_compile(struct compiler *compiler, struct network_node *network)
{
	const struct network *object = network_of(network);
	bool flood = object->unknown_unicast == UNKNOWN_UNICAST_FLOOD;
	struct dp_network value = {
		.flags = (flood ? DP_NETWORK_FLOOD_UNKNOWN : 0) | serve_flags(object),
		.flood_count = flood_compile(compiler, network),
		.mtu = object->mtu,
		.domain = network->domain,
		.router = lowest_router(network),
		.tenant = network->local ? network->local->identity->tenancy->number : 0,
	};
	rows_claim(&compiler->rows, &network->node.origin, DP_TABLE_NETWORK, &object->vni, &value);
	serve_compile(compiler, network);
}
