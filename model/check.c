// SPDX-License-Identifier: Apache-2.0
// What must hold between the fields of one object.
#include "kind.h"

#include <errno.h>

#include "base/memory.h"

enum {
	IPV4_LONGEST = 96 + 30,
	IPV6_LONGEST = 126,
	POLICY_ROUTES_MAXIMUM = 64,
	IPV6_MTU_LEAST = 1280 /* RFC 8200, section 5 */,
	SLAAC_LENGTH = 64
};

// Where no subnet can be.
static const struct {
	struct prefix prefix;
	const char *what;
} reserved[] = {
	{{{{[10] = 0xff, 0xff, 0}}, 104}, "0.0.0.0/8 (\"this network\")"},
	{{{{[10] = 0xff, 0xff, 127}}, 104}, "127.0.0.0/8 (loopback)"},
	{{{{[10] = 0xff, 0xff, 169, 254}}, 112}, "169.254.0.0/16 (link-local)"},
	{{{{[10] = 0xff, 0xff, 224}}, 100}, "224.0.0.0/4 (multicast)"},
	{{{{[10] = 0xff, 0xff, 255, 255, 255, 255}}, 128}, "255.255.255.255 (broadcast)"},
	{{{{0}}, 127}, "::/127 (unspecified, loopback)"},
	{{{{0xfe, 0x80}}, 10}, "fe80::/10 (link-local)"},
	{{{{0xff}}, 8}, "ff00::/8 (multicast)"},
};

static const struct prefix loopbacks[] = {
	{{{[10] = 0xff, 0xff, 127}}, 104},
	{{{[15] = 1}}, 128},
};

static int subnet_check(const struct prefix_list *subnets, size_t index, struct error *error)
{
	const struct prefix *subnet = &subnets->items[index];
	char text[PREFIX_TEXT], other[PREFIX_TEXT];
	prefix_format(subnet, text);
	bool ipv4 = prefix_is_ipv4(subnet);
	if (subnet->length > (ipv4 ? IPV4_LONGEST : IPV6_LONGEST))
		return error_set(error, EINVAL,
			"'%s' is too small: an %s subnet is not longer than /%d", text,
			ipv4 ? "IPv4" : "IPv6", ipv4 ? 30 : IPV6_LONGEST);
	for (size_t i = 0; i < array_count(reserved); i++)
		if (prefix_overlaps(subnet, &reserved[i].prefix))
			return error_set(error, EINVAL, "'%s' overlaps %s, where no subnet can be",
				text, reserved[i].what);
	for (size_t i = 0; i < index; i++)
		if (prefix_overlaps(subnet, &subnets->items[i]))
			return error_set(error, EINVAL, "'%s' overlaps '%s' (subnets[%zu])", text,
				prefix_format(&subnets->items[i], other), i);
	return 0;
}

// ---- what a network serves ----

// Labels of letters, digits and inner dashes: RFC 1123, section 2.1. In lower case, as names are.
static bool domain_is_good(const char *domain)
{
	size_t label = 0;
	for (const char *at = domain;; at++) {
		bool letter = (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9');
		bool end = *at == '.' || !*at;
		if (end && (!label || label > 63 || at[-1] == '-'))
			return false;
		if (!*at)
			return true;
		if (!end && !letter && (*at != '-' || !label))
			return false;
		label = end ? 0 : label + 1;
	}
}

static int dns_check(const struct network *network, struct error *error)
{
	const struct address_list *servers = &network->dns_servers;
	char text[ADDRESS_TEXT];
	for (size_t i = 0; i < servers->count; i++) {
		const struct address *server = &servers->items[i];
		bool loopback = false;
		for (size_t j = 0; j < array_count(loopbacks); j++)
			loopback |= prefix_contains(&loopbacks[j], server);
		if (!loopback && !address_is_link_local(server))
			continue;
		error_set_field(error, "dns_servers[%zu]", i);
		return error_set(error, EINVAL,
			"'%s' is a %s address: of every host another server",
			address_format(server, text), loopback ? "loopback" : "link-local");
	}
	if (network->dns_domain && !domain_is_good(network->dns_domain)) {
		error_set_field(error, "dns_domain");
		return error_set(error, EINVAL,
			"'%s' is not a domain: names of a-z 0-9 and inner dashes, joined by dots",
			network->dns_domain);
	}
	return 0;
}

// The interface identifier that a host makes of its MAC has 64 bits: RFC 4291, section 2.5.1.
static int slaac_check(const struct network *network, struct error *error)
{
	char text[PREFIX_TEXT];
	for (size_t i = 0; network->slaac && i < network->subnets.count; i++) {
		const struct prefix *subnet = &network->subnets.items[i];
		if (prefix_is_ipv4(subnet) || subnet->length == SLAAC_LENGTH)
			continue;
		error_set_field(error, "subnets[%zu]", i);
		return error_set(error, EINVAL, "'%s' is not a /%d, as slaac needs it",
			prefix_format(subnet, text), SLAAC_LENGTH);
	}
	return 0;
}

static int network_check(const struct network *network, struct error *error)
{
	bool ipv6 = false;
	for (size_t i = 0; i < network->subnets.count; i++) {
		int result = subnet_check(&network->subnets, i, error);
		if (result) {
			error_set_field(error, "subnets[%zu]", i);
			return result;
		}
		ipv6 |= !prefix_is_ipv4(&network->subnets.items[i]);
	}
	if (ipv6 && network->mtu < IPV6_MTU_LEAST) {
		error_set_field(error, "mtu");
		return error_set(error, EINVAL, "must be at least %d with an IPv6 subnet, not %u",
			IPV6_MTU_LEAST, network->mtu);
	}
	int result = slaac_check(network, error);
	return result ? result : dns_check(network, error);
}

static int host_check(const struct host *host, struct error *error)
{
	// A tunnel's outer header carries no scope.
	if (!address_is_ipv4(&host->vtep) && address_is_link_local(&host->vtep)) {
		error_set_field(error, "vtep");
		return error_set(
			error, EINVAL, "is link-local; other hosts could not reach it by routing");
	}
	return 0;
}

// A router's MAC is made of its key, and no port may take it.
static int mac_check(const struct mac *mac, struct error *error)
{
	if (!mac_is_router(mac))
		return 0;
	return error_set(error, EINVAL, "begins with 0e:57, as the MACs of routers do");
}

// Its other rules need what it inherits: the catalog checks them.
static int port_check(const struct port *port, struct error *error)
{
	int result = mac_check(&port->mac, error);
	if (result)
		error_set_field(error, "mac");
	for (size_t i = 0; !result && i < port->security.count; i++) {
		result = mac_check(&port->security.items[i].mac, error);
		if (result)
			error_set_field(error, "security[%zu].mac", i);
	}
	return result;
}

// The datapath asks a router's policy routes one after the other: there is a bound.
static int router_check(const struct router *router, struct error *error)
{
	size_t steps = 0;
	for (size_t i = 0; i < router->routes.count; i++) {
		const struct route *route = &router->routes.items[i];
		if (route->policy)
			steps += route->ports.count ? route->ports.count : 1;
		if (steps > POLICY_ROUTES_MAXIMUM) {
			error_set_field(error, "routes[%zu]", i);
			return error_set(error, EINVAL,
				"is one policy route too many: with each of their services they "
				"count %zu, the most is %d",
				steps, POLICY_ROUTES_MAXIMUM);
		}
	}
	return 0;
}

// Whom a token is for must be said where its role does not say it.
static int token_check(const struct token *token, struct error *error)
{
	const char *fault = NULL;
	if (token->tenants.items && token->role == TOKEN_ADMINISTRATOR)
		fault = "an administrator is for all tenants: leave them out, or choose "
			"tenant-admin";
	else if (token->tenants.items && !token->tenants.count)
		fault = "is empty: then the token would be for nothing";
	else if (!token->tenants.items && token->role == TOKEN_TENANT_ADMINISTRATOR)
		fault = "is required: of which tenants is this the administrator?";
	if (!fault)
		return 0;
	error_set_field(error, "tenants");
	return error_set(error, EINVAL, "%s", fault);
}

int kind_check(const struct object *object, struct error *error)
{
	switch (object->kind) {
	case MODEL_HOST:
		return host_check((const struct host *)object, error);
	case MODEL_NETWORK:
		return network_check((const struct network *)object, error);
	case MODEL_PORT:
		return port_check((const struct port *)object, error);
	case MODEL_ROUTER:
		return router_check((const struct router *)object, error);
	case MODEL_TOKEN:
		return token_check((const struct token *)object, error);
	case MODEL_ENROLMENT:
	case MODEL_ADDRESS_SET:
	case MODEL_POLICY:
	case MODEL_TENANT:
	case MODEL_KIND_COUNT:
		break;
	}
	return 0;
}
