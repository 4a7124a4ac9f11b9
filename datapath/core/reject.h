// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// What a rule rejects is told to the sender: TCP by a RST, all else by an ICMP error. The answer seems to come from the destination.
//
// A sender on this host gets it at once. One on another host gets it as it would get what the destination says itself: the packet
// that came out of the tunnel becomes the answer, and goes on from here, through routers and back through a tunnel.
#pragma once

#include "core/connection.h"
#include "core/due.h"

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

// Over the pseudo header too: RFC 9293, section 3.1. Over that alone, if a device fills in the rest.
static inline void reject_checksum(const struct packet *packet, struct tcp_header *tcp, bool due)
{
	__u32 sum = BE16(PROTOCOL_TCP) + BE16(sizeof(*tcp));
	bool ipv4 = packet->kind == PACKET_IPV4;
	const __u8 *source = packet->source.bytes, *destination = packet->destination.bytes;

	sum = checksum_add(sum, ipv4 ? source + 12 : source, ipv4 ? 4 : 16);
	sum = checksum_add(sum, ipv4 ? destination + 12 : destination, ipv4 ? 4 : 16);
	if (!due)
		sum = checksum_add(sum, tcp, sizeof(*tcp));
	tcp->checksum = checksum_fold(sum);
	if (due)
		tcp->checksum = ~tcp->checksum;
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

// The packet becomes a RST about itself. 0, or -1.
APART int reject_compose(struct seam *seam, const struct packet *packet, bool due)
{
	bool ipv4 = packet->kind == PACKET_IPV4;
	struct tcp_header tcp = reject_reset(packet);
	struct ethernet_header ethernet = {
		packet->ethernet.source, packet->ethernet.destination, packet->ethernet.type};
	__u32 length = ETHERNET_BYTES + sizeof(tcp) +
		       (ipv4 ? sizeof(struct ipv4_header) : sizeof(struct ipv6_header));

	reject_checksum(packet, &tcp, due);
	int room = due ? due_reset(seam, packet) : icmp_renew(seam, packet, length);
	if (room < 0 || seam_store(seam, 0, &ethernet, sizeof(ethernet)) < 0)
		return -1;
	return ipv4 ? reject_write4(seam, packet, &tcp) : reject_write6(seam, packet, &tcp);
}

static inline bool reject_resets(const struct packet *packet)
{
	return packet->protocol == PROTOCOL_TCP && !packet->later_fragment;
}

static inline bool reject_may(const struct packet *packet)
{
	if (!reject_resets(packet))
		return icmp_may(packet, &packet->destination);
	return !(packet->tcp_flags & TCP_RST) && !mac_multicast(&packet->ethernet.destination);
}

static inline int reject_make(struct seam *seam, const struct packet *packet)
{
	bool due = due_is(seam, packet);

	if (reject_resets(packet))
		return reject_compose(seam, packet, due);
	return due ? due_error(seam, packet, ICMP_PROHIBITED, &packet->destination)
		   : icmp_compose(seam, packet, ICMP_PROHIBITED, 0, &packet->destination);
}

// The packet, which was dropped and counted because of a rule that rejects, becomes the answer to itself: DP_VERDICT_ONWARD, if
// there may be one.
STAGE enum dp_verdict reject_answer(struct seam *seam, const struct packet *packet)
{
	if (!packet || !reject_may(packet))
		return DP_VERDICT_DROP;
	if (!icmp_allowed(seam, packet->port))
		return packet_drop(seam, packet->port, DP_REASON_ICMP_LIMITED);
	return reject_make(seam, packet) < 0 ? DP_VERDICT_DROP : DP_VERDICT_ONWARD;
}

// To a sender on this host.
static inline enum dp_verdict reject(struct seam *seam, const struct packet *packet)
{
	enum dp_verdict verdict = reject_answer(seam, packet);

	return verdict == DP_VERDICT_ONWARD ? seam_output(seam, seam_device(seam), DP_DEVICE_PLAIN)
					    : verdict;
}

// What routers and tunnels look at, of the answer. It counts as the packet of the port that rejects.
static inline void reject_turn(struct packet *packet)
{
	struct dp_address source = packet->source;
	struct dp_mac mac = packet->ethernet.source;
	__u16 port = packet->source_port;

	packet->source = packet->destination;
	packet->destination = source;
	packet->ethernet.source = packet->ethernet.destination;
	packet->ethernet.destination = mac;
	packet->source_port = packet->destination_port;
	packet->destination_port = port;
	if (!reject_resets(packet)) {
		packet->protocol = packet->kind == PACKET_IPV4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6;
		packet->source_port = packet->destination_port = 0;
	}
	packet->fragment = packet->later_fragment = false;
	packet->ttl = ICMP_TTL;
	packet->ecn = ECN_NONE;
}
