// SPDX-License-Identifier: Apache-2.0
// What was seen against what a case expects.
#pragma once

#include <stdbool.h>

#include "vectors.h"
#include "world.h"

// Does it hold? If not, the first difference in words, owned by the caller (free).
char *check_seen(const struct world *world, const struct vector_case *c, const struct seen *seen);

// The drop reasons that no case shows, in words; NULL: none. Owned by the caller (free).
char *check_coverage(const struct vectors *vectors);
