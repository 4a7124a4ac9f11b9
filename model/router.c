// SPDX-License-Identifier: Apache-2.0
// What a router is on its networks.
#include "base/memory.h"
#include "model/object.h"

struct mac router_mac(uint32_t key)
{
	return (struct mac){{0x0e, 0x57, (uint8_t)(key >> 24), (uint8_t)(key >> 16),
		(uint8_t)(key >> 8), (uint8_t)key}};
}

bool mac_is_router(const struct mac *mac)
{
	return mac->bytes[0] == 0x0e && mac->bytes[1] == 0x57;
}

struct address router_address_default(const struct prefix *subnet)
{
	return address_add(&subnet->address, 1);
}

struct address_list router_addresses(
	const struct router_network *joined, const struct network *network)
{
	size_t count = joined->addresses.items ? joined->addresses.count : network->subnets.count;
	struct address_list list = {count, memory_new(count * sizeof(struct address))};
	for (size_t i = 0; i < count; i++)
		list.items[i] = joined->addresses.items
					? joined->addresses.items[i]
					: router_address_default(&network->subnets.items[i]);
	return list;
}
