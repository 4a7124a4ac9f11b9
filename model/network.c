// SPDX-License-Identifier: Apache-2.0
// What a network serves to its ports.
#include "model/object.h"

struct mac network_mac(const struct network *network)
{
	return router_mac(UINT32_C(0xff) << 24 | network->vni);
}

bool network_advertises(const struct network *network)
{
	for (size_t i = 0; i < network->subnets.count; i++)
		if (!prefix_is_ipv4(&network->subnets.items[i]))
			return network->dhcp || network->slaac;
	return false;
}

bool network_resolves(const struct network *network)
{
	return network->dhcp || network->slaac || network->dns_servers.items || network->dns_domain;
}
