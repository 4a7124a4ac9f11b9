// SPDX-License-Identifier: Apache-2.0
// The graph behind the topology: hosts, networks and placed ports as nodes, and who has ports where.
//
// A host does not care for a network as such but for its *segment*: all that frames from its ports
// can reach. Today a segment is one network; where routers join networks it will be the group, and
// only the making and joining of segments changes.
//
// A *member* says that a host has ports in a segment, and how many. From members alone follows what
// a host needs; nothing is kept for a pair of hosts, as pairs grow with the square of the hosts.
//
// Time: while changes are applied, each node and member holds two moments, BEFORE and NOW, so that
// any question can be asked of both. Changes are staged first (NOW moves on), and settled at the
// end (BEFORE follows, what is empty goes).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/object.h"

// Small tables are many: a network has its ports in one.
#define HASH_INITIAL_NUM_BUCKETS 4U
#define HASH_INITIAL_NUM_BUCKETS_LOG2 2U
#include <utarray.h>
#include <uthash.h>

enum moment { BEFORE, NOW, MOMENT_COUNT };

struct node {
	enum model_kind kind;
	bool staged;
	uint64_t serial;                     // never used twice; gives every list one order
	struct object *object[MOMENT_COUNT]; // NULL: not there (yet, or any more)
};

struct host_node {
	struct node node;
	char *name;
	UT_array members; // of struct link, by the serial of the segment
	bool marked;      // while a list without repetitions is made
	UT_hash_handle hh;
};

struct segment {
	uint64_t serial;
	UT_array members; // of struct link, by the serial of the host
	struct network_node *network;
};

struct network_node {
	struct node node;
	char *path;
	struct segment *segment;
	struct port_node *ports; // that are placed NOW, by name
	UT_hash_handle hh;
};

// A port that is placed on a host; the others concern nobody.
struct port_node {
	struct node node;
	struct network_node *network[MOMENT_COUNT]; // NULL: not placed
	UT_hash_handle hh; // keyed by the name in the object, and moved on with it
};

struct member {
	struct host_node *host;
	struct segment *segment;
	uint32_t ports[MOMENT_COUNT];
	bool staged;
};

struct link {
	uint64_t serial;
	struct member *member;
};

struct graph {
	uint64_t serials;
	struct host_node *hosts;
	struct network_node *networks;
	UT_array staged_nodes;   // of struct node *
	UT_array staged_members; // of struct member *
};

void graph_init(struct graph *graph);
void graph_done(struct graph *graph);

// NULL if there is none. A node may be there without its object, if only a port has named it.
struct host_node *graph_find_host(const struct graph *graph, const char *name);
struct network_node *graph_find_network(
	const struct graph *graph, const char *tenant, const char *name);
// By name, where `port`, a struct port, is placed. NULL if it is not.
struct port_node *graph_find_port(const struct graph *graph, const struct object *port);

// Stage one change. Cost: a few look-ups; a member that is new, moving the links behind it.
void graph_stage(struct graph *graph, struct object *before, struct object *after);
// Make NOW the only moment.
void graph_settle(struct graph *graph);

// Does the host need the node's object at that moment?
bool graph_needs(const struct host_node *host, const struct node *node, enum moment moment);

// All hosts that share a segment with this one at either moment, itself included, once each.
// `hosts` is an array of struct host_node *.
void graph_peers(struct host_node *host, UT_array *hosts);

// Walk an array of struct link, and one of pointers to `type`, with `each` at the entry.
#define each_link(each, links)                                              \
	for (struct link *each = (struct link *)utarray_front(links); each; \
		each = (struct link *)utarray_next(links, each))
#define each_pointer(type, each, array)                         \
	for (type **each = (type **)utarray_front(array); each; \
		each = (type **)utarray_next(array, each))
