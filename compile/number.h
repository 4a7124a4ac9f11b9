// SPDX-License-Identifier: Apache-2.0
// Numbers for things that the datapath's rows name: identities, rule sets, vectors, rules. They
// follow from what the thing is, so that a compiler that starts anew gives the same ones and finds
// its rows as it left them; where two want the same, the later takes the next.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/table.h"

struct numbers {
	struct number *taken;
};

// FNV-1a. Begin with NUMBER_SEED, go on with the answer.
#define NUMBER_SEED UINT64_C(14695981039346656037)
uint64_t number_hash(uint64_t hash, const void *bytes, size_t count);

// A number that nobody has, not 0. `owner` is what number_owner answers.
uint32_t number_take(struct numbers *numbers, uint64_t hash, void *owner);
// The same below `limit`; 0: somebody has each of them.
uint32_t number_take_below(struct numbers *numbers, uint32_t limit, uint64_t hash, void *owner);
// NULL: nobody's.
void *number_owner(const struct numbers *numbers, uint32_t number);
size_t number_count(const struct numbers *numbers);
// In any order.
void number_each(const struct numbers *numbers, void (*visit)(void *context, uint32_t number),
	void *context);
void number_release(struct numbers *numbers, uint32_t number);
