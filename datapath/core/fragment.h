// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// Fragments behind the first name no ports, so they are let through where their first one was, and nowhere else. One that comes
// before its first is dropped: the sender repeats the packet.
#pragma once

#include "core/packet.h"

// `port`: for which it is judged alone; 0: the packet is for one port.
static inline struct dp_fragment_key fragment_key(const struct packet *packet, __u32 port)
{
	return (struct dp_fragment_key){
		.domain = packet->domain,
		.port = port,
		.id = packet->fragment_id,
		.protocol = packet->protocol,
		.source = packet->source,
		.destination = packet->destination,
	};
}

// The first fragment may pass: so may those that follow.
APART enum dp_reason fragment_remember(struct seam *seam, const struct packet *packet, __u32 port)
{
	struct dp_fragment_key key = fragment_key(packet, port);
	struct dp_fragment fragment = {.seen = seam_clock(seam)};

	return seam_put_fragment(seam, &key, &fragment) < 0 ? DP_REASON_CONNECTION_TABLE_FULL
							    : DP_REASON_NONE;
}

APART enum dp_reason fragment_follow(struct seam *seam, const struct packet *packet, __u32 port)
{
	struct dp_fragment_key key = fragment_key(packet, port);
	const struct dp_fragment *fragment = seam_state_fragment(seam, &key);

	if (!fragment ||
		(__s64)(seam_clock(seam) - fragment->seen) > DP_TIMEOUT_FRAGMENT * 1000000000LL)
		return DP_REASON_FRAGMENT_WITHOUT_FIRST;
	return DP_REASON_NONE;
}
