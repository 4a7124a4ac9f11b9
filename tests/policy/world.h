// SPDX-License-Identifier: Apache-2.0
// Objects at random, from pools so small that everything meets.
#pragma once

#include "compile/compile.h"
#include "model/object.h"

enum { NETWORKS = 6, ROUTERS = 3, SETS = 3, POLICIES = 5, PORTS = 16, HOSTS = 2 };

struct world {
	struct object *hosts[HOSTS];
	struct object *networks[NETWORKS], *routers[ROUTERS], *sets[SETS], *policies[POLICIES];
	struct object *ports[PORTS];
	uint64_t revision;
	uint32_t domains[NETWORKS]; // by evaluate.c
};

uint32_t draw(uint32_t below);
void draw_seed(uint32_t seed);

// Hosts h0 and h1, networks, and nothing else.
void world_init(struct world *world, struct compiler *compiler);
void world_done(struct world *world);
// The same objects.
void world_copy(struct world *to, const struct world *from);
// One object comes, changes or goes. `compiler` may be NULL.
void world_change(struct world *world, struct compiler *compiler);
// All objects into a compiler, in an order drawn at random.
void world_put(const struct world *world, struct compiler *compiler);

struct object *world_decode(enum model_kind kind, const char *tenant, const char *name,
	uint64_t revision, json_t *fields);

// Addresses that ports use, and some that none does.
struct address draw_address(void);
// The network that an index stands for belongs to one of two tenants, as all objects do.
const char *tenant_of(unsigned index);
