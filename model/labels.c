// SPDX-License-Identifier: Apache-2.0
#include "labels.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "base/memory.h"
#include "base/text.h"

enum { USE_TEXT = 128, USES_OF_LABEL = 2 }; // two words of at most 63, and what stands between

// That a set is under a use.
struct label_link {
	struct label_set *set;
	struct label_use *use;
	struct label_link *prev, *next; // in use->links
};

struct label_set {
	size_t ports;
	struct label_list labels;
	struct label_link *links; // USES_OF_LABEL a label
	UT_hash_handle hh;
	struct label items[]; // of `labels`: texts are shared, so equal labels are equal bytes
};

// The sets that have a label: "name=value", or "name" whatever its value.
struct label_use {
	size_t count;
	struct label_link *links; // list
	UT_hash_handle hh;
	char key[];
};

static struct tenant_labels *tenant_find(struct tenant_labels *all, const char *tenant)
{
	struct tenant_labels *labels;
	HASH_FIND_STR(all, tenant, labels);
	return labels;
}

// ---- uses ----

static const char *use_key(const char *name, const char *value, char *text /* USE_TEXT bytes */)
{
	snprintf(text, USE_TEXT, "%s%s%s", name, value ? "=" : "", value ? value : "");
	return text;
}

static struct label_use *use_find(
	const struct tenant_labels *tenant, const char *name, const char *value)
{
	char key[USE_TEXT];
	struct label_use *use;
	use_key(name, value, key);
	HASH_FIND_STR(tenant->uses, key, use);
	return use;
}

static struct label_use *use_get(struct tenant_labels *tenant, const char *name, const char *value)
{
	struct label_use *use = use_find(tenant, name, value);
	if (use)
		return use;
	char key[USE_TEXT];
	size_t size = strlen(use_key(name, value, key)) + 1;
	use = memory_new(sizeof(*use) + size);
	memcpy(use->key, key, size);
	HASH_ADD_KEYPTR(hh, tenant->uses, use->key, size - 1, use);
	return use;
}

static void link_set(struct label_link *link, struct label_set *set, struct label_use *use)
{
	link->set = set;
	link->use = use;
	use->count++;
	DL_APPEND(use->links, link);
}

static void unlink_set(struct tenant_labels *tenant, struct label_link *link)
{
	struct label_use *use = link->use;
	DL_DELETE(use->links, link);
	if (--use->count)
		return;
	HASH_DEL(tenant->uses, use);
	free(use);
}

// ---- sets ----

static struct label_set *set_find(
	const struct tenant_labels *tenant, const struct label_list *labels)
{
	static const struct label none;
	struct label_set *set;
	const struct label *key = labels->count ? labels->items : &none;
	HASH_FIND(hh, tenant->sets, key, labels->count * sizeof(*key), set);
	return set;
}

static struct label_set *set_new(struct tenant_labels *tenant, const struct label_list *labels)
{
	size_t size = labels->count * sizeof(*labels->items);
	struct label_set *set = memory_new(sizeof(*set) + size);
	set->labels = (struct label_list){labels->count, set->items};
	set->links = memory_new((USES_OF_LABEL * labels->count + 1) * sizeof(*set->links));
	for (size_t i = 0; i < labels->count; i++) {
		const char *name = text_share(labels->items[i].name);
		const char *value = text_share(labels->items[i].value);
		set->items[i] = (struct label){name, value};
		link_set(&set->links[USES_OF_LABEL * i], set, use_get(tenant, name, value));
		link_set(&set->links[USES_OF_LABEL * i + 1], set, use_get(tenant, name, NULL));
	}
	HASH_ADD(hh, tenant->sets, items, size, set);
	return set;
}

static void set_free(struct tenant_labels *tenant, struct label_set *set)
{
	HASH_DEL(tenant->sets, set);
	for (size_t i = 0; i < USES_OF_LABEL * set->labels.count; i++)
		unlink_set(tenant, &set->links[i]);
	for (size_t i = 0; i < set->labels.count; i++) {
		text_release(set->items[i].name);
		text_release(set->items[i].value);
	}
	free(set->links);
	free(set);
}

// ---- ports that come and go ----

static void tenant_free(struct tenant_labels **all, struct tenant_labels *tenant)
{
	HASH_DEL(*all, tenant);
	text_release(tenant->tenant);
	free(tenant);
}

void labels_add(struct tenant_labels **all, const struct object *object)
{
	if (object->kind != MODEL_PORT)
		return;
	struct tenant_labels *tenant = tenant_find(*all, object->tenant);
	if (!tenant) {
		tenant = memory_new(sizeof(*tenant));
		tenant->tenant = text_share(object->tenant);
		HASH_ADD_KEYPTR(hh, *all, tenant->tenant, strlen(tenant->tenant), tenant);
	}
	const struct label_list *labels = &((const struct port *)object)->labels;
	struct label_set *set = set_find(tenant, labels);
	if (!set)
		set = set_new(tenant, labels);
	set->ports++;
}

void labels_remove(struct tenant_labels **all, const struct object *object)
{
	if (object->kind != MODEL_PORT)
		return;
	struct tenant_labels *tenant = tenant_find(*all, object->tenant);
	struct label_set *set = set_find(tenant, &((const struct port *)object)->labels);
	if (--set->ports)
		return;
	set_free(tenant, set);
	if (!tenant->sets)
		tenant_free(all, tenant);
}

void labels_done(struct tenant_labels **all)
{
	struct tenant_labels *tenant, *next;
	HASH_ITER (hh, *all, tenant, next) {
		struct label_set *set, *after;
		HASH_ITER (hh, tenant->sets, set, after)
			set_free(tenant, set);
		tenant_free(all, tenant);
	}
}

// ---- selecting ----

static size_t count_under(const struct tenant_labels *tenant, const char *name, const char *value)
{
	const struct label_use *use = use_find(tenant, name, value);
	return use ? use->count : 0;
}

static bool is_positive(const struct requirement *requirement)
{
	return requirement->kind == REQUIREMENT_IN || requirement->kind == REQUIREMENT_PRESENT;
}

// How many sets meet this one requirement.
static size_t count_meeting(
	const struct tenant_labels *tenant, const struct requirement *requirement)
{
	size_t count = 0;
	for (size_t i = 0; i < requirement->count; i++)
		count += count_under(tenant, requirement->label, requirement->values[i]);
	if (!requirement->count)
		count = count_under(tenant, requirement->label, NULL);
	return is_positive(requirement) ? count : HASH_COUNT(tenant->sets) - count;
}

struct looking {
	struct tenant_labels *tenant;
	const struct selector *selector;
	size_t *work;
};

static bool spent(struct looking *looking)
{
	if (!*looking->work)
		return true;
	--*looking->work;
	return false;
}

// Is one of the sets under this label selected?
static bool look_under(struct looking *looking, const char *name, const char *value)
{
	const struct label_use *use = use_find(looking->tenant, name, value);
	for (const struct label_link *link = use ? use->links : NULL; link; link = link->next)
		if (spent(looking) || selector_matches(looking->selector, &link->set->labels))
			return true;
	return false;
}

static bool look_everywhere(struct looking *looking)
{
	for (const struct label_set *set = looking->tenant->sets; set; set = set->hh.next)
		if (spent(looking) || selector_matches(looking->selector, &set->labels))
			return true;
	return false;
}

// Among those that meet this requirement of the selector.
static bool look_among(struct looking *looking, const struct requirement *requirement)
{
	if (!is_positive(requirement))
		return look_everywhere(looking);
	if (!requirement->count)
		return look_under(looking, requirement->label, NULL);
	for (size_t i = 0; i < requirement->count; i++)
		if (look_under(looking, requirement->label, requirement->values[i]))
			return true;
	return false;
}

bool labels_select(struct tenant_labels *all, const char *tenant, const struct selector *selector,
	size_t *work)
{
	struct looking looking = {tenant_find(all, tenant), selector, work};
	if (!looking.tenant)
		return false;
	size_t sets = HASH_COUNT(looking.tenant->sets), failing = 0, fewest = SIZE_MAX;
	const struct requirement *narrowest = NULL;
	for (size_t i = 0; i < selector->count; i++) {
		const struct requirement *requirement = &selector->items[i];
		size_t meeting = count_meeting(looking.tenant, requirement);
		if (!meeting)
			return false;
		failing += sets - meeting;
		size_t walk = is_positive(requirement) ? meeting : sets;
		if (walk < fewest) {
			fewest = walk;
			narrowest = requirement;
		}
	}
	// If fewer fail than there are, one meets all.
	return failing < sets || look_among(&looking, narrowest);
}
