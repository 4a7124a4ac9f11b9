// SPDX-License-Identifier: Apache-2.0
// How much each tenant holds, counted as objects come and go, so that a quota costs nothing to ask.
// Private to the model.
#pragma once

#include "base/table.h"
#include "model/object.h"

struct usage {
	char tenant[64];
	size_t objects;             // all together; at 0 the entry goes
	uint64_t held[QUOTA_COUNT]; // by quota
	size_t kinds[MODEL_KIND_COUNT];
	UT_hash_handle hh;
};

// `object` comes or goes. One that is in no tenant counts nowhere.
void usage_add(struct usage **usages, const struct object *object);
void usage_remove(struct usage **usages, const struct object *object);
// NULL: the tenant holds nothing.
const struct usage *usage_find(const struct usage *usages, const char *tenant);
void usage_done(struct usage **usages);
