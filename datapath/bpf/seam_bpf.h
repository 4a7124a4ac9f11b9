// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// The seam over the kernel's packets and maps: what core/seam.h asks for, in BPF helpers. For tc at
// ingress.
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

// The seam is the kernel's packet itself: its verifier takes that as an argument of functions that it looks at by themselves.
#define seam __sk_buff
#define STAGE __attribute__((noinline))

#include "core/headers.h"
#include "core/seam.h"
#include "maps.h"

// Does bpf_skb_adjust_room set skb->protocol on decapsulation (Linux 6.3)? The loader asks the
// kernel.
const volatile bool has_decap_l3;

// Newer than the headers of Debian 12.
enum { ADJ_ROOM_DECAP_L3_IPV4 = 1 << 7, ADJ_ROOM_DECAP_L3_IPV6 = 1 << 8 };

enum { ETHERNET_BYTES_LEAST = 60 };

// Beyond where the transport header of a packet starts, extension headers and all.
enum { RENEW_BYTES = 2048 };

enum { FAMILY_IPV4 = 2, FAMILY_IPV6 = 10, LOOPBACK_IFINDEX = 1 };

// ---- the packet ----

static __always_inline __u32 seam_device(const struct seam *seam)
{
	return seam->ifindex;
}

static __always_inline __u32 seam_length(const struct seam *seam)
{
	return seam->len;
}

static __always_inline __u32 seam_segment(const struct seam *seam)
{
	return seam->gso_size;
}

static __always_inline bool seam_tagged(const struct seam *seam)
{
	return seam->vlan_present;
}

static __always_inline __u32 seam_flow_hash(struct seam *seam)
{
	return bpf_get_hash_recalc(seam);
}

// Headers at constant offsets, up to the TCP header behind a plain IPv4 header, are read straight
// from the packet. The kernel has them in its linear part, but for what a device or a program left
// elsewhere; no more than that is asked for, as it costs a copy to move bytes there. What came in a
// tunnel is opened up to the inner Ethernet header, behind IPv4 and Geneve with our option, or VXLAN.
enum {
	SEAM_HEAD = ETHERNET_BYTES + 40,
	SEAM_INNER_VXLAN = ETHERNET_BYTES + 20 + 8 + 8,
	SEAM_INNER_GENEVE = ETHERNET_BYTES + 20 + 8 + 20,
	SEAM_OUTER_HEAD = SEAM_INNER_GENEVE + ETHERNET_BYTES
};

static __always_inline void seam_pull(struct __sk_buff *skb, __u32 most)
{
	__u32 head = skb->len < most ? skb->len : most;

	if (skb->data_end - skb->data < head)
		bpf_skb_pull_data(skb, head);
}

// One way a load, not one and another to fall back on: Linux 6.12 refuses what was spilled on one
// way and read by a helper on the other ("BUG backtracking").
static __always_inline int seam_load_head(
	struct seam *seam, __u32 head, __u32 offset, void *to, __u32 length)
{
	if (!__builtin_constant_p(offset) || offset + length > head)
		return bpf_skb_load_bytes(seam, offset, to, length) < 0 ? -1 : 0;

	void *data = (void *)(long)seam->data, *end = (void *)(long)seam->data_end;
	if (data + offset + length > end)
		return -1;
	__builtin_memcpy(__builtin_assume_aligned(to, 2),
		__builtin_assume_aligned(data + offset, 4), length);
	return 0;
}

static __always_inline int seam_load(struct seam *seam, __u32 offset, void *to, __u32 length)
{
	return seam_load_head(seam, SEAM_HEAD, offset, to, length);
}

static __always_inline int seam_load_outer(struct seam *seam, __u32 offset, void *to, __u32 length)
{
	return seam_load_head(seam, SEAM_OUTER_HEAD, offset, to, length);
}

static __always_inline void seam_reach_outer(struct seam *seam)
{
	seam_pull(seam, SEAM_OUTER_HEAD);
}

// Beyond the Ethernet header a checksum over the packet that a device took must follow the change.
static __always_inline int seam_store(
	struct seam *seam, __u32 offset, const void *from, __u32 length)
{
	__u64 flags = offset >= ETHERNET_BYTES ? BPF_F_RECOMPUTE_CSUM : 0;

	return bpf_skb_store_bytes(seam, offset, from, length, flags) < 0 ? -1 : 0;
}

static __always_inline int seam_resize(struct seam *seam, __u32 length)
{
	if (seam->len == length && seam->gso_size == 0)
		return 0;
	return bpf_skb_change_tail(seam, length, 0) < 0 ? -1 : 0;
}

// bpf_skb_change_tail makes an ordinary packet of a superpacket, but a checksum that a device is still to fill in stays due. It is
// forgotten when the place where it begins is pulled off the front, for which the packet must be long enough.
static __always_inline int seam_renew(struct seam *seam, __u32 length)
{
	struct __sk_buff *skb = seam;
	const __u32 stays = ETHERNET_BYTES + sizeof(struct ipv6_header);

	if (bpf_skb_change_tail(skb, RENEW_BYTES, 0) < 0 ||
		bpf_skb_adjust_room(skb, -(__s32)(RENEW_BYTES - stays), BPF_ADJ_ROOM_MAC, 0) < 0)
		return -1;
	return bpf_skb_change_tail(skb, length, 0) < 0 ? -1 : 0;
}

static __always_inline int seam_shift(struct seam *seam, __s32 bytes)
{
	if (bytes == 0)
		return 0;
	return bpf_skb_adjust_room(seam, bytes, BPF_ADJ_ROOM_MAC, 0) < 0 ? -1 : 0;
}

// What came out of a tunnel counts as encapsulated to the kernel for ever, so that its end cannot be moved; but bytes may go and come
// behind the Ethernet header. A checksum that is due is forgotten as above.
enum {
	REWORK_STEP = 4000 /* at once bpf_skb_adjust_room takes less than 4,096 */,
	REWORK_STEPS = 17
};

static __always_inline int seam_rework(struct seam *seam, __u32 transport, __u32 length)
{
	if (seam->gso_size > 0 || transport > seam->len)
		return -1;
	if (seam->len - transport > SEAM_REWORK_STAYS) {
		for (int i = 0; i < REWORK_STEPS && seam->len > SEAM_REWORK_STAYS; i++) {
			__u32 excess = seam->len - SEAM_REWORK_STAYS;
			if (seam_shift(seam, -(__s32)(excess < REWORK_STEP ? excess : REWORK_STEP)))
				return -1;
		}
	}
	return seam_shift(seam, (__s32)(length - seam->len));
}

// The helper leaves such a checksum alone when something changes that is not of the pseudo header.
static __always_inline bool seam_due(struct seam *seam, __u32 checksum)
{
	struct __sk_buff *skb = seam;
	__be16 before, after;

	if (bpf_skb_load_bytes(skb, checksum, &before, sizeof(before)) < 0 ||
		bpf_l4_csum_replace(skb, checksum, 0, BE16(1), sizeof(before)) < 0 ||
		bpf_skb_load_bytes(skb, checksum, &after, sizeof(after)) < 0)
		return false;
	bpf_skb_store_bytes(skb, checksum, &before, sizeof(before), 0);
	return before == after;
}

// A sum over the whole packet that a device took does not move: both words change, one against the other.
static __always_inline int seam_patch(
	struct seam *seam, __u32 offset, __be16 from, __be16 to, __u32 checksum)
{
	if (bpf_skb_store_bytes(seam, offset, &to, sizeof(to), 0) < 0)
		return -1;
	return bpf_l4_csum_replace(seam, checksum, from, to, sizeof(to)) < 0 ? -1 : 0;
}

static __always_inline bool seam_is_ip(const struct seam *seam)
{
	return seam->protocol == BE16(ETHERNET_IPV4) || seam->protocol == BE16(ETHERNET_IPV6);
}

// ---- tunnels ----

// bpf_skb_adjust_room makes room behind the Ethernet header, so that it serves as the outer one:
// the inner one is a copy, written together with what stands before it. The helper tells the kernel
// where the inner headers are, so that superpackets stay whole (the inner MAC length is that of
// Ethernet alone). But it wants an IP packet, and one without a tunnel yet; bpf_skb_change_head
// takes any, but knows nothing of segments. Answers how many bytes `outer` holds then, or -1.
static __always_inline int seam_make_room(
	struct seam *seam, enum seam_family family, void *outer, __u32 bytes)
{
	struct __sk_buff *skb = seam;
	struct ethernet_header *inner = outer + bytes;
	__u32 room = bytes + sizeof(*inner);

	if (!seam_is_ip(seam))
		return bpf_skb_change_head(skb, room, 0) < 0 ? -1 : (int)bytes;

	__u64 flags =
		BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L4_UDP |
		BPF_F_ADJ_ROOM_ENCAP_L2_ETH | BPF_F_ADJ_ROOM_ENCAP_L2((__u64)sizeof(*inner)) |
		(family == SEAM_IPV4 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV6);
	if (seam_load(seam, 0, inner, sizeof(*inner)) < 0)
		return -1;
	if (bpf_skb_adjust_room(skb, room, BPF_ADJ_ROOM_MAC, flags) < 0 &&
		bpf_skb_adjust_room(skb, room, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO) < 0)
		return -1;
	return (int)room;
}

static __always_inline int seam_reopen(struct seam *seam, const void *outer, __u32 bytes)
{
	return seam_store(seam, ETHERNET_BYTES, outer, bytes);
}

static __always_inline int seam_open(
	struct seam *seam, enum seam_family family, void *outer, __u32 bytes)
{
	int room = seam_make_room(seam, family, outer, bytes);

	return room < 0 ? -1 : seam_reopen(seam, outer, (__u32)room);
}

static __always_inline int seam_widen(struct seam *seam, __u32 bytes)
{
	if (!seam_is_ip(seam))
		return bpf_skb_change_head(seam, bytes, 0) < 0 ? -1 : 0;
	return bpf_skb_adjust_room(seam, bytes, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO) < 0 ? -1
												: 0;
}

static __always_inline int seam_load_inner(
	struct seam *seam, __u32 offset, struct ethernet_header *to)
{
	switch (offset) {
	case SEAM_INNER_GENEVE:
		return seam_load_outer(seam, SEAM_INNER_GENEVE, to, sizeof(*to));
	case SEAM_INNER_VXLAN:
		return seam_load_outer(seam, SEAM_INNER_VXLAN, to, sizeof(*to));
	}
	return seam_load_outer(seam, offset, to, sizeof(*to));
}

// The reverse: bpf_skb_adjust_room leaves the outer Ethernet header, which the inner one then
// replaces.
static __always_inline int seam_close(struct seam *seam, __u32 bytes)
{
	struct __sk_buff *skb = seam;
	struct ethernet_header ethernet;
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO;

	if (seam_load_inner(seam, bytes, &ethernet) < 0)
		return -1;
	if (has_decap_l3 && ethernet.type == BE16(ETHERNET_IPV4))
		flags |= ADJ_ROOM_DECAP_L3_IPV4;
	else if (has_decap_l3 && ethernet.type == BE16(ETHERNET_IPV6))
		flags |= ADJ_ROOM_DECAP_L3_IPV6;
	// What stays must be as long as a header of the outer family, which ARP in IPv6 is not.
	else if (skb->protocol == BE16(ETHERNET_IPV6) && skb->len < bytes + ETHERNET_BYTES_LEAST &&
		 bpf_skb_change_tail(skb, bytes + ETHERNET_BYTES_LEAST, 0) < 0)
		return -1;
	if (bpf_skb_adjust_room(skb, -(__s32)bytes, BPF_ADJ_ROOM_MAC, flags) < 0)
		return -1;
	seam_pull(skb, SEAM_HEAD);
	return seam_store(seam, 0, &ethernet, sizeof(ethernet));
}

// ---- tables ----

// By a key on the stack: Linux 6.1 takes none from a struct that a STAGE was given.
#define FIND(table, NAME, key_type, value_type, KIND, maximum)      \
	static __always_inline const value_type *seam_find_##table( \
		struct seam *seam, const key_type *key)             \
	{                                                           \
		(void)seam;                                         \
		key_type own = *key;                                \
		return bpf_map_lookup_elem(&table, &own);           \
	}
DP_TABLES(FIND)
#undef FIND

// ---- memory ----

static __always_inline void *seam_scratch(struct seam *seam)
{
	__u32 zero = 0;

	(void)seam;
	return bpf_map_lookup_elem(&scratches, &zero);
}

static __always_inline struct dp_allowance *seam_allowance(struct seam *seam, __u32 port)
{
	struct dp_allowance *found = bpf_map_lookup_elem(&allowances, &port);

	(void)seam;
	if (!found) {
		struct dp_allowance zero = {0};
		bpf_map_update_elem(&allowances, &port, &zero, BPF_NOEXIST);
		found = bpf_map_lookup_elem(&allowances, &port);
	}
	return found;
}

static __always_inline __u64 seam_clock(struct seam *seam)
{
	(void)seam;
	return bpf_ktime_get_ns();
}

// ---- counting ----

// The value of this CPU at the place of the port; NULL: the place is another port's.
static __always_inline struct dp_counters *counters_place(__u32 port)
{
	__u32 place = dp_counter_place(port);
	__u32 *owner = bpf_map_lookup_elem(&counter_owners, &place);

	if (!owner)
		return NULL;
	if (*owner != port) {
		__u32 before = __sync_val_compare_and_swap(owner, 0, port);
		if (before != 0 && before != port)
			return NULL;
	}
	return bpf_map_lookup_elem(&counter_places, &place);
}

// The value of this CPU, made on first use. An update may fail (EBUSY, ENOMEM, a full table): then
// this packet goes uncounted.
static __always_inline struct dp_counters *counters_get(__u32 port)
{
	struct dp_counters *found = counters_place(port);

	if (!found)
		found = bpf_map_lookup_elem(&counters, &port);
	if (!found) {
		struct dp_counters zero = {0};
		if (bpf_map_update_elem(&counters, &port, &zero, BPF_NOEXIST) < 0)
			return NULL;
		found = bpf_map_lookup_elem(&counters, &port);
	}
	return found;
}

static __always_inline __u32 seam_segments(const struct seam *seam)
{
	return seam->gso_segs > 0 ? seam->gso_segs : 1;
}

static __always_inline void seam_count(struct seam *seam, __u32 port, enum seam_direction direction)
{
	struct dp_counters *count = counters_get(port);

	if (!count)
		return;
	if (direction == SEAM_FROM_PORT) {
		count->from_port_packets += seam_segments(seam);
		count->from_port_bytes += seam->len;
	} else {
		count->to_port_packets += seam_segments(seam);
		count->to_port_bytes += seam->len;
	}
}

APART void seam_count_drop_in(struct __sk_buff *skb, __u32 port, __u32 reason)
{
	struct dp_drop_key key = {.port = port, .reason = reason};
	struct dp_drops *found = bpf_map_lookup_elem(&drops, &key);

	if (!found) {
		struct dp_drops zero = {0};
		if (bpf_map_update_elem(&drops, &key, &zero, BPF_NOEXIST) < 0)
			return;
		found = bpf_map_lookup_elem(&drops, &key);
		if (!found)
			return;
	}
	found->packets += skb->gso_segs > 0 ? skb->gso_segs : 1;
	found->bytes += skb->len;
}

static __always_inline void seam_count_drop(struct seam *seam, __u32 port, enum dp_reason reason)
{
	seam_count_drop_in(seam, port, reason);
}

// A macro, so that not even the loads of what is noted move the compiler to other instructions.
#define seam_note(seam, stage, first, second) ((void)sizeof((first) + (second)))

// ---- the end ----

// Straight into the peer a packet keeps its skb->protocol, so that it must be right; the way
// through the device sets it anew.
static __always_inline bool seam_is_told(struct seam *seam)
{
	__be16 type;

	return seam_load(seam, __builtin_offsetof(struct ethernet_header, type), &type,
		       sizeof(type)) == 0 &&
	       seam->protocol == type;
}

static __always_inline enum dp_verdict seam_output(struct seam *seam, __u32 ifindex, __u32 device)
{
	if (device == DP_DEVICE_PEER && seam_is_told(seam))
		bpf_redirect_peer(ifindex, 0);
	else
		bpf_redirect(ifindex, 0);
	return DP_VERDICT_SENT;
}

static __always_inline int seam_clone(struct seam *seam, __u32 ifindex)
{
	return bpf_clone_redirect(seam, ifindex, 0) == 0 ? 0 : -1;
}

// Ask the kernel's routes, as a packet of the host's own asks them: from the loopback device. (The
// helper wants forwarding to be on for the device that asks; on loopback that concerns nobody
// else.) No length: the MTU has been checked against the segments.
static __always_inline int underlay_route(
	struct seam *seam, const struct seam_route *route, struct bpf_fib_lookup *fib)
{
	*fib = (struct bpf_fib_lookup){.ifindex = LOOPBACK_IFINDEX, .l4_protocol = PROTOCOL_UDP};
	if (route->family == SEAM_IPV4) {
		fib->family = FAMILY_IPV4;
		fib->ipv4_src = address_word(route->source, 3);
		fib->ipv4_dst = address_word(route->destination, 3);
	} else {
		fib->family = FAMILY_IPV6;
		__builtin_memcpy(fib->ipv6_src, route->source, sizeof(fib->ipv6_src));
		__builtin_memcpy(fib->ipv6_dst, route->destination, sizeof(fib->ipv6_dst));
	}
	return bpf_fib_lookup(seam, fib, sizeof(*fib), 0);
}

static __always_inline int underlay_ethernet(
	struct seam *seam, const struct seam_route *route, const struct bpf_fib_lookup *fib)
{
	struct ethernet_header ethernet = {
		.type = BE16(route->family == SEAM_IPV4 ? ETHERNET_IPV4 : ETHERNET_IPV6)};

	__builtin_memcpy(&ethernet.destination, fib->dmac, sizeof(ethernet.destination));
	__builtin_memcpy(&ethernet.source, fib->smac, sizeof(ethernet.source));
	return seam_store(seam, 0, &ethernet, sizeof(ethernet));
}

static __always_inline enum dp_reason underlay_reason(int result)
{
	switch (result) {
	case BPF_FIB_LKUP_RET_NO_NEIGH:
		return DP_REASON_NO_UNDERLAY_NEIGHBOR;
	case BPF_FIB_LKUP_RET_FWD_DISABLED:
		return DP_REASON_UNDERLAY_FORWARDING_OFF;
	}
	return DP_REASON_NO_UNDERLAY_ROUTE;
}

// The kernel's answer holds for so many ticks of its timer, 10 to 100 ms by its configuration: shorter than any change of routes
// or neighbors takes to be noticed. No process has to live for it.
enum { HOP_TICKS = 10 };

// Where the answer for a destination is kept, whosever it is; NULL: nowhere.
static __always_inline struct underlay_hop *underlay_hop_of(const struct dp_address *destination)
{
	__u32 slot = address_word(destination, 3);

	slot = (slot ^ slot >> 8 ^ slot >> 16 ^ slot >> 24) % UNDERLAY_HOPS;
	return bpf_map_lookup_elem(&underlay_hops, &slot);
}

// In rows, addresses at the beginning stand at a multiple of eight bytes.
static __always_inline bool row_address_equal(
	const struct dp_address *a, const struct dp_address *b)
{
	const __u64 *x = __builtin_assume_aligned(a, 8), *y = __builtin_assume_aligned(b, 8);

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]));
}

static __always_inline bool underlay_hop_holds(
	const struct underlay_hop *hop, const struct seam_route *route)
{
	return bpf_jiffies64() - hop->asked < HOP_TICKS &&
	       row_address_equal(&hop->destination, route->destination) &&
	       row_address_equal(&hop->source, route->source);
}

static __always_inline void underlay_hop_keep(
	struct underlay_hop *hop, const struct seam_route *route, const struct bpf_fib_lookup *fib)
{
	hop->asked = bpf_jiffies64();
	hop->source = *route->source;
	hop->destination = *route->destination;
	hop->ifindex = fib->ifindex;
	__builtin_memcpy(&hop->ethernet.destination, fib->dmac, sizeof(fib->dmac));
	__builtin_memcpy(&hop->ethernet.source, fib->smac, sizeof(fib->smac));
	hop->ethernet.type = BE16(route->family == SEAM_IPV4 ? ETHERNET_IPV4 : ETHERNET_IPV6);
}

// The kernel's own output path can route without MACs, and waits for the neighbor; but only what is IP to it.
static __always_inline enum dp_reason underlay_send_unresolved(
	struct seam *seam, const struct seam_route *route, struct bpf_fib_lookup *fib, int result)
{
	enum dp_reason reason = underlay_reason(result);

	if (reason == DP_REASON_NO_UNDERLAY_ROUTE || !seam_is_ip(seam))
		return reason;
	__builtin_memset(fib->dmac, 0, sizeof(fib->dmac));
	__builtin_memset(fib->smac, 0, sizeof(fib->smac));
	if (underlay_ethernet(seam, route, fib) < 0)
		return DP_REASON_NO_MEMORY;
	bpf_redirect_neigh(
		result == BPF_FIB_LKUP_RET_NO_NEIGH ? fib->ifindex : route->ifindex, NULL, 0, 0);
	return DP_REASON_NONE;
}

// Write `outer` and an Ethernet header in front of it by one call. Of a checksum over the packet that a device took, the Ethernet
// header is no part: then it takes two.
static __always_inline int seam_store_opened(
	struct seam *seam, const struct ethernet_header *ethernet, void *outer, __u32 bytes)
{
	struct ethernet_header *front = outer - sizeof(*front);

	if (bpf_csum_update(seam, 0) >= 0)
		return seam_reopen(seam, outer, bytes) < 0
			       ? -1
			       : seam_store(seam, 0, ethernet, sizeof(*ethernet));
	*front = *ethernet;
	return seam_store(seam, 0, front, sizeof(*front) + bytes);
}

static __always_inline enum dp_reason seam_send(
	struct seam *seam, const struct seam_route *route, void *outer, __u32 bytes)
{
	struct underlay_hop *hop = underlay_hop_of(route->destination);
	int room = seam_make_room(seam, route->family, outer, bytes);

	if (!hop)
		return DP_REASON_NO_MEMORY;
	if (room < 0)
		return DP_REASON_ENCAPSULATION_FAILED;
	if (!underlay_hop_holds(hop, route)) {
		struct bpf_fib_lookup fib;
		int result = underlay_route(seam, route, &fib);
		if (result != BPF_FIB_LKUP_RET_SUCCESS) {
			if (seam_reopen(seam, outer, (__u32)room) < 0)
				return DP_REASON_NO_MEMORY;
			return underlay_send_unresolved(seam, route, &fib, result);
		}
		underlay_hop_keep(hop, route, &fib);
	}
	if (seam_store_opened(seam, &hop->ethernet, outer, (__u32)room) < 0)
		return DP_REASON_NO_MEMORY;
	bpf_redirect(hop->ifindex, 0);
	return DP_REASON_NONE;
}

static __always_inline enum dp_reason seam_clone_send(
	struct seam *seam, const struct seam_route *route)
{
	struct bpf_fib_lookup fib;
	int result = underlay_route(seam, route, &fib);

	if (result != BPF_FIB_LKUP_RET_SUCCESS)
		return underlay_reason(result);
	if (underlay_ethernet(seam, route, &fib) < 0)
		return DP_REASON_NO_MEMORY;
	return bpf_clone_redirect(seam, fib.ifindex, 0) == 0 ? DP_REASON_NONE
							     : DP_REASON_OUTPUT_FAILED;
}

static volatile __u32 unknown_zero; // writable, so that the verifier does not look inside

static __always_inline __u32 seam_zero(const struct seam *seam)
{
	(void)seam;
	return unknown_zero;
}

static __always_inline enum dp_reason seam_punt(
	struct seam *seam, __u32 port, __u32 vni, enum dp_service service)
{
	struct dp_punt *punt = bpf_ringbuf_reserve(&punts, sizeof(*punt), 0);
	__u32 length = seam_length(seam);

	if (!punt)
		return DP_REASON_PUNT_FULL;
	if (length > DP_PUNT_BYTES)
		length = DP_PUNT_BYTES;
	punt->time = bpf_ktime_get_ns();
	punt->port = port;
	punt->ifindex = seam_device(seam);
	punt->vni = vni;
	punt->service = service;
	punt->length = length;
	// Not "is 0": of that Linux 6.1 learns no bound.
	if (length < ETHERNET_BYTES || bpf_skb_load_bytes(seam, 0, punt->frame, length) < 0) {
		bpf_ringbuf_discard(punt, 0);
		return DP_REASON_NO_MEMORY;
	}
	bpf_ringbuf_submit(punt, 0);
	return DP_REASON_NONE;
}

static __always_inline void seam_repeat(
	__u32 count, long (*body)(__u32 index, void *context), void *context)
{
	bpf_loop(count, body, context, 0);
}
