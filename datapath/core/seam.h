// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// The seam: all that forwarding needs from outside. Forwarding (core/) is built twice, over the
// kernel's packets and maps (bpf/seam_bpf.h) and over plain memory (native/), and sees neither:
// only `struct seam`, one packet in hand with the place where it arrived, and the operations below.
//
// Each build defines `struct seam` and every operation as a static inline function, after this
// header and before core/forward.h. Offsets and lengths are bytes, from the start of the Ethernet
// header; the lengths of load and store are constants. `int` answers 0, or -1: what was asked is
// impossible, and the packet is fit only for dropping.
//
// The packet
//
//   __u32 seam_device(const struct seam *)
//         ifindex of the device that it arrived on
//   __u32 seam_length(const struct seam *)
//         of the frame, all segments of a superpacket together
//   __u32 seam_segment(const struct seam *)
//         bytes of payload in each segment if it is a superpacket (GSO), else 0
//   bool  seam_tagged(const struct seam *)
//         a VLAN tag stands beside the frame, not in it
//   __u32 seam_flow_hash(struct seam *)
//         the same for all packets of one connection and direction
//   int   seam_load(struct seam *, __u32 offset, void *to, __u32 length)
//   int   seam_store(struct seam *, __u32 offset, const void *from, __u32 length)
//         -1 beyond the end
//   int   seam_resize(struct seam *, __u32 length)
//         cut the end, or add zeros; never a superpacket
//
// Tunnels
//
//   int   seam_open(struct seam *, enum seam_family, __u32 bytes)
//         put an Ethernet header and `bytes` of room (an outer IP header of this family, UDP, the
//         tunnel header) before the whole frame, both to be written
//   int   seam_widen(struct seam *, __u32 bytes)
//         so much more room in an opened frame
//   int   seam_close(struct seam *, __u32 bytes)
//         take `bytes` off the front of a frame that came from the underlay: it starts with what
//         was at that offset
//
// Tables: for each TABLE(name, NAME, key, value, ...) of DP_TABLES
//
//   const value *seam_find_NAME(struct seam *, const key *)
//         NULL: no such row. In `allowed`, the longest prefix
//
// Counting
//
//   void  seam_count(struct seam *, __u32 port, enum seam_direction)
//         a superpacket counts as its segments
//   void  seam_count_drop(struct seam *, __u32 port, enum dp_reason)
//
// The end. A reason other than 0 says that the packet did not go.
//
//   enum dp_verdict seam_output(struct seam *, __u32 ifindex, __u32 device)
//         hand over to a device, as enum dp_device says
//   int   seam_clone(struct seam *, __u32 ifindex)
//         hand a copy to a device and go on; -1 leaves the packet as it is
//   enum dp_reason seam_send(struct seam *, const struct seam_route *)
//         hand over to the underlay: write the outer Ethernet header, all else is in place
//   enum dp_reason seam_clone_send(struct seam *, const struct seam_route *)
//         the same with a copy; a reason leaves the packet as it is
//
// Loops
//
//   void  seam_repeat(__u32 count, long (*body)(__u32 index, void *context), void *context)
//         body(0) to body(count - 1), until one answers 1; count is at most 2^23
//   __u32 seam_zero(const struct seam *)
//         0, but nobody can know. What a body both tests and changes starts from it: Linux 6.1
//         looks at a body once and takes out the branches that its first call would not take
#pragma once

#include <linux/types.h>

#include "core/reasons.h"
#include "datapath/tables.h"

struct seam;

// A function of its own in every build: a BPF program has 512 bytes of stack, and what is inlined
// shares one frame.
#define APART static __attribute__((noinline))

// What became of the packet.
enum dp_verdict {
	DP_VERDICT_DROP, // counted with its reason
	DP_VERDICT_DONE, // its copies have gone, it is not needed any more
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
