// SPDX-License-Identifier: Apache-2.0
// The routes of a router. Prefixes of its networks are connected; the next hops of a plain route
// share its packets (ECMP); a policy route becomes one entry of an ordered list for each service
// that it names.
//
// Next hops live in groups, numbered by what is in them: a route that gets others goes over to
// another group in one write, and routes with the same next hops share one.
#include "state.h"

#include <arpa/inet.h>
#include <string.h>
#include <utarray.h>

#include "base/memory.h"

struct group {
	uint32_t number, count;
	bool used; // in the running round
	UT_hash_handle hh;
	struct dp_hop hops[]; // the key
};

struct hops {
	uint32_t count;
	struct dp_hop items[DP_ROUTER_ECMP];
};

// ---- groups ----

static void group_free(struct compiler *compiler, struct router_node *router, struct group *group)
{
	HASH_DEL(router->groups, group);
	number_release(&compiler->group_numbers, group->number);
	free(group);
}

static struct group *group_new(
	struct compiler *compiler, struct router_node *router, const struct hops *hops)
{
	size_t size = hops->count * sizeof(*hops->items);
	uint64_t hash = number_hash(
		NUMBER_SEED, router->node.origin.path, strlen(router->node.origin.path));
	struct group *group = memory_new(sizeof(*group) + size);
	group->count = hops->count;
	memcpy(group->hops, hops->items, size);
	group->number =
		number_take(&compiler->group_numbers, number_hash(hash, hops->items, size), group);
	HASH_ADD(hh, router->groups, hops, size, group);
	return group;
}

static uint32_t group_claim(
	struct compiler *compiler, struct router_node *router, const struct hops *hops)
{
	struct group *group;
	HASH_FIND(hh, router->groups, hops->items, hops->count * sizeof(*hops->items), group);
	if (!group)
		group = group_new(compiler, router, hops);
	for (uint32_t i = 0; !group->used && i < group->count; i++) {
		struct dp_hop_key key = {.group = group->number, .index = i};
		rows_claim(
			&compiler->rows, &router->node.origin, DP_TABLE_HOP, &key, &group->hops[i]);
	}
	group->used = true;
	return group->number;
}

void routes_release(struct compiler *compiler, struct router_node *router)
{
	struct group *group, *next;
	HASH_ITER (hh, router->groups, group, next) {
		if (!group->used)
			group_free(compiler, router, group);
		else
			group->used = false;
	}
}

// ---- next hops ----

static int hop_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct dp_hop));
}

// The network of the router that a next hop is on; NULL: none that is known.
static const struct network *network_with(
	const struct router_node *router, const struct address *address)
{
	for (size_t i = 0; i < router->count; i++) {
		const struct network *network = network_of(router->joined[i].network);
		for (size_t j = 0; network && j < network->subnets.count; j++) {
			if (prefix_contains(&network->subnets.items[j], address))
				return network;
		}
	}
	return NULL;
}

static void add_hops(const struct router_node *router, const struct route *route, struct hops *hops)
{
	for (size_t i = 0; i < route->via.count && hops->count < DP_ROUTER_ECMP; i++) {
		const struct address *address = &route->via.items[i];
		const struct network *network = network_with(router, address);
		if (network)
			hops->items[hops->count++] = (struct dp_hop){
				.address = table_address(address), .vni = network->vni};
	}
}

// Sorted, none twice: the order in which routes are written does not matter.
static void hops_sort(struct hops *hops)
{
	uint32_t count = 0;
	if (!hops->count)
		return;
	qsort(hops->items, hops->count, sizeof(*hops->items), hop_compare);
	for (uint32_t i = 0; i < hops->count; i++)
		if (!count || hop_compare(&hops->items[count - 1], &hops->items[i]))
			hops->items[count++] = hops->items[i];
	hops->count = count;
}

// Next hops that cannot be reached: the packet's sender is told, rather than that a shorter prefix
// takes it somewhere else.
static struct dp_route route_value(
	struct compiler *compiler, struct router_node *router, const struct route *route)
{
	struct hops hops = {0};
	if (route->action == ROUTE_DROP)
		return (struct dp_route){.action = DP_ROUTE_DROP};
	if (route->action == ROUTE_FORWARD)
		add_hops(router, route, &hops);
	if (!hops.count)
		return (struct dp_route){.action = DP_ROUTE_REJECT};
	hops_sort(&hops);
	return (struct dp_route){
		.action = DP_ROUTE_VIA,
		.group = group_claim(compiler, router, &hops),
		.hops = hops.count,
	};
}

// ---- rows ----

static uint8_t family_of(const struct prefix *prefix)
{
	return prefix_is_ipv4(prefix) ? 4 : 6;
}

static void claim_route(struct compiler *compiler, struct router_node *router,
	const struct prefix *to, const struct dp_route *value)
{
	struct dp_route_key key = {
		.prefix_length = DP_ROUTE_FIXED_BITS + to->length,
		.router = htonl(router_of(router)->key),
		.family = family_of(to),
		.destination = table_address(&to->address),
	};
	rows_claim(&compiler->rows, &router->node.origin, DP_TABLE_ROUTE, &key, value);
}

static bool is_connected(const struct router_node *router, const struct prefix *to)
{
	for (size_t i = 0; i < router->count; i++) {
		const struct network *network = network_of(router->joined[i].network);
		for (size_t j = 0; network && j < network->subnets.count; j++) {
			const struct prefix *subnet = &network->subnets.items[j];
			if (subnet->length == to->length &&
				!address_compare(&subnet->address, &to->address))
				return true;
		}
	}
	return false;
}

static void claim_connected(struct compiler *compiler, struct router_node *router)
{
	for (size_t i = router->count; i-- > 0;) {
		const struct network *network = network_of(router->joined[i].network);
		for (size_t j = 0; network && j < network->subnets.count; j++) {
			struct dp_route value = {.action = DP_ROUTE_CONNECTED, .vni = network->vni};
			claim_route(compiler, router, &network->subnets.items[j], &value);
		}
	}
}

static int policy_compare(const void *left, const void *right)
{
	const struct route *a = *(const struct route *const *)left;
	const struct route *b = *(const struct route *const *)right;
	if (a->priority != b->priority)
		return a->priority > b->priority ? -1 : 1;
	return a < b ? -1 : a > b;
}

static uint16_t claim_steers(struct compiler *compiler, struct router_node *router,
	const struct route *route, uint16_t index)
{
	static const struct service every = {.protocol = 0, .low = 0, .high = UINT16_MAX};
	bool all = !route->ports.count;
	struct dp_route value = route_value(compiler, router, route);
	for (size_t i = 0; (all ? i < 1 : i < route->ports.count) && index < DP_ROUTER_STEERS;
		i++) {
		const struct service *service = all ? &every : &route->ports.items[i];
		struct dp_steer_key key = {.router = router_of(router)->key, .index = index++};
		struct dp_steer steer = {
			.source = table_address(&route->from.address),
			.destination = table_address(&route->to.address),
			.source_bits = route->from.length,
			.destination_bits = route->to.length,
			.protocol = service->protocol,
			.family = family_of(&route->to),
			.port_low = service->low,
			.port_high = service->high,
			.route = value,
		};
		rows_claim(&compiler->rows, &router->node.origin, DP_TABLE_STEER, &key, &steer);
	}
	return index;
}

uint16_t routes_compile(struct compiler *compiler, struct router_node *router)
{
	const struct route_list *list = &router_of(router)->routes;
	const struct route **policies = memory_new((list->count + 1) * sizeof(*policies));
	size_t count = 0;
	uint16_t steers = 0;
	claim_connected(compiler, router);
	for (size_t i = 0; i < list->count; i++) {
		const struct route *route = &list->items[i];
		if (route->policy) {
			policies[count++] = route;
		} else if (!is_connected(router, &route->to)) {
			struct dp_route value = route_value(compiler, router, route);
			claim_route(compiler, router, &route->to, &value);
		}
	}
	if (count)
		qsort(policies, count, sizeof(*policies), policy_compare);
	for (size_t i = 0; i < count; i++)
		steers = claim_steers(compiler, router, policies[i], steers);
	free(policies);
	return steers;
}
