// SPDX-License-Identifier: Apache-2.0
// What a network serves: which packets go to the agent, and who answers at the addresses of its
// services.
#include "state.h"

uint32_t serve_flags(const struct network *network)
{
	return (network->dhcp ? DP_NETWORK_DHCP : 0) |
	       (network_advertises(network) ? DP_NETWORK_ADVERTISES : 0) |
	       (network_resolves(network) ? DP_NETWORK_RESOLVES : 0);
}

static void claim(
	struct compiler *compiler, struct network_node *network, const struct address *address)
{
	const struct network *object = network_of(network);
	struct mac mac = network_mac(object);
	struct dp_neighbor_key key = {.vni = object->vni, .address = table_address(address)};
	struct dp_neighbor value = {.mac = table_mac(&mac)};
	rows_claim(&compiler->rows, &network->node.origin, DP_TABLE_NEIGHBOR, &key, &value);
}

// The first host address of each subnet is the network's own, until a router or a port claims it:
// their paths are greater.
void serve_compile(struct compiler *compiler, struct network_node *network)
{
	const struct network *object = network_of(network);
	if (!object->vni || !serve_flags(object))
		return;
	for (size_t i = 0; i < object->subnets.count; i++) {
		struct address first = router_address_default(&object->subnets.items[i]);
		claim(compiler, network, &first);
	}
	struct mac mac = network_mac(object);
	struct address link_local = address_link_local(&mac);
	claim(compiler, network, &link_local);
}
