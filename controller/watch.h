// SPDX-License-Identifier: Apache-2.0
// Watches: the changes of a list, from a past revision on, until the client leaves.
#pragma once

#include "handler.h"

void handle_watch(struct controller *, struct request *, const struct target *);
void watch_publish(struct controller *controller, const struct topology_change *changes,
	size_t count, uint64_t revision);
// End every watch, once what is queued has been read.
void watch_end(struct controller *controller);
