// SPDX-License-Identifier: Apache-2.0
// Where a host or relay left off, and which of its attempts this is, from the parameters of the request
// for its stream: `attempt`, or not; `patches`, or not; `history`, `since` and `digest`, or none of these.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "http.h"

// Where a host left off; `history` NULL: nowhere. And the number of its attempt; 0: it has none, and
// counts as the newest.
struct place {
	const char *history;
	uint64_t revision, digest;
	uint64_t attempt;
	bool patches; // it can be told what differs of an object
};

// What `place` points to belongs to the request. -EINVAL.
int place_read(const struct request *request, struct place *place, struct error *error);
