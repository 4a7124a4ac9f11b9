// SPDX-License-Identifier: Apache-2.0
// Segments: networks that routers join. The number of a segment, its domain, is the smallest VNI in
// it. A change of a router or of a network's VNI makes its networks stale; the next flush walks
// what hangs on them, and nothing else.
#include <utarray.h>
#include <utlist.h>

#include "state.h"

void segment_stale(struct compiler *compiler, struct network_node *network)
{
	if (network->stale)
		return;
	network->stale = true;
	DL_APPEND2(compiler->stale_networks, network, stale_prev, stale_next);
}

void segment_stale_all(struct compiler *compiler, struct router_node *router)
{
	for (size_t i = 0; i < router->count; i++)
		segment_stale(compiler, router->joined[i].network);
}

static void set_domain(struct compiler *compiler, struct network_node *network, uint32_t domain)
{
	if (network->domain == domain)
		return;
	network->domain = domain;
	node_touch(compiler, &network->node);
	struct port_node *port;
	DL_FOREACH2(network->local, port, network_next)
	node_touch(compiler, &port->node);
	DL_FOREACH2(network->other, port, network_next)
	node_touch(compiler, &port->node);
}

static void visit(UT_array *segment, struct network_node *network)
{
	if (network->visited || !network->node.object)
		return;
	network->visited = true;
	utarray_push_back(segment, &network);
}

// `segment` grows while it is walked.
static void walk(UT_array *segment)
{
	for (unsigned i = 0; i < utarray_len(segment); i++) {
		struct network_node *network = *(struct network_node **)utarray_eltptr(segment, i);
		const struct joined *joined;
		DL_FOREACH (network->routers, joined) {
			for (size_t j = 0; j < joined->router->count; j++)
				visit(segment, joined->router->joined[j].network);
		}
	}
}

static void settle(struct compiler *compiler, UT_array *segment)
{
	uint32_t domain = UINT32_MAX;
	struct network_node **at;
	for (at = NULL; (at = (struct network_node **)utarray_next(segment, at));) {
		uint32_t vni = network_of(*at)->vni;
		domain = vni < domain ? vni : domain;
	}
	for (at = NULL; (at = (struct network_node **)utarray_next(segment, at));)
		set_domain(compiler, *at, domain);
}

void segments_settle(struct compiler *compiler)
{
	static const UT_icd icd = {sizeof(struct network_node *), NULL, NULL, NULL};
	UT_array segment, all;
	struct network_node **at = NULL;
	utarray_init(&all, &icd);
	while (compiler->stale_networks) {
		struct network_node *network = compiler->stale_networks;
		DL_DELETE2(compiler->stale_networks, network, stale_prev, stale_next);
		network->stale = false;
		if (!network->node.object)
			network->domain = 0;
		utarray_init(&segment, &icd);
		visit(&segment, network);
		walk(&segment);
		settle(compiler, &segment);
		utarray_concat(&all, &segment);
		utarray_done(&segment);
	}
	while ((at = (struct network_node **)utarray_next(&all, at)))
		(*at)->visited = false;
	utarray_done(&all);
}
