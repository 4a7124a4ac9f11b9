// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// A packet as part of a connection: whose it may be, which end sent it, and what rules ask about it.
#pragma once

#include "core/icmp.h"
#include "core/packet.h"

enum { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_ACK = 0x10 };

enum flow_kind {
	FLOW_BEGINS,  // may begin a connection
	FLOW_JOINS,   // may be of one that began unseen: TCP after its SYN
	FLOW_FOLLOWS, // goes with a connection or stands alone: a RST, a SYN-ACK, an echo reply
	FLOW_RELATED, // an ICMP error: the tuple is that of the packet which it quotes
	FLOW_ALONE,   // nothing will follow it
};

struct flow {
	struct dp_tuple tuple;
	__u16 service;     // as rules ask: destination port; ICMP type and code
	__u16 source_port; // of ICMP: 0
	__u8 kind;         // enum flow_kind
	__u8 from; // the end that sent the packet; of a related one, the end that sent what it quotes
	__u8 icmp; // the service is an ICMP type and code
	__u8 pad;
};

// Is `a` beyond `b`, compared as numbers?
static inline bool flow_beyond(const struct dp_address *a, const struct dp_address *b)
{
	for (int i = 0; i < 3; i++)
		if (address_word(a, i) != address_word(b, i))
			return BE32(address_word(a, i)) > BE32(address_word(b, i));
	return BE32(address_word(a, 3)) > BE32(address_word(b, 3));
}

static inline void flow_tuple(struct flow *flow, const struct dp_address *source,
	const struct dp_address *destination, __u16 source_port, __u16 destination_port)
{
	bool swap = address_equal(source, destination) ? source_port > destination_port
						       : flow_beyond(source, destination);

	flow->from = swap;
	flow->tuple.ends[0] = swap ? *destination : *source;
	flow->tuple.ends[1] = swap ? *source : *destination;
	flow->tuple.ports[0] = swap ? destination_port : source_port;
	flow->tuple.ports[1] = swap ? source_port : destination_port;
}

static inline bool flow_is_icmp(const struct packet *packet)
{
	return packet->protocol == (packet->kind == PACKET_IPV4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6);
}

static inline __u8 flow_echo(const struct packet *packet)
{
	return packet->kind == PACKET_IPV4 ? ICMP_ECHO : ICMPV6_ECHO;
}

static inline __u8 flow_echo_reply(const struct packet *packet)
{
	return packet->kind == PACKET_IPV4 ? ICMP_ECHO_REPLY : ICMPV6_ECHO_REPLY;
}

static inline enum flow_kind flow_tcp_kind(__u8 flags)
{
	if (flags & TCP_SYN)
		return flags & TCP_ACK ? FLOW_FOLLOWS : FLOW_BEGINS;
	return flags & TCP_RST ? FLOW_FOLLOWS : FLOW_JOINS;
}

// Flags that no end sends: RFC 9293, section 3.10.7, wants the ACK wherever there is neither SYN nor RST.
static inline bool flow_tcp_valid(__u8 flags)
{
	switch (flags & (TCP_SYN | TCP_RST | TCP_FIN | TCP_ACK)) {
	case TCP_SYN:
	case TCP_SYN | TCP_ACK:
	case TCP_RST:
	case TCP_RST | TCP_ACK:
	case TCP_FIN | TCP_ACK:
	case TCP_ACK:
		return true;
	}
	return false;
}

// The identifier of an echo, behind type, code and checksum: RFC 792; RFC 4443, section 4.1.
static inline int flow_icmp(struct seam *seam, const struct packet *packet, struct flow *flow)
{
	__be16 identifier = 0;

	flow->service = packet->icmp_type << 8 | packet->icmp_code;
	flow->icmp = true;
	flow->kind = FLOW_ALONE;
	if (packet->icmp_type == flow_echo(packet))
		flow->kind = FLOW_BEGINS;
	else if (packet->icmp_type == flow_echo_reply(packet))
		flow->kind = FLOW_FOLLOWS;
	else
		return 0;
	if (packet->l4 + sizeof(struct icmp_header) + sizeof(identifier) > packet->end ||
		seam_load(seam, packet->l4 + sizeof(struct icmp_header), &identifier,
			sizeof(identifier)) < 0)
		return -1;
	flow->tuple.ports[0] = flow->tuple.ports[1] = BE16(identifier);
	return 0;
}

// What the packet itself is. 0, or why it can be nobody's. Not for later fragments.
static inline enum dp_reason flow_of(
	struct seam *seam, const struct packet *packet, struct flow *flow)
{
	*flow = (struct flow){0};
	flow->tuple.domain = packet->domain;
	flow->tuple.protocol = packet->protocol;
	flow_tuple(flow, &packet->source, &packet->destination, packet->source_port,
		packet->destination_port);
	flow->service = packet->destination_port;
	flow->source_port = packet->source_port;
	if (flow_is_icmp(packet))
		return flow_icmp(seam, packet, flow) < 0 ? DP_REASON_BAD_TRANSPORT_HEADER
							 : DP_REASON_NONE;
	if (packet->protocol != PROTOCOL_TCP)
		return DP_REASON_NONE;
	flow->kind = flow_tcp_kind(packet->tcp_flags);
	return flow_tcp_valid(packet->tcp_flags) ? DP_REASON_NONE : DP_REASON_CONNECTION_INVALID;
}

// ---- ICMP errors ----

static inline bool flow_quotes(const struct packet *packet)
{
	return flow_is_icmp(packet) && icmp_is_error(packet) && !packet->fragment;
}

// The ports that a quoted packet starts with, or the identifier of a quoted echo request.
static inline int flow_quoted_ports(struct seam *seam, const struct packet *packet, __u8 protocol,
	__u32 at, __u16 *source, __u16 *destination)
{
	__be16 words[4];

	*source = *destination = 0;
	if (at + sizeof(words) > packet->end || seam_load(seam, at, words, sizeof(words)) < 0)
		return -1;
	if (protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP) {
		*source = BE16(words[0]);
		*destination = BE16(words[1]);
	} else if (protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6) {
		__u8 type = BE16(words[0]) >> 8;
		if (type != flow_echo(packet) && type != flow_echo_reply(packet))
			return -1;
		*source = *destination = BE16(words[2]);
	}
	return 0;
}

// The connection that an ICMP error is about: -1 if it quotes nothing that the receiver can have sent.
static inline int flow_related(struct seam *seam, const struct packet *packet, struct flow *flow)
{
	struct dp_address source, destination;
	__u32 at = packet->l4 + ICMP_BYTES;
	__u16 source_port, destination_port;
	__u8 protocol;

	if (packet->kind == PACKET_IPV4) {
		struct ipv4_header ip;
		if (at + sizeof(ip) > packet->end || seam_load(seam, at, &ip, sizeof(ip)) < 0 ||
			ip.version_length >> 4 != 4 || (ip.version_length & 0xf) < 5 ||
			(ip.fragment & BE16(IPV4_OFFSET)))
			return -1;
		source = address_mapped(ip.source);
		destination = address_mapped(ip.destination);
		protocol = ip.protocol;
		at += (ip.version_length & 0xf) * 4;
	} else {
		struct ipv6_header ip;
		if (at + sizeof(ip) > packet->end || seam_load(seam, at, &ip, sizeof(ip)) < 0 ||
			BE32(ip.version_class_flow) >> 28 != 6)
			return -1;
		source = ip.source;
		destination = ip.destination;
		protocol = ip.next;
		at += sizeof(ip);
	}
	if (!address_equal(&source, &packet->destination) ||
		flow_quoted_ports(seam, packet, protocol, at, &source_port, &destination_port) < 0)
		return -1;
	*flow = (struct flow){.kind = FLOW_RELATED};
	flow->tuple.domain = packet->domain;
	flow->tuple.protocol = protocol;
	flow_tuple(flow, &source, &destination, source_port, destination_port);
	return 0;
}
