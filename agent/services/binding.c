// SPDX-License-Identifier: Apache-2.0
#include "binding.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

// The subnet of the network that holds the address; NULL: none.
static const struct prefix *subnet_of(const struct network *network, const struct address *address)
{
	for (size_t i = 0; i < network->subnets.count; i++)
		if (prefix_contains(&network->subnets.items[i], address))
			return &network->subnets.items[i];
	return NULL;
}

// ---- routers ----

struct survey {
	struct binding *binding;
	const struct directory *directory;
	const struct prefix *subnet6; // the first; NULL: none
	const struct router *first;
	struct address server6; // of the first router, in subnet6
};

// The router's address in the subnet; zero: none.
static struct address address_in(const struct router_network *joined, const struct network *network,
	const struct prefix *subnet)
{
	struct address_list list = router_addresses(joined, network);
	struct address found = {{0}};
	for (size_t i = 0; i < list.count && address_is_zero(&found); i++)
		if (prefix_contains(subnet, &list.items[i]))
			found = list.items[i];
	free(list.items);
	return found;
}

static void add_route(struct binding *binding, const struct prefix *to, const struct address *via)
{
	if (binding->route_count < BINDING_ROUTES)
		binding->routes[binding->route_count++] = (struct binding_route){*to, *via};
}

// A further router is the way to its other networks, not to the world.
static void add_networks(
	struct survey *survey, const struct router *router, const struct address *via)
{
	const struct network *own = survey->binding->network;
	for (size_t i = 0; i < router->networks.count; i++) {
		const struct network *network =
			(const struct network *)directory_find(survey->directory, MODEL_NETWORK,
				own->object.tenant, router->networks.items[i].network);
		for (size_t j = 0; network && network != own && j < network->subnets.count; j++)
			if (prefix_is_ipv4(&network->subnets.items[j]))
				add_route(survey->binding, &network->subnets.items[j], via);
	}
}

static void add_router(
	void *context, const struct router *router, const struct router_network *joined)
{
	struct survey *survey = context;
	struct binding *binding = survey->binding;
	struct address ipv4 = {{0}};
	if (!address_is_zero(&binding->ipv4))
		ipv4 = address_in(joined, binding->network, &binding->subnet);
	if (!survey->first) {
		survey->first = router;
		if (survey->subnet6)
			survey->server6 = address_in(joined, binding->network, survey->subnet6);
	}
	if (address_is_zero(&ipv4))
		return;
	if (address_is_zero(&binding->gateway))
		binding->gateway = ipv4;
	else
		add_networks(survey, router, &ipv4);
}

// ---- the network's own ----

// The first host address, unless a port has it.
static struct address own_server(const struct survey *survey, const struct prefix *subnet)
{
	struct address address = router_address_default(subnet);
	const struct network *network = survey->binding->network;
	const struct port *holder = directory_holder(survey->directory, network, &address);
	if (holder && !strcmp(holder->network, network->object.name))
		return (struct address){{0}};
	return address;
}

static void choose_servers(struct survey *survey)
{
	// Where even the first host address is a port's, the server is named by one that nobody has, and broadcast reaches it.
	static const uint32_t nobody = UINT32_C(169) << 24 | 254 << 16 | 1;
	struct binding *binding = survey->binding;
	if (!address_is_zero(&binding->ipv4)) {
		binding->server = binding->gateway;
		if (address_is_zero(&binding->server))
			binding->server = own_server(survey, &binding->subnet);
		binding->dns4 = binding->server;
		if (address_is_zero(&binding->server))
			binding->server = address_from_ipv4(nobody);
	}
	if (survey->subnet6) {
		binding->dns6 = survey->server6;
		if (address_is_zero(&binding->dns6))
			binding->dns6 = own_server(survey, survey->subnet6);
	}
	if (network_resolves(binding->network))
		return;
	binding->dns4 = binding->dns6 = (struct address){{0}};
}

// ---- the port ----

static void find_addresses(struct binding *binding)
{
	const struct address_list *list = &binding->port->addresses;
	for (size_t i = 0; i < list->count; i++) {
		const struct address *address = &list->items[i];
		const struct prefix *subnet = subnet_of(binding->network, address);
		if (!subnet)
			continue;
		if (!address_is_ipv4(address)) {
			if (binding->address_count < BINDING_ADDRESSES)
				binding->addresses[binding->address_count++] = *address;
		} else if (address_is_zero(&binding->ipv4)) {
			binding->ipv4 = *address;
			binding->subnet = *subnet;
		}
	}
}

// Other IPv4 subnets of the network are on the link.
static void add_subnets(struct binding *binding)
{
	static const struct address link;
	const struct prefix_list *subnets = &binding->network->subnets;
	for (size_t i = 0; i < subnets->count; i++)
		if (prefix_is_ipv4(&subnets->items[i]) &&
			memcmp(&subnets->items[i], &binding->subnet, sizeof(binding->subnet)))
			add_route(binding, &subnets->items[i], &link);
}

int binding_make(struct binding *out, const struct directory *directory, const struct port *port)
{
	const char *tenant = port->object.tenant;
	const struct network *network = (const struct network *)directory_find(
		directory, MODEL_NETWORK, tenant, port->network);
	if (!network)
		return -ENOENT;
	*out = (struct binding){.port = port, .network = network};
	struct survey survey = {.binding = out, .directory = directory};
	if (network->dns_domain)
		snprintf(out->domain, sizeof(out->domain), "%s", network->dns_domain);
	else
		snprintf(out->domain, sizeof(out->domain), "%s.internal", tenant);
	find_addresses(out);
	for (size_t i = 0; i < network->subnets.count && !survey.subnet6; i++)
		if (!prefix_is_ipv4(&network->subnets.items[i]))
			survey.subnet6 = &network->subnets.items[i];
	if (!address_is_zero(&out->ipv4))
		add_subnets(out);
	directory_routers(directory, network, add_router, &survey);
	out->router = survey.first != NULL;
	out->answerer = survey.first ? router_mac(survey.first->key) : network_mac(network);
	choose_servers(&survey);
	return 0;
}
