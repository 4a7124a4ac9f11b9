// SPDX-License-Identifier: Apache-2.0
// What the services of a network have to tell one of its ports. All of it follows from desired state, so that there are no leases to
// keep: an agent that starts anew says the same.
#pragma once

#include "directory.h"

enum { BINDING_ROUTES = 16, BINDING_ADDRESSES = 64 };

// A way to a prefix. `via` zero: on the link.
struct binding_route {
	struct prefix to;
	struct address via;
};

struct binding {
	const struct port *port;       // borrowed
	const struct network *network; // borrowed
	char domain[128];

	// Who answers: the oldest router of the network, or the network itself.
	struct mac answerer;
	bool router;

	// IPv4: the port's first address in a subnet; zero: none, and then neither is the rest.
	struct address ipv4;
	struct prefix subnet;
	struct address server;  // that serves in this subnet
	struct address gateway; // zero: none
	size_t route_count;     // of classless routes, besides the one by the gateway
	struct binding_route routes[BINDING_ROUTES];

	// IPv6: its addresses in subnets.
	size_t address_count;
	struct address addresses[BINDING_ADDRESSES];

	// Where DNS is; zero: nowhere.
	struct address dns4, dns6;
};

// 0, or -ENOENT: the network of the port is not known. `out` lasts until the directory changes.
int binding_make(struct binding *out, const struct directory *directory, const struct port *port);
