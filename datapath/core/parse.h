// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// Parse: Ethernet, ARP, IPv4, IPv6, TCP, UDP, ICMP, ICMPv6. What announces a length is held to it,
// so that later stages may rely on every field of struct packet.
#pragma once

#include "core/packet.h"

enum { IPV6_EXTENSIONS = 8 };

static inline enum dp_reason parse_arp(struct seam *seam, struct packet *packet)
{
	struct arp_packet arp;

	if (seam_load(seam, PACKET_L3, &arp, sizeof(arp)) < 0)
		return DP_REASON_TRUNCATED;
	if (arp.hardware != BE16(1) || arp.protocol != BE16(ETHERNET_IPV4) ||
		arp.hardware_bytes != 6 || arp.protocol_bytes != 4)
		return DP_REASON_BAD_ARP;

	__be32 sender, target;
	__builtin_memcpy(&sender, arp.sender, sizeof(sender));
	__builtin_memcpy(&target, arp.target, sizeof(target));
	packet->kind = PACKET_ARP;
	packet->arp_operation = BE16(arp.operation);
	packet->source = address_mapped(sender);
	packet->destination = address_mapped(target);
	packet->link_layer = arp.sender_mac;
	packet->has_link_layer = true;
	return DP_REASON_NONE;
}

// Where the transport header is behind an IPv4 header without options. What is loaded from a place that is known when this is
// compiled, the seam may read at less cost.
enum { PARSE_USUAL = PACKET_L3 + sizeof(struct ipv4_header) };

HOT enum dp_reason parse_tcp(struct seam *seam, struct packet *packet, __u32 l4, __u32 segment)
{
	struct tcp_header tcp;

	if (l4 + sizeof(tcp) > packet->end || seam_load(seam, l4, &tcp, sizeof(tcp)) < 0)
		return DP_REASON_BAD_TRANSPORT_HEADER;
	__u32 bytes = (tcp.offset >> 4) * 4;
	if (bytes < sizeof(tcp) || l4 + bytes > packet->end)
		return DP_REASON_BAD_TRANSPORT_HEADER;
	packet->source_port = BE16(tcp.source);
	packet->destination_port = BE16(tcp.destination);
	packet->tcp_flags = tcp.flags;
	packet->sequence = BE32(tcp.sequence);
	packet->acknowledgment = BE32(tcp.acknowledgment);
	packet->window = BE16(tcp.window);
	packet->tcp_bytes = bytes;
	if (segment > 0)
		packet->wire_length = l4 - PACKET_L3 + bytes + segment;
	return DP_REASON_NONE;
}

HOT enum dp_reason parse_udp(struct seam *seam, struct packet *packet, __u32 l4, __u32 segment)
{
	struct udp_header udp;

	if (l4 + sizeof(udp) > packet->end || seam_load(seam, l4, &udp, sizeof(udp)) < 0)
		return DP_REASON_BAD_TRANSPORT_HEADER;
	// The first fragment announces the length of the whole.
	__u32 length = BE16(udp.length);
	if (length < sizeof(udp) || (!packet->fragment && l4 + length > packet->end))
		return DP_REASON_BAD_TRANSPORT_HEADER;
	packet->source_port = BE16(udp.source);
	packet->destination_port = BE16(udp.destination);
	if (segment > 0)
		packet->wire_length = l4 - PACKET_L3 + sizeof(udp) + segment;
	return DP_REASON_NONE;
}

static inline enum dp_reason parse_icmp(struct seam *seam, struct packet *packet, __u32 bytes)
{
	struct icmp_header icmp;

	if (packet->l4 + bytes > packet->end ||
		seam_load(seam, packet->l4, &icmp, sizeof(icmp)) < 0)
		return DP_REASON_BAD_TRANSPORT_HEADER;
	packet->icmp_type = icmp.type;
	packet->icmp_code = icmp.code;
	return DP_REASON_NONE;
}

HOT enum dp_reason parse_transport(struct seam *seam, struct packet *packet)
{
	__u32 segment = seam_segment(seam);

	packet->wire_length = packet->end - PACKET_L3;
	if (packet->later_fragment)
		return DP_REASON_NONE;
	switch (packet->protocol) {
	case PROTOCOL_TCP:
		return packet->l4 == PARSE_USUAL ? parse_tcp(seam, packet, PARSE_USUAL, segment)
						 : parse_tcp(seam, packet, packet->l4, segment);
	case PROTOCOL_UDP:
		return packet->l4 == PARSE_USUAL ? parse_udp(seam, packet, PARSE_USUAL, segment)
						 : parse_udp(seam, packet, packet->l4, segment);
	case PROTOCOL_ICMP:
		return packet->kind == PACKET_IPV4 ? parse_icmp(seam, packet, ICMP_BYTES)
						   : DP_REASON_NONE;
	case PROTOCOL_ICMPV6:
		return packet->kind == PACKET_IPV6 ? parse_icmp(seam, packet, ICMPV6_BYTES)
						   : DP_REASON_NONE;
	}
	// How long the headers of a superpacket of another protocol are is not known here: as short
	// as can be.
	if (segment > 0)
		packet->wire_length = packet->l4 - PACKET_L3;
	return DP_REASON_NONE;
}

// A fragment of which `offset` bytes come before: RFC 791, section 3.2; RFC 8200, section 4.5.
static inline enum dp_reason parse_fragment(struct packet *packet, __u32 offset, bool more)
{
	__u32 payload = packet->end - packet->l4;

	packet->fragment = offset > 0 || more;
	packet->later_fragment = offset > 0;
	packet->fragment_start = offset;
	packet->fragment_bytes = payload;
	if (offset + payload > 0xffff || (more && (payload % 8 != 0 || payload == 0)))
		return DP_REASON_BAD_FRAGMENT;
	return DP_REASON_NONE;
}

// Where the packet ends: `announced` bytes behind `header`. A superpacket of more than 64 KiB
// announces 0.
static inline bool parse_end(
	struct seam *seam, struct packet *packet, __u32 header, __u32 announced)
{
	__u32 frame = seam_length(seam);

	packet->end = PACKET_L3 + header + announced;
	if (announced == 0 && seam_segment(seam) > 0)
		packet->end = frame;
	return packet->end <= frame;
}

// 127.0.0.0/8 (RFC 1122, section 3.2.1.3).
static inline bool parse_ipv4_loopback(__be32 address)
{
	return (address & BE32(0xff000000)) == BE32(0x7f000000);
}

HOT enum dp_reason parse_ipv4(struct seam *seam, struct packet *packet)
{
	struct ipv4_header ip;

	if (seam_load(seam, PACKET_L3, &ip, sizeof(ip)) < 0)
		return DP_REASON_TRUNCATED;
	if (ip.version_length >> 4 != 4)
		return DP_REASON_BAD_IP_VERSION;
	__u32 header = (ip.version_length & 0xf) * 4;
	if (header < sizeof(ip))
		return DP_REASON_BAD_IP_HEADER;
	if (!parse_end(seam, packet, 0, BE16(ip.length)) || PACKET_L3 + header > packet->end)
		return DP_REASON_BAD_IP_LENGTH;
	// Class D and E hold no hosts, nor do 127.0.0.0/8 ever leave one.
	if (BE32(ip.source) >= 0xe0000000 || parse_ipv4_loopback(ip.source) ||
		parse_ipv4_loopback(ip.destination))
		return DP_REASON_BAD_IP_ADDRESS;

	packet->kind = PACKET_IPV4;
	packet->source = address_mapped(ip.source);
	packet->destination = address_mapped(ip.destination);
	packet->protocol = ip.protocol;
	packet->ttl = ip.ttl;
	packet->ecn = ip.tos & ECN_MASK;
	packet->l4 = PACKET_L3 + header;
	__u32 fragment = BE16(ip.fragment);
	packet->fragment_id = BE16(ip.id);
	if (fragment & (IPV4_OFFSET | IPV4_MORE_FRAGMENTS)) {
		enum dp_reason reason = parse_fragment(
			packet, (fragment & IPV4_OFFSET) * 8, fragment & IPV4_MORE_FRAGMENTS);
		if (reason)
			return reason;
	}
	return parse_transport(seam, packet);
}

static inline bool parse_is_extension(__u8 type)
{
	switch (type) {
	case PROTOCOL_HOP_BY_HOP:
	case PROTOCOL_ROUTING:
	case PROTOCOL_FRAGMENT:
	case PROTOCOL_AUTHENTICATION:
	case PROTOCOL_DESTINATION:
	case PROTOCOL_MOBILITY:
	case PROTOCOL_HIP:
	case PROTOCOL_SHIM6:
		return true;
	}
	return false;
}

// RFC 8200, section 4; RFC 4302, section 2.2.
static inline __u32 parse_extension_bytes(__u8 type, __u8 length)
{
	if (type == PROTOCOL_FRAGMENT)
		return 8;
	if (type == PROTOCOL_AUTHENTICATION)
		return (length + 2) * 4;
	return (length + 1) * 8;
}

struct parse_extensions {
	struct seam *seam;
	struct packet *packet; // l4: the next header
	enum dp_reason reason;
	__u32 fragments; // headers met
	__u8 next;       // type of the next header
};

static long parse_extension(__u32 index, void *context)
{
	struct parse_extensions *walk = context;
	struct packet *packet = walk->packet;
	struct ipv6_extension extension;
	__u8 type = walk->next;

	if (!parse_is_extension(type))
		return 1;
	walk->reason = DP_REASON_BAD_EXTENSION_HEADERS;
	if (index == IPV6_EXTENSIONS || (type == PROTOCOL_HOP_BY_HOP && index > 0) ||
		(type == PROTOCOL_FRAGMENT && walk->fragments))
		return 1;
	if (packet->l4 + sizeof(extension) > packet->end ||
		seam_load(walk->seam, packet->l4, &extension, sizeof(extension)) < 0)
		return 1;
	__u32 at = packet->l4 + parse_extension_bytes(type, extension.length);
	if (at > packet->end)
		return 1;

	packet->l4 = at;
	walk->next = extension.next;
	walk->reason = DP_REASON_NONE;
	if (type != PROTOCOL_FRAGMENT)
		return 0;
	walk->fragments++;
	__u32 fragment = BE16(extension.fragment);
	packet->fragment_id = BE32(extension.rest);
	walk->reason = parse_fragment(
		packet, fragment & IPV6_OFFSET_BYTES, fragment & IPV6_MORE_FRAGMENTS);
	return walk->reason || (fragment & IPV6_OFFSET_BYTES);
}

// Step over the extension headers, to packet->protocol and packet->l4.
static inline enum dp_reason parse_extensions(struct seam *seam, struct packet *packet, __u8 next)
{
	struct parse_extensions walk = {
		.seam = seam, .packet = packet, .fragments = seam_zero(seam), .next = next};

	if (parse_is_extension(next))
		seam_repeat(IPV6_EXTENSIONS + 1, parse_extension, &walk);
	packet->protocol = walk.next;
	return walk.reason;
}

static inline enum dp_reason parse_ipv6(struct seam *seam, struct packet *packet)
{
	const struct dp_address loopback = address_words(0, 0, 0, 1);
	struct ipv6_header ip;

	if (seam_load(seam, PACKET_L3, &ip, sizeof(ip)) < 0)
		return DP_REASON_TRUNCATED;
	__u32 words = BE32(ip.version_class_flow);
	if (words >> 28 != 6)
		return DP_REASON_BAD_IP_VERSION;
	if (!parse_end(seam, packet, sizeof(ip), BE16(ip.length)))
		return DP_REASON_BAD_IP_LENGTH;
	// An IPv4-mapped address on the wire would pass for the IPv4 address here.
	if (ip.source.bytes[0] == 0xff || address_ipv4(&ip.source) ||
		address_ipv4(&ip.destination) || address_equal(&ip.source, &loopback) ||
		address_equal(&ip.destination, &loopback))
		return DP_REASON_BAD_IP_ADDRESS;

	packet->kind = PACKET_IPV6;
	packet->source = ip.source;
	packet->destination = ip.destination;
	packet->ttl = ip.hop_limit;
	packet->ecn = words >> 20 & ECN_MASK;
	packet->l4 = PACKET_L3 + sizeof(ip);
	enum dp_reason reason = parse_extensions(seam, packet, ip.next);
	if (reason)
		return reason;
	return parse_transport(seam, packet);
}

// Fill `packet` from the frame. 0, or why it is not fit to be forwarded.
static inline enum dp_reason parse_packet(struct seam *seam, struct packet *packet)
{
	*packet = (struct packet){0};
	if (seam_load(seam, 0, &packet->ethernet, sizeof(packet->ethernet)) < 0)
		return DP_REASON_TRUNCATED;
	if (mac_multicast(&packet->ethernet.source) || mac_zero(&packet->ethernet.source))
		return DP_REASON_BAD_ETHERNET;

	__u16 type = BE16(packet->ethernet.type);
	if (seam_tagged(seam) || type == ETHERNET_VLAN || type == ETHERNET_QINQ)
		return DP_REASON_VLAN_TAGGED;
	packet->wire_length = seam_length(seam) - ETHERNET_BYTES;
	switch (type) {
	case ETHERNET_ARP:
		return parse_arp(seam, packet);
	case ETHERNET_IPV4:
		return parse_ipv4(seam, packet);
	case ETHERNET_IPV6:
		return parse_ipv6(seam, packet);
	}
	return DP_REASON_NONE;
}
