// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

struct shared {
	uint32_t holders;
	uint32_t hash;
	char text[];
};

// Open addressing with linear probing: a text is at the place that its hash names, or behind it
// with no gap between. The size is a power of two, and at most three quarters are used.
enum { SMALLEST = 64 };

static struct shared **places;
static size_t size, count;

static struct shared *of(const char *text)
{
	return (struct shared *)(uintptr_t)(text - offsetof(struct shared, text));
}

// Where it is, or the free place where it would be.
static size_t find(uint32_t hash, const char *text)
{
	size_t place = hash & (size - 1);
	while (places[place] &&
		(places[place]->hash != hash || strcmp(places[place]->text, text) != 0))
		place = (place + 1) & (size - 1);
	return place;
}

static void resize(size_t wanted)
{
	struct shared **before = places;
	size_t size_before = size;
	places = memory_new(wanted * sizeof(*places));
	size = wanted;
	for (size_t i = 0; i < size_before; i++)
		if (before[i])
			places[find(before[i]->hash, before[i]->text)] = before[i];
	free(before);
}

const char *text_share(const char *text)
{
	if (!text)
		return NULL;
	if (!size)
		resize(SMALLEST);
	uint32_t hash = (uint32_t)hash_text(text);
	size_t place = find(hash, text);
	if (!places[place]) {
		if (++count > size / 4 * 3) {
			resize(size * 2);
			place = find(hash, text);
		}
		size_t length = strlen(text) + 1;
		struct shared *made = memory_new(sizeof(*made) + length);
		made->hash = hash;
		memcpy(made->text, text, length);
		places[place] = made;
	}
	places[place]->holders++;
	return places[place]->text;
}

// Close the gap: what stands behind it and could not stand at its own place moves up.
static void vacate(size_t gap)
{
	size_t mask = size - 1;
	for (size_t at = (gap + 1) & mask; places[at]; at = (at + 1) & mask) {
		size_t own = places[at]->hash & mask;
		if (((at - own) & mask) < ((at - gap) & mask))
			continue;
		places[gap] = places[at];
		gap = at;
	}
	places[gap] = NULL;
}

void text_release(const char *text)
{
	if (!text || --of(text)->holders)
		return;
	vacate(find(of(text)->hash, text));
	free(of(text));
	if (!--count) {
		free(steal(places));
		size = 0;
	} else if (size > SMALLEST && count < size / 8) {
		resize(size / 2);
	}
}
