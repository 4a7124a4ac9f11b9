// SPDX-License-Identifier: Apache-2.0
#include "records.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { USUAL_BYTES = 512 }; // of a value; a longer one is printed twice

void records_clear(struct records *records)
{
	for (size_t i = 0; i < records->count; i++)
		free(records->items[i]);
	free(records->items);
	*records = (struct records){0};
}

// Where the name is, or should be.
static size_t find(const struct records *records, const char *name, bool *found)
{
	size_t low = 0, high = records->count;
	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(records->items[middle], name);
		*found = *found || !order;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static char *make(const char *name, const json_t *value)
{
	char text[USUAL_BYTES];
	size_t prefix = strlen(name) + 1;
	size_t length = json_dumpb(value, text, sizeof(text), JSON_COMPACT);
	char *item = memory_new(prefix + length + 1);
	memcpy(item, name, prefix);
	if (length <= sizeof(text))
		memcpy(item + prefix, text, length);
	else
		json_dumpb(value, item + prefix, length, JSON_COMPACT);
	return item;
}

void records_put(struct records *records, const char *name, const json_t *value)
{
	bool found;
	size_t at = find(records, name, &found);
	char *item = make(name, value);
	if (found) {
		free(records->items[at]);
		records->items[at] = item;
		return;
	}
	if (records->count == records->capacity) {
		records->capacity += records->capacity / 4 + 8;
		records->items =
			memory_resize(records->items, records->capacity, sizeof(*records->items));
	}
	memmove(records->items + at + 1, records->items + at,
		(records->count - at) * sizeof(*records->items));
	records->items[at] = item;
	records->count++;
}

void records_remove(struct records *records, const char *name)
{
	bool found;
	size_t at = find(records, name, &found);
	if (!found)
		return;
	free(records->items[at]);
	records->count--;
	memmove(records->items + at, records->items + at + 1,
		(records->count - at) * sizeof(*records->items));
}

json_t *records_at(const struct records *records, size_t n, const char **name)
{
	const char *item = records->items[n];
	if (name)
		*name = item;
	return json_loads(item + strlen(item) + 1, 0, NULL);
}

json_t *records_get(const struct records *records, const char *name)
{
	bool found;
	size_t at = find(records, name, &found);
	return found ? records_at(records, at, NULL) : NULL;
}
