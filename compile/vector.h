// SPDX-License-Identifier: Apache-2.0
// The vectors of rule sets, equal ones once (datapath/policy.h).
#pragma once

#include "base/table.h"
#include "number.h"
#include "rows.h"

struct vector;

struct vectors {
	struct vector *all; // hash by content
	struct numbers numbers;
};

// The number of the vector with this content; 0 for the empty one. Every get wants a put. `from`:
// the object that the row of a vector that is new comes from.
uint32_t vector_get(struct vectors *vectors, struct rows *rows, const struct dp_vector *content,
	const struct origin *from);
void vector_put(struct vectors *vectors, struct rows *rows, uint32_t number);

static inline void vector_set(struct dp_vector *vector, size_t rule)
{
	vector->words[rule / 64] |= UINT64_C(1) << (rule % 64);
	vector->summary |= UINT64_C(1) << (rule / 64);
}
