// SPDX-License-Identifier: Apache-2.0
#include "roll.h"

#include <stdlib.h>

#include "base/memory.h"
#include "group.h"
#include "model/digest.h"

void topology_roll_unref(struct topology_roll *roll)
{
	if (!roll || --roll->references)
		return;
	for (size_t i = 0; i < roll->count; i++)
		object_unref(roll->objects[i]);
	free(roll);
}

// ---- when it is no longer true ----

void rolls_drop(struct group *group)
{
	topology_roll_unref(group->roll);
	group->roll = NULL;
}

static void drop_network(const struct network_node *network)
{
	for (enum moment moment = BEFORE; network && moment <= NOW; moment++)
		rolls_drop(&network->segment[moment]->group);
}

static void drop_node(struct node *node)
{
	switch (node->kind) {
	case MODEL_HOST:
		each_link (link, &((struct host_node *)node)->segments)
			rolls_drop(link->member->group);
		break;
	case MODEL_NETWORK:
		drop_network((struct network_node *)node);
		break;
	case MODEL_PORT:
		drop_network(((struct port_node *)node)->network[BEFORE]);
		drop_network(((struct port_node *)node)->network[NOW]);
		break;
	case MODEL_ROUTER:
		drop_network(((struct router_node *)node)->network[BEFORE]);
		drop_network(((struct router_node *)node)->network[NOW]);
		break;
	case MODEL_ADDRESS_SET:
	case MODEL_POLICY:
		rolls_drop(&((struct item_node *)node)->tenant->group);
		break;
	case MODEL_TENANT:
	case MODEL_TOKEN:
	case MODEL_ENROLMENT:
	case MODEL_KIND_COUNT:
		break;
	}
}

void rolls_touch(struct graph *graph)
{
	each_pointer (struct node, node, &graph->staged_nodes)
		drop_node(*node);
	each_pointer (struct member, member, &graph->staged_members)
		rolls_drop((*member)->group);
	each_pointer (struct network_node, network, &graph->moved)
		drop_network(*network);
}

// ---- making one ----

static void add(UT_array *objects, const struct node *node)
{
	if (node->object[NOW])
		utarray_push_back(objects, &node->object[NOW]);
}

static void add_segment(UT_array *objects, const struct segment *segment)
{
	struct network_node *network;
	DL_FOREACH (segment->networks, network)
		add(objects, &network->node);
	DL_FOREACH (segment->networks, network)
		for (struct port_node *port = network->ports; port; port = port->hh.next)
			add(objects, &port->node);
	// A router is on several networks, and told on the one that stands for all.
	DL_FOREACH (segment->networks, network)
		each_pointer (struct router_node, router, &network->routers)
			if ((*router)->network[NOW] == network)
				add(objects, &(*router)->node);
}

static void add_tenant(UT_array *objects, const struct tenant_node *tenant)
{
	static const enum model_kind order[] = {MODEL_ADDRESS_SET, MODEL_POLICY};
	struct item_node *item;
	for (size_t i = 0; i < array_count(order); i++)
		DL_FOREACH (tenant->items, item)
			if (item->node.kind == order[i])
				add(objects, &item->node);
}

static struct topology_roll *make(UT_array *objects, size_t hosts)
{
	size_t count = utarray_len(objects), size = count * sizeof(struct object *);
	struct topology_roll *roll = memory_new(sizeof(*roll) + size);
	roll->references = 1;
	roll->count = count;
	roll->hosts = hosts;
	for (size_t i = 0; i < count; i++) {
		roll->objects[i] = object_ref(*(struct object **)utarray_eltptr(objects, i));
		if (i >= hosts)
			roll->digest += object_digest(roll->objects[i]);
	}
	return roll;
}

static const UT_icd pointer_icd = {sizeof(void *), NULL, NULL, NULL};

static struct topology_roll *roll_of(struct group *group)
{
	if (group->roll)
		return group->roll;
	UT_array objects;
	utarray_init(&objects, &pointer_icd);
	if (!group->tenant)
		each_link (link, &group->members)
			add(&objects, &link->member->host->node);
	size_t hosts = utarray_len(&objects);
	if (group->tenant)
		add_tenant(&objects, (struct tenant_node *)group);
	else
		add_segment(&objects, (struct segment *)group);
	group->roll = make(&objects, hosts);
	utarray_done(&objects);
	return group->roll;
}

// ---- those of a host ----

// Without any port a host still needs itself, and a relay what hosts are behind it.
static struct topology_roll *roll_of_hosts(struct host_node *host)
{
	UT_array objects;
	utarray_init(&objects, &pointer_icd);
	add(&objects, &host->node);
	for (struct host_node *behind = host->hosts; behind; behind = behind->next)
		add(&objects, &behind->node);
	struct topology_roll *roll = make(&objects, utarray_len(&objects));
	utarray_done(&objects);
	return roll;
}

size_t rolls_of(struct host_node *host, struct topology_roll ***out)
{
	size_t count = 0;
	size_t capacity = utarray_len(&host->segments) + utarray_len(&host->tenants) + 1;
	struct topology_roll **rolls = memory_new(capacity * sizeof(struct topology_roll *));
	size_t own = host->relay || utarray_len(&host->segments) == 0;
	if (own)
		rolls[count++] = roll_of_hosts(host);
	each_link (link, &host->segments)
		rolls[count++] = roll_of(link->member->group);
	each_link (link, &host->tenants)
		rolls[count++] = roll_of(link->member->group);
	for (size_t i = own; i < count; i++)
		rolls[i]->references++;
	*out = rolls;
	return count;
}

uint64_t rolls_digest(struct host_node *host)
{
	uint64_t digest = 0;
	UT_array peers;
	group_peers(host, &peers);
	each_pointer (struct host_node, peer, &peers)
		digest += object_digest((*peer)->node.object[NOW]);
	utarray_done(&peers);
	each_link (link, &host->segments)
		digest += roll_of(link->member->group)->digest;
	each_link (link, &host->tenants)
		digest += roll_of(link->member->group)->digest;
	return digest;
}
