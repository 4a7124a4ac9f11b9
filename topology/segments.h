// SPDX-License-Identifier: Apache-2.0
// Sorting networks into segments.
#pragma once

#include "nodes.h"

// When all changes are staged: sort networks into segments as routers now join them. Cost: what the
// dirty segments hold.
void segments_sort(struct graph *graph);
