// SPDX-License-Identifier: Apache-2.0
// Next hops to the other hosts, kept resolved. The datapath looks the next hop up packet by packet
// and cannot wait for an answer; the kernel keeps an entry fresh that carries NTF_EXT_MANAGED
// (Linux 5.16). The entry is for the VTEP itself where it is on the link, else for the gateway of
// the route to it.
//
// The entries are marked as ours by their protocol number, so the kernel's table is all the state
// there is: what an agent before this one left is found and used, or removed. Entries of others are
// left alone.
#pragma once

#include <stddef.h>

#include "base/address.h"
#include "base/error.h"

struct neighbors;

int neighbors_new(struct neighbors **out, struct error *error);
// The entries stay.
void neighbors_free(struct neighbors *neighbors);
// Keep these VTEPs' next hops, and no others, resolved. -ENETUNREACH names a VTEP to which there is
// no route; the others are cared for all the same.
int neighbors_update(struct neighbors *neighbors, const struct address *vteps, size_t count,
	struct error *error);
// The MAC to which packets for a VTEP are sent; zero: its next hop is not resolved yet. -ENETUNREACH: there is no route to it.
int neighbors_find(struct neighbors *neighbors, const struct address *vtep, struct mac *out);
