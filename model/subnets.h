// SPDX-License-Identifier: Apache-2.0
// The subnets of some networks, in order of addresses. Private to the model.
#pragma once

#include "record.h"

struct subnet {
	struct prefix prefix;
	const struct record *network;
};

struct subnets {
	size_t count, room;
	struct subnet *items;
};

void subnets_add(struct subnets *subnets, const struct record *network);
void subnets_sort(struct subnets *subnets);
// Those of all networks of the router, sorted.
void subnets_of_router(struct subnets *out, const struct record *router);
// The subnet that the address lies in; NULL: none. They are sorted, and none overlaps another.
const struct subnet *subnets_find(const struct subnets *subnets, const struct address *address);
void subnets_done(struct subnets *subnets);
