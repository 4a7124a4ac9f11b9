// SPDX-License-Identifier: Apache-2.0
// Topology: which host needs which objects, kept up to date at a cost that follows the change. Pure
// logic, no I/O.
//
// A segment is networks that routers join, through however many; a network without routers is one
// by itself. A host needs: itself; all networks and routers of the segments that it has ports in; all
// ports there that are placed on some host (bindings to send to); the hosts of those ports (VTEPs);
// and all policies and address sets of the tenants whose ports it has. One changed object touches
// only hosts that need it: a changed port costs a little for each host of its segment, however many
// ports that has; a policy, for each host of its tenant; a host that enters or leaves a segment costs
// as much as the segment holds. A router that joins or leaves networks costs as much as the segments
// that it merges or splits. `topology_recompute` is the oracle that tests hold it against.
//
// Ownership: the topology takes its own references on objects.
#pragma once

#include "model/object.h"

struct topology;

void topology_new(struct topology **out);
void topology_free(struct topology *topology); // NULL is fine

struct topology_change {
	struct object *before; // NULL: created
	struct object *after;  // NULL: deleted
};

// Called for each host and object whose place in the host's set, or whose content, changed; at most
// once per host and object and call. `before` is what the host held until now (NULL: nothing), and
// `after` what it should hold (NULL: it forgets it). Borrowed. A host that is deleted is told to
// forget all, itself last.
typedef void (*topology_emit)(
	void *context, const char *host, struct object *before, struct object *after);

// Apply one transaction's changes together, in any order, each object at most once; references are
// whole before and after, as the catalog sees to. `emit` is called after the graph has its new
// state (and may ask, not change), objects that others refer to first (in the order of kinds), all
// hosts of one object in a row, whether they held it before or not; removals in the opposite order and after the puts. `emit` NULL: load
// and tell nobody.
void topology_apply(struct topology *topology, const struct topology_change *changes, size_t count,
	topology_emit emit, void *context);

// A relay stands before hosts, and needs what any of them needs. Its name is none that a host can
// have ("relay:r1"); everything below that takes the name of a host takes that of a relay too. It is
// there as long as a host is behind it.
//
// Put the host behind the relay (NULL: behind none) and tell the relays what they need therefore, or
// need no more. A host that is not there is behind none.
void topology_relay(struct topology *topology, const char *host, const char *relay,
	topology_emit emit, void *context);

// All that a host needs now, in the same order of kinds; `before` is NULL. An unknown host needs
// nothing.
void topology_host(
	const struct topology *topology, const char *host, topology_emit emit, void *context);

// The same as lists that hosts share: a roll is all of one segment, or of one tenant. It is made when
// it is first asked for and kept until something of it changes; one that somebody holds stays as it
// was. So a thousand hosts of a network that are told all have one list of its ports between them.
struct topology_roll {
	unsigned references;
	uint64_t digest; // of the objects after the first `hosts`
	size_t count;
	// The first so many are hosts. These alone may be on more than one roll of a host.
	size_t hosts;
	struct object *objects[]; // never refers forward
};
// The rolls of a host, in an order that never refers forward either: an array of the caller's (free),
// with a reference on each. Cost: nothing but their number where they are made already.
size_t topology_rolls(struct topology *topology, const char *host, struct topology_roll ***out);
void topology_roll_unref(struct topology_roll *roll); // NULL is fine

// The digest (model/digest.h) of all that the host needs now. Cost: its rolls, and its peers.
uint64_t topology_digest(struct topology *topology, const char *host);
// Hosts that need this object, `visit` with each name. For receipts and `weft describe`.
void topology_interested(const struct topology *topology, const struct object *object,
	void (*visit)(void *context, const char *host), void *context);

// The oracle: what `host` needs, worked out from nothing but the objects, in the plainest way. Same
// calls as topology_host. Keeps nothing.
void topology_recompute(struct object *const *objects, size_t count, const char *host,
	topology_emit emit, void *context);
