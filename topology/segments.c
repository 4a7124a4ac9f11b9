// SPDX-License-Identifier: Apache-2.0
#include "segments.h"

#include <stdlib.h>

#include "base/memory.h"
#include "graph.h"
#include "group.h"

struct component {
	UT_array networks; // of struct network_node *
	struct segment *segment;
	struct component *next;
};

static const UT_icd pointer_icd = {sizeof(void *), NULL, NULL, NULL};

// ---- what is joined ----

static void reach(struct component *component, struct network_node *network)
{
	if (network->component)
		return;
	network->component = component;
	utarray_push_back(&component->networks, &network);
}

static struct component *find_component(struct network_node *start)
{
	struct component *component = memory_new(sizeof(*component));
	utarray_init(&component->networks, &pointer_icd);
	reach(component, start);
	for (unsigned i = 0; i < utarray_len(&component->networks); i++) {
		struct network_node *network =
			*(struct network_node **)utarray_eltptr(&component->networks, i);
		each_pointer (struct router_node, router, &network->routers)
			each_pointer (struct network_node, other, &(*router)->networks)
				reach(component, *other);
	}
	return component;
}

// ---- which segment it stays ----

// What moving the network costs.
static size_t weight(const struct network_node *network)
{
	return 1 + HASH_COUNT(network->ports);
}

// Tell the segments of these networks how much of them is here: each is claimed where most of it
// is.
static void bid(struct component *component)
{
	each_pointer (struct network_node, network, &component->networks) {
		struct segment *segment = (*network)->segment[NOW];
		if (segment->counted != component) {
			segment->counted = component;
			segment->tally = 0;
		}
		segment->tally += weight(*network);
		if (segment->tally > segment->best_tally) {
			segment->best_tally = segment->tally;
			segment->best = component;
		}
	}
}

// The heaviest of those that it won; NULL: none.
static struct segment *won_by(const struct component *component)
{
	struct segment *won = NULL;
	each_pointer (struct network_node, network, &component->networks) {
		struct segment *segment = (*network)->segment[NOW];
		if (segment->best == component && (!won || segment->best_tally > won->best_tally))
			won = segment;
	}
	return won;
}

static void move(struct graph *graph, struct network_node *network, struct segment *to)
{
	struct segment *from = network->segment[NOW];
	if (from == to)
		return;
	for (struct port_node *port = network->ports; port; port = port->hh.next) {
		const struct port *object = (const struct port *)port->node.object[NOW];
		struct host_node *host = graph_find_host(graph, object->host);
		member_stage(graph, host, &from->group, -1);
		member_stage(graph, host, &to->group, 1);
	}
	DL_DELETE(from->networks, network);
	DL_APPEND(to->networks, network);
	network->segment[NOW] = to;
	utarray_push_back(&graph->moved, &network);
}

void segments_sort(struct graph *graph)
{
	struct component *components = NULL, *component, *next;
	each_pointer (struct segment, segment, &graph->dirty)
		for (struct network_node *network = (*segment)->networks; network;
			network = network->next)
			if (!network->component) {
				component = find_component(network);
				LL_PREPEND(components, component);
			}
	LL_FOREACH (components, component)
		bid(component);
	LL_FOREACH (components, component)
		component->segment = won_by(component);
	LL_FOREACH_SAFE(components, component, next)
	{
		struct segment *segment =
			component->segment ? component->segment : segment_new(graph);
		each_pointer (struct network_node, network, &component->networks) {
			move(graph, *network, segment);
			(*network)->component = NULL;
		}
		utarray_done(&component->networks);
		free(component);
	}
}
