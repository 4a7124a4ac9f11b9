// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// Services of the network, which the agent answers: what asks for them is punted to it, so much and no more from each port. And what
// only the network may say, ports must not: DHCP servers and routers, where the network has its own.
#pragma once

#include "core/nd.h"
#include "core/share.h"
#include "datapath/service.h"

enum { SERVICE_DHCPV4_SERVER = 67, SERVICE_DHCPV6_SERVER = 547, SERVICE_DNS_SERVER = 53 };

// The service that the packet may be for, by what it is alone.
static inline enum dp_service service_asked(const struct packet *packet)
{
	bool ipv6 = packet->kind == PACKET_IPV6;

	if (packet->fragment)
		return DP_SERVICE_NONE;
	if (ipv6 && packet->protocol == PROTOCOL_ICMPV6)
		return packet->icmp_type == ND_ROUTER_SOLICITATION ? DP_SERVICE_ROUTER
								   : DP_SERVICE_NONE;
	if (packet->protocol != PROTOCOL_UDP)
		return DP_SERVICE_NONE;
	switch (packet->destination_port) {
	case SERVICE_DHCPV4_SERVER:
		return ipv6 ? DP_SERVICE_NONE : DP_SERVICE_DHCPV4;
	case SERVICE_DHCPV6_SERVER:
		return ipv6 ? DP_SERVICE_DHCPV6 : DP_SERVICE_NONE;
	case SERVICE_DNS_SERVER:
		return DP_SERVICE_DNS;
	}
	return DP_SERVICE_NONE;
}

// Why a port must not say this, where the network says it itself; 0: nothing of the kind. Later fragments have no ports, and come to
// nothing without the first.
static inline enum dp_reason service_claimed(const struct packet *packet)
{
	bool ipv6 = packet->kind == PACKET_IPV6;

	if (packet->protocol == PROTOCOL_UDP &&
		packet->source_port == (ipv6 ? SERVICE_DHCPV6_SERVER : SERVICE_DHCPV4_SERVER))
		return DP_REASON_SPOOFED_DHCP;
	if (ipv6 && packet->protocol == PROTOCOL_ICMPV6 &&
		packet->icmp_type == ND_ROUTER_ADVERTISEMENT)
		return DP_REASON_SPOOFED_RA;
	return DP_REASON_NONE;
}

static inline __u32 service_flag(enum dp_service service)
{
	switch (service) {
	case DP_SERVICE_DHCPV4:
	case DP_SERVICE_DHCPV6:
		return DP_NETWORK_DHCP;
	case DP_SERVICE_ROUTER:
		return DP_NETWORK_ADVERTISES;
	case DP_SERVICE_DNS:
		return DP_NETWORK_RESOLVES;
	default:
		return 0;
	}
}

// Is this an address of the network itself or of a router? No port has it.
static inline bool service_address(struct seam *seam, const struct packet *packet)
{
	struct dp_neighbor_key key = {.vni = packet->vni, .address = packet->destination};
	const struct dp_neighbor *neighbor = seam_find_neighbor(seam, &key);

	return neighbor && neighbor->port == 0;
}

static inline bool service_allowed(struct seam *seam, __u32 port)
{
	struct dp_allowance *allowance = seam_allowance(seam, port);
	__u64 now = seam_clock(seam);

	return allowance &&
	       dp_bucket_take(&allowance->punts, now, DP_PUNT_INTERVAL,
		       (__u64)DP_PUNT_INTERVAL * DP_PUNT_BURST) &&
	       share_allows_punt(seam, port, now);
}

static inline enum dp_verdict service_punt(
	struct seam *seam, const struct packet *packet, enum dp_service service)
{
	if (!service_allowed(seam, packet->port))
		return packet_drop(seam, packet->port, DP_REASON_PUNT_LIMITED);
	enum dp_reason reason = seam_punt(seam, packet->port, packet->vni, service);
	return reason ? packet_drop(seam, packet->port, reason) : DP_VERDICT_DONE;
}

APART enum dp_verdict service_judge(struct seam *seam, const struct packet *packet)
{
	seam_note(seam, DP_STAGE_SERVICE, packet->vni, packet->destination_port);
	const struct dp_network *network = seam_find_network(seam, &packet->vni);
	enum dp_service service = service_asked(packet);
	enum dp_reason claimed = service_claimed(packet);

	if (!network)
		return DP_VERDICT_ONWARD;
	if (claimed &&
		(network->router || (network->flags & (DP_NETWORK_DHCP | DP_NETWORK_ADVERTISES))))
		return packet_drop(seam, packet->port, claimed);
	if (!(network->flags & service_flag(service)) || seam_segment(seam))
		return DP_VERDICT_ONWARD;
	if (service == DP_SERVICE_DNS && !service_address(seam, packet))
		return DP_VERDICT_ONWARD;
	return service_punt(seam, packet, service);
}

// Of a packet from a port, after port security: DP_VERDICT_ONWARD if it is no business of services.
static inline enum dp_verdict service_packet(struct seam *seam, const struct packet *packet)
{
	if (!service_asked(packet) && !service_claimed(packet))
		return DP_VERDICT_ONWARD;
	return service_judge(seam, packet);
}
