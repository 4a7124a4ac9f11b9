// SPDX-License-Identifier: Apache-2.0
// Tenants whose packets were dropped lately because they have their share of what tenants of this host share.
#pragma once

#include <jansson.h>

#include "compile/compile.h"
#include "counters.h"

struct crowding {
	struct crowding_tenant *tenants; // hash by name
	bool begun; // what is counted from now on was not before the agent's start
};

void crowding_done(struct crowding *crowding);
// `now` in milliseconds of the monotonic clock. True: other tenants than the last time.
bool crowding_collect(struct crowding *crowding, const struct compiler *compiler,
	const struct counters *counters, uint64_t now);
// A sentence for each of these tenants is appended to the list.
void crowding_warn(const struct crowding *crowding, json_t *sentences);
