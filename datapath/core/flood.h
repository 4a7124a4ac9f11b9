// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// Head-end replication: a copy to each local device of the network, then one to each other host.
// The frame is opened once and its outer headers written anew for each host. Room in front only
// ever grows, so the hosts with the shorter headers come first.
#pragma once

#include "core/admit.h"
#include "core/encapsulate.h"

enum flood_pass { FLOOD_VXLAN, FLOOD_GENEVE };

struct flood {
	struct seam *seam;
	struct packet *packet;
	struct tunnel_packet tunnel;
	__u32 frame; // length of the frame itself
	__u32 room;  // bytes in front of it; 0: not opened
	enum flood_pass pass;
	bool more; // there is work for a later pass
};

static inline enum dp_reason flood_local(struct flood *flood, const struct dp_flood *entry)
{
	if (entry->port == flood->packet->port ||
		!admit_alone(flood->seam, flood->packet, entry->port, DP_INGRESS))
		return DP_REASON_NONE;
	seam_note(flood->seam, DP_STAGE_DELIVER, entry->port, entry->ifindex);
	if (seam_clone(flood->seam, entry->ifindex) < 0)
		return DP_REASON_OUTPUT_FAILED;
	seam_count(flood->seam, entry->port, SEAM_TO_PORT);
	return DP_REASON_NONE;
}

static long flood_here(__u32 index, void *context)
{
	struct flood *flood = context;
	struct dp_flood_key key = {.vni = flood->packet->vni, .index = index};
	const struct dp_flood *entry = seam_find_flood(flood->seam, &key);

	if (!entry) // the rows are being changed
		return 0;
	if (entry->host != 0) {
		flood->more = true;
		return 0;
	}
	enum dp_reason reason = flood_local(flood, entry);
	if (reason)
		seam_count_drop(flood->seam, flood->packet->port, reason);
	return 0;
}

// Put the headers in front, in the place of those for the host before. 0, or why not.
static inline enum dp_reason flood_open(
	struct flood *flood, enum seam_family family, void *outer, __u32 bytes)
{
	__u32 room = flood->room;

	flood->room = bytes;
	if (room == 0)
		return seam_open(flood->seam, family, outer, bytes) < 0
			       ? DP_REASON_ENCAPSULATION_FAILED
			       : DP_REASON_NONE;
	if (bytes > room && seam_widen(flood->seam, bytes - room) < 0)
		return DP_REASON_ENCAPSULATION_FAILED;
	return seam_reopen(flood->seam, outer, bytes) < 0 ? DP_REASON_NO_MEMORY : DP_REASON_NONE;
}

static inline enum dp_reason flood_remote(struct flood *flood, __u32 host)
{
	struct way way;
	__u32 mtu;
	seam_note(flood->seam, DP_STAGE_ENCAPSULATE, host, 0);
	enum dp_reason reason = way_find(flood->seam, host, &way, &mtu);

	if (reason) // told once, in the first of the two passes
		return flood->pass == FLOOD_VXLAN ? reason : DP_REASON_NONE;
	if (flood->pass == FLOOD_VXLAN && way.encapsulation == DP_GENEVE)
		flood->more = true;
	if ((flood->pass == FLOOD_VXLAN) != (way.encapsulation == DP_VXLAN))
		return DP_REASON_NONE;
	if (!way_fits(&way, flood->packet, mtu))
		return DP_REASON_UNDERLAY_MTU_EXCEEDED;
	struct tunnel_outer *outer = seam_scratch(flood->seam);
	if (!outer)
		return DP_REASON_NO_MEMORY;
	flood->tunnel.length = flood->frame + way_bytes(&way);
	tunnel_compose(outer, &way.route, way.encapsulation, &flood->tunnel);
	reason = flood_open(flood, way.route.family, outer->start, way_bytes(&way));
	return reason ? reason : seam_clone_send(flood->seam, &way.route);
}

static long flood_there(__u32 index, void *context)
{
	struct flood *flood = context;
	struct dp_flood_key key = {.vni = flood->packet->vni, .index = index};
	const struct dp_flood *entry = seam_find_flood(flood->seam, &key);
	enum dp_reason reason = DP_REASON_NONE;

	if (entry && entry->host != 0)
		reason = flood_remote(flood, entry->host);
	if (reason)
		seam_count_drop(flood->seam, flood->packet->port, reason);
	return 0;
}

// A copy to everybody in the network but the port that sent it; `local`: to those on this host.
static inline enum dp_verdict flood_packet(
	struct seam *seam, struct packet *packet, const struct dp_network *network, bool local)
{
	__u32 count = network->flood_count;
	struct flood flood = {
		.seam = seam,
		.packet = packet,
		.tunnel = tunnel_packet(seam, packet, 0),
		.frame = seam_length(seam),
		.room = seam_zero(seam),
	};

	seam_repeat(count, flood_here, &flood);
	for (enum flood_pass pass = FLOOD_VXLAN; pass <= FLOOD_GENEVE && flood.more && !local;
		pass++) {
		flood.pass = pass;
		flood.more = false;
		seam_repeat(count, flood_there, &flood);
	}
	return DP_VERDICT_DONE;
}
