// SPDX-License-Identifier: Apache-2.0
// What must hold between the fields of one object.
#include "kind.h"

#include <errno.h>

#include "base/memory.h"

enum {
	IPV4_LONGEST = 96 + 30,
	IPV6_LONGEST = 126,
	IPV6_MTU_LEAST = 1280 /* RFC 8200, section 5 */
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
	return 0;
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

int kind_check(const struct object *object, struct error *error)
{
	switch (object->kind) {
	case MODEL_HOST:
		return host_check((const struct host *)object, error);
	case MODEL_NETWORK:
		return network_check((const struct network *)object, error);
	case MODEL_PORT: // its only rule needs what it inherits: the catalog checks it
	case MODEL_ROUTER:
	case MODEL_ADDRESS_SET:
	case MODEL_POLICY:
	case MODEL_TENANT:
	case MODEL_KIND_COUNT:
		break;
	}
	return 0;
}
