// SPDX-License-Identifier: Apache-2.0
// Static routes that lead back to where they start: router to router, by the longest prefix at
// each.
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/table.h"
#include "subnets.h"
#include "warnings.h"

// As the datapath has it, DP_ROUTER_HOPS: what does not loop in so many steps is dropped anyway.
enum { HOPS_MAXIMUM = 4 };

// A router's plain routes, sorted for look-ups; made when first asked.
struct table {
	const struct record *router;
	struct subnets subnets;
	const struct route **routes;
	size_t count;
	bool lengths[129]; // of prefixes that there are
	UT_hash_handle hh;
};

struct search {
	const struct catalog *catalog;
	struct table *tables;
	const struct record *start;
	const struct record *over; // the first router on the way round
	size_t *work;              // left
};

static int compare_prefixes(const struct prefix *a, const struct prefix *b)
{
	int order = address_compare(&a->address, &b->address);
	return order ? order : (int)a->length - (int)b->length;
}

static int compare_routes(const void *first, const void *second)
{
	const struct route *a = *(const struct route *const *)first;
	const struct route *b = *(const struct route *const *)second;
	return compare_prefixes(&a->to, &b->to);
}

static struct table *table_get(struct search *search, const struct record *router)
{
	struct table *table;
	HASH_FIND_PTR(search->tables, &router, table);
	if (table)
		return table;
	const struct route_list *routes = &((const struct router *)router->object)->routes;
	table = memory_new(sizeof(*table));
	table->router = router;
	subnets_of_router(&table->subnets, router);
	table->routes = memory_new(routes->count * sizeof(*table->routes));
	for (size_t i = 0; i < routes->count; i++)
		if (!routes->items[i].policy) {
			table->routes[table->count++] = &routes->items[i];
			table->lengths[routes->items[i].to.length] = true;
		}
	qsort(table->routes, table->count, sizeof(*table->routes), compare_routes);
	HASH_ADD_PTR(search->tables, router, table);
	return table;
}

static const struct route *longest_match(const struct table *table, const struct address *to)
{
	for (int length = 128; length >= 0; length--) {
		if (!table->lengths[length])
			continue;
		struct route probe = {.to = prefix_from(to, (uint8_t)length)};
		const struct route *key = &probe, **found;
		found = bsearch(
			&key, table->routes, table->count, sizeof(*table->routes), compare_routes);
		if (found && prefix_contains(&(*found)->to, to))
			return *found;
	}
	return NULL;
}

// The router that has the next hop's address; NULL: it is another's.
static const struct record *router_at(
	const struct search *search, const struct table *table, const struct address *hop)
{
	const struct subnet *subnet = subnets_find(&table->subnets, hop);
	if (!subnet)
		return NULL;
	struct claim probe = claim_address(subnet->network, hop);
	const struct claim *claim = index_find(&search->catalog->claims, &probe);
	return claim && claim->owner->kind == MODEL_ROUTER ? claim->owner : NULL;
}

// Does a packet to this address come from the router back to the start?
static bool comes_back(
	struct search *search, const struct record *router, const struct address *to, unsigned hops)
{
	const struct table *table = table_get(search, router);
	if (subnets_find(&table->subnets, to) || !*search->work)
		return false; // it arrives
	--*search->work;
	const struct route *route = longest_match(table, to);
	for (size_t i = 0; route && i < route->via.count; i++) {
		const struct record *next = router_at(search, table, &route->via.items[i]);
		if (!next || (next != search->start && hops == HOPS_MAXIMUM))
			continue;
		if (next != search->start && !comes_back(search, next, to, hops + 1))
			continue;
		if (hops == 1)
			search->over = next;
		return true;
	}
	return false;
}

void loops_find(const struct catalog *catalog, const struct record *router, size_t *work,
	loop_visit visit, void *context)
{
	struct search search = {.catalog = catalog, .start = router, .work = work};
	const struct route_list *routes = &((const struct router *)router->object)->routes;
	for (size_t i = 0; i < routes->count; i++) {
		const struct route *route = &routes->items[i];
		// Packets to the first address of the prefix stand for all, unless another route
		// takes them.
		if (!route->policy && comes_back(&search, router, &route->to.address, 1) &&
			longest_match(table_get(&search, router), &route->to.address) == route)
			visit(context, i, search.over);
	}
	struct table *table, *next;
	HASH_ITER (hh, search.tables, table, next) {
		HASH_DEL(search.tables, table);
		subnets_done(&table->subnets);
		free(table->routes);
		free(table);
	}
}
