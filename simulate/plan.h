// SPDX-License-Identifier: Apache-2.0
// What is simulated: tenants, their networks, routers, policies and ports, and on which hosts the
// ports are. Pure, and the same for the same options: nothing is kept but the tenants, everything
// else follows from an index.
//
// Sizes. Public clouds find most tenants small, and most ports with few of them ("Resource Central",
// SOSP 2017, on deployments; "Andromeda", NSDI 2018, on virtual networks). Here the number of a
// tenant's ports follows a Pareto distribution, exponent 1.3, bounded to 8 .. 1,000: a half of the
// tenants have fewer than 14 ports, one in a hundred over 250, 25 on average. Before them come the
// tenants that changes to large groups need: one of 1,000 ports and, where there is room for it, one
// of 10,000 in ten networks.
//
// Shape. A tenant of fewer than 12 ports has one network; a larger one three, for web, app and db,
// joined by a router; the large two have networks of 1,000 ports that nothing joins. Ports carry the
// label role=web|app|db and each role has a policy: web is open to all, each tier to the one before.
//
// Place. A tenant's ports are dealt over as many hosts as it takes for 25 on each, at least 3, drawn
// at random: schedulers pack tenants, and spread each over a few hosts.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plan_tenant {
	size_t first, ports; // they are numbered through all tenants
	uint32_t networks;
	bool joined;          // by a router
	uint32_t hosts;       // that it is spread over
	uint64_t place, step; // of the hosts, see plan_host
	const char *group;    // label of all ports of a large tenant: "1000", "10000"; or NULL
};

struct plan {
	size_t hosts, ports;
	struct plan_tenant *tenants;
	size_t count, capacity;
};

// Changes to single ports are made to the first of the others, so that they are the same changes
// whatever the size of the whole.
enum { PLAN_NAME = 32, PLAN_GROUP_SMALL = 1000, PLAN_GROUP_LARGE = 10000, PLAN_CHANGED = 2000 };

void plan_init(struct plan *plan, size_t hosts, size_t ports, uint64_t seed);
void plan_done(struct plan *plan);

// A large tenant by its group, NULL where there is none; and the first of the others.
const struct plan_tenant *plan_group(const struct plan *plan, const char *group);
const struct plan_tenant *plan_others(const struct plan *plan);
const struct plan_tenant *plan_tenant_of(const struct plan *plan, size_t port);

// The hosts that changes can concern, written to `out` with room for all: those of the large tenants,
// then those of the tenants of the ports that are changed. How many they are.
size_t plan_concerned(const struct plan *plan, size_t *out);

// Names, written to `text` of PLAN_NAME bytes.
const char *plan_tenant_name(const struct plan *plan, const struct plan_tenant *tenant, char *text);
const char *plan_host_name(size_t host, char *text);
const char *plan_port_name(size_t port, char *text);
const char *plan_device_name(size_t port, char *text);
const char *plan_network_name(const struct plan_tenant *tenant, size_t port, char *text);
const char *plan_role(size_t port); // "web", "app", "db"
// The tenant's n-th host, and the host of a port.
size_t plan_host(const struct plan *plan, const struct plan_tenant *tenant, size_t n);
size_t plan_port_host(const struct plan *plan, const struct plan_tenant *tenant, size_t port);

// Objects as the API takes them; new references.
json_t *plan_host_object(size_t host);
json_t *plan_port_object(const struct plan *plan, const struct plan_tenant *tenant, size_t port);
// Of a large tenant, all ports of its group; `service` is the one rule that a scenario changes.
json_t *plan_group_policy(const struct plan_tenant *tenant, unsigned service);

// An element of a transaction's "operations". Takes `object` (NULL: a delete).
json_t *plan_operation(
	const char *op, const char *kind, const char *tenant, const char *name, json_t *object);
// All of it, as bodies of POST /v1/transactions: hosts first, then whole tenants until there are
// some hundred operations, large tenants in parts. `visit` takes the reference; an answer other
// than 0 ends it and is returned.
typedef int (*plan_visit)(void *context, json_t *transaction);
int plan_transactions(const struct plan *plan, plan_visit visit, void *context);
