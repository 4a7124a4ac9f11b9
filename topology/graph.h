// SPDX-License-Identifier: Apache-2.0
// The graph behind the topology: its nodes, found by name, and how changes are staged and settled.
#pragma once

#include "nodes.h"

void graph_init(struct graph *graph);
void graph_done(struct graph *graph);

// NULL if there is none. A node may be there without its object, if only a port has named it.
struct host_node *graph_find_host(const struct graph *graph, const char *name);
struct network_node *graph_find_network(
	const struct graph *graph, const char *tenant, const char *name);
// By name, where `port`, a struct port, is placed. NULL if it is not.
struct port_node *graph_find_port(const struct graph *graph, const struct object *port);

struct router_node *graph_find_router(
	const struct graph *graph, const char *tenant, const char *name);
struct item_node *graph_find_item(const struct graph *graph, const struct object *object);

// Stage one change. Cost: a few look-ups; a member that is new, moving the links behind it.
void graph_stage(struct graph *graph, struct object *before, struct object *after);
// Stage that the host is behind the relay of that name; NULL: behind none. Cost: its members.
void graph_stage_relay(struct graph *graph, struct host_node *host, const char *relay);
// Make NOW the only moment.
void graph_settle(struct graph *graph);

// Does the host need the node's object at that moment?
bool graph_needs(const struct host_node *host, const struct node *node, enum moment moment);
