// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// What the rules say of a packet. An end obeys the ingress set of its port as a destination, the egress set as a source; an end that is
// not on this host is judged on its own. A row that is missing never allows.
#pragma once

#include "core/classify.h"
#include "core/flow.h"
#include "core/nd.h"
#include "core/share.h"

// One end of a packet, as far as it is a port of this host.
struct judge_end {
	__u32 port; // key; 0: not here
	__u32 sets[DP_DIRECTIONS];
	__u32 epoch, quota;
	__u32 tenant;
	__u32 keep; // established connections outlive a change of the rules
};

struct judge_answer {
	__u32 rule;     // that decided; 0: none was asked
	bool stateless; // and it wants to be asked about every packet
	bool rejects;   // and the sender shall know
	__u16 pad;
};

// The question in hand, and its answer: at the head of the scratch room.
struct judge {
	struct classify_key key;
	struct judge_answer answer;
	struct dp_decision decision; // of whose port and direction it knows before
};

// 1: the port has a set. The generation is read once a packet: `slot` is of this packet.
static inline bool judge_find_end(struct seam *seam, __u32 slot, __u32 port, struct judge_end *end)
{
	__u32 zero = 0;
	const struct dp_guard *guard = port ? seam_find_guard(seam, &port) : NULL;
	const struct dp_generation *generation = guard ? seam_find_generation(seam, &zero) : NULL;

	*end = (struct judge_end){.port = port, .quota = DP_QUOTA};
	if (!generation)
		return false;
	end->tenant = guard->tenant;
	const struct dp_guard_slot *rules = &guard->slots[slot & 1];
	end->sets[DP_INGRESS] = rules->sets[DP_INGRESS];
	end->sets[DP_EGRESS] = rules->sets[DP_EGRESS];
	end->epoch = dp_epoch(generation, guard, slot);
	end->keep = rules->flags & DP_GUARD_KEEP;
	if (guard->quota)
		end->quota = guard->quota;
	return end->sets[DP_INGRESS] || end->sets[DP_EGRESS];
}

// Neither is a matter of policies: without them there is no network. What they claim is held to in security.h.
static inline bool judge_exempt(const struct packet *packet)
{
	return packet->kind == PACKET_ARP || (nd_is(packet) && !packet->fragment);
}

static inline __u32 judge_identity(
	struct seam *seam, __u32 slot, __u32 domain, const struct dp_address *address)
{
	struct dp_party_key key = {.domain = domain, .address = *address};
	const struct dp_party *party = seam_find_party(seam, &key);

	return party ? party->identities[slot & 1] : 0;
}

static inline void judge_log(struct seam *seam, struct judge *judge, const struct dp_rule *rule)
{
	struct dp_decision *decision = &judge->decision;
	__u64 now = seam_clock(seam), *allowance = seam_log_allowance(seam, rule->number);

	if (!allowance || !dp_log_allowed(allowance, now) ||
		!share_allows_log(seam, decision->port, now))
		return;
	decision->time = now;
	decision->rule = rule->number;
	decision->local = judge->key.local;
	decision->remote = judge->key.remote;
	decision->service = judge->key.service;
	decision->source_port = judge->key.source_port;
	decision->protocol = judge->key.protocol;
	decision->action = rule->action;
	decision->pad = 0;
	seam_log(seam, decision);
}

// Ask one set. 0: allowed.
STAGE enum dp_reason judge_set(struct seam *seam, __u32 set)
{
	struct judge *judge = seam_scratch(seam);
	__u32 otherwise;

	seam_hold(seam);
	if (!judge)
		return DP_REASON_NO_MEMORY;
	struct judge_answer *answer = &judge->answer;
	const struct dp_rule *rule = classify(seam, set, &judge->key, &otherwise);
	enum dp_reason reason = DP_REASON_NONE;
	*answer = (struct judge_answer){.rule = otherwise};
	if (rule) {
		answer->rule = rule->number;
		answer->stateless = rule->action == DP_ACTION_STATELESS;
		answer->rejects = rule->action == DP_ACTION_REJECT;
		if (rule->action != DP_ACTION_ALLOW && !answer->stateless)
			reason = DP_REASON_DENIED_BY_RULE;
	} else if (otherwise == CLASSIFY_BROKEN) {
		answer->rule = 0;
		reason = DP_REASON_RULES_MISSING;
	} else if (otherwise) {
		reason = DP_REASON_DENIED_BY_DEFAULT;
	}
	if (answer->rule)
		seam_count_rule(seam, answer->rule);
	if (rule && (rule->flags & DP_RULE_LOG))
		judge_log(seam, judge, rule);
	return reason;
}
