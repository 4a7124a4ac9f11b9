// SPDX-License-Identifier: Apache-2.0
#include "subnets.h"

#include <stdlib.h>

#include "base/memory.h"

void subnets_add(struct subnets *subnets, const struct record *record)
{
	const struct network *network = (const struct network *)record->object;
	for (size_t i = 0; i < network->subnets.count; i++) {
		if (subnets->count == subnets->room) {
			subnets->room = subnets->room ? 2 * subnets->room : 16;
			subnets->items = memory_resize(
				subnets->items, subnets->room, sizeof(*subnets->items));
		}
		subnets->items[subnets->count++] =
			(struct subnet){network->subnets.items[i], record};
	}
}

static int compare_subnets(const void *first, const void *second)
{
	const struct subnet *a = first, *b = second;
	int order = address_compare(&a->prefix.address, &b->prefix.address);
	return order ? order : (int)a->prefix.length - (int)b->prefix.length;
}

void subnets_sort(struct subnets *subnets)
{
	if (subnets->count)
		qsort(subnets->items, subnets->count, sizeof(*subnets->items), compare_subnets);
}

const struct subnet *subnets_find(const struct subnets *subnets, const struct address *address)
{
	size_t low = 0, high = subnets->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (address_compare(&subnets->items[middle].prefix.address, address) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || !prefix_contains(&subnets->items[low - 1].prefix, address))
		return NULL;
	return &subnets->items[low - 1];
}

void subnets_of_router(struct subnets *out, const struct record *router)
{
	*out = (struct subnets){0};
	for (const struct reference *reference = router->references; reference;
		reference = reference->next)
		if (reference->to->kind == MODEL_NETWORK)
			subnets_add(out, reference->to);
	subnets_sort(out);
}

void subnets_done(struct subnets *subnets)
{
	free(subnets->items);
	*subnets = (struct subnets){0};
}
