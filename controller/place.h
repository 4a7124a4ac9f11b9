// SPDX-License-Identifier: Apache-2.0
// Where a host or relay left off, and which of its attempts this is, from the parameters of the request
// for its stream: `attempt`, or not; `patches`, or not; `history`, `since` and `digest`, or none of these.
#pragma once

#include "base/error.h"
#include "feed.h"

// What `place` points to belongs to the request. -EINVAL.
int place_read(const struct request *request, struct feed_place *place, struct error *error);
