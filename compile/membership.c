// SPDX-License-Identifier: Apache-2.0
// How a rule set knows an identity: the vector of the rules that select it, and of those that do
// not ask.
#include "state.h"

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

static struct membership *membership_new(struct ruleset *ruleset, struct identity *identity)
{
	struct membership *membership = memory_new(sizeof(*membership));
	membership->origin.path = ruleset->origin.path;
	membership->origin.revision = ruleset->origin.revision;
	membership->ruleset = ruleset;
	membership->identity = identity;
	DL_APPEND2(ruleset->memberships, membership, ruleset_prev, ruleset_next);
	DL_APPEND2(identity->memberships, membership, identity_prev, identity_next);
	return membership;
}

void membership_add(struct compiler *compiler, struct ruleset *ruleset, struct identity *identity)
{
	struct membership *membership = NULL;
	struct dp_vector vector;
	for (size_t i = 0; i < ruleset->set_count; i++) {
		if (!vector_of(ruleset, i, identity, &vector))
			continue;
		if (!membership)
			membership = membership_new(ruleset, identity);
		struct dp_identity_key key = {
			.set = ruleset->sets[i], .identity = identity->number};
		membership->vectors[i] =
			vector_get(&compiler->vectors, &compiler->rows, &vector, &ruleset->origin);
		struct dp_class value = {.vector = membership->vectors[i]};
		rows_claim(&compiler->rows, &membership->origin, DP_TABLE_IDENTITY, &key, &value);
	}
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
