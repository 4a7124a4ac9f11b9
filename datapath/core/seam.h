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
//         -1 beyond the end. `to` is aligned to two bytes
//   int   seam_load_outer(struct seam *, __u32 offset, void *to, __u32 length)
//         the same, for what a tunnel put in front and the Ethernet header behind it. It may cost less where the offset is
//         constant, and before it comes, once a packet:
//   void  seam_reach_outer(struct seam *)
//   int   seam_resize(struct seam *, __u32 length)
//         cut the end, or add zeros; a superpacket becomes one packet
//   int   seam_renew(struct seam *, __u32 length)
//         the frame becomes another one, of so many bytes and the same EtherType, to be written: whatever a device
//         was to do with the old one, segments and checksums, is forgotten
//   int   seam_rework(struct seam *, __u32 transport, __u32 length)
//         the same with a frame that came out of a tunnel and is no superpacket. `transport`: where its transport header
//         is. Not if its checksum is due and SEAM_REWORK_STAYS bytes or less are behind that place
//   bool  seam_due(struct seam *, __u32 checksum)
//         a device has still to fill in the transport checksum at this offset: it holds the sum over the pseudo header
//   int   seam_shift(struct seam *, __s32 bytes)
//         so many bytes more, or fewer, behind the Ethernet header; those that are new are to be written
//   int   seam_patch(struct seam *, __u32 offset, __be16 from, __be16 to, __u32 checksum)
//         change a word that the transport checksum at offset `checksum` covers, and this with it, by the difference
//
// Tunnels
//
//   int   seam_open(struct seam *, enum seam_family, void *outer, __u32 bytes)
//         put an Ethernet header, to be written, and the `bytes` of `outer` (an IP header of this family, UDP, the tunnel
//         header) before the whole frame. SEAM_FRONT_BYTES in front of `outer`, and SEAM_BEHIND_BYTES behind what it holds,
//         are the seam's to use
//   int   seam_reopen(struct seam *, const void *outer, __u32 bytes)
//         write other headers of the same length in an opened frame
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
// Memory
//
//   void *seam_scratch(struct seam *)
//         SEAM_SCRATCH_BYTES for the work on this packet, as anyone left them; NULL: none
//   struct packet *seam_packet(struct seam *)
//         room for what is known of this packet, likewise
//   struct dp_allowance *seam_allowance(struct seam *, __u32 port)
//         of a port, zero at first; shared by all CPUs; NULL: no room for it
//   __u64 seam_clock(struct seam *)
//         nanoseconds, monotonic
//
// State: for each STATE(name, NAME, key, value, ...) of DP_STATES. Shared by all CPUs, written in place by several at once
//
//   value *seam_state_NAME(struct seam *, const key *)
//         NULL: no such row. What it leads to may go over to another key once the row is removed
//   value *seam_make_NAME(struct seam *, const key *)
//         the row, zero at first; NULL: no room for it
//   int   seam_begin_NAME(struct seam *, const key *)
//         a row of zeros. -1: there is one already, or no room for one more
//   int   seam_add_NAME(struct seam *, const key *, const value *)
//         -1: there is one already, or no room for one more
//   int   seam_put_NAME(struct seam *, const key *, const value *)
//   int   seam_replace_NAME(struct seam *, const key *, const value *)
//         -1: there is none
//   int   seam_remove_NAME(struct seam *, const key *)
//         0: by this call; -1: there is none, or another CPU was first
//   void  seam_lock(struct seam *, struct dp_embryo *), seam_unlock
//         no other operation in between
//
// Counting
//
//   void  seam_count_rule(struct seam *, __u32 number)
//         a packet that this rule decided
//   __u64 *seam_log_allowance(struct seam *, __u32 number)
//         of a rule that has been counted, on this CPU: when it is full again; NULL: none
//   void  seam_log(struct seam *, const struct dp_decision *)
//         tell the agent
//   void  seam_count(struct seam *, __u32 port, enum seam_direction)
//         a superpacket counts as its segments
//   void  seam_count_drop(struct seam *, __u32 port, enum dp_reason)
//
// Tracing
//
//   void  seam_note(struct seam *, enum dp_stage, __u32 first, __u32 second)
//         a stage begins (datapath/stages.h)
//
// The end. A reason other than 0 says that the packet did not go.
//
//   enum dp_verdict seam_output(struct seam *, __u32 ifindex, __u32 device)
//         hand over to a device, as enum dp_device says
//   int   seam_clone(struct seam *, __u32 ifindex)
//         hand a copy to a device and go on; -1 leaves the packet as it is
//   enum dp_reason seam_send(struct seam *, const struct seam_route *, void *outer, __u32 bytes)
//         seam_open, write the outer Ethernet header, and hand over to the underlay
//   enum dp_reason seam_clone_send(struct seam *, const struct seam_route *)
//         hand over a copy of an opened frame likewise; a reason leaves the packet as it is
//   enum dp_reason seam_punt(struct seam *, __u32 port, __u32 vni, enum dp_service)
//         hand a copy to the agent, whole as it came from this port
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
#include "datapath/decision.h"
#include "datapath/stages.h"
#include "datapath/service.h"
#include "datapath/tables.h"

struct seam;

// A function of its own in every build: a BPF program has 512 bytes of stack, and what is inlined
// shares one frame.
#define APART static __attribute__((noinline))

// Such a function that the kernel's verifier looks at once and by itself, and not once more for each way that leads to it. So it
// knows nothing of what the caller knew: arguments are the seam, numbers, and pointers to structs, each of which may be NULL to it;
// the answer is a number. One that asks the seam for tables alone begins with seam_hold(): in the kernel they need no packet, and the
// compiler would pass anything in its place.
#ifndef STAGE
#define STAGE APART
#endif

// Every packet takes this way, and a call costs the kernel's machine some 20 instructions.
#define HOT static inline __attribute__((always_inline))

// What became of the packet.
enum dp_verdict {
	DP_VERDICT_DROP,   // counted with its reason
	DP_VERDICT_DONE,   // its copies have gone, it is not needed any more
	DP_VERDICT_SENT,   // handed over whole
	DP_VERDICT_HOST,   // not ours: the host's own stack takes it, untouched
	DP_VERDICT_ONWARD, // none yet: the packet goes on, to the next stage
};

enum {
	SEAM_SCRATCH_BYTES = 576,
	SEAM_PACKET_BYTES = 192,
	SEAM_REWORK_STAYS = 54,
	SEAM_FRONT_BYTES = 14,
	SEAM_BEHIND_BYTES = 14
};

enum seam_direction { SEAM_FROM_PORT, SEAM_TO_PORT };

enum seam_family { SEAM_IPV4, SEAM_IPV6 };

// Where an outer packet goes: the addresses in its IP header, which stand in rows of tables.
struct seam_route {
	const struct dp_address *source, *destination;
	enum seam_family family;
	__u32 ifindex; // the underlay device
};
