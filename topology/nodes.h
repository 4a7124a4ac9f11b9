// SPDX-License-Identifier: Apache-2.0
// What the graph is made of: hosts, networks, placed ports, routers, and what holds for a whole
// tenant, as nodes; and who has ports where.
//
// A host does not care for a network as such but for its *segment*: all that packets from its ports
// can reach, the networks that routers join to it. A lone network is a segment of its own. A router
// that changes makes the segments that it touches dirty, and their networks are sorted out anew;
// each segment stays with the most of what it held, so that only the rest moves.
//
// Segments and tenants are *groups*. A *member* says that a host has ports in a group, and how
// many. From members alone follows what a host needs; nothing is kept for a pair of hosts, as pairs
// grow with the square of the hosts.
//
// Time: while changes are applied, each node and member holds two moments, BEFORE and NOW, so that
// any question can be asked of both. Changes are staged first (NOW moves on), and settled at the
// end (BEFORE follows, what is empty goes).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <utarray.h>
#include <utlist.h>

// Small tables are many: a network has its ports in one.
#define HASH_INITIAL_NUM_BUCKETS 4U
#define HASH_INITIAL_NUM_BUCKETS_LOG2 2U

#include "base/table.h"
#include "model/object.h"

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
	UT_array segments; // it is a member of: of struct link, by the serial of the group
	UT_array tenants;  // likewise
	bool marked;       // while a list without repetitions is made
	// A relay is a host without an object, and the ports of all the hosts behind it are its own.
	bool relay;
	struct host_node *behind[MOMENT_COUNT]; // the relay that it is behind; NULL: none
	struct host_node *hosts;                // behind this relay NOW
	struct host_node *prev, *next;          // of the same relay
	UT_hash_handle hh;
};

struct group {
	uint64_t serial;
	UT_array members;           // of struct link, by the serial of the host
	bool tenant;                // or a segment
	struct topology_roll *roll; // what it holds NOW, as a list; NULL: nobody has asked since
};

struct component; // networks that are joined, while segments are sorted out

struct segment {
	struct group group;
	struct network_node *networks; // that are in it NOW
	bool dirty;
	// While segments are sorted out: how much of it is in `counted`, and where most of it is.
	struct component *counted, *best;
	size_t tally, best_tally;
};

// A tenant as far as it matters: its own object is of no interest to hosts.
struct tenant_node {
	struct group group;
	char *name;
	size_t networks;
	struct item_node *items;
	UT_hash_handle hh;
};

struct network_node {
	struct node node;
	char *path;
	struct tenant_node *tenant;
	struct segment *segment[MOMENT_COUNT];
	struct network_node *prev, *next; // in the segment
	struct port_node *ports;          // that are placed NOW, by name
	UT_array routers;                 // of struct router_node *, that are on it NOW
	struct component *component;
	UT_hash_handle hh;
};

struct router_node {
	struct node node;
	char *path;
	UT_array networks; // of struct network_node *, that it joins NOW
	// One of its networks stands for all, which are of one segment. NULL: there is none.
	struct network_node *network[MOMENT_COUNT];
	UT_hash_handle hh;
};

// A policy or an address set: all hosts of the tenant need it.
struct item_node {
	struct node node;
	char *path;
	struct tenant_node *tenant;
	struct item_node *prev, *next; // of the tenant
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
	struct group *group;
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
	struct tenant_node *tenants;
	struct network_node *networks;
	struct router_node *routers;
	struct item_node *items;
	UT_array staged_nodes;   // of struct node *
	UT_array staged_members; // of struct member *
	UT_array dirty;          // of struct segment *
	UT_array moved;          // of struct network_node *, whose segment changed
	UT_array rehung;         // of struct host_node *, whose relay changed
};

#define graph_segment_of(member) ((struct segment *)(member)->group)
#define graph_tenant_of(member) ((struct tenant_node *)(member)->group)

// Walk an array of struct link, and one of pointers to `type`, with `each` at the entry.
#define each_link(each, links)                                              \
	for (struct link *each = (struct link *)utarray_front(links); each; \
		each = (struct link *)utarray_next(links, each))
#define each_pointer(type, each, array)                         \
	for (type **each = (type **)utarray_front(array); each; \
		each = (type **)utarray_next(array, each))
