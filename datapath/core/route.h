// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// The logical routers: a packet passes all those on its way here, on the host where it enters, and is rewritten once.
//
// At each router: is it for the router itself? policy routes, the first that takes it; the longest prefix; TTL; the next hop's MAC
// and where it is; the MTU of the network that it goes out to. RFC 1812, section 5.2; RFC 8200; RFC 4291, section 2.5.6.
#pragma once

#include "core/echo.h"
#include "core/switch.h"

struct route_walk {
	struct seam *seam;
	struct packet *packet;
	const struct dp_station
		*station;  // where it leaves the last router for; NULL: not found yet
	__u32 router, vni; // the router that it is at, by this network
	struct dp_mac source, destination; // of its next Ethernet header
	// Why it goes no further (enum dp_reason). It does not begin a word of 8 bytes: of a number that does, and is written through a
	// pointer, Linux before 6.8 forgets that it can have other values, and takes branches for dead.
	__u16 reason;
	__u8 passed;   // routers, with this one
	bool received; // it is for the router
	__u32 mtu;     // of the network that it does not fit into
};

_Static_assert(__builtin_offsetof(struct route_walk, reason) % 8 != 0, "as said");

// ---- which way ----

// fe80::/10 and 169.254.0.0/16.
static inline bool route_link_local(const struct dp_address *address)
{
	if (address_ipv4(address))
		return (address_word(address, 3) & BE32(0xffff0000)) == BE32(0xa9fe0000);
	return (address_word(address, 0) & BE32(0xffc00000)) == BE32(0xfe800000);
}

// May it leave its link at all?
static inline bool route_may(const struct packet *packet)
{
	return !route_link_local(&packet->source) && !route_link_local(&packet->destination) &&
	       !icmp_unspecified(&packet->source) && !icmp_unspecified(&packet->destination) &&
	       !icmp_many(&packet->destination);
}

static inline bool route_within(
	const struct dp_address *address, const struct dp_address *prefix, __u32 bits)
{
	__u32 differ = 0;

	for (__u32 i = 0; i < 4; i++) {
		__u32 left = bits > 32 * i ? bits - 32 * i : 0;
		__u32 mask = left >= 32 ? ~0u : ~(~0u >> left);
		differ |= (BE32(address_word(address, i)) ^ BE32(address_word(prefix, i))) & mask;
	}
	return differ == 0;
}

// Fragments have no ports, but for the first: none of them matches a route that asks, so that all take one way.
static inline bool route_steers(const struct packet *packet, const struct dp_steer *steer)
{
	bool ports = steer->port_low > 0 || steer->port_high < 0xffff;

	if (steer->family != (packet->kind == PACKET_IPV4 ? 4 : 6))
		return false;
	if (steer->protocol != 0 && steer->protocol != packet->protocol)
		return false;
	if (ports && (packet->fragment || packet->destination_port < steer->port_low ||
			     packet->destination_port > steer->port_high))
		return false;
	return route_within(&packet->source, &steer->source, steer->source_bits) &&
	       route_within(&packet->destination, &steer->destination, steer->destination_bits);
}

struct route_steering {
	struct seam *seam;
	const struct packet *packet;
	const struct dp_route *found;
	__u32 router;
};

static long route_steer(__u32 index, void *context)
{
	struct route_steering *steering = context;
	struct dp_steer_key key = {.router = steering->router, .index = index};
	const struct dp_steer *steer = seam_find_steer(steering->seam, &key);

	if (!steer || !route_steers(steering->packet, steer))
		return 0;
	seam_note(steering->seam, DP_STAGE_STEER, steering->router, index);
	steering->found = &steer->route;
	return 1;
}

// The policy route that takes the packet, or NULL.
APART const struct dp_route *route_policy(
	struct seam *seam, const struct packet *packet, __u32 router, __u32 steers)
{
	struct route_steering steering = {.seam = seam, .packet = packet, .router = router};

	seam_repeat(steers < DP_ROUTER_STEERS ? steers : DP_ROUTER_STEERS, route_steer, &steering);
	return steering.found;
}

static inline const struct dp_route *route_longest(
	struct seam *seam, const struct packet *packet, __u32 router)
{
	struct dp_route_key key = {
		.prefix_length = DP_ROUTE_FIXED_BITS + 128,
		.router = BE32(router),
		.family = packet->kind == PACKET_IPV4 ? 4 : 6,
		.destination = packet->destination,
	};

	return seam_find_route(seam, &key);
}

static inline __u32 route_mix(__u32 hash, __u32 word)
{
	hash = (hash ^ word) * 0x9e3779b1;
	return hash ^ hash >> 15;
}

// Of one end of a connection.
static inline __u32 route_hash_end(const struct dp_address *address, __u32 port)
{
	__u32 hash = route_mix(port, address_word(address, 0));

	hash = route_mix(hash, address_word(address, 1));
	hash = route_mix(hash, address_word(address, 2));
	return route_mix(hash, address_word(address, 3));
}

// The same for all packets of a connection, in both directions and on every host. Fragments have no ports.
static inline __u32 route_hash(const struct packet *packet)
{
	bool ports = !packet->fragment;
	__u32 ends = route_hash_end(&packet->source, ports ? packet->source_port : 0) +
		     route_hash_end(&packet->destination, ports ? packet->destination_port : 0);

	return route_mix(route_mix(ends, packet->protocol), 0x85ebca6b);
}

static inline const struct dp_hop *route_hop_of(
	struct seam *seam, const struct packet *packet, const struct dp_route *route)
{
	struct dp_hop_key key = {
		.group = route->group,
		.index = (__u32)((__u64)route_hash(packet) * route->hops >> 32),
	};

	return seam_find_hop(seam, &key);
}

static inline const struct dp_neighbor *route_neighbor(
	struct seam *seam, __u32 vni, const struct dp_address *address)
{
	struct dp_neighbor_key key = {.vni = vni, .address = *address};

	return seam_find_neighbor(seam, &key);
}

// ---- one router ----

// Onto network `vni`, to a neighbor there.
static inline enum dp_reason route_onto(struct route_walk *walk, const struct dp_router *router,
	__u32 vni, const struct dp_neighbor *neighbor)
{
	struct seam *seam = walk->seam;

	if (!neighbor)
		return DP_REASON_UNKNOWN_NEXT_HOP;
	const struct dp_network *network = seam_find_network(seam, &vni);
	if (!network)
		return DP_REASON_UNKNOWN_NETWORK;
	walk->mtu = network->mtu;
	if (walk->packet->wire_length > network->mtu)
		return DP_REASON_MTU_EXCEEDED;

	struct dp_station_key key = {.vni = vni, .mac = neighbor->mac};
	const struct dp_station *station = seam_find_station(seam, &key);
	if (!station)
		return DP_REASON_UNKNOWN_NEXT_HOP;
	walk->source = router->mac;
	walk->destination = neighbor->mac;
	walk->vni = vni;
	if (station->router)
		walk->router = station->router;
	else
		walk->station = station;
	return DP_REASON_NONE;
}

static inline enum dp_reason route_along(struct route_walk *walk, const struct dp_router *router,
	const struct dp_route *route, const struct dp_neighbor *neighbor)
{
	const struct packet *packet = walk->packet;

	if (!route_may(packet))
		return DP_REASON_NOT_ROUTABLE;
	if (!route)
		return DP_REASON_NO_ROUTE;
	if (route->action == DP_ROUTE_DROP)
		return DP_REASON_ROUTE_DROPS;
	if (route->action == DP_ROUTE_REJECT)
		return DP_REASON_ROUTE_REJECTS;
	if (packet->ttl <= walk->passed)
		return DP_REASON_TTL_EXCEEDED;
	if (route->action == DP_ROUTE_CONNECTED)
		return route_onto(walk, router, route->vni, neighbor);

	const struct dp_hop *hop = route_hop_of(walk->seam, packet, route);
	if (!hop)
		return DP_REASON_UNKNOWN_NEXT_HOP;
	__u32 vni = hop->vni;
	return route_onto(walk, router, vni, route_neighbor(walk->seam, vni, &hop->address));
}

static inline bool route_is_own(const struct route_walk *walk, const struct dp_neighbor *neighbor)
{
	return neighbor && neighbor->router == walk->router;
}

static inline enum dp_reason route_step(struct route_walk *walk)
{
	struct seam *seam = walk->seam;
	const struct packet *packet = walk->packet;
	seam_note(seam, DP_STAGE_ROUTE, walk->router, walk->vni);
	const struct dp_router *router = seam_find_router(seam, &walk->router);
	const struct dp_route *route = route_longest(seam, packet, walk->router);
	const struct dp_neighbor *neighbor = NULL;

	if (!router)
		return DP_REASON_NO_ROUTE;
	if (route_link_local(&packet->destination))
		neighbor = route_neighbor(seam, walk->vni, &packet->destination);
	else if (route && route->action == DP_ROUTE_CONNECTED)
		neighbor = route_neighbor(seam, route->vni, &packet->destination);
	// What is for the router itself, policy routes do not take away.
	walk->received = route_is_own(walk, neighbor);
	if (walk->received)
		return DP_REASON_NONE;

	if (router->steers > 0) {
		const struct dp_route *policy =
			route_policy(seam, packet, walk->router, router->steers);
		if (policy && policy->action == DP_ROUTE_CONNECTED)
			neighbor = route_neighbor(seam, policy->vni, &packet->destination);
		if (policy)
			route = policy;
	}
	return route_along(walk, router, route, neighbor);
}

static long route_pass(__u32 index, void *context)
{
	struct route_walk *walk = context;

	walk->passed =
		index + 1; // a number that the verifier knows would make it verify every round anew
	walk->reason = route_step(walk);
	return walk->reason || walk->received || walk->station ? 1 : 0;
}

// ---- what becomes of it ----

// The sender learns why, from the address by which the packet came to the router.
APART enum dp_verdict route_refuse(struct route_walk *walk)
{
	struct seam *seam = walk->seam;
	const struct packet *packet = walk->packet;
	enum icmp_kind kind;

	seam_count_drop(seam, packet->port, walk->reason);
	switch (walk->reason) {
	case DP_REASON_NO_ROUTE:
		kind = ICMP_NO_ROUTE;
		break;
	case DP_REASON_ROUTE_REJECTS:
		kind = ICMP_REJECTED;
		break;
	case DP_REASON_UNKNOWN_NEXT_HOP:
		kind = ICMP_HOST_UNREACHABLE;
		break;
	case DP_REASON_TTL_EXCEEDED:
		kind = ICMP_TIME_EXCEEDED;
		break;
	case DP_REASON_MTU_EXCEEDED:
		kind = ICMP_TOO_BIG;
		break;
	default:
		return DP_VERDICT_DROP;
	}
	const struct dp_address *source =
		icmp_router_address(seam, packet, walk->router, walk->vni);
	if (!source)
		return DP_VERDICT_DROP;
	return icmp_answer(seam, packet, kind, kind == ICMP_TOO_BIG ? walk->mtu : 0, source);
}

static inline int route_rewrite_ttl(struct seam *seam, const struct packet *packet, __u8 ttl)
{
	struct {
		__u8 ttl, protocol;
		__be16 checksum;
	} word;
	const __u32 at = PACKET_L3 + __builtin_offsetof(struct ipv4_header, ttl);

	if (packet->kind == PACKET_IPV6)
		return seam_store(seam,
			PACKET_L3 + __builtin_offsetof(struct ipv6_header, hop_limit), &ttl,
			sizeof(ttl));
	if (seam_load(seam, at, &word, sizeof(word)) < 0)
		return -1;
	word.checksum = checksum_update(word.checksum, BE16(word.ttl << 8), BE16(ttl << 8));
	word.ttl = ttl;
	return seam_store(seam, at, &word, sizeof(word));
}

// The frame as the last router sends it. packet->ethernet stays as it arrived: answers go back there.
static inline int route_rewrite(const struct route_walk *walk)
{
	struct packet *packet = walk->packet;
	struct dp_mac macs[2] = {walk->destination, walk->source};

	packet->vni = walk->vni;
	packet->ttl -= walk->passed;
	if (seam_store(walk->seam, 0, macs, sizeof(macs)) < 0)
		return -1;
	return route_rewrite_ttl(walk->seam, packet, packet->ttl);
}

// A packet to the MAC of the router that `station` names. DP_VERDICT_ONWARD: it is rewritten, packet->vni is the network that it
// ends on, and `station` where it goes there. Else what became of it.
STAGE enum dp_verdict route_packet(
	struct seam *seam, struct packet *packet, struct dp_station *station)
{
	if (!packet || !station)
		return DP_VERDICT_DROP;

	struct route_walk walk = {
		.seam = seam,
		.packet = packet,
		.router = station->router,
		.vni = packet->vni,
		.reason = DP_REASON_NONE,
	};

	if (packet->kind != PACKET_IPV4 && packet->kind != PACKET_IPV6)
		return packet_drop(seam, packet->port, DP_REASON_NOT_ROUTABLE);
	seam_repeat(DP_ROUTER_HOPS, route_pass, &walk);
	if (walk.received)
		return echo_receive(seam, packet);
	if (walk.reason)
		return route_refuse(&walk);
	if (!walk.station)
		return packet_drop(seam, packet->port, DP_REASON_ROUTING_LOOP);
	if (route_rewrite(&walk) < 0)
		return packet_drop(seam, packet->port, DP_REASON_NO_MEMORY);
	*station = *walk.station;
	return DP_VERDICT_ONWARD;
}
