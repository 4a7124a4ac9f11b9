// SPDX-License-Identifier: Apache-2.0
// The streams to the agents (feed.h), as far as the rest of the controller has to do with them:
// who may have one, what a revision owes to whom, and who is told.
#pragma once

#include "state.h"

void streams_start(struct controller *controller);
// End every stream, once what is queued has been read; then, with no connection left, free all.
void streams_end(struct controller *controller);
void streams_free(struct controller *controller);

// Put one revision's changes into the graph, tell each host what concerns it, and expect the receipt
// of those hosts.
void streams_publish(struct controller *controller, const struct topology_change *changes,
	size_t count, uint64_t revision);
