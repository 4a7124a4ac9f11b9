// SPDX-License-Identifier: Apache-2.0
// How a rule set knows an identity: the vector of the rules that select it, and of those that do
// not ask.
#include "state.h"

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

// Of the rules of one set of the chain. False: none selects the identity, it is like a stranger.
static bool vector_of(const struct ruleset *ruleset, size_t index, const struct identity *identity,
	struct dp_vector *vector)
{
	size_t first = index * DP_SET_RULES;
	bool selected = false;
	*vector = (struct dp_vector){0};
	for (size_t i = first; i < ruleset->term_count && i < first + DP_SET_RULES; i++) {
		const struct term *term = &ruleset->terms[i];
		bool taken = term->other != TERM_IDENTITY;
		if (!taken && selects(term, identity))
			taken = selected = true;
		if (taken)
			vector_set(vector, i - first);
	}
	return selected;
}

static void membership_join(struct membership *membership, struct ruleset *ruleset)
{
	membership->origin.path = ruleset->origin->path;
	membership->origin.revision = ruleset->origin->revision;
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

static void claim_part(struct compiler *compiler, struct membership *membership, size_t index,
	const struct dp_vector *vector)
{
	const struct ruleset *ruleset = membership->ruleset;
	struct dp_identity_key key = {
		.base = ruleset->parts[index].base, .identity = membership->identity->number};
	uint32_t number = vector_get(&compiler->vectors, &compiler->rows, vector, ruleset->origin);
	struct dp_class value = {{number, number}};
	membership->vectors[index] = number;
	rows_claim(&compiler->rows, &membership->origin, DP_TABLE_IDENTITY, &key, &value);
}

void membership_add(struct compiler *compiler, struct ruleset *ruleset, struct identity *identity)
{
	struct membership *membership = membership_find(ruleset, identity);
	uint32_t before[DP_SET_CHAIN] = {0};
	bool selected = false;
	if (membership) {
		memcpy(before, membership->vectors, sizeof(before));
		memset(membership->vectors, 0, sizeof(before));
		rows_begin(&membership->origin);
	}
	for (size_t i = 0; i < ruleset->set_count; i++) {
		struct dp_vector vector;
		if (!vector_of(ruleset, i, identity, &vector))
			continue;
		selected = true;
		if (!membership)
			membership = membership_new(ruleset, identity);
		claim_part(compiler, membership, i, &vector);
	}
	if (membership)
		rows_end(&compiler->rows, &membership->origin);
	for (size_t i = 0; i < DP_SET_CHAIN; i++)
		vector_put(&compiler->vectors, &compiler->rows, before[i]);
	if (membership && !selected)
		membership_free(compiler, membership);
}

void memberships_follow(struct compiler *compiler, struct ruleset *ruleset, struct ruleset *before)
{
	while (before && before->memberships) {
		struct membership *membership = before->memberships;
		DL_DELETE2(before->memberships, membership, ruleset_prev, ruleset_next);
		membership_join(membership, ruleset);
	}
	struct identity *identity;
	for (identity = ruleset->tenancy->identities; identity; identity = identity->hh.next)
		membership_add(compiler, ruleset, identity);
}

void membership_free(struct compiler *compiler, struct membership *membership)
{
	rows_begin(&membership->origin);
	rows_end(&compiler->rows, &membership->origin);
	for (size_t i = 0; i < DP_SET_CHAIN; i++)
		vector_put(&compiler->vectors, &compiler->rows, membership->vectors[i]);
	DL_DELETE2(membership->ruleset->memberships, membership, ruleset_prev, ruleset_next);
	DL_DELETE2(membership->identity->memberships, membership, identity_prev, identity_next);
	free(membership);
}
