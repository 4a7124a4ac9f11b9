// SPDX-License-Identifier: Apache-2.0
// Which rules the ports of an identity obey, and in which order.
//
// Tiers ascending; in a tier priorities descending; ties by action, those that forbid first, then
// by the policy's path and the rule's place in it. Of the policies that apply and have rules of the
// direction, the first one's default ends the list.
#include "state.h"
#include "tenancy.h"

#include <string.h>
#include <utlist.h>

#include "base/memory.h"

// ---- order ----

static int action_rank(enum rule_action action)
{
	static const int ranks[] = {
		[RULE_DROP] = 0,
		[RULE_REJECT] = 1,
		[RULE_ALLOW] = 2,
		[RULE_ALLOW_STATELESS] = 3,
	};
	return ranks[action];
}

static int policy_compare(const struct policy_node *a, const struct policy_node *b)
{
	uint32_t tier_a = policy_of(a)->tier, tier_b = policy_of(b)->tier;
	if (tier_a != tier_b)
		return tier_a < tier_b ? -1 : 1;
	return strcmp(a->node.origin.path, b->node.origin.path);
}

static int place_compare(const void *left, const void *right)
{
	const struct rule_place *a = left, *b = right;
	const struct policy_rule *x = a->rule->says, *y = b->rule->says;
	uint32_t tier_a = policy_of(a->policy)->tier, tier_b = policy_of(b->policy)->tier;
	if (tier_a != tier_b)
		return tier_a < tier_b ? -1 : 1;
	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	if (action_rank(x->action) != action_rank(y->action))
		return action_rank(x->action) - action_rank(y->action);
	int order = policy_compare(a->policy, b->policy);
	return order ? order : a->index < b->index ? -1 : a->index > b->index;
}

static int direction_of(const struct rule *rule)
{
	return rule->says->direction == RULE_INGRESS ? DP_INGRESS : DP_EGRESS;
}

static void order_rules(struct tenancy *tenancy)
{
	size_t count = 0;
	struct policy_node *policy;
	DL_FOREACH (tenancy->policies, policy)
		count += policy->count;
	for (int direction = 0; direction < DP_DIRECTIONS; direction++) {
		free(tenancy->order[direction]);
		tenancy->order[direction] =
			memory_new((count + 1) * sizeof(*tenancy->order[direction]));
		tenancy->order_count[direction] = 0;
	}
	DL_FOREACH (tenancy->policies, policy) {
		policy->has[DP_INGRESS] = policy->has[DP_EGRESS] = false;
		for (size_t i = 0; i < policy->count; i++) {
			int direction = direction_of(policy->rules[i]);
			policy->has[direction] = true;
			tenancy->order[direction][tenancy->order_count[direction]++] =
				(struct rule_place){policy->rules[i], policy, i};
		}
	}
	for (int direction = 0; direction < DP_DIRECTIONS; direction++)
		qsort(tenancy->order[direction], tenancy->order_count[direction],
			sizeof(struct rule_place), place_compare);
}

// ---- what an identity obeys ----

enum { NOT_HERE, HERE, BY_ADDRESS };

// Is the rule enforced at ports with these labels?
static int enforced(const struct rule *rule, const struct label_list *labels)
{
	const struct policy_rule *says = rule->says;
	const struct peer_list *peers = says->direction == RULE_INGRESS ? &says->to : &says->from;
	int answer = peers->count ? NOT_HERE : HERE;
	for (size_t i = 0; i < peers->count && answer != HERE; i++) {
		const struct peer *peer = &peers->items[i];
		if (peer->kind == PEER_PREFIX || peer->kind == PEER_SET)
			answer = BY_ADDRESS;
		else if (peer->kind == PEER_ANY || selector_matches(&peer->selector, labels))
			answer = HERE;
	}
	return answer;
}

static struct ruleset *find_ruleset(
	struct identity *identity, int direction, const struct policy_node *first)
{
	struct tenancy *tenancy = identity->tenancy;
	size_t count = 0;
	if (!first)
		return NULL;
	struct entry *entries =
		memory_new((tenancy->order_count[direction] + 1) * sizeof(*entries));
	for (size_t i = 0; i < tenancy->order_count[direction]; i++) {
		const struct rule_place *place = &tenancy->order[direction][i];
		int how = place->policy->applies ? enforced(place->rule, &identity->labels)
						 : NOT_HERE;
		entries[count] = (struct entry){place->rule, how == BY_ADDRESS};
		if (how != NOT_HERE && !entry_is_void(&entries[count]))
			count++;
	}
	struct ruleset *ruleset = NULL;
	if (count || policy_of(first)->otherwise == POLICY_DROP)
		ruleset =
			ruleset_get(tenancy, first, entries, count, identity->rulesets[direction]);
	free(entries);
	return ruleset;
}

static bool overflows(const struct ruleset *ruleset)
{
	return ruleset && ruleset->overflow;
}

static void judge(struct compiler *compiler, struct identity *identity)
{
	const struct policy_node *first[DP_DIRECTIONS] = {NULL, NULL};
	struct policy_node *policy;
	bool applies = false, keep = true, changed = false;
	DL_FOREACH (identity->tenancy->policies, policy) {
		const struct policy *object = policy_of(policy);
		policy->applies = selector_matches(&object->applies_to, &identity->labels);
		for (int direction = 0; policy->applies && direction < DP_DIRECTIONS; direction++) {
			if (!policy->has[direction])
				continue;
			applies = true;
			keep = keep && object->established == ESTABLISHED_KEEP;
			if (!first[direction] || policy_compare(policy, first[direction]) < 0)
				first[direction] = policy;
		}
	}
	for (int direction = 0; direction < DP_DIRECTIONS; direction++) {
		struct ruleset *before = identity->rulesets[direction];
		struct ruleset *now = find_ruleset(identity, direction, first[direction]);
		changed = changed || now != before;
		compiler->ports_changes += overflows(now) != overflows(before);
		identity->rulesets[direction] = now;
		ruleset_put(before);
	}
	uint32_t flags = applies && keep ? DP_GUARD_KEEP : 0;
	changed = changed || flags != identity->flags;
	identity->flags = flags;
	identity->judged = true;
	identity->changed = changed;
}

// ---- settling ----

static void introduce(struct compiler *compiler, struct identity *identity)
{
	struct ruleset *ruleset;
	identity->fresh = false;
	for (ruleset = identity->tenancy->rulesets; ruleset; ruleset = ruleset->hh.next)
		membership_add(compiler, ruleset, identity);
}

// Rulesets have their numbers by now.
static void claim_guards(struct compiler *compiler, struct identity *identity)
{
	struct port_node *port;
	identity->changed = false;
	DL_FOREACH2(identity->local, port, identity_next)
	{
		guard_compile(compiler, port);
	}
}

static void settle(struct compiler *compiler, struct tenancy *tenancy)
{
	struct identity *identity, *next;
	DL_FOREACH (tenancy->touched, identity) {
		if (identity->fresh && identity->ports)
			introduce(compiler, identity);
	}
	if (tenancy->reorder)
		order_rules(tenancy);
	HASH_ITER (hh, tenancy->identities, identity, next) {
		if (identity->local && (tenancy->reorder || !identity->judged))
			judge(compiler, identity);
	}
	tenancy->reorder = false;
	DL_FOREACH_SAFE(tenancy->touched, identity, next)
	{
		DL_DELETE(tenancy->touched, identity);
		identity->touched = false;
		if (!identity->local)
			identity_dismiss(identity);
		if (!identity->ports)
			identity_free(compiler, identity);
	}
	rulesets_settle(compiler, tenancy);
	for (identity = tenancy->identities; identity; identity = identity->hh.next)
		if (identity->changed)
			claim_guards(compiler, identity);
}

static void tenancy_free(struct compiler *compiler, struct tenancy *tenancy)
{
	HASH_DEL(compiler->tenancies, tenancy);
	number_release(&compiler->tenant_numbers, tenancy->number);
	for (int direction = 0; direction < DP_DIRECTIONS; direction++)
		free(tenancy->order[direction]);
	free(tenancy->name);
	free(tenancy);
}

void tenancies_settle(struct compiler *compiler)
{
	while (compiler->stale_tenancies) {
		struct tenancy *tenancy = compiler->stale_tenancies;
		DL_DELETE2(compiler->stale_tenancies, tenancy, stale_prev, stale_next);
		tenancy->stale = false;
		settle(compiler, tenancy);
		if (!tenancy->identities && !tenancy->policies)
			tenancy_free(compiler, tenancy);
	}
}

// ---- life ----

struct tenancy *tenancy_get(struct compiler *compiler, const char *name)
{
	struct tenancy *tenancy;
	HASH_FIND_STR(compiler->tenancies, name, tenancy);
	if (tenancy)
		return tenancy;
	tenancy = memory_new(sizeof(*tenancy));
	tenancy->name = memory_text(name);
	tenancy->number = number_take_below(&compiler->tenant_numbers, DP_SHARES,
		number_hash(NUMBER_SEED, name, strlen(name)), tenancy);
	HASH_ADD_KEYPTR(hh, compiler->tenancies, tenancy->name, strlen(tenancy->name), tenancy);
	return tenancy;
}

void tenancy_touch(struct compiler *compiler, struct tenancy *tenancy)
{
	if (tenancy->stale)
		return;
	tenancy->stale = true;
	DL_APPEND2(compiler->stale_tenancies, tenancy, stale_prev, stale_next);
}

void tenancies_done(struct compiler *compiler)
{
	struct tenancy *tenancy, *next_tenancy;
	HASH_ITER (hh, compiler->tenancies, tenancy, next_tenancy) {
		struct identity *identity, *next;
		HASH_ITER (hh, tenancy->identities, identity, next)
			identity_free(compiler, identity);
		rulesets_settle(compiler, tenancy);
		tenancy_free(compiler, tenancy);
	}
}
