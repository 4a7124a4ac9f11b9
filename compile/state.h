// SPDX-License-Identifier: Apache-2.0
// What the compiler knows, and how one thing follows from another.
//
// Every object is a node. A node that is referred to but not known (a port's network that has not
// arrived) is there without an object. A change touches the nodes whose rows may follow from it; a
// flush compiles each touched node once.
//
//   port ──► network, host, device        touched by each of them, and by the domain of its network
//   guard of a port                        by its port, and by what its identity obeys
//   network ──► its flood list             touched by its ports, their devices, their hosts
//   host                                   by itself (this host: by the underlay too)
//   router ──► networks                    touched by their VNIs and subnets
//   policy ──► address sets                touched by them
//
// Domains and rule sets are worked out at the start of a flush, before the nodes are compiled:
//   network ──► domain                     segment.c: stale by its routers and its VNI
//   tenancy ──► rule sets ──► ports        tenancy.c: stale by its policies, and by new identities
#pragma once

#include "model/object.h"
#include "number.h"
#include "rows.h"
#include "vector.h"

// tenancy.h
struct tenancy;
struct identity;
struct rule;
struct rule_name;

struct node {
	struct origin origin; // path: the key in compiler->nodes
	enum model_kind kind;
	struct object *object; // NULL: only referred to
	bool touched;
	struct node *prev, *next; // in compiler->touched
	UT_hash_handle hh;
};

struct host_node {
	struct node node;
	struct port_node *ports; // list by host_prev, host_next
};

struct device {
	char *name;
	struct compiler_device seen; // ifindex 0: not there
	struct port_node *ports;     // list by device_prev, device_next; this host's only
	UT_hash_handle hh;
};

// That a remote host has ports in a network.
struct presence {
	struct host_node *host; // the key
	unsigned ports;
	UT_hash_handle hh;
};

struct network_node {
	struct node node;
	struct port_node *local; // list by network_prev, network_next: placed on this host
	struct port_node *other; // the same: remote and unplaced
	struct presence *remotes;
	struct joined *routers; // list
	uint32_t domain;        // 0: not known
	bool stale, visited;    // its domain; while a segment is walked
	struct network_node *stale_prev, *stale_next;
};

// That a router is on a network.
struct joined {
	struct router_node *router;
	struct network_node *network;
	struct joined *prev, *next; // in network->routers
};

struct router_node {
	struct node node;
	struct joined *joined; // as many, and in the order, of the object's networks
	size_t count;
	struct group *groups; // hash, route.c
};

struct address_set_node {
	struct node node;
	struct set_use *users; // list
};

// That a policy names an address set.
struct set_use {
	struct policy_node *policy;
	struct address_set_node *set;
	struct set_use *prev, *next; // in set->users
};

struct policy_node {
	struct node node;
	struct tenancy *tenancy;
	struct policy_node *prev, *next; // in tenancy->policies
	struct set_use *uses;
	size_t use_count;
	struct rule **rules; // as many, and in the order, of the object's
	size_t count;
	struct rule_name *names;           // hash by key
	const struct rule_name *otherwise; // of its default
	bool has[DP_DIRECTIONS];           // rules of the direction
	bool applies;                      // to the identity in hand
};

struct port_node {
	struct node node;
	struct origin
		guard; // claims that row alone: it changes with policies, of which no other row follows
	struct network_node *network;                    // NULL only while there is no object
	struct host_node *host;                          // NULL: unplaced
	struct device *device;                           // NULL unless on this host and attached
	struct identity *identity;                       // NULL only while there is no object
	struct port_node *identity_prev, *identity_next; // those on this host
	struct port_node *network_prev, *network_next;
	struct port_node *host_prev, *host_next;
	struct port_node *device_prev, *device_next;
};

struct compiler {
	char *host;
	uint32_t underlay_ifindex, underlay_mtu;
	struct rows rows;
	struct node *nodes;                  // hash by path
	struct node *touched;                // list
	uint64_t ports_changes;              // of ports on this host, as compiler_ports tells them
	struct device *devices;              // hash by name
	struct network_node *stale_networks; // list
	struct tenancy *tenancies;           // hash by name
	struct tenancy *stale_tenancies;     // list
	struct vectors vectors;
	struct numbers identity_numbers, set_numbers, base_numbers, rule_numbers, group_numbers,
		tenant_numbers;
};

// compile.c
struct node *node_get(
	struct compiler *compiler, enum model_kind kind, const char *tenant, const char *name);
void node_touch(struct compiler *compiler, struct node *node);
struct device *device_get(struct compiler *compiler, const char *name);
void device_release(struct compiler *compiler, struct device *device);

// port.c
void port_link(struct compiler *compiler, struct port_node *port);
void port_unlink(struct compiler *compiler, struct port_node *port);
void port_compile(struct compiler *compiler, struct port_node *port);
// It has all that its rows follow from.
bool port_is_complete(const struct port_node *port);

// network.c
void network_changed(
	struct compiler *compiler, struct network_node *network, const struct object *before);
void network_compile(struct compiler *compiler, struct network_node *network);
// NULL while it is not known.
const struct network *network_of(const struct network_node *network);

// serve.c
uint32_t serve_flags(const struct network *network); // DP_NETWORK_*
void serve_compile(struct compiler *compiler, struct network_node *network);

// flood.c
void flood_join(struct network_node *network, struct port_node *port);
void flood_leave(struct network_node *network, struct port_node *port);
// Claims the rows of the list; how many there are.
uint32_t flood_compile(struct compiler *compiler, struct network_node *network);

// host.c
void host_changed(struct compiler *compiler, struct host_node *host, const struct object *before);
void host_compile(struct compiler *compiler, struct host_node *host);
bool host_is_this(const struct compiler *compiler, const struct host_node *host);
// The key by which rows name the remote host; 0: nothing can be sent to it (not known, or no VTEP).
uint32_t host_key(const struct host_node *host);

// segment.c
void segment_stale(struct compiler *compiler, struct network_node *network);
void segment_stale_all(struct compiler *compiler, struct router_node *router);
void segments_settle(struct compiler *compiler);

// router.c
const struct router *router_of(const struct router_node *router);
void router_link(struct compiler *compiler, struct router_node *router);
void router_unlink(struct compiler *compiler, struct router_node *router);
void router_compile(struct compiler *compiler, struct router_node *router);

// route.c
// Claims the rows; how many policy routes there are.
uint16_t routes_compile(struct compiler *compiler, struct router_node *router);
// Groups that the last round did not use; after the round's end.
void routes_release(struct compiler *compiler, struct router_node *router);

// policy.c
const struct policy *policy_of(const struct policy_node *policy);
void policy_link(struct compiler *compiler, struct policy_node *policy);
void policy_unlink(struct compiler *compiler, struct policy_node *policy);
void policy_done(struct compiler *compiler, struct policy_node *policy);
// The rules of all policies that were touched.
void policies_settle(struct compiler *compiler);
void address_set_changed(struct compiler *compiler, struct address_set_node *set);

// rule_text.c
// Equal for equal rules, and for no others. Owned by the caller.
char *rule_text(const struct policy_rule *says);

// party.c
void parties_claim(struct compiler *compiler, struct port_node *port);
// Of a port that is realized on this host; else there is none.
void guard_compile(struct compiler *compiler, struct port_node *port);

static inline struct dp_address table_address(const struct address *address)
{
	struct dp_address out;
	_Static_assert(sizeof(out) == sizeof(*address), "both are 16 bytes");
	__builtin_memcpy(&out, address, sizeof(out));
	return out;
}

static inline struct dp_mac table_mac(const struct mac *mac)
{
	struct dp_mac out;
	_Static_assert(sizeof(out) == sizeof(*mac), "both are 6 bytes");
	__builtin_memcpy(&out, mac, sizeof(out));
	return out;
}
