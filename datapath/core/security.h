// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// Port security: a port speaks with its own MAC and addresses, and those that it is allowed, and
// none else. Unlike a firewall, it holds for the claims inside ARP and neighbor discovery too.
#pragma once

#include "core/nd.h"

enum { DHCP_CLIENT_PORT = 68, DHCP_SERVER_PORT = 67 };
enum { MLD_QUERY = 130, MLD_REPORT = 131, MLD_DONE = 132, MLD2_REPORT = 143 };

static inline bool security_allowed(
	struct seam *seam, __u32 port, const struct dp_mac *mac, const struct dp_address *address)
{
	struct dp_allowed_key key = {
		.prefix_length = DP_ALLOWED_FIXED_BITS + 128,
		.port = BE32(port),
		.mac = *mac,
		.family = address_ipv4(address) ? 4 : 6,
		.address = *address,
	};

	return seam_find_allowed(seam, &key);
}

// The link-local address that a host makes of its MAC: RFC 4291, appendix A.
static inline struct dp_address security_link_local(const struct dp_mac *mac)
{
	const __u8 *m = mac->bytes;

	return (struct dp_address){
		{0xfe, 0x80, 0, 0, 0, 0, 0, 0, m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]}};
}

// May the port use this address together with this MAC?
APART bool security_address(struct seam *seam, const struct dp_source *source,
	const struct dp_mac *mac, const struct dp_address *address)
{
	if (mac_equal(mac, &source->mac) && !address_zero(address)) {
		struct dp_address link_local = security_link_local(mac);
		if (address_equal(address, &source->ipv4) ||
			address_equal(address, &source->ipv6) ||
			address_equal(address, &link_local))
			return true;
	}
	return (source->flags & DP_SOURCE_PAIRS) &&
	       security_allowed(seam, source->port, mac, address);
}

// By far the most packets are IP from the first address of the port. A row without that address has a zero one.
static inline bool security_first(const struct dp_source *source, const struct packet *packet)
{
	if (packet->kind == PACKET_IPV4)
		return address_equal(&packet->source, &source->ipv4) &&
		       address_word(&packet->source, 3) != 0;
	return address_equal(&packet->source, &source->ipv6) && !address_zero(&packet->source);
}

// Who has no address yet may ask for one, join groups, and look for routers and duplicates: RFC
// 2131, section 4.1; RFC 4861, section 4.1; RFC 4862, section 5.4; RFC 3810, section 5.2.13.
static inline bool security_unspecified(const struct packet *packet)
{
	if (packet->fragment)
		return false;
	if (packet->kind == PACKET_IPV4)
		return packet->protocol == PROTOCOL_IGMP ||
		       (packet->protocol == PROTOCOL_UDP &&
			       packet->source_port == DHCP_CLIENT_PORT &&
			       packet->destination_port == DHCP_SERVER_PORT);
	if (packet->protocol != PROTOCOL_ICMPV6)
		return false;
	switch (packet->icmp_type) {
	case MLD_REPORT:
	case MLD_DONE:
	case MLD2_REPORT:
	case ND_ROUTER_SOLICITATION:
	case ND_SOLICITATION:
		return true;
	}
	return false;
}

// 0.0.0.0 is held as ::ffff:0.0.0.0.
static inline bool security_is_unspecified(const struct dp_address *address)
{
	return address_zero(address) || (address_ipv4(address) && address_word(address, 3) == 0);
}

static inline enum dp_reason security_arp(
	struct seam *seam, const struct dp_source *source, const struct packet *packet)
{
	if (!mac_equal(&packet->link_layer, &packet->ethernet.source))
		return DP_REASON_SPOOFED_ARP;
	if (security_is_unspecified(&packet->source)) // a probe: RFC 5227, section 2.1.1
		return mac_equal(&packet->ethernet.source, &source->mac) &&
				       packet->arp_operation == ARP_REQUEST
			       ? DP_REASON_NONE
			       : DP_REASON_SPOOFED_ARP;
	if (!security_address(seam, source, &packet->link_layer, &packet->source))
		return DP_REASON_SPOOFED_ARP;
	return DP_REASON_NONE;
}

static inline enum dp_reason security_nd(
	struct seam *seam, const struct dp_source *source, const struct packet *packet)
{
	// A redirect tells of others, and is believed only by those whose router the sender is.
	if (packet->has_link_layer && packet->icmp_type != ND_REDIRECT &&
		!mac_equal(&packet->link_layer, &packet->ethernet.source))
		return DP_REASON_SPOOFED_ND;
	// An advertisement claims its target, and so does the probe for duplicates.
	bool claims = packet->icmp_type == ND_ADVERTISEMENT ||
		      (packet->icmp_type == ND_SOLICITATION && address_zero(&packet->source));
	if (claims && !security_address(seam, source, &packet->ethernet.source, &packet->target))
		return DP_REASON_SPOOFED_ND;
	return DP_REASON_NONE;
}

// 0, or why the port must not send this. Fills what neighbor discovery adds to the packet.
static inline enum dp_reason security_check(
	struct seam *seam, const struct dp_source *source, struct packet *packet)
{
	bool own = mac_equal(&packet->ethernet.source, &source->mac);

	if (!own && !(source->flags & DP_SOURCE_PAIRS))
		return DP_REASON_SPOOFED_MAC;
	switch (packet->kind) {
	case PACKET_ARP:
		return security_arp(seam, source, packet);
	case PACKET_IPV4:
	case PACKET_IPV6:
		break;
	default:
		// No address inside. An allowed MAC will do only if it is allowed with any address.
		return own || security_allowed(
				      seam, source->port, &packet->ethernet.source, &packet->source)
			       ? DP_REASON_NONE
			       : DP_REASON_SPOOFED_MAC;
	}

	if (own && security_first(source, packet)) {
		// what else it claims follows
	} else if (security_is_unspecified(&packet->source)) {
		if (!own || !security_unspecified(packet))
			return own ? DP_REASON_SPOOFED_IP : DP_REASON_SPOOFED_MAC;
	} else if (!security_address(seam, source, &packet->ethernet.source, &packet->source)) {
		return own ? DP_REASON_SPOOFED_IP : DP_REASON_SPOOFED_MAC;
	}
	if (!nd_is(packet))
		return DP_REASON_NONE;
	enum dp_reason reason = nd_parse(seam, packet);
	return reason ? reason : security_nd(seam, source, packet);
}
