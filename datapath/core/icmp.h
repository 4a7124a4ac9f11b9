// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// ICMP and ICMPv6 errors (RFC 792, RFC 4443), made of the packet that they are about and sent back to the port that sent it. They
// are made here and not by an agent: with it gone, a path MTU must still be found.
//
// Only ports of this host are told. What came from another host and cannot be delivered goes without an answer: it was routed and
// measured where it entered, so that only rows under change lead to it. What it is denied here is told: reject.h.
#pragma once

#include "core/packet.h"

enum icmp_kind {
	ICMP_NO_ROUTE,
	ICMP_HOST_UNREACHABLE,
	ICMP_PROTOCOL_UNREACHABLE,
	ICMP_PORT_UNREACHABLE,
	ICMP_PROHIBITED,
	ICMP_REJECTED, // by a route
	ICMP_TIME_EXCEEDED,
	ICMP_TOO_BIG,
};

enum { ICMP_ECHO_REPLY = 0, ICMP_UNREACHABLE = 3, ICMP_REDIRECT = 5, ICMP_ECHO = 8 };
enum { ICMP_TIME = 11, ICMP_PARAMETER = 12, ICMP_TTL = 64 };
enum { ICMPV6_ERRORS = 128 /* types below are errors */, ICMPV6_ECHO = 128, ICMPV6_ECHO_REPLY };

// Precedence of network control: RFC 1812, section 4.3.2.5.
enum { ICMP_TOS = 0xc0 };

// How much of the packet an error quotes: the header and 8 bytes are a must for IPv4, as much as fits is good (RFC 1812, section
// 4.3.2.3; RFC 4443, section 2.4). This holds the longest headers that matter to a sender.
enum { ICMP_QUOTE = 128 };

struct icmp_error {
	struct icmp_header icmp;
	__be32 value; // MTU, or 0
	__u8 quote[ICMP_QUOTE];
} __attribute__((aligned(8)));
_Static_assert(sizeof(struct icmp_error) <= SEAM_SCRATCH_BYTES, "it is made in the scratch room");

// ---- whether ----

// Is it an error itself? RFC 1122, section 3.2.2; a redirect counts as one (RFC 4443, section 2.4).
static inline bool icmp_is_error(const struct packet *packet)
{
	__u8 type = packet->icmp_type;

	if (packet->kind == PACKET_IPV6)
		return packet->protocol == PROTOCOL_ICMPV6 &&
		       (type < ICMPV6_ERRORS || type == 137 /* redirect */);
	return packet->protocol == PROTOCOL_ICMP &&
	       (type == ICMP_UNREACHABLE || type == 4 /* source quench */ ||
		       type == ICMP_REDIRECT || type == ICMP_TIME || type == ICMP_PARAMETER);
}

// 0.0.0.0 is held as ::ffff:0.0.0.0.
static inline bool icmp_unspecified(const struct dp_address *address)
{
	return address_zero(address) || (address_ipv4(address) && address_word(address, 3) == 0);
}

// Multicast, class E and 255.255.255.255: no host of its own.
static inline bool icmp_many(const struct dp_address *address)
{
	return address->bytes[0] == 0xff ||
	       (address_ipv4(address) && BE32(address_word(address, 3)) >= 0xe0000000);
}

// May there be an error about this packet? RFC 1122, section 3.2.2; RFC 4443, section 2.4 (e).
static inline bool icmp_may(const struct packet *packet, const struct dp_address *source)
{
	return !packet->later_fragment &&
	       (packet->kind == PACKET_IPV4 || packet->kind == PACKET_IPV6) &&
	       !mac_multicast(&packet->ethernet.destination) && !icmp_many(&packet->destination) &&
	       !icmp_unspecified(&packet->source) && !icmp_unspecified(source) &&
	       !icmp_is_error(packet);
}

enum { ICMP_INTERVAL = 10000000 /* nanoseconds a token: 100 a second */, ICMP_BURST = 50 };

static inline bool icmp_allowed(struct seam *seam, __u32 port)
{
	struct dp_allowance *allowance = seam_allowance(seam, port);

	return allowance && dp_bucket_take(&allowance->full, seam_clock(seam), ICMP_INTERVAL,
				    (__u64)ICMP_INTERVAL * ICMP_BURST);
}

// ---- what ----

// Type and code: RFC 792, RFC 1812, section 5.2.7.1.
static inline struct icmp_header icmp_kind4(enum icmp_kind kind)
{
	switch (kind) {
	case ICMP_NO_ROUTE:
		return (struct icmp_header){ICMP_UNREACHABLE, 0, 0};
	case ICMP_HOST_UNREACHABLE:
	case ICMP_REJECTED:
		return (struct icmp_header){ICMP_UNREACHABLE, 1, 0};
	case ICMP_PROTOCOL_UNREACHABLE:
		return (struct icmp_header){ICMP_UNREACHABLE, 2, 0};
	case ICMP_PORT_UNREACHABLE:
		return (struct icmp_header){ICMP_UNREACHABLE, 3, 0};
	case ICMP_TOO_BIG:
		return (struct icmp_header){ICMP_UNREACHABLE, 4, 0};
	case ICMP_PROHIBITED:
		return (struct icmp_header){ICMP_UNREACHABLE, 13, 0};
	case ICMP_TIME_EXCEEDED:
		break;
	}
	return (struct icmp_header){ICMP_TIME, 0, 0};
}

// RFC 4443, section 3. Of an unknown protocol the field that names it is told; behind extension headers it is not known here.
static inline struct icmp_header icmp_kind6(enum icmp_kind kind)
{
	switch (kind) {
	case ICMP_NO_ROUTE:
		return (struct icmp_header){1, 0, 0};
	case ICMP_PROHIBITED:
		return (struct icmp_header){1, 1, 0};
	case ICMP_HOST_UNREACHABLE:
		return (struct icmp_header){1, 3, 0};
	case ICMP_PORT_UNREACHABLE:
		return (struct icmp_header){1, 4, 0};
	case ICMP_REJECTED:
		return (struct icmp_header){1, 6, 0};
	case ICMP_TOO_BIG:
		return (struct icmp_header){2, 0, 0};
	case ICMP_PROTOCOL_UNREACHABLE:
		return (struct icmp_header){4, 1, 0};
	case ICMP_TIME_EXCEEDED:
		break;
	}
	return (struct icmp_header){3, 0, 0};
}

// ---- how ----

// The same of what came out of a tunnel, which cannot be made longer: in words, the last of which may be cut off.
static inline int icmp_quote_words(
	struct seam *seam, const struct packet *packet, struct icmp_error *error)
{
	enum { WORD = 4 };
	int quoted = 0;

	__builtin_memset(error->quote, 0, ICMP_QUOTE);
	for (__u32 at = 0; at + WORD <= ICMP_QUOTE; at += WORD) {
		if (PACKET_L3 + at + WORD > packet->end)
			break;
		if (seam_load(seam, PACKET_L3 + at, error->quote + at, WORD) < 0)
			return -1;
		quoted = at + WORD;
	}
	return quoted;
}

// Copy the start of the packet; the rest of the room is zeros, which count nothing in a checksum. The bytes quoted, or -1.
static inline int icmp_quote(
	struct seam *seam, const struct packet *packet, struct icmp_error *error)
{
	const __u32 whole = PACKET_L3 + ICMP_QUOTE;

	if (packet->entry == 0)
		return icmp_quote_words(seam, packet, error);
	if (packet->end < whole &&
		(seam_resize(seam, packet->end) < 0 || seam_resize(seam, whole) < 0))
		return -1;
	if (seam_load(seam, PACKET_L3, error->quote, ICMP_QUOTE) < 0)
		return -1;
	return packet->end < whole ? packet->end - PACKET_L3 : ICMP_QUOTE;
}

static inline __u32 icmp_ip_bytes(const struct packet *packet)
{
	return packet->kind == PACKET_IPV4 ? sizeof(struct ipv4_header)
					   : sizeof(struct ipv6_header);
}

// The IP header of an error, with so many bytes behind it.
static inline int icmp_write_ip(struct seam *seam, const struct packet *packet, __u32 bytes,
	const struct dp_address *source)
{
	if (packet->kind == PACKET_IPV6) {
		struct ipv6_header ip = {
			.version_class_flow = BE32(6u << 28),
			.length = BE16(bytes),
			.next = PROTOCOL_ICMPV6,
			.hop_limit = ICMP_TTL,
			.source = *source,
			.destination = packet->source,
		};
		return seam_store(seam, PACKET_L3, &ip, sizeof(ip));
	}

	struct ipv4_header ip = {
		.version_length = 0x45,
		.tos = ICMP_TOS,
		.length = BE16(sizeof(ip) + bytes),
		.fragment = BE16(IPV4_DONT_FRAGMENT),
		.ttl = ICMP_TTL,
		.protocol = PROTOCOL_ICMP,
		.source = address_word(source, 3),
		.destination = address_word(&packet->source, 3),
	};
	ip.checksum = checksum_fold(checksum_add(0, &ip, sizeof(ip)));
	return seam_store(seam, PACKET_L3, &ip, sizeof(ip));
}

// What the checksum of an error covers beside itself: of ICMPv6 the pseudo header, which is length, protocol, and the addresses
// (RFC 8200, section 8.1).
static inline __u32 icmp_pseudo(
	const struct packet *packet, __u32 bytes, const struct dp_address *source)
{
	if (packet->kind == PACKET_IPV4)
		return 0;
	__u32 sum = checksum_add((__u32)BE16(bytes) + BE16(PROTOCOL_ICMPV6), source, 16);
	return checksum_add(sum, &packet->source, 16);
}

static inline int icmp_write(struct seam *seam, const struct packet *packet,
	struct icmp_error *error, __u32 quoted, const struct dp_address *source)
{
	__u32 bytes = ICMP_BYTES + quoted;

	error->icmp.checksum = checksum_fold(
		checksum_add(icmp_pseudo(packet, bytes, source), error, sizeof(*error)));
	if (icmp_write_ip(seam, packet, bytes, source) < 0)
		return -1;
	return packet->kind == PACKET_IPV4
		       ? seam_store(seam, PACKET_L3 + sizeof(struct ipv4_header), error,
				 sizeof(*error))
		       : seam_store(seam, PACKET_L3 + sizeof(struct ipv6_header), error,
				 sizeof(*error));
}

// The packet becomes another one, of so many bytes. 0, or -1.
static inline int icmp_renew(struct seam *seam, const struct packet *packet, __u32 length)
{
	return packet->entry ? seam_renew(seam, length) : seam_rework(seam, packet->l4, length);
}

// The packet becomes the error about itself. 0, or -1.
static inline int icmp_compose(struct seam *seam, const struct packet *packet, enum icmp_kind kind,
	__u32 value, const struct dp_address *source)
{
	bool ipv4 = packet->kind == PACKET_IPV4;
	struct icmp_error *error = seam_scratch(seam);
	struct ethernet_header ethernet = {
		packet->ethernet.source, packet->ethernet.destination, packet->ethernet.type};
	__u32 header = ETHERNET_BYTES + icmp_ip_bytes(packet);

	if (!error)
		return -1;
	error->icmp = ipv4 ? icmp_kind4(kind) : icmp_kind6(kind);
	error->value = BE32(value);
	if (kind == ICMP_PROTOCOL_UNREACHABLE && !ipv4)
		error->value = BE32(__builtin_offsetof(struct ipv6_header, next));
	int quoted = icmp_quote(seam, packet, error);
	if (quoted < 0 || icmp_renew(seam, packet, header + sizeof(*error)) < 0 ||
		seam_store(seam, 0, &ethernet, sizeof(ethernet)) < 0)
		return -1;
	int written = icmp_write(seam, packet, error, quoted, source);
	if (written < 0 || packet->entry == 0)
		return written;
	return seam_resize(seam, header + ICMP_BYTES + quoted);
}

// Tell the sender of a packet that was dropped, if that may be, from address `source`; `value` is the MTU of ICMP_TOO_BIG. The drop
// has been counted by its own reason: an error that does not go out is counted beside it only if there were too many.
STAGE enum dp_verdict icmp_answer(struct seam *seam, const struct packet *packet,
	enum icmp_kind kind, __u32 value, const struct dp_address *source)
{
	if (!packet || !source || packet->entry == 0 || !icmp_may(packet, source))
		return DP_VERDICT_DROP;
	if (!icmp_allowed(seam, packet->port))
		return packet_drop(seam, packet->port, DP_REASON_ICMP_LIMITED);
	if (icmp_compose(seam, packet, kind, value, source) < 0)
		return DP_VERDICT_DROP;
	return seam_output(seam, seam_device(seam), DP_DEVICE_PLAIN);
}

// ---- who ----

// The address of a router on a network, in the packet's family; NULL: the router is not there.
static inline const struct dp_address *icmp_router_address(
	struct seam *seam, const struct packet *packet, __u32 router, __u32 vni)
{
	struct dp_gateway_key key = {.router = router, .vni = vni};
	const struct dp_gateway *gateway = seam_find_gateway(seam, &key);

	if (!gateway)
		return NULL;
	return packet->kind == PACKET_IPV4 ? &gateway->ipv4 : &gateway->ipv6;
}

// A packet that is too big for where it has to go, though a switch and no router found out: the network's router tells, if it has one.
APART enum dp_verdict icmp_too_big(struct seam *seam, const struct packet *packet, __u32 mtu)
{
	const struct dp_network *network = seam_find_network(seam, &packet->entry);
	const struct dp_address *source =
		network && network->router
			? icmp_router_address(seam, packet, network->router, packet->entry)
			: NULL;

	return source ? icmp_answer(seam, packet, ICMP_TOO_BIG, mtu, source) : DP_VERDICT_DROP;
}
