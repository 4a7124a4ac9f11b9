// SPDX-License-Identifier: Apache-2.0
#include "group.h"

#include <stdlib.h>

#include "base/memory.h"

static const UT_icd link_icd = {sizeof(struct link), NULL, NULL, NULL};
static const UT_icd pointer_icd = {sizeof(void *), NULL, NULL, NULL};

void links_init(UT_array *links)
{
	utarray_init(links, &link_icd);
}

void group_init(struct graph *graph, struct group *group, bool tenant)
{
	group->serial = ++graph->serials;
	group->tenant = tenant;
	utarray_init(&group->members, &link_icd);
}

void group_done(struct group *group)
{
	utarray_done(&group->members);
}

struct segment *segment_new(struct graph *graph)
{
	struct segment *segment = memory_new(sizeof(*segment));
	group_init(graph, &segment->group, false);
	return segment;
}

static unsigned count_of(const UT_array *links)
{
	return utarray_len(links);
}

static struct link *link_at(const UT_array *links, unsigned index)
{
	return (struct link *)links->d + index;
}

// The first link from `start` on whose serial is not smaller.
static unsigned lower_bound(const UT_array *links, unsigned start, uint64_t serial)
{
	unsigned end = count_of(links);
	while (start < end) {
		unsigned middle = start + (end - start) / 2;
		if (link_at(links, middle)->serial < serial)
			start = middle + 1;
		else
			end = middle;
	}
	return start;
}

static struct member *find_member(const UT_array *links, uint64_t serial)
{
	unsigned index = lower_bound(links, 0, serial);
	if (index == count_of(links) || link_at(links, index)->serial != serial)
		return NULL;
	return link_at(links, index)->member;
}

static void add_link(UT_array *links, uint64_t serial, struct member *member)
{
	struct link link = {serial, member};
	unsigned index = lower_bound(links, 0, serial);
	utarray_insert(links, &link, index);
}

static void remove_link(UT_array *links, uint64_t serial)
{
	utarray_erase(links, lower_bound(links, 0, serial), 1);
}

// Where the host has its links to groups of this sort.
static UT_array *links_to(struct host_node *host, const struct group *group)
{
	return group->tenant ? &host->tenants : &host->segments;
}

static void free_member(struct member *member)
{
	remove_link(links_to(member->host, member->group), member->group->serial);
	remove_link(&member->group->members, member->host->node.serial);
	free(member);
}

void member_stage(struct graph *graph, struct host_node *host, struct group *group, int difference)
{
	struct member *member = find_member(&group->members, host->node.serial);
	if (!member) {
		member = memory_new(sizeof(*member));
		member->host = host;
		member->group = group;
		add_link(links_to(host, group), group->serial, member);
		add_link(&group->members, host->node.serial, member);
	}
	member->ports[NOW] += (uint32_t)difference;
	if (!member->staged) {
		member->staged = true;
		utarray_push_back(&graph->staged_members, &member);
	}
	if (host->behind[NOW])
		member_stage(graph, host->behind[NOW], group, difference);
}

void member_settle(struct member *member)
{
	member->staged = false;
	member->ports[BEFORE] = member->ports[NOW];
	if (member->ports[NOW] == 0)
		free_member(member);
}

void group_clear(struct group *group)
{
	while (count_of(&group->members))
		free_member(link_at(&group->members, 0)->member);
}

// ---- who is together with whom ----

// Walks the shorter list, and halves its way through the
// longer one, so that a host with very many networks does not make it dear for the others.
bool group_shared(const struct host_node *a, const struct host_node *b, enum moment moment)
{
	const UT_array *few = &a->segments, *many = &b->segments;
	if (count_of(few) > count_of(many)) {
		few = &b->segments;
		many = &a->segments;
	}
	unsigned position = 0;
	for (unsigned i = 0; i < count_of(few); i++) {
		const struct link *link = link_at(few, i);
		position = lower_bound(many, position, link->serial);
		if (position == count_of(many))
			return false;
		const struct link *other = link_at(many, position);
		if (other->serial == link->serial && link->member->ports[moment] &&
			other->member->ports[moment])
			return true;
	}
	return false;
}

bool group_has(const struct group *group, const struct host_node *host, enum moment moment)
{
	struct member *member = find_member(&group->members, host->node.serial);
	return member && member->ports[moment];
}

static void add_unmarked(UT_array *hosts, struct host_node *host)
{
	if (host->marked)
		return;
	host->marked = true;
	utarray_push_back(hosts, &host);
}

void group_peers(struct host_node *host, UT_array *hosts)
{
	utarray_init(hosts, &pointer_icd);
	add_unmarked(hosts, host);
	each_link (link, &host->segments)
		each_link (other, &link->member->group->members)
			add_unmarked(hosts, other->member->host);
	for (enum moment moment = BEFORE; moment <= NOW; moment++)
		if (host->behind[moment])
			add_unmarked(hosts, host->behind[moment]);
	for (struct host_node *behind = host->hosts; behind; behind = behind->next)
		add_unmarked(hosts, behind);
	each_pointer (struct host_node, each, hosts)
		(*each)->marked = false;
}
