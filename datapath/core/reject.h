// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// What a rule rejects is told to the sender: TCP by a RST, all else by an ICMP error. The answer seems to come from the destination.
#pragma once

#include "core/connection.h"
#include "core/icmp.h"

// A RST to a segment of no connection: RFC 9293, section 3.10.7.1.
static inline struct tcp_header reject_reset(const struct packet *packet)
{
	bool acknowledges = packet->tcp_flags & TCP_ACK;

	return (struct tcp_header){
		.source = BE16(packet->destination_port),
		.destination = BE16(packet->source_port),
		.sequence = acknowledges ? BE32(packet->acknowledgment) : 0,
		.acknowledgment = acknowledges ? 0 : BE32(tcp_end(packet)),
		.offset = sizeof(struct tcp_header) / 4 << 4,
		.flags = TCP_RST | (acknowledges ? 0 : TCP_ACK),
	};
}

// Over the pseudo header too: RFC 9293, section 3.1.
static inline void reject_checksum(const struct packet *packet, struct tcp_header *tcp)
{
	__u32 sum = checksum_add(BE16(PROTOCOL_TCP) + BE16(sizeof(*tcp)), tcp, sizeof(*tcp));
	bool ipv4 = packet->kind == PACKET_IPV4;
	const __u8 *source = packet->source.bytes, *destination = packet->destination.bytes;

	sum = checksum_add(sum, ipv4 ? source + 12 : source, ipv4 ? 4 : 16);
	sum = checksum_add(sum, ipv4 ? destination + 12 : destination, ipv4 ? 4 : 16);
	tcp->checksum = checksum_fold(sum);
}

static inline int reject_write4(
	struct seam *seam, const struct packet *packet, const struct tcp_header *tcp)
{
	struct {
		struct ipv4_header ip;
		struct tcp_header tcp;
	} reply = {
		.ip = {.version_length = 0x45,
			.length = BE16(sizeof(reply)),
			.fragment = BE16(IPV4_DONT_FRAGMENT),
			.ttl = ICMP_TTL,
			.protocol = PROTOCOL_TCP,
			.source = address_word(&packet->destination, 3),
			.destination = address_word(&packet->source, 3)},
		.tcp = *tcp,
	};

	reply.ip.checksum = checksum_fold(checksum_add(0, &reply.ip, sizeof(reply.ip)));
	return seam_store(seam, PACKET_L3, &reply, sizeof(reply));
}

static inline int reject_write6(
	struct seam *seam, const struct packet *packet, const struct tcp_header *tcp)
{
	struct {
		struct ipv6_header ip;
		struct tcp_header tcp;
	} reply = {
		.ip = {.version_class_flow = BE32(6u << 28),
			.length = BE16(sizeof(*tcp)),
			.next = PROTOCOL_TCP,
			.hop_limit = ICMP_TTL,
			.source = packet->destination,
			.destination = packet->source},
		.tcp = *tcp,
	};

	return seam_store(seam, PACKET_L3, &reply, sizeof(reply));
}

APART enum dp_verdict reject_tcp(struct seam *seam, const struct packet *packet)
{
	bool ipv4 = packet->kind == PACKET_IPV4;
	struct tcp_header tcp = reject_reset(packet);
	struct ethernet_header ethernet = {
		packet->ethernet.source, packet->ethernet.destination, packet->ethernet.type};
	__u32 length = ETHERNET_BYTES + sizeof(tcp) +
		       (ipv4 ? sizeof(struct ipv4_header) : sizeof(struct ipv6_header));

	reject_checksum(packet, &tcp);
	if (seam_renew(seam, length) < 0 || seam_store(seam, 0, &ethernet, sizeof(ethernet)) < 0)
		return DP_VERDICT_DROP;
	int written = ipv4 ? reject_write4(seam, packet, &tcp) : reject_write6(seam, packet, &tcp);
	return written < 0 ? DP_VERDICT_DROP
			   : seam_output(seam, seam_device(seam), DP_DEVICE_PLAIN);
}

// Answer a packet that was dropped, and counted, because of a rule that rejects.
static inline enum dp_verdict reject(struct seam *seam, const struct packet *packet)
{
	if (packet->protocol != PROTOCOL_TCP || packet->later_fragment)
		return icmp_reject(seam, packet);
	if (packet->entry == 0 || (packet->tcp_flags & TCP_RST) ||
		mac_multicast(&packet->ethernet.destination))
		return DP_VERDICT_DROP;
	if (!icmp_allowed(seam, packet->port))
		return packet_drop(seam, packet->port, DP_REASON_ICMP_LIMITED);
	return reject_tcp(seam, packet);
}
