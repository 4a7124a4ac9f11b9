// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// Fragments behind the first name no ports, so they are let through where their first one was, and nowhere else. One that comes
// before its first is dropped: the sender repeats the packet. So is one that overlaps what the first holds, as the receiver might
// believe it about the ports (RFC 1858, RFC 5722).
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

static inline bool fragment_fresh(struct seam *seam, const struct dp_fragment *fragment)
{
	return (__s64)(seam_clock(seam) - fragment->seen) <= DP_TIMEOUT_FRAGMENT * 1000000000LL;
}

// The first fragment may pass: so may those that follow. Of several first ones the longest counts, as the receiver may have taken it.
APART enum dp_reason fragment_remember(struct seam *seam, const struct packet *packet, __u32 port)
{
	struct dp_fragment_key key = fragment_key(packet, port);
	const struct dp_fragment *before = seam_state_fragment(seam, &key);
	struct dp_fragment fragment = {.seen = seam_clock(seam), .bytes = packet->fragment_bytes};

	if (before && before->bytes > fragment.bytes && fragment_fresh(seam, before))
		return DP_REASON_NONE;
	return seam_put_fragment(seam, &key, &fragment) < 0 ? DP_REASON_CONNECTION_TABLE_FULL
							    : DP_REASON_NONE;
}

APART enum dp_reason fragment_follow(struct seam *seam, const struct packet *packet, __u32 port)
{
	struct dp_fragment_key key = fragment_key(packet, port);
	const struct dp_fragment *fragment = seam_state_fragment(seam, &key);

	if (!fragment || !fragment_fresh(seam, fragment))
		return DP_REASON_FRAGMENT_WITHOUT_FIRST;
	return packet->fragment_start < fragment->bytes ? DP_REASON_BAD_FRAGMENT : DP_REASON_NONE;
}
