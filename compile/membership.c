// SPDX-License-Identifier: Apache-2.0
// How a rule set knows an identity: the vectors of the rules that select it, and of those that do
// not ask.
#include "state.h"
#include "tenancy.h"

#include <string.h>
#include <utlist.h>

#include "base/memory.h"

static bool selects(const struct term *term, const struct identity *identity)
{
	const struct policy_rule *rule = term->entry->rule->says;
	const struct peer_list *peers = rule->direction == RULE_INGRESS ? &rule->from : &rule->to;
	for (size_t i = 0; i < peers->count; i++) {
		const struct peer *peer = &peers->items[i];
		if (peer->kind == PEER_SELECTOR &&
			selector_matches(&peer->selector, &identity->labels))
			return true;
	}
	return false;
}

// By part. False: no rule selects the identity, it is like a stranger.
static bool vectors_of(const struct ruleset *ruleset, const struct identity *identity,
	struct dp_vector vectors[DP_SET_PARTS])
{
	bool selected = false;
	memset(vectors, 0, DP_SET_PARTS * sizeof(*vectors));
	for (size_t i = 0; i < ruleset->term_count; i++) {
		const struct term *term = &ruleset->terms[i];
		bool taken = term->other != TERM_IDENTITY;
		if (!taken && selects(term, identity))
			taken = selected = true;
		if (taken)
			vector_set(&vectors[i / DP_PART_RULES], i % DP_PART_RULES);
	}
	return selected;
}

static void membership_join(struct membership *membership, struct ruleset *ruleset)
{
	membership->origin.path = ruleset->rows->origin.path;
	membership->origin.revision = ruleset->rows->origin.revision;
	membership->ruleset = ruleset;
	DL_APPEND2(ruleset->memberships, membership, ruleset_prev, ruleset_next);
}

static struct membership *membership_new(struct ruleset *ruleset, struct identity *identity)
{
	struct membership *membership = memory_new(sizeof(*membership));
	membership_join(membership, ruleset);
	membership->identity = identity;
	DL_APPEND2(identity->memberships, membership, identity_prev, identity_next);
	return membership;
}

static struct membership *membership_find(
	const struct ruleset *ruleset, const struct identity *identity)
{
	struct membership *membership;
	DL_FOREACH2(identity->memberships, membership, identity_next)
	{
		if (membership->ruleset == ruleset)
			return membership;
	}
	return NULL;
}

static void vectors_put(struct compiler *compiler, const struct dp_vectors *numbers)
{
	for (size_t i = 0; i < DP_SET_PARTS; i++)
		vector_put(&compiler->vectors, &compiler->rows, numbers->parts[i]);
}

static void membership_claim(struct compiler *compiler, struct membership *membership,
	const struct dp_vector vectors[DP_SET_PARTS])
{
	const struct ruleset *ruleset = membership->ruleset;
	struct dp_identity_key key = {
		.base = ruleset->base, .identity = membership->identity->number};
	struct dp_vectors before = membership->vectors, *now = &membership->vectors;
	for (size_t i = 0; i < DP_SET_PARTS; i++)
		now->parts[i] = vector_get(
			&compiler->vectors, &compiler->rows, &vectors[i], &ruleset->rows->origin);
	struct dp_class value = {{*now, *now}};
	rows_begin(&membership->origin);
	rows_claim(&compiler->rows, &membership->origin, DP_TABLE_IDENTITY, &key, &value);
	rows_end(&compiler->rows, &membership->origin);
	vectors_put(compiler, &before);
}

void membership_add(struct compiler *compiler, struct ruleset *ruleset, struct identity *identity)
{
	struct membership *membership = membership_find(ruleset, identity);
	struct dp_vector vectors[DP_SET_PARTS];
	if (vectors_of(ruleset, identity, vectors))
		membership_claim(compiler,
			membership ? membership : membership_new(ruleset, identity), vectors);
	else if (membership)
		membership_free(compiler, membership);
}

void memberships_follow(
	struct compiler *compiler, struct ruleset *ruleset, struct ruleset *before, bool anew)
{
	while (before && before->memberships) {
		struct membership *membership = before->memberships;
		DL_DELETE2(before->memberships, membership, ruleset_prev, ruleset_next);
		membership_join(membership, ruleset);
	}
	struct identity *identity;
	for (identity = anew ? ruleset->tenancy->identities : NULL; identity;
		identity = identity->hh.next)
		membership_add(compiler, ruleset, identity);
}

void membership_free(struct compiler *compiler, struct membership *membership)
{
	rows_begin(&membership->origin);
	rows_end(&compiler->rows, &membership->origin);
	vectors_put(compiler, &membership->vectors);
	DL_DELETE2(membership->ruleset->memberships, membership, ruleset_prev, ruleset_next);
	DL_DELETE2(membership->identity->memberships, membership, identity_prev, identity_next);
	free(membership);
}
