// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// TCP as the middle sees it: which segments may belong to the connection, and when it ends. The window checks are those of Guido van
// Rooij, "Real Stateful TCP Packet Filtering in IP Filter" (2001):
//
//   I    sequence       <= sender.maximum                   not beyond what the receiver allows
//   II   end            >= sender.end - receiver.window     nor so old that it has been acknowledged long ago
//   III  acknowledgment <= receiver.end                     of nothing that was not sent
//   IV   acknowledgment >= receiver.end - the most that may be under way
//
// Concurrency: several CPUs may hold segments of one connection. Each field is one aligned word, moves one way, and is written by
// the packets of one direction, which a kernel keeps on one CPU but for moments; a lost update leaves a window a segment behind, and
// the next segment mends it. So there is no lock.
#pragma once

#include "core/flow.h"

enum { TCP_OPTION_END, TCP_OPTION_NOTHING, TCP_OPTION_SCALE = 3 };
enum { TCP_OPTIONS = 40, TCP_SCALE_MOST = 14 /* RFC 7323, section 2.3 */, TCP_ACK_WINDOW = 66000 };

// Of a SYN: the window scale that it offers, or -1.
struct tcp_walk {
	struct seam *seam;
	__u32 at, end;
	int scale;
};

static long tcp_option(__u32 index, void *context)
{
	struct tcp_walk *walk = context;
	__u8 option[2], scale;

	(void)index;
	if (walk->at + 1 > walk->end || seam_load(walk->seam, walk->at, option, 1) < 0 ||
		option[0] == TCP_OPTION_END)
		return 1;
	if (option[0] == TCP_OPTION_NOTHING) {
		walk->at++;
		return 0;
	}
	if (walk->at + 2 > walk->end || seam_load(walk->seam, walk->at, option, 2) < 0 ||
		option[1] < 2)
		return 1;
	if (option[0] == TCP_OPTION_SCALE && option[1] == 3 && walk->at + 3 <= walk->end &&
		seam_load(walk->seam, walk->at + 2, &scale, 1) == 0)
		walk->scale = scale > TCP_SCALE_MOST ? TCP_SCALE_MOST : scale;
	walk->at += option[1];
	return 0;
}

APART int tcp_scale(struct seam *seam, const struct packet *packet)
{
	struct tcp_walk walk = {
		.seam = seam,
		.at = packet->l4 + sizeof(struct tcp_header),
		.end = packet->l4 + packet->tcp_bytes,
		.scale = -1,
	};

	seam_repeat(TCP_OPTIONS, tcp_option, &walk);
	return walk.scale;
}

// ---- sequence space ----

static inline bool tcp_after(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

// The sequence number behind the segment: SYN and FIN take one each.
static inline __u32 tcp_end(const struct packet *packet)
{
	return packet->sequence + (packet->end - packet->l4 - packet->tcp_bytes) +
	       !!(packet->tcp_flags & TCP_SYN) + !!(packet->tcp_flags & TCP_FIN);
}

static inline __u32 tcp_least_one(__u32 window)
{
	return window ? window : 1;
}

// The first that is seen of an end. A SYN tells all about it; `scale` is what it offers. Without one, windows are guesswork.
static inline void tcp_meet(struct dp_connection *connection, struct dp_tcp_side *sender,
	struct dp_tcp_side *receiver, const struct packet *packet, int scale)
{
	__u32 end = tcp_end(packet), window = tcp_least_one(packet->window);

	sender->end = end;
	sender->window = window;
	if (packet->tcp_flags & TCP_SYN) {
		sender->maximum = end + receiver->window;
		sender->scale = scale > 0 ? scale : 0;
		sender->flags = DP_SIDE_SEEN | (scale >= 0 ? DP_SIDE_SCALES : 0);
		// Both must offer it: RFC 7323, section 2.2.
		if ((receiver->flags & DP_SIDE_SEEN) &&
			!(sender->flags & receiver->flags & DP_SIDE_SCALES))
			sender->scale = receiver->scale = 0;
	} else {
		sender->maximum = end + window;
		sender->flags = DP_SIDE_SEEN;
		connection->flags |= DP_CONNECTION_LOOSE;
	}
	if ((packet->tcp_flags & TCP_ACK) && !(receiver->flags & DP_SIDE_SEEN))
		receiver->end = receiver->maximum = packet->acknowledgment;
}

static inline bool tcp_fits(const struct dp_tcp_side *sender, const struct dp_tcp_side *receiver,
	const struct packet *packet, __u32 acknowledgment)
{
	__u32 most = sender->window > TCP_ACK_WINDOW ? sender->window : TCP_ACK_WINDOW;
	bool recent = receiver->window == 0 ||
		      tcp_after(tcp_end(packet), sender->end - receiver->window - 1);

	return !tcp_after(packet->sequence, sender->maximum) && recent &&
	       !tcp_after(acknowledgment, receiver->end) &&
	       tcp_after(acknowledgment, receiver->end - most - 1);
}

// Remember what a segment that fits tells. Only what moves is written.
static inline void tcp_advance(struct dp_tcp_side *sender, struct dp_tcp_side *receiver,
	const struct packet *packet, __u32 acknowledgment)
{
	bool syn = packet->tcp_flags & TCP_SYN; // its window is never scaled: section 2.2
	__u32 end = tcp_end(packet);
	__u32 window = (__u32)packet->window << (syn ? 0 : sender->scale & 15);

	if (sender->window < window)
		sender->window = window;
	if (tcp_after(end, sender->end))
		sender->end = end;
	if (receiver->window != 0 && tcp_after(end, sender->maximum))
		receiver->window += end - sender->maximum;
	if (tcp_after(acknowledgment + tcp_least_one(window), receiver->maximum))
		receiver->maximum = acknowledgment + tcp_least_one(window);
}

// A RST that the other end will take: exactly the next number (RFC 5961, section 3.2). Others in the window make it ask again. An end
// of which nothing is known refuses the other's SYN.
static inline bool tcp_resets(const struct dp_connection *connection,
	const struct dp_tcp_side *sender, const struct packet *packet)
{
	return (connection->flags & DP_CONNECTION_LOOSE) || packet->sequence == sender->end ||
	       !(sender->flags & DP_SIDE_SEEN);
}

// One more segment, from end `from`; `scale`: of a SYN, what it offers. False: it cannot be of this connection.
static inline bool tcp_follow(
	struct dp_connection *connection, const struct packet *packet, __u32 from, int scale)
{
	struct dp_tcp_side *sender = &connection->sides[from & 1];
	struct dp_tcp_side *receiver = &connection->sides[~from & 1];
	__u32 acknowledgment = packet->tcp_flags & TCP_ACK ? packet->acknowledgment : receiver->end;

	if (packet->fragment && !(connection->flags & DP_CONNECTION_LOOSE))
		connection->flags |= DP_CONNECTION_LOOSE;
	if (packet->tcp_flags & TCP_RST) {
		if (tcp_resets(connection, sender, packet))
			connection->state = DP_CONNECTION_CLOSED;
		else if (!tcp_fits(sender, receiver, packet, acknowledgment))
			return false;
		return true;
	}
	if (!(sender->flags & DP_SIDE_SEEN))
		tcp_meet(connection, sender, receiver, packet, scale);
	// To a keepalive, the answer may be to one byte that was never sent.
	else if (acknowledgment == receiver->end + 1 && !(packet->tcp_flags & TCP_SYN))
		receiver->end++;
	if (!(connection->flags & DP_CONNECTION_LOOSE) &&
		!tcp_fits(sender, receiver, packet, acknowledgment))
		return false;
	tcp_advance(sender, receiver, packet, acknowledgment);
	if (!(packet->tcp_flags & TCP_FIN) || (sender->flags & DP_SIDE_FIN))
		return true;
	sender->flags |= DP_SIDE_FIN;
	connection->state =
		receiver->flags & DP_SIDE_FIN ? DP_CONNECTION_CLOSED : DP_CONNECTION_CLOSING;
	return true;
}
