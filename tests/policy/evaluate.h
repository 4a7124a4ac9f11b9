// SPDX-License-Identifier: Apache-2.0
// What the policies say of a packet, worked out in the plainest way: from the objects, one rule
// after the other.
#pragma once

#include "world.h"

struct packet {
	unsigned from; // index of the port that sends
	struct address source, destination;
	uint8_t protocol;
	uint16_t service, source_port; // as struct classify_key has them
};

struct verdict {
	enum { ALLOWED, ALLOWED_STATELESS, DROPPED, REJECTED } action;
	const struct object *policy; // whose rule or default decided; NULL: nobody was asked
	int rule;                    // index; -1: the default
};

// Work out world->domains: after every change.
void evaluate_segments(struct world *world);
// 0: the network is not known.
uint32_t evaluate_domain(const struct world *world, const struct port *port);
// Of the port with this index, in one direction, about the packet.
struct verdict evaluate(const struct world *world, unsigned port, enum rule_direction direction,
	const struct packet *packet);
