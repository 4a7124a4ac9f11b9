// SPDX-License-Identifier: Apache-2.0
// What the files of the catalog share. Private to the model.
#pragma once

#include "claim.h"
#include "model/catalog.h"

struct counters {
	uint32_t vni, port_key, router_key; // the next to be tried
	uint32_t host_key;                  // all below it are used
};

struct catalog {
	struct records records;
	struct index claims; // struct claim
	struct counters counters;
	char history[17];
	uint64_t marks; // walks over the records so far
	bool busy;      // a transaction is open
};

// A pool's place before a transaction allocated from it, and, while that is withdrawn, after.
struct pool_change {
	struct pool *pool;
	struct address next, after;
};

struct allocation {
	struct catalog *catalog;
	struct counters counters; // before
	struct counters after;    // while it is withdrawn
	struct pool_change *changes;
	size_t count;
};

void allocation_begin(struct allocation *allocation, struct catalog *catalog);
// Give the object in `record`, which is not published yet, what it leaves open, and claim it. What it gives
// explicitly was claimed before. -EBUSY when nothing is left to give.
int allocate(struct allocation *allocation, struct record *record, struct error *error);
// Forget, or put counters and pools back.
void allocation_commit(struct allocation *allocation);
void allocation_abort(struct allocation *allocation);
// Put counters and pools back for a while, and on again.
void allocation_withdraw(struct allocation *allocation);
void allocation_restore(struct allocation *allocation);
// A host key is free again.
void allocation_release(struct catalog *catalog, const struct object *object);
// Drop pools of subnets that the network has no longer.
void allocation_prune(struct record *network);

// ---- routing.c ----

// Each segment, networks joined by routers, is looked at once from here on.
void segments_check_begin(struct catalog *catalog);
// What must hold between a router, its networks, and all others of the segment that it makes: addresses in subnets, no
// subnets that overlap, next hops on a network of the router.
int routing_check(struct catalog *catalog, struct record *router, struct error *error);

// ---- succession.c: what must hold between an object and others ----

// What the controller owns is taken over from `before` (NULL: none); changing that, or a constant field, is refused.
int succession_check(struct object *after, const struct object *before, struct error *error);
// Whether an interface on the network can have the address.
int address_check(
	const struct network *network, const struct address *address, struct error *error);
// What must hold between a port and its network and host, which exist.
int placement_check(const struct record *port, struct error *error);
// No address that is in use may be left outside the subnets of the network, or on a reserved address of one.
int subnets_check(const struct catalog *catalog, const struct record *network, struct error *error);
