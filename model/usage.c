// SPDX-License-Identifier: Apache-2.0
#include "usage.h"

#include <stdio.h>

#include "base/memory.h"

const struct usage *usage_find(const struct usage *usages, const char *tenant)
{
	struct usage *usage;
	HASH_FIND_STR(usages, tenant, usage);
	return usage;
}

static struct usage *usage_get(struct usage **usages, const char *tenant)
{
	struct usage *usage;
	HASH_FIND_STR(*usages, tenant, usage);
	if (!usage) {
		usage = memory_new(sizeof(*usage));
		snprintf(usage->tenant, sizeof(usage->tenant), "%s", tenant);
		HASH_ADD_STR(*usages, tenant, usage);
	}
	return usage;
}

void usage_add(struct usage **usages, const struct object *object)
{
	if (!object->tenant)
		return;
	struct usage *usage = usage_get(usages, object->tenant);
	usage->objects++;
	usage->kinds[object->kind]++;
	for (int i = 0; i < QUOTA_COUNT; i++)
		usage->held[i] += quota_amount((enum quota)i, object);
}

void usage_remove(struct usage **usages, const struct object *object)
{
	if (!object->tenant)
		return;
	struct usage *usage = usage_get(usages, object->tenant);
	usage->kinds[object->kind]--;
	for (int i = 0; i < QUOTA_COUNT; i++)
		usage->held[i] -= quota_amount((enum quota)i, object);
	if (--usage->objects)
		return;
	HASH_DEL(*usages, usage);
	free(usage);
}

void usage_done(struct usage **usages)
{
	struct usage *usage, *next;
	HASH_ITER (hh, *usages, usage, next) {
		HASH_DEL(*usages, usage);
		free(usage);
	}
}
