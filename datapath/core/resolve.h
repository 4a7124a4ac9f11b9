// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// ARP and neighbor solicitations are answered on the spot from the bindings of the network: the
// question becomes the answer and goes back. Nobody else hears it, so no port can answer for
// another, and no question crosses the underlay.
#pragma once

#include "core/nd.h"
#include "core/security.h"

static inline enum dp_verdict resolve_arp(
	struct seam *seam, const struct packet *packet, const struct dp_neighbor *neighbor)
{
	__be32 sender = address_word(&packet->destination, 3),
	       target = address_word(&packet->source, 3);
	struct {
		struct ethernet_header ethernet;
		struct arp_packet arp;
	} reply = {
		.ethernet = {packet->ethernet.source, neighbor->mac, BE16(ETHERNET_ARP)},
		.arp = {.hardware = BE16(1),
			.protocol = BE16(ETHERNET_IPV4),
			.hardware_bytes = 6,
			.protocol_bytes = 4,
			.operation = BE16(ARP_REPLY),
			.sender_mac = neighbor->mac,
			.target_mac = packet->link_layer},
	};

	__builtin_memcpy(reply.arp.sender, &sender, sizeof(sender));
	__builtin_memcpy(reply.arp.target, &target, sizeof(target));
	if (seam_store(seam, 0, &reply, sizeof(reply)) < 0)
		return packet_drop(seam, packet->port, DP_REASON_NO_MEMORY);
	return seam_output(seam, seam_device(seam), DP_DEVICE_PLAIN);
}

// RFC 4861, sections 4.4 and 7.2.4.
static inline enum dp_verdict resolve_nd(
	struct seam *seam, const struct packet *packet, const struct dp_neighbor *neighbor)
{
	bool probe =
		address_zero(&packet->source); // for duplicates: everybody shall hear the answer
	struct ethernet_header ethernet = {
		packet->ethernet.source, neighbor->mac, BE16(ETHERNET_IPV6)};
	struct {
		struct ipv6_header ip;
		struct nd_message message;
		struct nd_option option;
	} reply = {
		.ip = {.version_class_flow = BE32(6u << 28),
			.length = BE16(sizeof(reply) - sizeof(reply.ip)),
			.next = PROTOCOL_ICMPV6,
			.hop_limit = ND_HOP_LIMIT,
			.source = packet->target,
			.destination = packet->source},
		.message = {.icmp = {.type = ND_ADVERTISEMENT},
			.flags = BE32(ND_FLAG_OVERRIDE | (probe ? 0 : ND_FLAG_SOLICITED) |
				      (neighbor->router ? ND_FLAG_ROUTER : 0)),
			.target = packet->target},
		.option = {ND_OPTION_TARGET, 1, neighbor->mac},
	};
	const __u32 summed = sizeof(reply) - __builtin_offsetof(struct ipv6_header, source);

	if (probe) {
		ethernet.destination = mac_words(0x3333, 0, 1);
		reply.ip.destination = address_words(0xff020000, 0, 0, 1);
	}
	// The pseudo header (RFC 8200, section 8.1) is length, protocol, and the addresses, which
	// the message follows.
	reply.message.icmp.checksum = checksum_fold(
		checksum_add(reply.ip.length + BE16(PROTOCOL_ICMPV6), &reply.ip.source, summed));
	if (seam_resize(seam, sizeof(ethernet) + sizeof(reply)) < 0 ||
		seam_store(seam, 0, &ethernet, sizeof(ethernet)) < 0 ||
		seam_store(seam, sizeof(ethernet), &reply, sizeof(reply)) < 0)
		return packet_drop(seam, packet->port, DP_REASON_NO_MEMORY);
	return seam_output(seam, seam_device(seam), DP_DEVICE_PLAIN);
}

// Does the packet ask for a MAC that the network may know?
static inline bool resolve_asked(const struct packet *packet)
{
	return (packet->kind == PACKET_ARP && packet->arp_operation == ARP_REQUEST) ||
	       (nd_is(packet) && packet->icmp_type == ND_SOLICITATION);
}

// Who has the address that the packet asks for.
static inline const struct dp_neighbor *resolve_find(struct seam *seam, const struct packet *packet)
{
	struct dp_neighbor_key key = {
		.vni = packet->vni,
		.address = packet->kind == PACKET_ARP ? packet->destination : packet->target,
	};

	return seam_find_neighbor(seam, &key);
}

APART enum dp_verdict resolve_answer(
	struct seam *seam, const struct packet *packet, const struct dp_neighbor *neighbor)
{
	if (neighbor->port == packet->port)
		return packet_drop(seam, packet->port, DP_REASON_OWN_NEIGHBOR);
	return packet->kind == PACKET_ARP ? resolve_arp(seam, packet, neighbor)
					  : resolve_nd(seam, packet, neighbor);
}

// Who asks all for its own address tells all that it has moved there: RFC 5227, section 2.3.
static inline bool resolve_announces(const struct packet *packet)
{
	return packet->kind == PACKET_ARP && address_equal(&packet->source, &packet->destination);
}
