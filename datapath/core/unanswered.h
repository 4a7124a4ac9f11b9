// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// How much a port may begin that comes to nothing. A flood, of SYNs or of ever new UDP ends, costs its sender little and all who share
// the host's processors much: what is beyond the port's allowance ends here, before rules, routes and tunnels.
//
// A token bucket: a connection that begins takes a token, and gives it back once it proves to be one. So connections that somebody
// answers are never too many, however many they are.
//
// A SYN takes, before anything else is asked. Where the connection is remembered (admit.h), the end of its handshake gives: a SYN-ACK
// alone is what floods get from whoever listens. Else nothing but its flags is known of TCP, and the other end's FIN gives, or the RST
// by which it ends what was open: one that refuses a SYN has the sequence number 0 (RFC 9293, section 3.5.2), and gives nothing. All
// but TCP is known where it is remembered, and nowhere else: its first answer gives. TCP that goes on from before, as that of a virtual
// machine which has moved here, takes nothing.
#pragma once

#include "core/flow.h"

static inline bool unanswered_begins(const struct packet *packet)
{
	return packet->protocol == PROTOCOL_TCP &&
	       (packet->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

// Does what arrives end a connection that was open?
static inline bool unanswered_ends(const struct packet *packet)
{
	if (packet->protocol != PROTOCOL_TCP)
		return false;
	return packet->tcp_flags & TCP_RST ? packet->sequence != 0 : packet->tcp_flags & TCP_FIN;
}

// May the port begin one more? `interval`: dp_source.interval.
static inline bool unanswered_take(struct seam *seam, __u32 port, __u32 interval)
{
	struct dp_unanswered *row = interval ? seam_make_unanswered(seam, &port) : NULL;

	if (!row)
		return true;
	if (!dp_bucket_take(&row->full, seam_clock(seam), interval, DP_UNANSWERED_BURST))
		return false;
	if (row->interval != interval)
		row->interval = interval;
	return true;
}

// What the port began has proved to be a connection.
static inline void unanswered_give(struct seam *seam, __u32 port)
{
	struct dp_unanswered *row = port ? seam_state_unanswered(seam, &port) : NULL;

	if (row)
		__sync_fetch_and_sub(&row->full, row->interval);
}
