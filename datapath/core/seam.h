// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// The seam: all that forwarding needs from outside. Forwarding (core/) is built twice, over the
// kernel's packets and maps (bpf/seam_bpf.h) and over plain memory (native/), and sees neither:
// only `struct seam`, one packet in hand with the place where it arrived, and the operations below.
// Each build defines `struct seam` and supplies every operation as a static inline function, then
// includes core/forward.h:
//
//	#include "core/seam.h"       // these declarations' types
//	...                          // struct seam and the operations
//	#include "core/forward.h"    // from_port(), from_underlay()
//
// Offsets and lengths are bytes from the start of the Ethernet header. Lengths given to load and
// store are constants. An operation that fails leaves the packet in a state fit only for dropping,
// unless it says otherwise.
//
// The packet
//	__u32 seam_device(const struct seam *)        ifindex of the device that the packet arrived
//on
//	__u32 seam_length(const struct seam *)        frame length, all segments of a superpacket
//together
//	__u32 seam_segment(const struct seam *)       payload bytes a segment if it is a superpacket
//(GSO), else 0 	bool seam_tagged(const struct seam *)         a VLAN tag was taken off into metadata
//(not into the frame)
//	__u32 seam_flow_hash(struct seam *)           the same for all packets of a connection's
//direction 	int seam_load(struct seam *, __u32 offset, void *to, __u32 length)            0, or -1:
//beyond the end 	int seam_store(struct seam *, __u32 offset, const void *from, __u32 length)   0, or
//-1: beyond the end 	int seam_resize(struct seam *, __u32 length)  cut at the end, or add zeros; 0
//or -1; not for superpackets
//
// Tunnels
//	int seam_open(struct seam *, enum seam_family, __u32 bytes)
//		Put a new Ethernet header and `bytes` of room (outer IP of this family, UDP, tunnel
//header) before the whole frame: 		it starts 14 + bytes further on. The contents of both are
//undefined. 0 or -1. 	int seam_reopen(struct seam *, __s32 bytes) 		Change the room of an opened frame
//by so many bytes, right behind the new Ethernet header. 0 or -1. 	int seam_close(struct seam *,
//__u32 bytes) 		Take `bytes` off the front, so that the frame starts at what was offset `bytes`. 0 or
//-1.
//
// Tables: for each row TABLE(name, NAME, key, value, ...) of DP_TABLES
//	const value *seam_find_NAME(struct seam *, const key *)      NULL: no such row. For
//`allowed` the longest prefix.
//
// Counting
//	void seam_count(struct seam *, __u32 port, enum seam_direction)     the packet, as many
//packets as it has segments 	void seam_count_drop(struct seam *, __u32 port, enum dp_reason)
//
// The end
//	enum dp_verdict seam_output(struct seam *, __u32 ifindex, enum dp_device)  hand over to a
//device 	int seam_clone(struct seam *, __u32 ifindex)                               hand a copy to a
//device; 0 or -1 	enum dp_reason seam_send(struct seam *, const struct seam_route *)         hand
//over to the underlay, or why not 	enum dp_reason seam_clone_send(struct seam *, const struct
//seam_route *)   hand a copy to the underlay, or why not 		Both write the outer Ethernet header; the
//IP header is in place.
//
// Loops
//	void seam_repeat(__u32 count, long (*body)(__u32 index, void *context), void *context)
//		body(0) … body(count - 1), until one answers 1. count is at most 2^23.
#pragma once

#include <linux/types.h>

#include "core/reasons.h"
#include "datapath/tables.h"

struct seam;

// What became of the packet.
enum dp_verdict {
	DP_VERDICT_DROP, // counted with its reason
	DP_VERDICT_DONE, // answered for by its copies
	DP_VERDICT_SENT, // handed over whole
	DP_VERDICT_HOST, // not ours: the host's own stack takes it, untouched
};

enum seam_direction { SEAM_FROM_PORT, SEAM_TO_PORT };

enum seam_family { SEAM_IPV4, SEAM_IPV6 };

// Where an outer packet goes: the addresses in its IP header.
struct seam_route {
	struct dp_address source, destination;
	enum seam_family family;
	__u32 ifindex; // the underlay device
};
