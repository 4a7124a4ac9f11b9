// SPDX-License-Identifier: Apache-2.0
// uthash with the keyed hash of base/hash.h. All tables are made by this header, also those of which
// nobody from outside chooses the keys: two files that share one must agree.
#pragma once

#ifdef UTHASH_H
#error "uthash.h is included by base/table.h alone"
#endif

#include "base/hash.h"

#define HASH_FUNCTION(bytes, count, out) ((out) = (unsigned)hash_bytes((bytes), (count)))

#include <uthash.h>
