// SPDX-License-Identifier: Apache-2.0
// What a group holds, as a list that its hosts share (topology/topology.h, "roll").
#pragma once

#include "nodes.h"
#include "topology/topology.h"

// Changes are staged: drop the lists that they touch. Cost: a few steps for each change; for a host
// object, its segments.
void rolls_touch(struct graph *graph);
void rolls_drop(struct group *group);

size_t rolls_of(struct host_node *host, struct topology_roll ***out);
uint64_t rolls_digest(struct host_node *host);
