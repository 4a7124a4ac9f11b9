// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// From this host to another: which way, and does it fit.
#pragma once

#include "core/icmp.h"
#include "core/tunnel.h"

// How to speak to a host.
struct way {
	struct seam_route route;
	__u32 encapsulation;
};

static inline enum dp_reason way_find(struct seam *seam, __u32 host, struct way *way, __u32 *mtu)
{
	__u32 zero = 0;
	const struct dp_config *config = seam_find_config(seam, &zero);
	bool ipv4 = config && address_ipv4(&config->vtep);
	if (!config || config->underlay_ifindex == 0 || (!ipv4 && address_zero(&config->vtep)))
		return DP_REASON_NO_UNDERLAY;
	const struct dp_remote *remote = seam_find_remote(seam, &host);
	if (!remote)
		return DP_REASON_UNKNOWN_HOST;
	if (ipv4 != address_ipv4(&remote->vtep))
		return DP_REASON_UNDERLAY_FAMILY;

	way->route.source = &config->vtep;
	way->route.destination = &remote->vtep;
	way->route.family = ipv4 ? SEAM_IPV4 : SEAM_IPV6;
	way->route.ifindex = config->underlay_ifindex;
	way->encapsulation = remote->encapsulation == DP_VXLAN ? DP_VXLAN : DP_GENEVE;
	*mtu = config->underlay_mtu;
	return DP_REASON_NONE;
}

// Bytes that a way puts between the outer Ethernet header and the inner frame.
static inline __u32 way_bytes(const struct way *way)
{
	return tunnel_ip_bytes(way->route.family) + tunnel_bytes(way->encapsulation);
}

static inline bool way_fits(const struct way *way, const struct packet *packet, __u32 mtu)
{
	return way_bytes(way) + ETHERNET_BYTES + packet->wire_length <= mtu;
}

static inline struct tunnel_packet tunnel_packet(
	struct seam *seam, const struct packet *packet, __u32 to_port)
{
	return (struct tunnel_packet){
		.vni = packet->vni,
		.source_port = packet->port,
		.destination_port = to_port,
		.hash = seam_flow_hash(seam),
		.ecn = packet->ecn,
	};
}

// Along a way that it fits.
HOT enum dp_reason way_send(struct seam *seam, const struct way *way, struct tunnel_packet *tunnel)
{
	struct tunnel_outer *outer = seam_scratch(seam);

	if (!outer)
		return DP_REASON_NO_MEMORY;
	tunnel->length = seam_length(seam) + way_bytes(way);
	tunnel_compose(outer, &way->route, way->encapsulation, tunnel);
	return seam_send(seam, &way->route, outer->start, way_bytes(way));
}

// One packet to one port on another host.
STAGE enum dp_verdict encapsulate(
	struct seam *seam, const struct packet *packet, __u32 host, __u32 to_port)
{
	struct way way;
	__u32 mtu;

	if (!packet)
		return DP_VERDICT_DROP;
	seam_note(seam, DP_STAGE_ENCAPSULATE, host, to_port);
	enum dp_reason reason = way_find(seam, host, &way, &mtu);
	if (reason)
		return packet_drop(seam, packet->port, reason);
	if (!way_fits(&way, packet, mtu)) {
		seam_count_drop(seam, packet->port, DP_REASON_UNDERLAY_MTU_EXCEEDED);
		return icmp_too_big(seam, packet, mtu - way_bytes(&way) - ETHERNET_BYTES);
	}

	struct tunnel_packet tunnel = tunnel_packet(seam, packet, to_port);
	reason = way_send(seam, &way, &tunnel);
	return reason ? packet_drop(seam, packet->port, reason) : DP_VERDICT_SENT;
}
