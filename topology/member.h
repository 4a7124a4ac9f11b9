// SPDX-License-Identifier: Apache-2.0
// What the files of the graph share.
#pragma once

#include "graph.h"

struct segment *make_segment(struct graph *graph);
// One port of the host in the group more, or less.
void stage_member(struct graph *graph, struct host_node *host, struct group *group, int difference);
