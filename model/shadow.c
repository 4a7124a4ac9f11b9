// SPDX-License-Identifier: Apache-2.0
#include "shadow.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct search {
	const struct catalog *catalog;
	const char *tenant;
	size_t *work; // left
};

static void spend(struct search *search, size_t work)
{
	*search->work -= work < *search->work ? work : *search->work;
}

// ---- services ----

// Does the list leave out nothing of low..high? It need not be sorted, and pieces may add up.
static bool covers_range(struct search *search, const struct service_list *list, uint8_t protocol,
	uint32_t low, uint32_t high)
{
	bool moved = true;
	while (moved && low <= high) {
		moved = false;
		spend(search, list->count);
		for (size_t i = 0; i < list->count; i++) {
			const struct service *each = &list->items[i];
			if (each->protocol != protocol || each->low > low || each->high < low)
				continue;
			low = (uint32_t)each->high + 1;
			moved = true;
		}
	}
	return low > high;
}

static bool has_protocol(const struct service_list *list, uint8_t protocol)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].protocol == protocol)
			return true;
	return !list->items; // all
}

// `wide` against what a rule takes: `narrow`, and of protocols that its `other` list, of the ports
// on the other side, has too. Where `narrow` is absent, it is all of those protocols.
static bool covers_services(struct search *search, const struct service_list *wide,
	const struct service_list *narrow, const struct service_list *other)
{
	if (!wide->items)
		return true;
	const struct service_list *list = narrow->items ? narrow : other;
	if (!list->items)
		return false;
	for (size_t i = 0; i < list->count; i++) {
		const struct service *each = &list->items[i];
		bool all = !narrow->items;
		if (has_protocol(other, each->protocol) &&
			!covers_range(search, wide, each->protocol, all ? 0 : each->low,
				all ? UINT16_MAX : each->high))
			return false;
	}
	return true;
}

// ---- prefixes ----

static const struct prefix_list *set_of(const struct search *search, const struct peer *peer)
{
	const struct address_set *set = (const struct address_set *)catalog_find(
		search->catalog, MODEL_ADDRESS_SET, search->tenant, peer->name);
	return &set->addresses;
}

enum cover { COVER_NONE, COVER_PART, COVER_ALL };

static enum cover covers_by_one(const struct prefix *wide, const struct prefix *narrow)
{
	if (!prefix_overlaps(wide, narrow))
		return COVER_NONE;
	return wide->length <= narrow->length ? COVER_ALL : COVER_PART;
}

// What the prefixes of the peers, each by itself, cover of this one.
static enum cover covers_by_any(
	struct search *search, const struct peer_list *peers, const struct prefix *narrow)
{
	enum cover best = COVER_NONE;
	for (size_t i = 0; i < peers->count && best != COVER_ALL; i++) {
		const struct peer *peer = &peers->items[i];
		struct prefix_list one = {1, (struct prefix *)&peer->prefix};
		if (peer->kind != PEER_PREFIX && peer->kind != PEER_SET)
			continue;
		const struct prefix_list *list =
			peer->kind == PEER_SET ? set_of(search, peer) : &one;
		spend(search, list->count);
		for (size_t j = 0; j < list->count && best != COVER_ALL; j++) {
			enum cover cover = covers_by_one(&list->items[j], narrow);
			best = cover > best ? cover : best;
		}
	}
	return best;
}

// Halves must be covered if the whole is not by one.
static bool covers_prefix(
	struct search *search, const struct peer_list *peers, const struct prefix *narrow)
{
	enum cover cover = covers_by_any(search, peers, narrow);
	if (cover != COVER_PART || !*search->work)
		return cover == COVER_ALL;
	uint8_t length = (uint8_t)(narrow->length + 1);
	struct address last = prefix_last(narrow);
	struct prefix low = prefix_from(&narrow->address, length);
	struct prefix high = prefix_from(&last, length);
	return covers_prefix(search, peers, &low) && covers_prefix(search, peers, &high);
}

static bool covers_set(
	struct search *search, const struct peer_list *peers, const struct peer *narrow)
{
	for (size_t i = 0; i < peers->count; i++)
		if (peers->items[i].kind == PEER_SET && !strcmp(peers->items[i].name, narrow->name))
			return true;
	const struct prefix_list *list = set_of(search, narrow);
	for (size_t i = 0; i < list->count; i++)
		if (!covers_prefix(search, peers, &list->items[i]))
			return false;
	return true;
}

// ---- peers ----

static bool covers_selector(
	struct search *search, const struct peer_list *peers, const struct selector *narrow)
{
	spend(search, peers->count);
	for (size_t i = 0; i < peers->count; i++)
		if (peers->items[i].kind == PEER_SELECTOR &&
			selector_contains(&peers->items[i].selector, narrow))
			return true;
	return false;
}

static bool covers_peer(
	struct search *search, const struct peer_list *peers, const struct peer *narrow)
{
	switch (narrow->kind) {
	case PEER_SELECTOR:
		return covers_selector(search, peers, &narrow->selector);
	case PEER_PREFIX:
		return covers_prefix(search, peers, &narrow->prefix);
	case PEER_SET:
		return covers_set(search, peers, narrow);
	case PEER_ANY:
		break;
	}
	return false;
}

static bool covers_peers(
	struct search *search, const struct peer_list *wide, const struct peer_list *narrow)
{
	if (wide->items[0].kind == PEER_ANY)
		return true;
	for (size_t i = 0; i < narrow->count; i++)
		if (!covers_peer(search, wide, &narrow->items[i]))
			return false;
	return true;
}

// ---- rules ----

static bool hides(
	struct search *search, const struct policy_rule *wide, const struct policy_rule *narrow)
{
	spend(search, 1);
	return wide->direction == narrow->direction &&
	       covers_services(search, &wide->ports, &narrow->ports, &narrow->source_ports) &&
	       covers_services(
		       search, &wide->source_ports, &narrow->source_ports, &narrow->ports) &&
	       covers_peers(search, &wide->from, &narrow->from) &&
	       covers_peers(search, &wide->to, &narrow->to);
}

static int rank(enum rule_action action)
{
	static const int ranks[] = {
		[RULE_DROP] = 0, [RULE_REJECT] = 1, [RULE_ALLOW] = 2, [RULE_ALLOW_STATELESS] = 3};
	return ranks[action];
}

// The order in which rules of one policy are asked.
static int compare_rules(const void *first, const void *second)
{
	const struct policy_rule *a = *(const struct policy_rule *const *)first;
	const struct policy_rule *b = *(const struct policy_rule *const *)second;
	if (a->priority != b->priority)
		return a->priority > b->priority ? -1 : 1;
	int order = rank(a->action) - rank(b->action);
	return order ? order : a < b ? -1 : a > b;
}

void shadows_find(const struct catalog *catalog, const struct policy *policy, size_t *work,
	shadow_visit visit, void *context)
{
	const struct policy_rule_list *rules = &policy->rules;
	struct search search = {.catalog = catalog, .tenant = policy->object.tenant, .work = work};
	cleanup_free const struct policy_rule **order = memory_new(rules->count * sizeof(*order));
	for (size_t i = 0; i < rules->count; i++)
		order[i] = &rules->items[i];
	qsort(order, rules->count, sizeof(*order), compare_rules);
	for (size_t i = 1; i < rules->count; i++)
		for (size_t j = 0; j < i && *work; j++)
			if (hides(&search, order[j], order[i])) {
				visit(context, policy, (size_t)(order[i] - rules->items),
					(size_t)(order[j] - rules->items));
				break;
			}
}
