// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// The connections of this host: established ones in `connection`, new and closed ones in the buckets of `embryo`.
//
// A connection is new until the end that began it goes on after the other one has answered: then it moves over and counts for the
// quotas of its ports. So neither a flood of questions nor the answers to it take the room of established connections. Closed, it
// moves back, where newer ones may overwrite it. Of both tables a tenant has its share (share.h): a row says for whom it counts, so
// that it is given back to whom it was taken from.
//
// Concurrency. A bucket has a lock, as its slots are rewritten in place: a tuple of one connection with the admission of another
// would be a hole. A row of `connection` is written in place only where any order of writes does (tcp.h, `seen`); what was decided
// about it is written by its key, as a row whose memory has just gone over to another connection must not get the decision. Rows
// come and go by one CPU alone, the one whose add or remove succeeds, and it counts.
#pragma once

#include "core/judge.h"
#include "core/share.h"
#include "core/tcp.h"
#include "core/unanswered.h"

// The work on one packet. In the scratch room of the seam: the stack is too small for it.
struct admission {
	struct judge judge; // the first
	struct flow flow;
	struct judge_end ends[2];           // of the tuple
	__u32 identities[2], initiators[2]; // of both ends, once parties were asked
	__u32 slot;                         // generation of the packet
	__u32 blame;                        // port that the drop counts for
	struct dp_embryo_key bucket;        // where the slot is, or shall be
	__u32 tag;                          // of the tuple
	__u32 tenant;                       // whose packet it is; 0: nobody's who has a share
	struct dp_connection connection;    // a copy: in hand, or to be
	__u64 now;
};
_Static_assert(sizeof(struct admission) <= SEAM_SCRATCH_BYTES, "it is in the scratch room");

// Each function that the verifier looks at by itself asks for it: Linux 6.1 takes no key from memory that was passed on.
static inline struct admission *admission_of(struct seam *seam)
{
	seam_hold(seam);
	return seam_scratch(seam);
}

enum { CONNECTION_SECOND = 1000000000 };

static inline bool connection_tuple_equal(const struct dp_tuple *a, const struct dp_tuple *b)
{
	const word32 *x = (const word32 *)a, *y = (const word32 *)b;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2])) &&
	       address_equal(&a->ends[0], &b->ends[0]) && address_equal(&a->ends[1], &b->ends[1]);
}

static inline __u32 connection_mix(__u32 hash, __u32 word)
{
	hash = (hash ^ word) * 0x85ebca6b;
	return hash ^ hash >> 15;
}

static inline __u32 connection_hash_address(__u32 hash, const struct dp_address *address)
{
	for (int i = 0; i < 4; i++)
		hash = connection_mix(hash, address_word(address, i));
	return hash;
}

// All bits have their say in the lowest, the last byte of an IPv4 address too, which is the highest of the last word.
static inline __u32 connection_spread(__u32 hash)
{
	hash *= 0xc2b2ae35;
	return hash ^ hash >> 16;
}

static inline __u32 connection_hash(const struct dp_tuple *tuple)
{
	const word32 *words = (const word32 *)tuple;
	__u32 hash = connection_mix(connection_mix(0, words[0]), words[1]);

	hash = connection_mix(hash, words[2]);
	hash = connection_hash_address(hash, &tuple->ends[0]);
	return connection_spread(connection_hash_address(hash, &tuple->ends[1]));
}

// ---- established ----

static inline void connection_uncount(struct seam *seam, __u32 port)
{
	struct dp_usage *usage = port ? seam_state_usage(seam, &port) : NULL;

	if (usage)
		__sync_fetch_and_sub(&usage->established, 1);
}

// One more for this port, if its quota allows.
static inline enum dp_reason connection_count(struct seam *seam, __u32 port, __u32 quota)
{
	struct dp_usage *usage = port ? seam_make_usage(seam, &port) : NULL;

	if (!port)
		return DP_REASON_NONE;
	if (!usage)
		return DP_REASON_CONNECTION_TABLE_FULL;
	if (__sync_fetch_and_add(&usage->established, 1) < quota)
		return DP_REASON_NONE;
	__sync_fetch_and_sub(&usage->established, 1);
	return DP_REASON_CONNECTION_QUOTA;
}

static inline bool connection_at_quota(struct seam *seam, const struct judge_end *end)
{
	const struct dp_usage *usage = end->port ? seam_state_usage(seam, &end->port) : NULL;

	return usage && usage->established >= end->quota;
}

static inline void connection_remove(struct seam *seam, const struct admission *admission)
{
	if (seam_remove_connection(seam, &admission->flow.tuple) < 0)
		return;
	connection_uncount(seam, admission->connection.ports[0]);
	connection_uncount(seam, admission->connection.ports[1]);
	share_give(seam, admission->connection.tenant, DP_SHARED_CONNECTION);
}

// One more for both ports and the tenant; or why not, and then for none of them.
static inline enum dp_reason connection_count_all(struct seam *seam, struct admission *admission)
{
	const struct dp_connection *connection = &admission->connection;
	enum dp_reason reason =
		connection_count(seam, connection->ports[0], admission->ends[0].quota);

	admission->blame = connection->ports[0] ? connection->ports[0] : admission->blame;
	if (reason)
		return reason;
	reason = connection_count(seam, connection->ports[1], admission->ends[1].quota);
	if (reason)
		admission->blame = connection->ports[1];
	else if (share_take(seam, connection->tenant, DP_SHARED_CONNECTION))
		return DP_REASON_NONE;
	connection_uncount(seam, connection->ports[0]);
	if (reason)
		return reason;
	connection_uncount(seam, connection->ports[1]);
	return DP_REASON_CONNECTION_SHARE;
}

// Make a row of the copy in hand.
static inline enum dp_reason connection_add(struct seam *seam, struct admission *admission)
{
	const struct dp_connection *connection = &admission->connection;
	enum dp_reason reason = connection_count_all(seam, admission);

	if (reason || seam_add_connection(seam, &admission->flow.tuple, connection) == 0)
		return reason;
	connection_uncount(seam, connection->ports[0]);
	connection_uncount(seam, connection->ports[1]);
	share_give(seam, connection->tenant, DP_SHARED_CONNECTION);
	return seam_state_connection(seam, &admission->flow.tuple)
		       ? DP_REASON_NONE // by another CPU
		       : DP_REASON_CONNECTION_TABLE_FULL;
}

// ---- new and closed ----

// Who the ends are: to rules by identity, to buckets by port. Addresses that are no port's share what those of a tenant may take.
STAGE int connection_ask_parties(struct seam *seam)
{
	struct admission *admission = admission_of(seam);

	if (!admission)
		return -1;
	for (__u32 end = 0; end < 2; end++) {
		const struct dp_address *address = &admission->flow.tuple.ends[end];
		struct dp_party_key key = {
			.domain = admission->flow.tuple.domain, .address = *address};
		const struct dp_party *party = seam_find_party(seam, &key);
		admission->identities[end] = party ? party->identities[admission->slot & 1] : 0;
		admission->initiators[end] =
			party ? party->port
			      : 1u << 31 | (connection_spread(connection_hash_address(0, address)) &
						   (DP_EMBRYO_OUTSIDE - 1));
	}
	__u32 hash = connection_hash(&admission->flow.tuple);
	admission->bucket.bucket =
		admission->tenant * DP_EMBRYO_BUCKETS + (hash & (DP_EMBRYO_BUCKETS - 1));
	admission->tag = hash | 1;
	return 0;
}

static inline bool embryo_is(const struct dp_embryo_slot *slot, const struct admission *admission)
{
	return slot->tag == admission->tag &&
	       connection_tuple_equal(&slot->tuple, &admission->flow.tuple);
}

// A copy of the connection that `initiator` (an end) began, if it is there and fresh.
STAGE bool embryo_find(struct seam *seam, __u32 initiator)
{
	struct admission *admission = admission_of(seam);
	bool found = false;

	if (!admission)
		return false;
	admission->bucket.initiator = admission->initiators[initiator & 1];
	struct dp_embryo *embryo = seam_state_embryo(seam, &admission->bucket);
	if (!embryo)
		return false;
	seam_lock(seam, embryo);
	for (__u32 i = 0; i < DP_EMBRYO_SLOTS; i++) {
		if (embryo_is(&embryo->slots[i], admission)) {
			admission->connection = embryo->slots[i].connection;
			found = true;
			break;
		}
	}
	seam_unlock(seam, embryo);
	return found && (admission->connection.initiator & 1) == (initiator & 1) &&
	       !dp_connection_expired(
		       &admission->flow.tuple, &admission->connection, admission->now);
}

// The slot of the tuple, or else the one that was silent longest; a free one was silent for ever.
static inline __u32 embryo_choose(const struct dp_embryo *embryo, const struct admission *admission)
{
	__u64 least = ~0ULL;
	__u32 chosen = 0;

	for (__u32 i = 0; i < DP_EMBRYO_SLOTS; i++) {
		const struct dp_embryo_slot *slot = &embryo->slots[i];
		__u64 seen = slot->tag ? slot->connection.seen : 0;
		if (embryo_is(slot, admission))
			return i;
		if (seen < least) {
			least = seen;
			chosen = i;
		}
	}
	return chosen;
}

// The bucket of the key in hand has no row: make one, as far as the tenant's share goes.
static inline enum dp_reason embryo_make(struct seam *seam, const struct admission *admission)
{
	__u32 tenant = dp_embryo_tenant(&admission->bucket);

	if (!share_take(seam, tenant, DP_SHARED_EMBRYO))
		return DP_REASON_CONNECTION_SHARE;
	if (seam_begin_embryo(seam, &admission->bucket) == 0)
		return DP_REASON_NONE;
	share_give(seam, tenant, DP_SHARED_EMBRYO);
	return seam_state_embryo(seam, &admission->bucket) ? DP_REASON_NONE // by another CPU
							   : DP_REASON_CONNECTION_TABLE_FULL;
}

// Keep the copy in hand in the bucket of its initiator; or why not.
STAGE enum dp_reason embryo_store(struct seam *seam)
{
	struct admission *admission = admission_of(seam);

	if (!admission)
		return DP_REASON_NO_MEMORY;
	admission->bucket.initiator = admission->initiators[admission->connection.initiator & 1];
	struct dp_embryo *embryo = seam_state_embryo(seam, &admission->bucket);
	if (!embryo) {
		enum dp_reason reason = embryo_make(seam, admission);
		embryo = reason ? NULL : seam_state_embryo(seam, &admission->bucket);
		if (!embryo)
			return reason ? reason : DP_REASON_CONNECTION_TABLE_FULL;
	}
	seam_lock(seam, embryo);
	struct dp_embryo_slot *slot =
		&embryo->slots[embryo_choose(embryo, admission) & (DP_EMBRYO_SLOTS - 1)];
	slot->tuple = admission->flow.tuple;
	slot->tag = admission->tag;
	slot->connection = admission->connection;
	seam_unlock(seam, embryo);
	return DP_REASON_NONE;
}

STAGE int embryo_clear(struct seam *seam)
{
	struct admission *admission = admission_of(seam);
	struct dp_embryo *embryo = admission ? seam_state_embryo(seam, &admission->bucket) : NULL;

	if (!embryo)
		return -1;
	seam_lock(seam, embryo);
	for (__u32 i = 0; i < DP_EMBRYO_SLOTS; i++)
		if (embryo_is(&embryo->slots[i], admission))
			embryo->slots[i].tag = 0;
	seam_unlock(seam, embryo);
	return 0;
}
