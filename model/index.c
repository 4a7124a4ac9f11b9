// SPDX-License-Identifier: Apache-2.0
#include "index.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

// Behind each item stands its tower: one link a level, as many as its height.
static void **tower(const struct index *index, const void *item)
{
	return (void **)((char *)item + index->item_size);
}

// Each level holds a quarter of the items of the level below: 1.33 links an item.
static unsigned random_height(struct index *index)
{
	index->random ^= index->random << 13; // xorshift64 (Marsaglia, 2003)
	index->random ^= index->random >> 7;
	index->random ^= index->random << 17;
	unsigned height = 1;
	for (uint64_t bits = index->random >> 32; height < INDEX_LEVELS && !(bits & 3); bits >>= 2)
		height++;
	return height;
}

void index_init(struct index *index, size_t item_size, index_compare compare)
{
	size_t alignment = sizeof(void *);
	*index = (struct index){
		.compare = compare,
		.item_size = (item_size + alignment - 1) / alignment * alignment,
		.random = 0x9e3779b97f4a7c15,
	};
}

void index_done(struct index *index)
{
	void *next;
	for (void *item = index->first[0]; item; item = next) {
		next = tower(index, item)[0];
		free(item);
	}
	memset(index->first, 0, sizeof(index->first));
	index->count = 0;
}

// The first item not less than `probe`; `links` (where wanted) receives, for each level, the link that would lead to it.
static void *descend(const struct index *index, const void *probe, void **links[INDEX_LEVELS])
{
	void **from = (void **)index->first, *item = NULL, *compared = NULL;
	for (int level = INDEX_LEVELS - 1; level >= 0; level--) {
		// An item that stopped the level above stops this one too: not compared twice.
		for (item = from[level];
			item && item != compared && index->compare(item, probe) < 0;
			item = from[level])
			from = tower(index, item);
		compared = item;
		if (links)
			links[level] = &from[level];
	}
	return item;
}

void *index_seek(const struct index *index, const void *probe)
{
	return descend(index, probe, NULL);
}

void *index_find(const struct index *index, const void *probe)
{
	void *item = descend(index, probe, NULL);
	return item && !index->compare(item, probe) ? item : NULL;
}

void *index_first(const struct index *index)
{
	return index->first[0];
}

void *index_next(const struct index *index, const void *item)
{
	return tower(index, item)[0];
}

void *index_add(struct index *index, const void *item)
{
	void **links[INDEX_LEVELS];
	void *found = descend(index, item, links);
	if (found && !index->compare(found, item))
		return NULL;
	unsigned height = random_height(index);
	void *added = memory_new(index->item_size + height * sizeof(void *));
	memcpy(added, item, index->item_size);
	for (unsigned level = 0; level < height; level++) {
		tower(index, added)[level] = *links[level];
		*links[level] = added;
	}
	index->count++;
	return added;
}

void index_remove(struct index *index, const void *probe)
{
	void **links[INDEX_LEVELS];
	void *item = descend(index, probe, links);
	if (!item || index->compare(item, probe))
		return;
	// Levels above its height lead elsewhere.
	for (unsigned level = 0; level < INDEX_LEVELS && *links[level] == item; level++)
		*links[level] = tower(index, item)[level];
	free(item);
	index->count--;
}
