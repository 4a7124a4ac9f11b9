// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// Answers to packets that came out of a tunnel with a transport checksum which a device has still to fill in. Where much stands behind
// the checksum, it can be forgotten (seam_rework). Where little does, the answer is made around it: whoever fills it in makes it right.
#pragma once

#include "core/icmp.h"

static inline bool due_is(struct seam *seam, const struct packet *packet)
{
	if (packet->entry || packet->fragment || seam_length(seam) - packet->l4 > SEAM_REWORK_STAYS)
		return false;
	switch (packet->protocol) {
	case PROTOCOL_TCP:
		return seam_due(
			seam, packet->l4 + (__u32) __builtin_offsetof(struct tcp_header, checksum));
	case PROTOCOL_UDP:
		return seam_due(
			seam, packet->l4 + (__u32) __builtin_offsetof(struct udp_header, checksum));
	}
	return false;
}

// The TCP header of the packet is where that of its RST is to be written, and what stands behind it counts nothing. 0, or -1.
static inline int due_reset(struct seam *seam, const struct packet *packet)
{
	__u32 transport = ETHERNET_BYTES + icmp_ip_bytes(packet);
	__u32 at = transport + sizeof(struct tcp_header);
	__u8 zero = 0;

	if (seam_shift(seam, (__s32)(transport - packet->l4)) < 0)
		return -1;
	for (__u32 i = 0; i < SEAM_REWORK_STAYS && at + i < seam_length(seam); i++)
		if (seam_store(seam, at + i, &zero, sizeof(zero)) < 0)
			return -1;
	return 0;
}

// The sum of a UDP packet: its IP header, and behind it what will add up to nothing but the pseudo header. -1: more than is ever quoted.
static inline int due_sum(struct seam *seam, const struct packet *packet, __u32 *sum)
{
	__be16 word;
	__u32 at = packet->l4 + (__u32) __builtin_offsetof(struct udp_header, checksum);

	if (seam_load(seam, at, &word, sizeof(word)) < 0)
		return -1;
	*sum = (__u16)~word;
	for (__u32 i = 0; i < ICMP_QUOTE; i += sizeof(word)) {
		if (PACKET_L3 + i >= packet->l4)
			return 0;
		if (seam_load(seam, PACKET_L3 + i, &word, sizeof(word)) < 0)
			return -1;
		*sum += word;
	}
	return -1;
}

// The packet, of UDP, becomes the error about itself, which quotes all of it. 0, or -1.
APART int due_error(struct seam *seam, const struct packet *packet, enum icmp_kind kind,
	const struct dp_address *source)
{
	struct {
		struct icmp_header icmp;
		__be32 value;
	} message = {
		.icmp = packet->kind == PACKET_IPV4 ? icmp_kind4(kind) : icmp_kind6(kind),
	};
	struct ethernet_header ethernet = {
		packet->ethernet.source, packet->ethernet.destination, packet->ethernet.type};
	__u32 bytes = ICMP_BYTES + packet->end - PACKET_L3, sum;

	if (due_sum(seam, packet, &sum) < 0)
		return -1;
	sum += icmp_pseudo(packet, bytes, source);
	message.icmp.checksum = checksum_fold(checksum_add(sum, &message, sizeof(message)));
	if (seam_shift(seam, (__s32)(icmp_ip_bytes(packet) + ICMP_BYTES)) < 0 ||
		seam_store(seam, 0, &ethernet, sizeof(ethernet)) < 0 ||
		icmp_write_ip(seam, packet, bytes, source) < 0)
		return -1;
	return packet->kind == PACKET_IPV4
		       ? seam_store(seam, PACKET_L3 + sizeof(struct ipv4_header), &message,
				 sizeof(message))
		       : seam_store(seam, PACKET_L3 + sizeof(struct ipv6_header), &message,
				 sizeof(message));
}
