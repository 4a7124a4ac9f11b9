// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// What forwarding knows of the packet in hand. Numbers in host order, addresses in network order.
#pragma once

#include "core/headers.h"
#include "core/seam.h"

enum packet_kind { PACKET_OTHER, PACKET_ARP, PACKET_IPV4, PACKET_IPV6 };

enum { PACKET_L3 = ETHERNET_BYTES }; // where the packet behind the Ethernet header starts

struct packet {
	// Where it came from: the network; the port's key, 0 if it is on another host and did not
	// tell.
	__u32 vni, port;
	__u32 entry; // the network by which it entered here from a port; `vni` moves on as it is routed. 0: from another host

	__u32 domain; // of the segment, as connections know it; 0 until it is asked for, if it came from another host
	__u32 interval; // of its port (dp_source); 0: it came from another host
	__u32 slot;     // of the rules that are in force
	bool unguarded; // there are none on this host
	bool rejected;  // dropped by a rule that tells the sender
	__u32 known,
		known_epoch; // the port that its connection leads to, and when it was judged there; 0: none is known

	struct ethernet_header ethernet;
	__u16 kind; // enum packet_kind

	// IP
	struct dp_address source, destination; // of ARP: sender and target
	__u8 protocol;                         // behind the extension headers
	__u8 ttl, ecn;
	bool fragment;       // one of several
	bool later_fragment; // not the first: there is no transport header, ports and types are 0
	__u16 l4;          // offset of the transport header, or of what a fragment has in its place
	__u32 end;         // offset behind the IP packet; padding may follow
	__u32 wire_length; // of the IP packet, of each segment if it is a superpacket
	__u32 fragment_id; // of a fragment
	__u16 fragment_start, fragment_bytes; // of a fragment: what it holds of the whole

	// Transport
	__u32 sequence, acknowledgment; // TCP
	__u16 window, tcp_bytes; // TCP: as it is in the header, not scaled; length of the header
	__u16 source_port, destination_port;
	__u8 tcp_flags, icmp_type, icmp_code;

	// ARP and neighbor discovery
	__u16 arp_operation;
	bool has_link_layer;
	struct dp_mac link_layer; // ARP: of the sender. ND: the source or target option
	struct dp_address target; // of a neighbor solicitation or advertisement
} __attribute__((aligned(8)));    // so that fewer stores make it empty

_Static_assert(sizeof(struct packet) <= SEAM_PACKET_BYTES, "the seam has room for it");

static inline enum dp_verdict packet_drop(struct seam *seam, __u32 port, enum dp_reason reason)
{
	seam_count_drop(seam, port, reason);
	return DP_VERDICT_DROP;
}
