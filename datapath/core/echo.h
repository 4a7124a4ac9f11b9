// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// Packets to a router's own address. It answers echo requests, in every fragment; it serves nothing else here.
#pragma once

#include "core/icmp.h"

static inline int echo_addresses4(struct seam *seam, const struct packet *packet)
{
	const __u32 at = PACKET_L3 + __builtin_offsetof(struct ipv4_header, source);
	__be32 addresses[2] = {
		address_word(&packet->destination, 3), address_word(&packet->source, 3)};
	struct {
		__u8 ttl, protocol;
		__be16 checksum;
	} word;
	const __u32 ttl = PACKET_L3 + __builtin_offsetof(struct ipv4_header, ttl);

	if (seam_load(seam, ttl, &word, sizeof(word)) < 0)
		return -1;
	word.checksum = checksum_update(word.checksum, BE16(word.ttl << 8), BE16(ICMP_TTL << 8));
	word.ttl = ICMP_TTL;
	if (seam_store(seam, ttl, &word, sizeof(word)) < 0)
		return -1;
	return seam_store(seam, at, addresses, sizeof(addresses));
}

static inline int echo_addresses6(struct seam *seam, const struct packet *packet)
{
	const __u32 at = PACKET_L3 + __builtin_offsetof(struct ipv6_header, hop_limit);
	struct {
		__u8 pad[3], hop_limit;
		struct dp_address addresses[2];
	} header = {{0}, ICMP_TTL, {packet->destination, packet->source}};

	return seam_store(seam, at, &header.hop_limit, sizeof(header) - sizeof(header.pad));
}

// Sums over the addresses do not see that they are exchanged, so only the type changes the checksum: a wrong one stays wrong.
static inline int echo_type(struct seam *seam, const struct packet *packet)
{
	bool ipv4 = packet->kind == PACKET_IPV4;
	__u32 reply = ipv4 ? ICMP_ECHO_REPLY : ICMPV6_ECHO_REPLY;

	if (packet->later_fragment)
		return 0;
	return seam_patch(seam, packet->l4, BE16(packet->icmp_type << 8 | packet->icmp_code),
		BE16(reply << 8 | packet->icmp_code),
		packet->l4 + __builtin_offsetof(struct icmp_header, checksum));
}

static inline enum dp_verdict echo_reply(struct seam *seam, const struct packet *packet)
{
	struct ethernet_header ethernet = {
		packet->ethernet.source, packet->ethernet.destination, packet->ethernet.type};
	int addresses = packet->kind == PACKET_IPV4 ? echo_addresses4(seam, packet)
						    : echo_addresses6(seam, packet);

	if (addresses < 0 || echo_type(seam, packet) < 0 ||
		seam_store(seam, 0, &ethernet, sizeof(ethernet)) < 0)
		return packet_drop(seam, packet->port, DP_REASON_NO_MEMORY);
	return seam_output(seam, seam_device(seam), DP_DEVICE_PLAIN);
}

// Later fragments do not tell their type: those of an answer that nobody began are thrown away where they arrive.
static inline bool echo_asked(const struct packet *packet)
{
	if (packet->kind == PACKET_IPV4)
		return packet->protocol == PROTOCOL_ICMP &&
		       (packet->later_fragment || packet->icmp_type == ICMP_ECHO);
	return packet->protocol == PROTOCOL_ICMPV6 &&
	       (packet->later_fragment || packet->icmp_type == ICMPV6_ECHO);
}

static inline enum icmp_kind echo_refusal(const struct packet *packet)
{
	bool headers = packet->l4 != PACKET_L3 + sizeof(struct ipv6_header);

	if (packet->protocol == PROTOCOL_TCP || packet->protocol == PROTOCOL_UDP)
		return ICMP_PORT_UNREACHABLE;
	return packet->kind == PACKET_IPV6 && headers ? ICMP_PORT_UNREACHABLE
						      : ICMP_PROTOCOL_UNREACHABLE;
}

// A packet for the router itself. Services that a router offers on its addresses come in here, before the refusal.
APART enum dp_verdict echo_receive(struct seam *seam, const struct packet *packet)
{
	bool icmp = packet->protocol == PROTOCOL_ICMP || packet->protocol == PROTOCOL_ICMPV6;

	if (icmp_unspecified(&packet->source) || icmp_many(&packet->source))
		return packet_drop(seam, packet->port, DP_REASON_NOT_ROUTABLE);
	if (echo_asked(packet))
		return echo_reply(seam, packet);
	seam_count_drop(seam, packet->port, DP_REASON_ROUTER_ADDRESS);
	return icmp ? DP_VERDICT_DROP
		    : icmp_answer(seam, packet, echo_refusal(packet), 0, &packet->destination);
}
