// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// The logical switch: where is the destination MAC. All bindings are known, nothing is learned.
#pragma once

#include "core/flood.h"

// 01:80:c2:00:00:00 to :0f are for bridges, which pass them on to nobody: IEEE 802.1Q, section
// 8.6.3.
static inline bool switch_reserved(const struct dp_mac *mac)
{
	return mac->bytes[0] == 0x01 && mac->bytes[1] == 0x80 && mac->bytes[2] == 0xc2 &&
	       mac->bytes[3] == 0 && mac->bytes[4] == 0 && (mac->bytes[5] & 0xf0) == 0;
}

static inline const struct dp_station *switch_find(struct seam *seam, const struct packet *packet)
{
	struct dp_station_key key = {.vni = packet->vni, .mac = packet->ethernet.destination};

	return seam_find_station(seam, &key);
}

static inline enum dp_verdict switch_local(struct seam *seam, const struct dp_station *station)
{
	seam_note(seam, DP_STAGE_DELIVER, station->port, station->ifindex);
	seam_count(seam, station->port, SEAM_TO_PORT);
	return seam_output(seam, station->ifindex, station->device);
}

// To nobody in particular, or to somebody unknown.
APART enum dp_verdict switch_many(
	struct seam *seam, struct packet *packet, const struct dp_network *network, bool local)
{
	if (switch_reserved(&packet->ethernet.destination))
		return packet_drop(seam, packet->port, DP_REASON_RESERVED_MULTICAST);
	if (!mac_multicast(&packet->ethernet.destination) &&
		!(network->flags & DP_NETWORK_FLOOD_UNKNOWN))
		return packet_drop(seam, packet->port, DP_REASON_UNKNOWN_UNICAST);
	seam_note(seam, DP_STAGE_FLOOD, packet->vni, network->flood_count);
	return flood_packet(seam, packet, network, local);
}
