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
// once per host and object and call. `object` is what the host should hold now, or what it should
// forget (`gone`). Borrowed. A host that is deleted is told to forget all, itself last.
typedef void (*topology_emit)(void *context, const char *host, struct object *object, bool gone);

// Apply one transaction's changes together, in any order, each object at most once; references are
// whole before and after, as the catalog sees to. `emit` is called after the graph has its new
// state (and may ask, not change), objects that others refer to first (in the order of kinds), all
// hosts of one object in a row; removals in the opposite order and after the puts. `emit` NULL: load
// and tell nobody.
void topology_apply(struct topology *topology, const struct topology_change *changes, size_t count,
	topology_emit emit, void *context);

// All that a host needs now, in the same order of kinds; `gone` is false. An unknown host needs
// nothing.
void topology_host(
	const struct topology *topology, const char *host, topology_emit emit, void *context);
// Hosts that need this object, `visit` with each name. For receipts and `weft describe`.
void topology_interested(const struct topology *topology, const struct object *object,
	void (*visit)(void *context, const char *host), void *context);

// The oracle: what `host` needs, worked out from nothing but the objects, in the plainest way. Same
// calls as topology_host.
void topology_recompute(struct object *const *objects, size_t count, const char *host,
	topology_emit emit, void *context);
