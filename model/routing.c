// SPDX-License-Identifier: Apache-2.0
// What must hold between a router, its networks, and the other networks of its segment.
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "state.h"
#include "subnets.h"

// ---- the segment ----

void segments_check_begin(struct catalog *catalog)
{
	catalog->marks++;
}

static bool first_visit(struct catalog *catalog, struct record *record)
{
	if (record->mark == catalog->marks)
		return false;
	record->mark = catalog->marks;
	return true;
}

struct walk {
	struct catalog *catalog;
	struct subnets subnets;
	struct record **routers; // found; those from `done` on still to be followed
	size_t count, done;
};

static void find_router(struct walk *walk, struct record *router)
{
	if (!first_visit(walk->catalog, router))
		return;
	walk->routers = memory_resize(walk->routers, walk->count + 1, sizeof(*walk->routers));
	walk->routers[walk->count++] = router;
}

static void find_network(struct walk *walk, struct record *network)
{
	if (!first_visit(walk->catalog, network))
		return;
	subnets_add(&walk->subnets, network);
	for (struct reference *reference = network->referrers;
		reference && reference->from->kind == MODEL_ROUTER; reference = reference->after)
		find_router(walk, reference->from);
}

// Ports know nothing of routers, so an address must mean one place in all of a segment. Sorted, a
// subnet that overlaps any other overlaps its neighbour.
static int overlap_check(const struct subnets *subnets, struct error *error)
{
	for (size_t i = 1; i < subnets->count; i++) {
		const struct subnet *wide = &subnets->items[i - 1], *narrow = &subnets->items[i];
		char one[PREFIX_TEXT], other[PREFIX_TEXT];
		if (!prefix_overlaps(&wide->prefix, &narrow->prefix))
			continue;
		error_set_field(error, "networks");
		return error_set(error, EINVAL,
			"joins network '%s' to '%s', whose subnets %s and %s overlap",
			wide->network->name, narrow->network->name,
			prefix_format(&wide->prefix, one), prefix_format(&narrow->prefix, other));
	}
	return 0;
}

static int segment_check(struct catalog *catalog, struct record *router, struct error *error)
{
	if (router->mark == catalog->marks)
		return 0;
	struct walk walk = {.catalog = catalog};
	find_router(&walk, router);
	while (walk.done < walk.count) {
		struct record *each = walk.routers[walk.done++];
		for (struct reference *reference = each->references; reference;
			reference = reference->next)
			if (reference->to->kind == MODEL_NETWORK)
				find_network(&walk, reference->to);
	}
	subnets_sort(&walk.subnets);
	int result = overlap_check(&walk.subnets, error);
	subnets_done(&walk.subnets);
	free(walk.routers);
	return result;
}

// ---- the router itself ----

static const struct network *joined_network(
	const struct catalog *catalog, const struct record *router, size_t index)
{
	const struct router *object = (const struct router *)router->object;
	return (const struct network *)catalog_find(
		catalog, MODEL_NETWORK, router->tenant, object->networks.items[index].network);
}

static int addresses_check(
	const struct catalog *catalog, const struct record *record, struct error *error)
{
	const struct router *router = (const struct router *)record->object;
	for (size_t i = 0; i < router->networks.count; i++) {
		const struct address_list *given = &router->networks.items[i].addresses;
		for (size_t j = 0; j < given->count; j++) {
			int result = address_check(
				joined_network(catalog, record, i), &given->items[j], error);
			if (result) {
				error_set_field(error, "networks[%zu].addresses[%zu]", i, j);
				return result;
			}
		}
	}
	return 0;
}

static int next_hop_check(const struct catalog *catalog, const struct record *router,
	const struct subnets *subnets, const struct address *hop, struct error *error)
{
	char text[ADDRESS_TEXT];
	const struct subnet *subnet = subnets_find(subnets, hop);
	if (!subnet)
		return error_set(error, EINVAL, "%s is on no network of the router",
			address_format(hop, text));
	struct claim probe = claim_address(subnet->network, hop);
	const struct claim *claim = index_find(&catalog->claims, &probe);
	if (claim && claim->owner == router)
		return error_set(error, EINVAL,
			"%s is the router itself: the packet would go round for ever",
			address_format(hop, text));
	return 0;
}

static int routes_check(const struct catalog *catalog, const struct record *record,
	const struct subnets *subnets, struct error *error)
{
	const struct router *router = (const struct router *)record->object;
	for (size_t i = 0; i < router->routes.count; i++) {
		const struct address_list *via = &router->routes.items[i].via;
		for (size_t j = 0; j < via->count; j++) {
			int result =
				next_hop_check(catalog, record, subnets, &via->items[j], error);
			if (result) {
				error_set_field(error, "routes[%zu].via[%zu]", i, j);
				return result;
			}
		}
	}
	return 0;
}

int routing_check(struct catalog *catalog, struct record *router, struct error *error)
{
	struct subnets subnets;
	subnets_of_router(&subnets, router);
	int result = segment_check(catalog, router, error);
	if (!result)
		result = addresses_check(catalog, router, error);
	if (!result)
		result = routes_check(catalog, router, &subnets, error);
	subnets_done(&subnets);
	if (result) {
		char path[OBJECT_PATH_TEXT];
		error_set_object(error, "%s", object_path(router->object, path));
	}
	return result;
}
