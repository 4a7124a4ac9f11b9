// SPDX-License-Identifier: Apache-2.0
// The rows of a router: its MAC and its addresses on each of its networks. Where it sends packets
// is in route.c.
#include "state.h"

#include <utlist.h>

#include "base/memory.h"

const struct router *router_of(const struct router_node *router)
{
	return (const struct router *)router->node.object;
}

void router_link(struct compiler *compiler, struct router_node *router)
{
	const struct router *object = router_of(router);
	router->count = object->networks.count;
	router->joined = memory_new((router->count + 1) * sizeof(*router->joined));
	for (size_t i = 0; i < router->count; i++) {
		struct joined *joined = &router->joined[i];
		joined->router = router;
		joined->network = (struct network_node *)node_get(compiler, MODEL_NETWORK,
			object->object.tenant, object->networks.items[i].network);
		DL_APPEND(joined->network->routers, joined);
		node_touch(compiler, &joined->network->node);
	}
	segment_stale_all(compiler, router);
}

void router_unlink(struct compiler *compiler, struct router_node *router)
{
	segment_stale_all(compiler, router);
	for (size_t i = 0; i < router->count; i++) {
		struct joined *joined = &router->joined[i];
		DL_DELETE(joined->network->routers, joined);
		node_touch(compiler, &joined->network->node);
	}
	free(steal(router->joined));
	router->count = 0;
}

static void claim_neighbor(struct compiler *compiler, struct router_node *router, uint32_t vni,
	const struct address *address)
{
	struct mac mac = router_mac(router_of(router)->key);
	struct dp_neighbor_key key = {.vni = vni, .address = table_address(address)};
	struct dp_neighbor value = {.mac = table_mac(&mac), .router = router_of(router)->key};
	rows_claim(&compiler->rows, &router->node.origin, DP_TABLE_NEIGHBOR, &key, &value);
}

static void claim_network(struct compiler *compiler, struct router_node *router,
	const struct router_network *given, const struct network *network)
{
	uint32_t number = router_of(router)->key;
	struct mac mac = router_mac(number);
	struct address link_local = address_link_local(&mac);
	struct dp_gateway_key key = {.router = number, .vni = network->vni};
	struct dp_gateway value = {0};
	struct dp_address *first[2] = {&value.ipv6, &value.ipv4};
	struct address_list addresses = router_addresses(given, network);

	for (size_t i = addresses.count; i-- > 0;) {
		const struct address *address = &addresses.items[i];
		*first[address_is_ipv4(address)] = table_address(address);
		claim_neighbor(compiler, router, network->vni, address);
	}
	free(addresses.items);
	claim_neighbor(compiler, router, network->vni, &link_local);
	rows_claim(&compiler->rows, &router->node.origin, DP_TABLE_GATEWAY, &key, &value);

	struct dp_station_key station_key = {.vni = network->vni, .mac = table_mac(&mac)};
	struct dp_station station = {.router = number};
	rows_claim(&compiler->rows, &router->node.origin, DP_TABLE_STATION, &station_key, &station);
}

void router_compile(struct compiler *compiler, struct router_node *router)
{
	const struct router *object = router_of(router);
	struct mac mac = router_mac(object->key);
	struct dp_router value = {.mac = table_mac(&mac)};
	if (!object->key)
		return;
	for (size_t i = 0; i < router->count; i++) {
		const struct network *network = network_of(router->joined[i].network);
		if (network)
			claim_network(compiler, router, &object->networks.items[i], network);
	}
	value.steers = routes_compile(compiler, router);
	rows_claim(&compiler->rows, &router->node.origin, DP_TABLE_ROUTER, &object->key, &value);
}
