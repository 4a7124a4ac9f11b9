// SPDX-License-Identifier: Apache-2.0
// Entries of the store, copied on its thread for whoever looks at them on the loop.
#pragma once

#include "store/store.h"

// Zeroed, it is empty.
struct entries {
	struct store_entry *items;
	size_t count, capacity;
};

// For the functions of the store that visit entries; `entries` is a struct entries. 0.
int entries_add(void *entries, const struct store_entry *entry);
void entries_done(struct entries *entries);
