// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// Parse IPv6 neighbor discovery: RFC 4861, sections 4 and 7.1; RFC 6980 forbids fragments.
#pragma once

#include "core/packet.h"

enum nd_type {
	ND_ROUTER_SOLICITATION = 133,
	ND_ROUTER_ADVERTISEMENT,
	ND_SOLICITATION,
	ND_ADVERTISEMENT,
	ND_REDIRECT
};

enum { ND_HOP_LIMIT = 255, ND_OPTIONS = 8, ND_OPTION_SOURCE = 1, ND_OPTION_TARGET = 2 };

// A solicitation or advertisement with one link-layer option. The rest of the header differs by
// type, all the options look alike.
struct nd_message {
	struct icmp_header icmp;
	__be32 flags;
	struct dp_address target;
};

struct nd_option {
	__u8 type, words; // of eight bytes, this header included
	struct dp_mac link_layer;
};

enum { ND_FLAG_ROUTER = 0x80000000, ND_FLAG_SOLICITED = 0x40000000, ND_FLAG_OVERRIDE = 0x20000000 };

static inline bool nd_is(const struct packet *packet)
{
	return packet->kind == PACKET_IPV6 && packet->protocol == PROTOCOL_ICMPV6 &&
	       !packet->later_fragment && packet->icmp_type >= ND_ROUTER_SOLICITATION &&
	       packet->icmp_type <= ND_REDIRECT;
}

// Where the options of a message start, from its start.
static inline __u32 nd_options(__u8 type)
{
	switch (type) {
	case ND_ROUTER_SOLICITATION:
		return 8;
	case ND_ROUTER_ADVERTISEMENT:
		return 16;
	case ND_REDIRECT:
		return 40;
	}
	return sizeof(struct nd_message);
}

struct nd_walk {
	struct seam *seam;
	struct packet *packet;
	__u32 at;    // the next option
	__u32 found; // options of the wanted type
	enum dp_reason reason;
	__u8 wanted; // type of option
};

static long nd_option(__u32 index, void *context)
{
	struct nd_walk *walk = context;
	struct packet *packet = walk->packet;
	struct nd_option option;

	if (walk->at == packet->end)
		return 1;
	// One that is not looked at could claim anything.
	if (index == ND_OPTIONS || walk->at + sizeof(option) > packet->end ||
		seam_load(walk->seam, walk->at, &option, sizeof(option)) < 0 || option.words == 0) {
		walk->reason = DP_REASON_BAD_ND;
		return 1;
	}
	walk->at += option.words * 8;
	if (option.type != walk->wanted)
		return 0;
	// Two that differ could deceive whoever reads the other one.
	if (walk->found && !mac_equal(&packet->link_layer, &option.link_layer)) {
		walk->reason = DP_REASON_BAD_ND;
		return 1;
	}
	packet->link_layer = option.link_layer;
	packet->has_link_layer = true;
	walk->found++;
	return 0;
}

// Fill target and link_layer of a packet for which nd_is() holds. 0, or what is wrong with it.
APART enum dp_reason nd_parse(struct seam *seam, struct packet *packet)
{
	__u8 type = packet->icmp_type;
	struct nd_walk walk = {
		.seam = seam,
		.packet = packet,
		.at = packet->l4 + nd_options(type),
		.found = seam_zero(seam),
		.wanted = type == ND_ADVERTISEMENT ? ND_OPTION_TARGET : ND_OPTION_SOURCE,
	};

	if (packet->fragment || packet->ttl != ND_HOP_LIMIT || packet->icmp_code != 0 ||
		walk.at > packet->end)
		return DP_REASON_BAD_ND;
	if (type == ND_SOLICITATION || type == ND_ADVERTISEMENT) {
		if (seam_load(seam, packet->l4 + __builtin_offsetof(struct nd_message, target),
			    &packet->target, sizeof(packet->target)) < 0)
			return DP_REASON_TRUNCATED;
		// A mapped target would pass for an IPv4 address here.
		if (packet->target.bytes[0] == 0xff || address_ipv4(&packet->target))
			return DP_REASON_BAD_ND;
	}
	seam_repeat(ND_OPTIONS + 1, nd_option, &walk);
	return walk.reason;
}
