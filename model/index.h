// SPDX-License-Identifier: Apache-2.0
// An ordered set of items of one size, held in a skip list (Pugh, "Skip lists: a probabilistic alternative to balanced
// trees", 1990). Find, seek, add and remove take O(log n) comparisons; items never move. Private to the model.
//
// Why not a hash: the catalog lists objects in order, and finds free and used addresses by range.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { INDEX_LEVELS = 16 };

// Orders two items by their keys; a probe is an item of which only the key counts.
typedef int (*index_compare)(const void *a, const void *b);

struct index {
	index_compare compare;
	size_t item_size;
	size_t count;
	uint64_t random;
	void *first[INDEX_LEVELS];
};

void index_init(struct index *index, size_t item_size, index_compare compare);
// Frees all items; what they own is the caller's to free before.
void index_done(struct index *index);

// The item that equals `probe`, or NULL.
void *index_find(const struct index *index, const void *probe);
// The first item that is not less than `probe`, or NULL.
void *index_seek(const struct index *index, const void *probe);
void *index_first(const struct index *index);
void *index_next(const struct index *index, const void *item);
// A new item, a copy of `item`; NULL if an equal one is there.
void *index_add(struct index *index, const void *item);
// Remove and free the item that equals `probe`, which may be the item itself.
void index_remove(struct index *index, const void *probe);
