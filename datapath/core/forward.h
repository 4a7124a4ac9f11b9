// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// The way of a packet, from end to end: from_port() for one that a port sent, from_underlay() for
// one from another host.
#pragma once

#include "core/parse.h"
#include "core/resolve.h"
#include "core/security.h"
#include "core/switch.h"

// What port security let through.
static inline enum dp_verdict from_port_forward(struct seam *seam, const struct packet *packet)
{
	bool asked = resolve_asked(packet);
	const struct dp_neighbor *neighbor = asked ? resolve_find(seam, packet) : NULL;

	if (neighbor)
		return resolve_answer(seam, packet, neighbor);

	const struct dp_station *station = switch_find(seam, packet);
	if (station) {
		if (station->port == packet->port)
			return packet_drop(seam, packet->port, DP_REASON_SAME_PORT);
		return station->host == 0 ? switch_local(seam, station)
					  : encapsulate(seam, packet, station->host, station->port);
	}

	const struct dp_network *network = seam_find_network(seam, &packet->vni);
	if (!network)
		return packet_drop(seam, packet->port, DP_REASON_UNKNOWN_NETWORK);
	// All bindings are known, but where unknown MACs are flooded.
	if (asked && !resolve_announces(packet) && !(network->flags & DP_NETWORK_FLOOD_UNKNOWN))
		return packet_drop(seam, packet->port, DP_REASON_UNKNOWN_NEIGHBOR);
	return switch_many(seam, packet, network, false);
}

// A frame that arrived on the device of a port.
static inline enum dp_verdict from_port(struct seam *seam)
{
	__u32 device = seam_device(seam);
	const struct dp_source *source = seam_find_source(seam, &device);
	struct packet packet;

	if (!source)
		return packet_drop(seam, 0, DP_REASON_UNKNOWN_PORT);
	enum dp_reason reason = parse_packet(seam, &packet);
	if (!reason)
		reason = security_check(seam, source, &packet);
	if (!reason && packet.wire_length > source->mtu)
		reason = DP_REASON_MTU_EXCEEDED;
	if (reason)
		return packet_drop(seam, source->port, reason);

	packet.vni = source->vni;
	packet.port = source->port;
	seam_count(seam, packet.port, SEAM_FROM_PORT);
	return from_port_forward(seam, &packet);
}

// What came out of a tunnel goes to ports of this host and nowhere else: the sender has served the
// other hosts.
static inline enum dp_verdict from_underlay_forward(struct seam *seam, const struct packet *packet)
{
	const struct dp_station *station = switch_find(seam, packet);

	if (station)
		return station->host == 0 ? switch_local(seam, station)
					  : packet_drop(seam, 0, DP_REASON_NOT_LOCAL);
	const struct dp_network *network = seam_find_network(seam, &packet->vni);
	if (!network)
		return packet_drop(seam, 0, DP_REASON_UNKNOWN_NETWORK);
	return switch_many(seam, packet, network, true);
}

// Take the frame out of its tunnel and look at it. 0, or why it goes no further.
APART enum dp_reason from_underlay_open(
	struct seam *seam, struct tunnel_arrival *arrival, struct packet *packet)
{
	if (!seam_find_vtep(seam, &arrival->source))
		return DP_REASON_UNKNOWN_VTEP;
	enum dp_reason reason = arrival->encapsulation == DP_GENEVE
					? tunnel_parse_geneve(seam, arrival)
					: tunnel_parse_vxlan(seam, arrival);
	if (reason)
		return reason;
	if (arrival->inner + ETHERNET_BYTES > seam_length(seam))
		return DP_REASON_TRUNCATED;
	if (seam_close(seam, arrival->inner) < 0)
		return DP_REASON_DECAPSULATION_FAILED;

	reason = parse_packet(seam, packet);
	if (reason)
		return reason;
	int ecn = tunnel_ecn(packet->ecn, arrival->ecn);
	if (ecn < 0)
		return DP_REASON_BAD_ECN;
	if (ecn != packet->ecn && tunnel_mark(seam, packet, ecn) < 0)
		return DP_REASON_NO_MEMORY;
	packet->vni = arrival->vni;
	packet->port = arrival->source_port;
	return DP_REASON_NONE;
}

// A frame that arrived on the underlay device.
static inline enum dp_verdict from_underlay(struct seam *seam)
{
	struct tunnel_arrival arrival = {0};
	struct packet packet;

	if (!tunnel_arrives(seam, &arrival))
		return DP_VERDICT_HOST;
	enum dp_reason reason = from_underlay_open(seam, &arrival, &packet);
	if (reason)
		return packet_drop(seam, 0, reason);
	return from_underlay_forward(seam, &packet);
}
