// SPDX-License-Identifier: Apache-2.0
// The rows of a list of rules: a set.
//
// The number of a set follows from what its rules say (but not from who they select: that is the
// memberships'), so other rules are another set. Its rows are under a base. A ruleset that follows
// another one, which nobody obeys any more, goes on with its base: most of what is there says the
// same, and what does not is changed by generation.c, without packets seeing both. Rows are claimed by
// facets (classifier.h): it takes over those of which its rules say the same as those before.
#include "state.h"
#include "tenancy.h"

#include <string.h>
#include <utlist.h>

#include "base/memory.h"
#include "classifier.h"

// ---- terms ----

static const struct peer_list *other_end(const struct rule *rule)
{
	return rule->says->direction == RULE_INGRESS ? &rule->says->from : &rule->says->to;
}

static const struct peer_list *this_end(const struct rule *rule)
{
	return rule->says->direction == RULE_INGRESS ? &rule->says->to : &rule->says->from;
}

static const struct address_set *set_of(const struct rule *rule, const char *name)
{
	for (size_t i = 0; i < rule->set_count; i++)
		if (!strcmp(rule->sets[i]->name, name))
			return (const struct address_set *)rule->sets[i];
	return NULL;
}

// The prefixes that peers name; all in `out` unless it is NULL. How many.
static size_t prefixes_of(
	const struct rule *rule, const struct peer_list *peers, struct prefix *out)
{
	size_t count = 0;
	for (size_t i = 0; i < peers->count; i++) {
		const struct peer *peer = &peers->items[i];
		const struct address_set *set =
			peer->kind == PEER_SET ? set_of(rule, peer->name) : NULL;
		if (peer->kind == PEER_PREFIX && out)
			out[count] = peer->prefix;
		if (set && out && set->addresses.count)
			memcpy(out + count, set->addresses.items,
				set->addresses.count * sizeof(*out));
		count += peer->kind == PEER_PREFIX ? 1 : set ? set->addresses.count : 0;
	}
	return count;
}

static bool has_kind(const struct peer_list *peers, enum peer_kind kind)
{
	for (size_t i = 0; i < peers->count; i++)
		if (peers->items[i].kind == kind)
			return true;
	return false;
}

// The ends of a rule are lists of which one must match, and identity and address are fields that
// all must: so a rule that names the other end by both becomes two terms. One that names address
// sets that are empty becomes none.
static size_t terms_of(const struct entry *entry, struct term out[2])
{
	const struct peer_list *other = other_end(entry->rule);
	size_t count = 0;
	if (entry->by_address && !prefixes_of(entry->rule, this_end(entry->rule), NULL))
		return 0;
	if (!other->count || has_kind(other, PEER_ANY)) {
		out[count++] = (struct term){.entry = entry, .other = TERM_ANY};
		return count;
	}
	if (has_kind(other, PEER_SELECTOR))
		out[count++] = (struct term){.entry = entry, .other = TERM_IDENTITY};
	if (prefixes_of(entry->rule, other, NULL))
		out[count++] = (struct term){.entry = entry, .other = TERM_ADDRESS};
	return count;
}

bool entry_is_void(const struct entry *entry)
{
	struct term terms[2];
	return !terms_of(entry, terms);
}

// ---- sets ----

static const UT_icd vector_numbers = {sizeof(uint32_t), NULL, NULL, NULL};

static void vectors_release(struct compiler *compiler, UT_array *numbers)
{
	for (uint32_t *at = NULL; (at = utarray_next(numbers, at));)
		vector_put(&compiler->vectors, &compiler->rows, *at);
	utarray_done(numbers);
}

struct building {
	struct compiler *compiler;
	struct ruleset *ruleset;
	struct ruleset *before; // whose rows it goes on with, or NULL
	struct facet *facet;    // under way
};

static uint32_t take_vector(void *context, const struct dp_vector *vector)
{
	struct building *building = context;
	struct compiler *compiler = building->compiler;
	struct facet *facet = building->facet;
	uint32_t number = vector_get(&compiler->vectors, &compiler->rows, vector, &facet->origin);
	if (number)
		utarray_push_back(&facet->vectors, &number);
	return number;
}

static void take_row(void *context, enum dp_table table, const void *key, const void *value)
{
	struct building *building = context;
	rows_claim(&building->compiler->rows, &building->facet->origin, table, key, value);
}

static uint16_t action_of(const struct policy_rule *rule)
{
	static const uint16_t actions[] = {
		[RULE_ALLOW] = DP_ACTION_ALLOW,
		[RULE_ALLOW_STATELESS] = DP_ACTION_STATELESS,
		[RULE_DROP] = DP_ACTION_DROP,
		[RULE_REJECT] = DP_ACTION_REJECT,
	};
	return actions[rule->action];
}

static const struct prefix *prefixes_new(
	const struct rule *rule, const struct peer_list *peers, size_t *count)
{
	struct prefix *prefixes;
	*count = prefixes_of(rule, peers, NULL);
	prefixes = memory_new((*count + 1) * sizeof(*prefixes));
	prefixes_of(rule, peers, prefixes);
	return prefixes;
}

_Static_assert(sizeof(struct service) == sizeof(struct classifier_range) &&
		       offsetof(struct service, low) == offsetof(struct classifier_range, low) &&
		       offsetof(struct service, high) == offsetof(struct classifier_range, high),
	"services are the classifier's ranges");

static void classifier_rule_of(const struct term *term, struct classifier_rule *out)
{
	const struct rule *rule = term->entry->rule;
	const struct policy_rule *says = rule->says;
	*out = (struct classifier_rule){
		.any_identity = term->other != TERM_IDENTITY,
		.services = (const struct classifier_range *)says->ports.items,
		.service_count = says->ports.count,
		.source_ports = (const struct classifier_range *)says->source_ports.items,
		.source_port_count = says->source_ports.count,
		.result = {.number = rule->number,
			.action = action_of(says),
			.flags = says->log ? DP_RULE_LOG : 0},
	};
	if (term->other == TERM_ADDRESS)
		out->remotes = prefixes_new(rule, other_end(rule), &out->remote_count);
	if (term->entry->by_address)
		out->locals = prefixes_new(rule, this_end(rule), &out->local_count);
}

static uint64_t hash_of(const struct ruleset *ruleset)
{
	const char *tenant = ruleset->tenancy->name;
	uint64_t hash = number_hash(NUMBER_SEED, tenant, strlen(tenant));
	hash = number_hash(hash, &ruleset->otherwise, sizeof(ruleset->otherwise));
	for (size_t i = 0; i < ruleset->term_count; i++) {
		const struct term *term = &ruleset->terms[i];
		uint64_t facts[2] = {term->entry->rule->digest,
			(uint64_t)term->other << 1 | term->entry->by_address};
		hash = number_hash(hash, facts, sizeof(facts));
	}
	return hash;
}

static bool base_has_rows(const struct compiler *compiler, uint32_t base)
{
	struct dp_rule_key key = {.base = base}; // every set that has rules has a first one
	return rows_find(&compiler->rows, DP_TABLE_RULE, &key);
}

// The base that the datapath's set of this number has, which says the same. Else one without rows.
static uint32_t base_take(struct compiler *compiler, uint32_t set)
{
	const struct dp_set *held = rows_find(&compiler->rows, DP_TABLE_SET, &set);
	bool settled = held && !compiler->rows.leaving;
	uint32_t base = number_take(&compiler->base_numbers, settled ? held->base : set, NULL);
	while (base_has_rows(compiler, base) && !(settled && base == held->base)) {
		number_release(&compiler->base_numbers, base);
		base = number_take(&compiler->base_numbers, (uint32_t)(base + 1), NULL);
	}
	return base;
}

static uint32_t steal_number(uint32_t *number)
{
	uint32_t stolen = *number;
	*number = 0;
	return stolen;
}

static void take_numbers(struct building *building)
{
	struct compiler *compiler = building->compiler;
	struct ruleset *ruleset = building->ruleset, *before = building->before;
	ruleset->hash = hash_of(ruleset);
	if (before && before->hash == ruleset->hash)
		ruleset->set = steal_number(&before->set);
	else
		ruleset->set = number_take(&compiler->set_numbers, ruleset->hash, NULL);
	ruleset->base = before ? steal_number(&before->base) : base_take(compiler, ruleset->set);
	if (base_has_rows(compiler, ruleset->base))
		compiler->rows.versions = true;
}

static void classifier_rule_free(struct classifier_rule *rule)
{
	free((void *)rule->remotes);
	free((void *)rule->locals);
}

static bool selectors_alike(const struct peer_list *a, const struct peer_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->items[i].kind != b->items[i].kind ||
			(a->items[i].kind == PEER_SELECTOR &&
				selector_compare(&a->items[i].selector, &b->items[i].selector)))
			return false;
	return true;
}

// The facets in which the terms differ. Who is selected is asked by memberships, of the peers.
static unsigned term_differences(const struct term *a, const struct term *b)
{
	if (a->entry->rule == b->entry->rule && a->other == b->other &&
		a->entry->by_address == b->entry->by_address)
		return 0;
	struct classifier_rule x, y;
	classifier_rule_of(a, &x);
	classifier_rule_of(b, &y);
	unsigned differences = classifier_differences(&x, &y);
	classifier_rule_free(&x);
	classifier_rule_free(&y);
	if (a->other == TERM_IDENTITY && b->other == TERM_IDENTITY &&
		!selectors_alike(other_end(a->entry->rule), other_end(b->entry->rule)))
		differences |= 1u << DP_FIELD_IDENTITY;
	return differences;
}

// Those that have to be built anew.
static unsigned facets_of(const struct building *building)
{
	const struct ruleset *ruleset = building->ruleset, *before = building->before;
	unsigned facets = 1u << CLASSIFIER_SET;
	if (!before || before->term_count != ruleset->term_count)
		return CLASSIFIER_ALL;
	for (size_t i = 0; i < ruleset->term_count; i++)
		facets |= term_differences(&ruleset->terms[i], &before->terms[i]);
	return facets;
}

static void set_build(struct building *building, unsigned facets)
{
	struct compiler *compiler = building->compiler;
	struct ruleset *ruleset = building->ruleset;
	size_t count = ruleset->term_count;
	struct classifier_rule *rules = memory_new((count + 1) * sizeof(*rules));
	struct classifier_output output = {building, take_vector, take_row};
	struct classifier_set set = {ruleset->set, ruleset->rows->row};
	set.row.base = ruleset->base;
	set.row.otherwise = ruleset->otherwise;
	for (size_t i = 0; i < count; i++)
		classifier_rule_of(&ruleset->terms[i], &rules[i]);
	for (unsigned i = 0; i < CLASSIFIER_FACETS; i++) {
		struct facet *facet = &ruleset->rows->facets[i];
		facet->origin.revision = ruleset->rows->origin.revision;
		if (!(facets & 1u << i))
			continue;
		UT_array before = facet->vectors;
		building->facet = facet;
		utarray_init(&facet->vectors, &vector_numbers);
		rows_begin(&facet->origin);
		classifier_build(&set, 1u << i, rules, count, &output);
		rows_end(&compiler->rows, &facet->origin);
		vectors_release(compiler, &before);
	}
	ruleset->rows->row = set.row;
	for (size_t i = 0; i < count; i++)
		classifier_rule_free(&rules[i]);
	free(rules);
}

// ---- life ----

static struct set_rows *set_rows_new(const struct origin *from)
{
	struct set_rows *rows = memory_new(sizeof(*rows));
	rows->origin.path = memory_text(from->path);
	rows->origin.revision = from->revision;
	for (size_t i = 0; i < CLASSIFIER_FACETS; i++) {
		rows->facets[i].origin = rows->origin;
		utarray_init(&rows->facets[i].vectors, &vector_numbers);
	}
	return rows;
}

static void set_rows_free(struct compiler *compiler, struct set_rows *rows)
{
	if (!rows)
		return;
	for (size_t i = 0; i < CLASSIFIER_FACETS; i++) {
		rows_begin(&rows->facets[i].origin);
		rows_end(&compiler->rows, &rows->facets[i].origin);
		vectors_release(compiler, &rows->facets[i].vectors);
	}
	free(rows->origin.path);
	free(rows);
}

static uint32_t default_of(const struct policy_node *policy)
{
	return policy_of(policy)->otherwise == POLICY_DROP ? policy->otherwise->number : 0;
}

static struct ruleset *ruleset_new(struct tenancy *tenancy, const struct policy_node *first,
	const struct entry *entries, size_t count)
{
	size_t size = (count + 1) * sizeof(*entries);
	struct ruleset *ruleset = memory_new(sizeof(*ruleset) + size);
	ruleset->tenancy = tenancy;
	ruleset->fresh = true;
	ruleset->rows = set_rows_new(&first->node.origin);
	ruleset->otherwise = default_of(first);
	ruleset->key_size = size;
	ruleset->count = count;
	if (count)
		memcpy(ruleset->entries, entries, count * sizeof(*entries));
	ruleset->entries[count].by_address = ruleset->otherwise;
	ruleset->terms = memory_new((2 * count + 1) * sizeof(*ruleset->terms));
	for (size_t i = 0; i < count; i++) {
		rule_ref(entries[i].rule);
		ruleset->term_count +=
			terms_of(&ruleset->entries[i], &ruleset->terms[ruleset->term_count]);
	}
	if (ruleset->term_count > DP_SET_RULES) {
		// What is beyond cannot be asked; so what none of the others takes is not let
		// through.
		ruleset->overflow = true;
		ruleset->term_count = DP_SET_RULES;
		ruleset->otherwise = first->otherwise->number;
	}
	HASH_ADD_KEYPTR(hh, tenancy->rulesets, ruleset->entries, size, ruleset);
	return ruleset;
}

struct ruleset *ruleset_get(struct tenancy *tenancy, const struct policy_node *first,
	const struct entry *entries, size_t count, struct ruleset *before)
{
	size_t size = (count + 1) * sizeof(*entries);
	struct entry *key = memory_new(size);
	struct ruleset *ruleset;
	if (count)
		memcpy(key, entries, count * sizeof(*entries));
	key[count].by_address = default_of(first);
	HASH_FIND(hh, tenancy->rulesets, key, size, ruleset);
	free(key);
	if (!ruleset) {
		ruleset = ruleset_new(tenancy, first, entries, count);
		ruleset->before = before;
	}
	ruleset->references++;
	return ruleset;
}

void ruleset_put(struct ruleset *ruleset)
{
	if (ruleset)
		ruleset->references--;
}

// ---- settling ----

// Whose rows the new ruleset goes on with: each has one heir at most. A guard that goes does not
// turn, so what it leads to until then stays as it is.
static struct ruleset *ancestor_of(const struct compiler *compiler, struct ruleset *ruleset)
{
	struct ruleset *before = steal(ruleset->before);
	bool free = before && !before->references && !before->fresh && before->rows &&
		    !before->left && !compiler->rows.leaving;
	return free && !strcmp(before->rows->origin.path, ruleset->rows->origin.path) ? before
										      : NULL;
}

static void ruleset_build(struct compiler *compiler, struct ruleset *ruleset)
{
	struct building building = {
		.compiler = compiler, .ruleset = ruleset, .before = ancestor_of(compiler, ruleset)};
	struct ruleset *before = building.before;
	ruleset->fresh = false;
	if (before) {
		before->rows->origin.revision = ruleset->rows->origin.revision;
		set_rows_free(compiler, ruleset->rows);
		ruleset->rows = steal(before->rows);
	}
	unsigned facets = facets_of(&building);
	take_numbers(&building);
	set_build(&building, facets);
	memberships_follow(compiler, ruleset, before, facets & 1u << DP_FIELD_IDENTITY);
}

static void ruleset_free(struct compiler *compiler, struct ruleset *ruleset)
{
	HASH_DEL(ruleset->tenancy->rulesets, ruleset);
	while (ruleset->memberships)
		membership_free(compiler, ruleset->memberships);
	set_rows_free(compiler, ruleset->rows);
	number_release(&compiler->set_numbers, ruleset->set);
	number_release(&compiler->base_numbers, ruleset->base);
	for (size_t i = 0; i < ruleset->count; i++)
		rule_unref(ruleset->entries[i].rule);
	free(ruleset->terms);
	free(ruleset);
}

void rulesets_settle(struct compiler *compiler, struct tenancy *tenancy)
{
	struct ruleset *ruleset, *next;
	for (ruleset = tenancy->rulesets; ruleset; ruleset = ruleset->hh.next)
		if (ruleset->fresh && ruleset->references)
			ruleset_build(compiler, ruleset);
	HASH_ITER (hh, tenancy->rulesets, ruleset, next) {
		ruleset->before = NULL;
		ruleset->left = false;
		if (!ruleset->references)
			ruleset_free(compiler, ruleset);
	}
}

uint32_t ruleset_number(const struct ruleset *ruleset)
{
	return ruleset ? ruleset->set : 0;
}
