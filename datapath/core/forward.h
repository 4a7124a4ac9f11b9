// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// The way of a packet, from end to end: from_port() for one that a port sent, from_underlay() for
// one from another host.
#pragma once

#include "core/admit.h"
#include "core/parse.h"
#include "core/reject.h"
#include "core/resolve.h"
#include "core/route.h"
#include "core/security.h"
#include "core/service.h"
#include "core/switch.h"

// Which rules are in force: read once a packet.
static inline void forward_generation(struct seam *seam, struct packet *packet)
{
	__u32 zero = 0;
	const struct dp_generation *generation = seam_find_generation(seam, &zero);

	if (generation) {
		packet->slot = generation->slot;
		packet->unguarded = generation->unguarded;
	}
}

// To a port of this host.
HOT enum dp_verdict forward_deliver(
	struct seam *seam, const struct packet *packet, const struct dp_station *station)
{
	if (!packet->known && unanswered_ends(packet))
		unanswered_give(seam, station->port);
	return switch_local(seam, station);
}

// To everybody, or to somebody unknown: the ports that it comes to are asked there.
static inline enum dp_verdict from_port_many(
	struct seam *seam, struct packet *packet, const struct dp_network *network)
{
	bool admitted = mac_multicast(&packet->ethernet.destination)
				? admit_alone(seam, packet, packet->port, DP_EGRESS)
				: admit(seam, packet, packet->port, ADMIT_UNKNOWN);

	if (!admitted)
		return packet->rejected ? reject(seam, packet) : DP_VERDICT_DROP;
	return switch_many(seam, packet, network, false);
}

// What port security let through.
static inline enum dp_verdict from_port_forward(struct seam *seam, struct packet *packet)
{
	bool asked = resolve_asked(packet);
	if (asked)
		seam_note(seam, DP_STAGE_RESOLVE, packet->vni, packet->port);
	const struct dp_neighbor *neighbor = asked ? resolve_find(seam, packet) : NULL;

	if (neighbor)
		return resolve_answer(seam, packet, neighbor);

	seam_note(seam, DP_STAGE_SWITCH, packet->vni, 0);
	const struct dp_station *found = switch_find(seam, packet);
	if (found) {
		struct dp_station station = *found;
		if (station.router) {
			enum dp_verdict verdict = route_packet(seam, packet, &station);
			if (verdict != DP_VERDICT_ONWARD)
				return verdict;
		} else if (station.port == packet->port) {
			return packet_drop(seam, packet->port, DP_REASON_SAME_PORT);
		}
		if (!admit(seam, packet, packet->port, station.host == 0 ? station.port : 0))
			return packet->rejected ? reject(seam, packet) : DP_VERDICT_DROP;
		return station.host == 0 ? forward_deliver(seam, packet, &station)
					 : encapsulate(seam, packet, station.host, station.port);
	}

	const struct dp_network *network = seam_find_network(seam, &packet->vni);
	if (!network)
		return packet_drop(seam, packet->port, DP_REASON_UNKNOWN_NETWORK);
	// All bindings are known, but where unknown MACs are flooded.
	if (asked && !resolve_announces(packet) && !(network->flags & DP_NETWORK_FLOOD_UNKNOWN))
		return packet_drop(seam, packet->port, DP_REASON_UNKNOWN_NEIGHBOR);
	return from_port_many(seam, packet, network);
}

// A frame that arrived on the device of a port.
static inline enum dp_verdict from_port(struct seam *seam)
{
	__u32 device = seam_device(seam);
	seam_note(seam, DP_STAGE_PORT, device, 0);
	const struct dp_source *source = seam_find_source(seam, &device);
	struct packet *packet = seam_packet(seam);

	if (!source)
		return packet_drop(seam, 0, DP_REASON_UNKNOWN_PORT);
	if (!packet)
		return packet_drop(seam, source->port, DP_REASON_NO_MEMORY);
	seam_note(seam, DP_STAGE_PARSE, 0, 0);
	enum dp_reason reason = parse_packet(seam, packet);
	if (!reason)
		seam_note(seam, DP_STAGE_SECURITY, source->port, source->vni);
	if (!reason)
		reason = security_check(seam, source, packet);
	if (reason)
		return packet_drop(seam, source->port, reason);

	packet->vni = packet->entry = source->vni;
	packet->port = source->port;
	packet->domain = source->domain;
	packet->interval = source->interval;
	forward_generation(seam, packet);
	if (packet->wire_length > source->mtu) {
		seam_count_drop(seam, packet->port, DP_REASON_MTU_EXCEEDED);
		return icmp_too_big(seam, packet, source->mtu);
	}
	seam_count(seam, packet->port, SEAM_FROM_PORT);
	if (unanswered_begins(packet) && !unanswered_take(seam, packet->port, packet->interval))
		return packet_drop(seam, packet->port, DP_REASON_UNANSWERED);
	enum dp_verdict verdict = service_packet(seam, packet);
	return verdict == DP_VERDICT_ONWARD ? from_port_forward(seam, packet) : verdict;
}

// To a sender on another host: as what the port that rejects sends by itself would go.
static inline enum dp_verdict from_underlay_reject(
	struct seam *seam, struct packet *packet, __u32 port)
{
	packet->port = port;
	enum dp_verdict verdict = reject_answer(seam, packet);
	if (verdict != DP_VERDICT_ONWARD)
		return verdict;
	reject_turn(packet);
	packet->wire_length = seam_length(seam) - ETHERNET_BYTES;

	seam_note(seam, DP_STAGE_SWITCH, packet->vni, 0);
	const struct dp_station *found = switch_find(seam, packet);
	if (!found)
		return packet_drop(seam, port, DP_REASON_UNKNOWN_UNICAST);
	struct dp_station station = *found;
	if (station.router) {
		verdict = route_packet(seam, packet, &station);
		if (verdict != DP_VERDICT_ONWARD)
			return verdict;
	}
	return station.host == 0 ? switch_local(seam, &station)
				 : encapsulate(seam, packet, station.host, station.port);
}

// What came out of a tunnel goes to ports of this host and nowhere else: the sender has served the
// other hosts.
static inline enum dp_verdict from_underlay_forward(struct seam *seam, struct packet *packet)
{
	seam_note(seam, DP_STAGE_SWITCH, packet->vni, 0);
	const struct dp_station *station = switch_find(seam, packet);

	if (station) { // what arrives has been routed already
		if (station->host != 0 || station->router)
			return packet_drop(seam, 0, DP_REASON_NOT_LOCAL);
		__u32 port = station->port;
		if (admit(seam, packet, 0, port))
			return forward_deliver(seam, packet, station);
		return packet->rejected ? from_underlay_reject(seam, packet, port)
					: DP_VERDICT_DROP;
	}
	const struct dp_network *network = seam_find_network(seam, &packet->vni);
	if (!network)
		return packet_drop(seam, 0, DP_REASON_UNKNOWN_NETWORK);
	if (!mac_multicast(&packet->ethernet.destination) && !admit(seam, packet, 0, ADMIT_UNKNOWN))
		return DP_VERDICT_DROP;
	return switch_many(seam, packet, network, true);
}

// Take the frame out of its tunnel and look at it. 0, or why it goes no further.
static inline enum dp_reason from_underlay_take(
	struct seam *seam, struct tunnel_arrival *arrival, struct packet *packet)
{
	if (!seam_find_vtep(seam, &arrival->source))
		return DP_REASON_UNKNOWN_VTEP;
	seam_reach_outer(seam);
	enum dp_reason reason = arrival->encapsulation == DP_GENEVE
					? tunnel_parse_geneve(seam, arrival)
					: tunnel_parse_vxlan(seam, arrival);
	if (reason)
		return reason;
	if (arrival->inner + ETHERNET_BYTES > seam_length(seam))
		return DP_REASON_TRUNCATED;
	if (seam_close(seam, arrival->inner) < 0)
		return DP_REASON_DECAPSULATION_FAILED;

	seam_note(seam, DP_STAGE_PARSE, 0, 0);
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
	forward_generation(seam, packet);
	return DP_REASON_NONE;
}

// DP_VERDICT_ONWARD: `packet` came out of a tunnel to this host. By itself, as what it needs of the stack is in nobody's way then.
APART enum dp_verdict from_underlay_open(struct seam *seam, struct packet *packet)
{
	struct tunnel_arrival arrival = {0};

	if (!tunnel_arrives(seam, &arrival))
		return DP_VERDICT_HOST;
	enum dp_reason reason =
		packet ? from_underlay_take(seam, &arrival, packet) : DP_REASON_NO_MEMORY;
	return reason ? packet_drop(seam, 0, reason) : DP_VERDICT_ONWARD;
}

// A frame that arrived on the underlay device.
static inline enum dp_verdict from_underlay(struct seam *seam)
{
	struct packet *packet = seam_packet(seam);

	seam_note(seam, DP_STAGE_TUNNEL, seam_device(seam), 0);
	enum dp_verdict verdict = from_underlay_open(seam, packet);
	return verdict == DP_VERDICT_ONWARD && packet ? from_underlay_forward(seam, packet)
						      : verdict;
}
