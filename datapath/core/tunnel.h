// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// Tunnels: build and parse Geneve (RFC 8926) and VXLAN (RFC 7348) over IPv4 and IPv6.
#pragma once

#include "core/packet.h"

// The option that tells both ports: section 3.5. Its lower-valued types are not critical.
struct tunnel_option {
	struct geneve_option header;
	__be32 source_port, destination_port;
};

// What our own hosts put behind the UDP header.
struct tunnel_own {
	struct geneve_header geneve;
	struct tunnel_option option;
};

struct tunnel_geneve {
	struct udp_header udp;
	struct tunnel_own own;
};

struct tunnel_vxlan {
	struct udp_header udp;
	struct vxlan_header vxlan;
};

enum { GENEVE_OPTION_CRITICAL = 0x80, GENEVE_OPTIONS = 63, TUNNEL_TTL = 64 };

// Bytes between outer IP header and inner frame.
static inline __u32 tunnel_bytes(__u32 encapsulation)
{
	return encapsulation == DP_GENEVE ? sizeof(struct tunnel_geneve)
					  : sizeof(struct tunnel_vxlan);
}

static inline __u32 tunnel_ip_bytes(enum seam_family family)
{
	return family == SEAM_IPV4 ? sizeof(struct ipv4_header) : sizeof(struct ipv6_header);
}

// Some other source port for each flow, so that routers and receivers spread them: RFC 8926,
// section 3.3.
static inline __be16 tunnel_source_port(__u32 hash)
{
	return BE16(0xc000 | ((hash ^ hash >> 16) & 0x3fff));
}

// ---- out ----

// What all copies of one packet have in common.
struct tunnel_packet {
	__u32 vni, source_port, destination_port, hash;
	__u32 length; // from the outer IP header to the end
	__u8 ecn;
};

// A length that the field cannot hold is 0, as in every jumbo packet; segmentation writes the true
// ones.
static inline __be16 tunnel_length(__u32 length)
{
	return length > 0xffff ? 0 : BE16(length);
}

// From the outer IP header to the inner frame, as it is composed before it is written: in the scratch room of the seam, as
// the stack is too small. In front and behind there is room that the seam may use.
struct tunnel_outer {
	__u8 front[(SEAM_FRONT_BYTES + 7) / 8 * 8];
	union {
		__u8 start[1];
		struct {
			struct ipv4_header ip;
			__u8 behind[sizeof(struct tunnel_geneve)];
		} ipv4;
		struct {
			struct ipv6_header ip;
			__u8 behind[sizeof(struct tunnel_geneve)];
		} ipv6;
	};
	__u8 room[SEAM_BEHIND_BYTES];
};
_Static_assert(sizeof(struct tunnel_outer) <= SEAM_SCRATCH_BYTES, "it is in the scratch room");

static inline void tunnel_compose_ipv4(
	struct ipv4_header *ip, const struct seam_route *route, const struct tunnel_packet *tunnel)
{
	*ip = (struct ipv4_header){
		.version_length = 0x45,
		.tos = tunnel->ecn,
		.length = tunnel_length(tunnel->length),
		.fragment = BE16(IPV4_DONT_FRAGMENT),
		.ttl = TUNNEL_TTL,
		.protocol = PROTOCOL_UDP,
		.source = address_word(route->source, 3),
		.destination = address_word(route->destination, 3),
	};
	ip->checksum = checksum_fold(checksum_add(0, ip, sizeof(*ip)));
}

static inline void tunnel_compose_ipv6(
	struct ipv6_header *ip, const struct seam_route *route, const struct tunnel_packet *tunnel)
{
	*ip = (struct ipv6_header){
		.version_class_flow = BE32(6u << 28 | (__u32)tunnel->ecn << 20),
		.length = tunnel_length(tunnel->length - sizeof(*ip)),
		.next = PROTOCOL_UDP,
		.hop_limit = TUNNEL_TTL,
		.source = *route->source,
		.destination = *route->destination,
	};
}

static inline struct tunnel_own tunnel_own(const struct tunnel_packet *tunnel)
{
	return (struct tunnel_own){
		.geneve = {.version_length = sizeof(struct tunnel_option) / 4,
			.protocol = BE16(ETHERNET_TRANSPARENT),
			.vni = BE32(tunnel->vni << 8)},
		.option = {.header = {.class = BE16(DP_GENEVE_CLASS),
				   .type = DP_GENEVE_TYPE,
				   .length = DP_GENEVE_OPTION_BYTES / 4},
			.source_port = BE32(tunnel->source_port),
			.destination_port = BE32(tunnel->destination_port)},
	};
}

// UDP and the tunnel header, to stand behind `ip` bytes of IP header. No UDP checksum: RFC 8926, section 3.3; RFC 6935.
static inline void tunnel_compose_header(
	void *to, __u32 ip, __u32 encapsulation, const struct tunnel_packet *tunnel)
{
	struct udp_header udp = {
		.source = tunnel_source_port(tunnel->hash),
		.destination = BE16(encapsulation == DP_GENEVE ? DP_UDP_GENEVE : DP_UDP_VXLAN),
		.length = tunnel_length(tunnel->length - ip),
	};

	if (encapsulation == DP_GENEVE) {
		struct tunnel_geneve *header = to;
		header->udp = udp;
		header->own = tunnel_own(tunnel);
	} else {
		struct tunnel_vxlan *header = to;
		header->udp = udp;
		header->vxlan = (struct vxlan_header){
			.flags = BE32(VXLAN_VNI), .vni = BE32(tunnel->vni << 8)};
	}
}

HOT void tunnel_compose(struct tunnel_outer *outer, const struct seam_route *route,
	__u32 encapsulation, const struct tunnel_packet *tunnel)
{
	if (route->family == SEAM_IPV4) {
		tunnel_compose_ipv4(&outer->ipv4.ip, route, tunnel);
		tunnel_compose_header(
			outer->ipv4.behind, sizeof(outer->ipv4.ip), encapsulation, tunnel);
	} else {
		tunnel_compose_ipv6(&outer->ipv6.ip, route, tunnel);
		tunnel_compose_header(
			outer->ipv6.behind, sizeof(outer->ipv6.ip), encapsulation, tunnel);
	}
}

// ---- in ----

// Where the UDP header is behind an IPv4 header without options.
enum { TUNNEL_USUAL = ETHERNET_BYTES + sizeof(struct ipv4_header) };

struct tunnel_arrival {
	struct dp_address source, destination;
	__u32 l4;    // offset of the UDP header
	__u32 inner; // offset of the inner frame
	__u32 vni;
	__u32 source_port; // the port's key, 0 if not told
	__u8 ecn;
	__u8 encapsulation;
};

// Is this UDP over IP that may be a tunnel's? What is not is the host's business, whatever is wrong
// with it.
HOT bool tunnel_parse_ip(struct seam *seam, struct tunnel_arrival *arrival)
{
	struct ethernet_header ethernet;

	if (seam_tagged(seam) || seam_load(seam, 0, &ethernet, sizeof(ethernet)) < 0)
		return false;
	if (ethernet.type == BE16(ETHERNET_IPV4)) {
		struct ipv4_header ip;
		if (seam_load(seam, ETHERNET_BYTES, &ip, sizeof(ip)) < 0 ||
			ip.version_length >> 4 != 4 || (ip.version_length & 0xf) < 5 ||
			ip.protocol != PROTOCOL_UDP ||
			(ip.fragment & BE16(IPV4_OFFSET | IPV4_MORE_FRAGMENTS)))
			return false;
		arrival->source = address_mapped(ip.source);
		arrival->destination = address_mapped(ip.destination);
		arrival->ecn = ip.tos & ECN_MASK;
		arrival->l4 = ETHERNET_BYTES + (ip.version_length & 0xf) * 4;
		return true;
	}
	if (ethernet.type == BE16(ETHERNET_IPV6)) {
		struct ipv6_header ip;
		if (seam_load(seam, ETHERNET_BYTES, &ip, sizeof(ip)) < 0 || ip.next != PROTOCOL_UDP)
			return false;
		arrival->source = ip.source;
		arrival->destination = ip.destination;
		arrival->ecn = BE32(ip.version_class_flow) >> 20 & ECN_MASK;
		arrival->l4 = ETHERNET_BYTES + sizeof(ip);
		return true;
	}
	return false;
}

// The destination port of the UDP header that stands at `l4`; 0: there is no whole header.
HOT __be16 tunnel_destination(struct seam *seam, __u32 l4)
{
	struct udp_header udp;

	return seam_load(seam, l4, &udp, sizeof(udp)) < 0 ? 0 : udp.destination;
}

// Is this a tunnel packet to this host?
HOT bool tunnel_arrives(struct seam *seam, struct tunnel_arrival *arrival)
{
	__u32 zero = 0;
	const struct dp_config *config = seam_find_config(seam, &zero);

	if (!config || !tunnel_parse_ip(seam, arrival) ||
		!address_equal(&arrival->destination, &config->vtep))
		return false;
	__be16 port = arrival->l4 == TUNNEL_USUAL ? tunnel_destination(seam, TUNNEL_USUAL)
						  : tunnel_destination(seam, arrival->l4);
	arrival->encapsulation = port == BE16(DP_UDP_GENEVE) ? DP_GENEVE : DP_VXLAN;
	return arrival->encapsulation == DP_GENEVE || port == BE16(DP_UDP_VXLAN);
}

struct tunnel_walk {
	struct seam *seam;
	struct tunnel_arrival *arrival;
	__u32 at; // the next option
	enum dp_reason reason;
};

// Ours is read, others are skipped unless they are critical.
static long tunnel_parse_option(__u32 index, void *context)
{
	struct tunnel_walk *walk = context;
	struct tunnel_arrival *arrival = walk->arrival;
	struct geneve_option option;
	__u32 at = walk->at;

	(void)index;
	if (at == arrival->inner)
		return 1;
	walk->reason = DP_REASON_BAD_TUNNEL_HEADER;
	if (at + sizeof(option) > arrival->inner ||
		seam_load(walk->seam, at, &option, sizeof(option)) < 0)
		return 1;
	__u32 bytes = (option.length & GENEVE_OPTION_LENGTH) * 4;
	walk->at += sizeof(option) + bytes;
	if (walk->at > arrival->inner)
		return 1;
	if (option.class == BE16(DP_GENEVE_CLASS) && option.type == DP_GENEVE_TYPE &&
		bytes == DP_GENEVE_OPTION_BYTES) {
		__be32 port;
		if (seam_load(walk->seam, at + sizeof(option), &port, sizeof(port)) < 0)
			return 1;
		arrival->source_port = BE32(port);
	} else if (option.type & GENEVE_OPTION_CRITICAL) {
		walk->reason = DP_REASON_CRITICAL_OPTION;
		return 1;
	}
	walk->reason = DP_REASON_NONE;
	return 0;
}

static inline bool tunnel_is_own(const struct tunnel_own *own)
{
	return own->geneve.version_length == sizeof(own->option) / 4 && own->geneve.flags == 0 &&
	       own->geneve.protocol == BE16(ETHERNET_TRANSPARENT) &&
	       own->option.header.class == BE16(DP_GENEVE_CLASS) &&
	       own->option.header.type == DP_GENEVE_TYPE &&
	       (own->option.header.length & GENEVE_OPTION_LENGTH) == DP_GENEVE_OPTION_BYTES / 4;
}

// Our option and no other, behind the UDP header at `l4`, needs no walk.
HOT bool tunnel_take_own(struct seam *seam, struct tunnel_arrival *arrival, __u32 l4)
{
	struct tunnel_own own;
	__u32 at = l4 + sizeof(struct udp_header);

	if (seam_load_outer(seam, at, &own, sizeof(own)) < 0 || !tunnel_is_own(&own))
		return false;
	arrival->vni = BE32(own.geneve.vni) >> 8;
	arrival->inner = at + sizeof(own);
	arrival->source_port = BE32(own.option.source_port);
	return true;
}

static inline enum dp_reason tunnel_parse_geneve(struct seam *seam, struct tunnel_arrival *arrival)
{
	struct geneve_header geneve;
	__u32 at = arrival->l4 + sizeof(struct udp_header);
	bool own = arrival->l4 == TUNNEL_USUAL ? tunnel_take_own(seam, arrival, TUNNEL_USUAL)
					       : tunnel_take_own(seam, arrival, arrival->l4);

	if (own)
		return DP_REASON_NONE;
	if (seam_load(seam, at, &geneve, sizeof(geneve)) < 0)
		return DP_REASON_BAD_TUNNEL_HEADER;
	// Control packets are for tunnel endpoints, of which they ask nothing that is known here.
	if ((geneve.version_length & GENEVE_VERSION) || (geneve.flags & GENEVE_CONTROL) ||
		geneve.protocol != BE16(ETHERNET_TRANSPARENT))
		return DP_REASON_BAD_TUNNEL_HEADER;
	at += sizeof(geneve);
	arrival->vni = BE32(geneve.vni) >> 8;
	arrival->inner = at + (geneve.version_length & GENEVE_LENGTH) * 4;

	struct tunnel_walk walk = {.seam = seam, .arrival = arrival, .at = at};
	seam_repeat(GENEVE_OPTIONS, tunnel_parse_option, &walk);
	return walk.reason;
}

HOT enum dp_reason tunnel_take_vxlan(struct seam *seam, struct tunnel_arrival *arrival, __u32 l4)
{
	struct vxlan_header vxlan;
	__u32 at = l4 + sizeof(struct udp_header);

	if (seam_load_outer(seam, at, &vxlan, sizeof(vxlan)) < 0 ||
		!(vxlan.flags & BE32(VXLAN_VNI)))
		return DP_REASON_BAD_TUNNEL_HEADER;
	arrival->vni = BE32(vxlan.vni) >> 8;
	arrival->inner = at + sizeof(vxlan);
	return DP_REASON_NONE;
}

static inline enum dp_reason tunnel_parse_vxlan(struct seam *seam, struct tunnel_arrival *arrival)
{
	return arrival->l4 == TUNNEL_USUAL ? tunnel_take_vxlan(seam, arrival, TUNNEL_USUAL)
					   : tunnel_take_vxlan(seam, arrival, arrival->l4);
}

// ---- congestion marks, RFC 6040 ----

// What the packet goes on with (section 4.2), or -1: it must be dropped.
static inline int tunnel_ecn(__u8 inner, __u8 outer)
{
	if (outer == ECN_CE)
		return inner == ECN_NONE ? -1 : ECN_CE;
	if (outer == ECN_ECT1 && inner == ECN_ECT0)
		return ECN_ECT1;
	return inner;
}

// Rewrite the mark of a packet that was taken out of its tunnel.
static inline int tunnel_mark(struct seam *seam, const struct packet *packet, __u8 ecn)
{
	if (packet->kind == PACKET_IPV4) {
		struct ipv4_header ip;
		if (seam_load(seam, PACKET_L3, &ip, sizeof(ip)) < 0)
			return -1;
		__u16 before[2] = {0}, after[2] = {0};
		__builtin_memcpy(before, &ip.version_length, 2);
		ip.tos = (ip.tos & ~ECN_MASK) | ecn;
		__builtin_memcpy(after, &ip.version_length, 2);
		ip.checksum = checksum_update(ip.checksum, before[0], after[0]);
		return seam_store(seam, PACKET_L3, &ip, sizeof(ip));
	}

	__be32 word;
	if (seam_load(seam, PACKET_L3, &word, sizeof(word)) < 0)
		return -1;
	word = BE32((BE32(word) & ~((__u32)ECN_MASK << 20)) | (__u32)ecn << 20);
	return seam_store(seam, PACKET_L3, &word, sizeof(word));
}
