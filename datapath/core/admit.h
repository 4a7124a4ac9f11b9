// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// May the packet pass? First it is looked for among the connections, which hold what was judged before; then the rules are asked, and
// the answer becomes a connection. docs/design/pipeline.md says why.
//
// A connection is judged as its first packet was: at the end that began it by the egress set, at the other by the ingress set, as far
// as the ends are ports of this host. Where neither end has a set, nothing is remembered.
#pragma once

#include "core/connection.h"
#include "core/fragment.h"

enum { ADMIT_STREAM = 2 /* seconds after which answers alone keep a connection */ };

static inline void admit_swap_ends(struct admission *admission)
{
	struct judge_end end = admission->ends[0];

	admission->ends[0] = admission->ends[1];
	admission->ends[1] = end;
}

static inline __u32 admit_guarded(const struct admission *admission, __u32 end)
{
	const struct judge_end *here = &admission->ends[end & 1];

	return here->sets[DP_INGRESS] || here->sets[DP_EGRESS] ? 1u << (end & 1) : 0;
}

// ---- the rules ----

// Ask end `local` about the packet, or about what the other packets of its connection are asked: end `source` sent it.
static inline enum dp_reason admit_ask(
	struct seam *seam, struct admission *admission, __u32 local, __u32 source)
{
	const struct flow *flow = &admission->flow;
	struct classify_key *key = &admission->judge.key;
	enum { ECHO_REQUEST4 = ICMP_ECHO << 8, ECHO_REQUEST6 = ICMPV6_ECHO << 8 };
	bool egress = local == source;
	__u32 set = admission->ends[local & 1].sets[egress ? DP_EGRESS : DP_INGRESS];

	admission->judge.answer = (struct judge_answer){0};
	if (!set)
		return DP_REASON_NONE;
	// Field by field: a copy would stand on the stack first.
	key->slot = admission->slot & 1;
	key->local = flow->tuple.ends[local & 1];
	key->remote = flow->tuple.ends[~local & 1];
	key->identity = admission->identities[~local & 1];
	key->protocol = flow->tuple.protocol;
	key->service = flow->tuple.ports[~source & 1];
	key->source_port = flow->tuple.ports[source & 1];
	if (flow->icmp) {
		key->service = flow->service;
		key->source_port = 0;
		if (source != flow->from) // the question to this answer
			key->service = flow->tuple.protocol == PROTOCOL_ICMP ? ECHO_REQUEST4
									     : ECHO_REQUEST6;
	}
	admission->judge.decision.port = admission->ends[local & 1].port;
	admission->judge.decision.direction = egress ? DP_EGRESS : DP_INGRESS;
	seam_note(seam, egress ? DP_STAGE_EGRESS : DP_STAGE_INGRESS,
		admission->ends[local & 1].port, set);
	enum dp_reason reason = judge_set(seam, set);
	if (reason)
		admission->blame = admission->ends[local & 1].port;
	return reason;
}

// Judge the connection in hand at one end, and write the answer into it.
STAGE enum dp_reason admit_judge_end(struct seam *seam, __u32 end)
{
	struct admission *admission = admission_of(seam);

	if (!admission)
		return DP_REASON_RULES_MISSING;
	struct dp_connection *connection = &admission->connection;
	const struct judge_end *here = &admission->ends[end & 1];

	if (!here->port)
		return DP_REASON_NONE;
	enum dp_reason reason = admit_ask(seam, admission, end, connection->initiator);
	connection->ports[end & 1] = here->port;
	connection->epochs[end & 1] = here->epoch;
	connection->rules[end & 1] = admission->judge.answer.rule;
	connection->stateless &= ~(1u << (end & 1));
	if (admission->judge.answer.stateless)
		connection->stateless |= 1u << (end & 1);
	return reason;
}

// At both ends, the one that began it first.
static inline enum dp_reason admit_judge(struct seam *seam, struct admission *admission)
{
	__u32 initiator = admission->connection.initiator & 1;
	enum dp_reason reason = admit_judge_end(seam, initiator);

	return reason ? reason : admit_judge_end(seam, initiator ^ 1);
}

// Ends that want to be asked about every packet are asked about this one.
STAGE enum dp_reason admit_ask_stateless(struct seam *seam, __u32 ends)
{
	struct admission *admission = admission_of(seam);

	if (!admission)
		return DP_REASON_RULES_MISSING;
	__u32 from = admission->flow.from & 1;
	enum dp_reason reason = DP_REASON_NONE;

	connection_ask_parties(seam);
	if (ends & 1u << from)
		reason = admit_ask(seam, admission, from, from);
	if (!reason && (ends & 1u << (from ^ 1)))
		reason = admit_ask(seam, admission, from ^ 1, from);
	return reason;
}

// ---- what was judged before ----

// Was it judged by the rules that hold now, at the ends that are here?
static inline bool admit_current(
	const struct admission *admission, const struct dp_connection *connection)
{
	for (__u32 end = 0; end < 2; end++) {
		const struct judge_end *here = &admission->ends[end];
		if (here->port && (here->port != connection->ports[end] ||
					  here->epoch != connection->epochs[end]))
			return false;
	}
	return true;
}

// Established connections may outlive the rules that admitted them: judged once is judged for ever at this end.
static inline bool admit_keeps(const struct admission *admission, __u32 end)
{
	const struct dp_connection *connection = &admission->connection;
	const struct judge_end *here = &admission->ends[end & 1];

	return here->keep && here->port == connection->ports[end & 1] &&
	       (connection->state == DP_CONNECTION_ESTABLISHED ||
		       connection->state == DP_CONNECTION_CLOSING);
}

static inline enum dp_reason admit_review_end(
	struct seam *seam, struct admission *admission, __u32 end)
{
	if (!admit_keeps(admission, end))
		return admit_judge_end(seam, end);
	admission->connection.epochs[end & 1] = admission->ends[end & 1].epoch;
	return DP_REASON_NONE;
}

// Judge the connection in hand anew, by the rules that hold now. `state`: of one that was forbidden and is not any more.
STAGE enum dp_reason admit_review(struct seam *seam, enum dp_connection_state state)
{
	struct admission *admission = admission_of(seam);

	if (!admission)
		return DP_REASON_RULES_MISSING;
	struct dp_connection *connection = &admission->connection;
	__u32 initiator = connection->initiator & 1;

	connection_ask_parties(seam);
	enum dp_reason reason = admit_review_end(seam, admission, initiator);
	if (!reason)
		reason = admit_review_end(seam, admission, initiator ^ 1);
	connection->seen = admission->now;
	if (reason) {
		connection->state = DP_CONNECTION_FORBIDDEN;
	} else if (connection->state == DP_CONNECTION_FORBIDDEN) {
		connection->state = state;
		connection->flags |= DP_CONNECTION_LOOSE; // nobody watched it meanwhile
	}
	return reason;
}

// A port that has come to this host, or gone over to another key, counts from now on.
static inline void admit_recount(struct seam *seam, __u32 before, __u32 after)
{
	if (before == after)
		return;
	connection_uncount(seam, before);
	connection_count(seam, after, ~0u);
}

STAGE enum dp_reason admit_review_established(struct seam *seam, const struct dp_connection *row)
{
	struct admission *admission = admission_of(seam);

	if (!admission || !row)
		return DP_REASON_RULES_MISSING;
	struct dp_connection *connection = &admission->connection;

	*connection = *row;
	__u32 before[2] = {connection->ports[0], connection->ports[1]};
	enum dp_reason reason = admit_review(seam, DP_CONNECTION_ESTABLISHED);
	if (seam_replace_connection(seam, &admission->flow.tuple, connection) == 0) {
		admit_recount(seam, before[0], connection->ports[0]);
		admit_recount(seam, before[1], connection->ports[1]);
	}
	return reason;
}

// Closed connections make room for others.
STAGE enum dp_reason admit_close(struct seam *seam, const struct dp_connection *row)
{
	struct admission *admission = admission_of(seam);

	if (!admission || !row)
		return DP_REASON_NO_MEMORY;
	admission->connection = *row;
	admission->connection.seen = admission->now;
	connection_remove(seam, admission);
	connection_ask_parties(seam);
	return embryo_store(seam);
}

// Where the MAC does not tell the port, the connection may: flood.h.
static inline void admit_know(struct packet *packet, const struct admission *admission,
	const struct dp_connection *connection)
{
	packet->known = connection->ports[~admission->flow.from & 1];
	packet->known_epoch = connection->epochs[~admission->flow.from & 1];
}

// The packet meets its row in `connection`.
static inline enum dp_reason admit_established(struct seam *seam, struct packet *packet,
	struct admission *admission, struct dp_connection *row)
{
	enum dp_reason reason = DP_REASON_NONE;

	if (row->state == DP_CONNECTION_FORBIDDEN || !admit_current(admission, row)) {
		reason = admit_review_established(seam, row);
		row = seam_state_connection(seam, &admission->flow.tuple);
		if (reason || !row)
			return reason;
	}
	admit_know(packet, admission, row);
	__u32 stateless = row->stateless;
	if (stateless)
		reason = admit_ask_stateless(seam, stateless);
	if (reason)
		return reason;
	// A SYN-ACK that comes again tells nothing new.
	if (packet->protocol == PROTOCOL_TCP && !(packet->tcp_flags & TCP_SYN)) {
		if (!tcp_follow(row, packet, admission->flow.from, -1))
			return DP_REASON_CONNECTION_INVALID;
		if (row->state == DP_CONNECTION_CLOSED) {
			admit_close(seam, row);
			return DP_REASON_NONE;
		}
	}
	if (admission->now - row->seen >= CONNECTION_SECOND)
		row->seen = admission->now;
	return DP_REASON_NONE;
}

// ---- new connections ----

// Does the packet take the connection in hand beyond its beginning? The end that began it goes on after an answer; or, but for TCP,
// answers have come for some time.
static inline bool admit_promotes(const struct admission *admission, const struct packet *packet)
{
	const struct dp_connection *connection = &admission->connection;
	__u32 initiator = connection->initiator & 1;
	bool answered = connection->sides[initiator ^ 1].flags & DP_SIDE_SEEN;

	if (connection->state != DP_CONNECTION_NEW || !answered)
		return false;
	if (packet->protocol == PROTOCOL_TCP)
		return admission->flow.from == initiator && !(packet->tcp_flags & TCP_SYN);
	return admission->flow.from == initiator ||
	       admission->now - connection->created > ADMIT_STREAM * (__u64)CONNECTION_SECOND;
}

static inline int admit_scale(struct seam *seam, const struct packet *packet)
{
	return packet->tcp_flags & TCP_SYN ? tcp_scale(seam, packet) : -1;
}

// The packet meets the connection in hand, which lies in a bucket.
STAGE enum dp_reason admit_embryo(struct seam *seam, struct packet *packet)
{
	struct admission *admission = admission_of(seam);

	if (!packet || !admission)
		return DP_REASON_RULES_MISSING;
	struct dp_connection *connection = &admission->connection;
	__u32 from = admission->flow.from & 1;
	enum dp_reason reason = DP_REASON_NONE;
	bool changed = false;

	if (connection->state == DP_CONNECTION_FORBIDDEN || !admit_current(admission, connection)) {
		reason = admit_review(seam, DP_CONNECTION_NEW);
		changed = true;
	}
	if (!reason && connection->stateless)
		reason = admit_ask_stateless(seam, connection->stateless);
	if (reason) {
		embryo_store(seam);
		return reason;
	}
	admit_know(packet, admission, connection);
	if (connection->state == DP_CONNECTION_CLOSED)
		return DP_REASON_NONE;

	bool promotes = admit_promotes(admission, packet);
	if (packet->protocol == PROTOCOL_TCP) {
		if (!tcp_follow(connection, packet, from, admit_scale(seam, packet)))
			return DP_REASON_CONNECTION_INVALID;
		promotes = promotes && connection->state == DP_CONNECTION_NEW;
		changed = true;
	} else if (!(connection->sides[from].flags & DP_SIDE_SEEN)) {
		connection->sides[from].flags |= DP_SIDE_SEEN;
		unanswered_give(seam, admission->ends[from ^ 1].port);
		changed = true;
	}
	if (promotes) {
		connection->state = DP_CONNECTION_ESTABLISHED;
		connection->seen = admission->now;
		if (packet->protocol == PROTOCOL_TCP && !(connection->flags & DP_CONNECTION_LOOSE))
			unanswered_give(seam, admission->ends[from].port);
		reason = connection_add(seam, admission);
		if (!reason)
			embryo_clear(seam);
		return reason;
	}
	if (changed || admission->now - connection->seen >= CONNECTION_SECOND) {
		connection->seen = admission->now;
		embryo_store(seam);
	}
	return DP_REASON_NONE;
}

// TCP from the middle does not tell who began it: the end with the lesser port is taken for the server.
static inline __u32 admit_guess(const struct flow *flow)
{
	if (flow->kind != FLOW_JOINS || flow->tuple.ports[0] == flow->tuple.ports[1])
		return flow->from;
	return flow->tuple.ports[0] > flow->tuple.ports[1] ? 0 : 1;
}

static inline enum dp_reason admit_quota(struct seam *seam, struct admission *admission)
{
	for (__u32 end = 0; end < 2; end++) {
		if (connection_at_quota(seam, &admission->ends[end])) {
			admission->blame = admission->ends[end].port;
			return DP_REASON_CONNECTION_QUOTA;
		}
	}
	return share_is_taken(seam, admission->tenant, DP_SHARED_CONNECTION)
		       ? DP_REASON_CONNECTION_SHARE
		       : DP_REASON_NONE;
}

// A packet of no connection: ask the rules, and remember what they say. One from the middle of a connection must be allowed as it is
// and as part of what it seems to belong to, or else an answer would bring back what is forbidden.
STAGE enum dp_reason admit_new(struct seam *seam, struct packet *packet)
{
	struct admission *admission = admission_of(seam);

	if (!packet || !admission)
		return DP_REASON_RULES_MISSING;
	struct dp_connection *connection = &admission->connection;
	const struct flow *flow = &admission->flow;
	__u32 guess = admit_guess(flow) & 1;

	*connection = (struct dp_connection){.created = admission->now, .seen = admission->now};
	connection->initiator = flow->from;
	connection->tenant = admission->tenant;
	enum dp_reason reason = admit_judge(seam, admission);
	if (!reason && guess != flow->from) {
		connection->initiator = guess;
		reason = admit_judge(seam, admission);
	}
	__u32 guarded = admit_guarded(admission, 0) | admit_guarded(admission, 1);
	bool remember = flow->kind == FLOW_BEGINS || flow->kind == FLOW_JOINS;
	if (reason || !remember || !(guarded & ~(__u32)connection->stateless))
		return reason;

	reason = admit_quota(seam, admission);
	if (reason)
		return reason;
	if (packet->protocol != PROTOCOL_TCP &&
		!unanswered_take(seam, packet->port, packet->interval)) {
		admission->blame = packet->port;
		return DP_REASON_UNANSWERED;
	}
	if (packet->protocol == PROTOCOL_TCP)
		tcp_follow(connection, packet, flow->from, admit_scale(seam, packet));
	else
		connection->sides[flow->from & 1].flags = DP_SIDE_SEEN;
	return embryo_store(seam);
}

// ---- where it is looked for ----

// The row in `connection`, if it is fresh.
static inline struct dp_connection *admit_find(struct seam *seam, struct admission *admission)
{
	struct dp_connection *row = seam_state_connection(seam, &admission->flow.tuple);

	if (!row || !dp_connection_expired(&admission->flow.tuple, row, admission->now))
		return row;
	admission->connection = *row;
	connection_remove(seam, admission);
	return NULL;
}

// A SYN-ACK answers the SYN that was seen last. If that is a new connection, the old one of the same ends is gone: they have forgotten it.
static inline bool admit_answers(const struct admission *admission, const struct packet *packet)
{
	const struct dp_connection *connection = &admission->connection;
	__u32 initiator = connection->initiator & 1;

	return connection->state == DP_CONNECTION_NEW &&
	       connection->sides[initiator].end == packet->acknowledgment;
}

static inline enum dp_reason admit_syn_ack(
	struct seam *seam, struct packet *packet, struct admission *admission)
{
	struct dp_connection *row;

	connection_ask_parties(seam);
	bool found = embryo_find(seam, ~admission->flow.from & 1);
	bool answers = found && admit_answers(admission, packet);
	row = admit_find(seam, admission);
	if (row && !answers)
		return admit_established(seam, packet, admission, row);
	if (row) {
		admission->connection = *row;
		connection_remove(seam, admission);
	}
	// What was found may have been overwritten by the copy of the row.
	if (found && embryo_find(seam, ~admission->flow.from & 1))
		return admit_embryo(seam, packet);
	return admit_new(seam, packet);
}

static inline enum dp_reason admit_flow(
	struct seam *seam, struct packet *packet, struct admission *admission)
{
	const struct flow *flow = &admission->flow;
	bool syn = packet->protocol == PROTOCOL_TCP && (packet->tcp_flags & TCP_SYN);

	seam_note(seam, DP_STAGE_CONNECTION, packet->domain, 0);
	if (syn && flow->kind == FLOW_FOLLOWS)
		return admit_syn_ack(seam, packet, admission);
	// A SYN never continues a connection.
	if (!syn && flow->kind != FLOW_ALONE) {
		struct dp_connection *row = admit_find(seam, admission);
		if (row)
			return admit_established(seam, packet, admission, row);
	}
	connection_ask_parties(seam);
	if (!syn && flow->kind != FLOW_ALONE) {
		__u32 from = flow->from & 1;
		if (embryo_find(seam, from ^ 1) || embryo_find(seam, from))
			return admit_embryo(seam, packet);
	}
	return admit_new(seam, packet);
}

// ---- ICMP errors ----

static inline bool admit_find_copy(struct seam *seam, struct admission *admission)
{
	const struct dp_connection *row = admit_find(seam, admission);

	if (row) {
		admission->connection = *row;
		return true;
	}
	connection_ask_parties(seam);
	return embryo_find(seam, 0) || embryo_find(seam, 1);
}

// An error about a connection that stands may pass to the end that sent what it quotes; its sender must be the other end, or free to
// send. The ends are put back.
STAGE bool admit_related(struct seam *seam, const struct packet *packet)
{
	struct admission *admission = admission_of(seam);

	if (!packet || !admission)
		return false;
	struct dp_connection *connection = &admission->connection;

	if (flow_related(seam, packet, &admission->flow) < 0)
		return false;
	bool swap = admission->flow.from == 0;
	if (swap)
		admit_swap_ends(admission);
	bool passes = admit_find_copy(seam, admission) && connection->stateless == 0 &&
		      connection->state != DP_CONNECTION_FORBIDDEN;
	for (__u32 end = 0; end < 2; end++) {
		const struct judge_end *here = &admission->ends[end];
		if (admit_guarded(admission, end) &&
			(here->port != connection->ports[end] ||
				here->epoch != connection->epochs[end]))
			passes = false;
	}
	if (swap)
		admit_swap_ends(admission);
	return passes;
}

// ---- all packets ----

// Neither IP nor exempt: rules cannot tell it apart, so that any set denies it.
static inline enum dp_reason admit_other(struct admission *admission)
{
	for (__u32 end = 0; end < 2; end++) {
		const struct judge_end *here = &admission->ends[end];
		if (here->sets[end == 0 ? DP_EGRESS : DP_INGRESS]) {
			admission->blame = here->port;
			return DP_REASON_NOT_IP;
		}
	}
	return DP_REASON_NONE;
}

static inline enum dp_reason admit_packet(
	struct seam *seam, struct packet *packet, struct admission *admission)
{
	if (packet->kind != PACKET_IPV4 && packet->kind != PACKET_IPV6)
		return admit_other(admission);
	if (packet->later_fragment)
		return fragment_follow(seam, packet, 0);
	if (flow_quotes(packet) && admit_related(seam, packet))
		return DP_REASON_NONE;
	enum dp_reason reason = flow_of(seam, packet, &admission->flow);
	if (reason)
		return reason;
	if (admission->flow.from)
		admit_swap_ends(admission);
	reason = admit_flow(seam, packet, admission);
	return !reason && packet->fragment ? fragment_remember(seam, packet, 0) : reason;
}

// The domain of what arrived is that of the network that it arrived on, and so is the tenant; of what a port sends, it is the port's.
static inline void admit_domain(
	struct seam *seam, struct packet *packet, struct admission *admission)
{
	const struct dp_network *network =
		packet->entry ? NULL : seam_find_network(seam, &packet->vni);

	admission->tenant = admission->ends[0].tenant;
	if (network) {
		packet->domain = network->domain;
		admission->tenant = network->tenant;
	}
}

// Nobody has asked for anything of this packet so far, but who is behind the MAC that it goes to may: does it belong to a connection?
static inline enum dp_reason admit_known(
	struct seam *seam, struct packet *packet, struct admission *admission)
{
	__u32 from;

	if ((packet->kind != PACKET_IPV4 && packet->kind != PACKET_IPV6) ||
		packet->later_fragment || flow_of(seam, packet, &admission->flow))
		return DP_REASON_NONE;
	struct dp_connection *row = admit_find(seam, admission);
	if (row)
		return admit_established(seam, packet, admission, row);
	from = admission->flow.from & 1;
	connection_ask_parties(seam);
	if (embryo_find(seam, from ^ 1) || embryo_find(seam, from))
		return admit_embryo(seam, packet);
	return DP_REASON_NONE;
}

static inline void admit_begin(
	struct seam *seam, struct packet *packet, struct admission *admission, __u32 blame)
{
	admit_domain(seam, packet, admission);
	admission->slot = packet->slot;
	admission->blame = blame;
	admission->judge.answer = (struct judge_answer){0};
	admission->now = seam_clock(seam);
}

// Instead of a port: whoever has the unknown MAC.
#define ADMIT_UNKNOWN 0xffffffffu

STAGE bool admit_guarded_packet(
	struct seam *seam, struct packet *packet, __u32 source, __u32 destination)
{
	struct admission *admission = seam_scratch(seam);
	bool unknown = destination == ADMIT_UNKNOWN;

	if (!packet)
		return false;
	if (!admission) {
		seam_count_drop(seam, packet->port, DP_REASON_NO_MEMORY);
		return false;
	}
	if (unknown)
		destination = 0;
	bool from = judge_find_end(seam, packet->slot, source, &admission->ends[0]);
	bool to = judge_find_end(seam, packet->slot, destination, &admission->ends[1]);
	if ((!from && !to && !unknown) || judge_exempt(packet))
		return true;

	admit_begin(seam, packet, admission, source ? source : destination);
	enum dp_reason reason = from || to ? admit_packet(seam, packet, admission)
					   : admit_known(seam, packet, admission);
	if (!reason)
		return true;
	seam_count_drop(seam, admission->blame, reason);
	packet->rejected = admission->judge.answer.rejects;
	return false;
}

// May a packet pass from port `source` to port `destination`, 0 where that is not on this host? False: the drop is counted, and the
// sender may be told if packet->rejected.
static inline bool admit(struct seam *seam, struct packet *packet, __u32 source, __u32 destination)
{
	return packet->unguarded || admit_guarded_packet(seam, packet, source, destination);
}

// ---- to many ----

// A packet to nobody in particular begins nothing.
static inline enum dp_reason admit_many(struct seam *seam, const struct packet *packet,
	struct admission *admission, __u32 direction)
{
	bool egress = direction == DP_EGRESS, icmp = flow_is_icmp(packet);
	struct classify_key *key = &admission->judge.key;
	__u32 port = admission->ends[0].port, set = admission->ends[0].sets[direction & 1];

	key->slot = packet->slot & 1;
	key->local = egress ? packet->source : packet->destination;
	key->remote = egress ? packet->destination : packet->source;
	key->protocol = packet->protocol;
	key->service = icmp ? packet->icmp_type << 8 | packet->icmp_code : packet->destination_port;
	key->source_port = packet->source_port;
	key->identity = judge_identity(seam, packet->slot, packet->domain, &key->remote);
	admission->judge.decision.port = port;
	admission->judge.decision.direction = direction & 1;
	seam_note(seam, egress ? DP_STAGE_EGRESS : DP_STAGE_INGRESS, port, set);
	return judge_set(seam, set);
}

// One to an unknown MAC may begin a connection with who has it: of its ends, the destination is in hand.
static inline enum dp_reason admit_somebody(
	struct seam *seam, struct packet *packet, struct admission *admission)
{
	enum dp_reason reason = flow_of(seam, packet, &admission->flow);

	if (reason)
		return reason;
	admission->ends[1] = (struct judge_end){0};
	if (!admission->flow.from)
		admit_swap_ends(admission);
	connection_ask_parties(seam);
	return admit_new(seam, packet);
}

STAGE bool admit_guarded_alone(
	struct seam *seam, struct packet *packet, __u32 port, __u32 direction)
{
	struct admission *admission = seam_scratch(seam);
	enum dp_reason reason;

	if (!packet || !admission)
		return false;
	if (!judge_find_end(seam, packet->slot, port, &admission->ends[0]) || judge_exempt(packet))
		return true;
	if (direction == DP_INGRESS && packet->known == port &&
		packet->known_epoch == admission->ends[0].epoch)
		return true; // an answer, or more of what was allowed
	admit_begin(seam, packet, admission, port);
	if (packet->kind != PACKET_IPV4 && packet->kind != PACKET_IPV6)
		reason = admission->ends[0].sets[direction & 1] ? DP_REASON_NOT_IP : DP_REASON_NONE;
	else if (packet->later_fragment)
		reason = fragment_follow(seam, packet, port);
	else if (mac_multicast(&packet->ethernet.destination))
		reason = admit_many(seam, packet, admission, direction);
	else
		reason = admit_somebody(seam, packet, admission);
	if (!reason && packet->fragment && !packet->later_fragment)
		reason = fragment_remember(seam, packet, port);
	if (reason)
		seam_count_drop(seam, port, reason);
	return !reason;
}

// A packet to everybody, or to somebody unknown, is judged at each port alone: by what `port` may send, or receive. False: dropped,
// and counted for the port.
static inline bool admit_alone(
	struct seam *seam, struct packet *packet, __u32 port, __u32 direction)
{
	return packet->unguarded || admit_guarded_alone(seam, packet, port, direction);
}
