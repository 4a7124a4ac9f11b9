// SPDX-License-Identifier: Apache-2.0
#include "entries.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

int entries_add(void *context, const struct store_entry *entry)
{
	struct entries *entries = context;
	if (entries->count == entries->capacity) {
		entries->capacity = entries->capacity ? entries->capacity * 2 : 16;
		entries->items =
			memory_resize(entries->items, entries->capacity, sizeof(*entries->items));
	}
	struct store_entry *copy = &entries->items[entries->count++];
	*copy = *entry;
	copy->key = memory_text(entry->key);
	if (entry->value) {
		char *value = memory_new(entry->length + 1);
		memcpy(value, entry->value, entry->length);
		copy->value = value;
	}
	return 0;
}

void entries_done(struct entries *entries)
{
	for (size_t i = 0; i < entries->count; i++) {
		free((void *)entries->items[i].key);
		free((void *)entries->items[i].value);
	}
	free(entries->items);
	*entries = (struct entries){0};
}
