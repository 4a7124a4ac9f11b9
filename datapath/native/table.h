// SPDX-License-Identifier: Apache-2.0
// Tables in plain memory, with the behaviour of the kernel's maps.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "provider.h"

struct native_row;

enum { NATIVE_PREFIX_BITS = 8 * 32 };

struct native_table {
	const struct datapath_table *info;
	struct native_row *rows;
	// LPM: how many rows have this prefix length.
	uint32_t lengths[NATIVE_PREFIX_BITS + 1];
};

void native_table_done(struct native_table *table);
// 0, -ENOSPC, or -EINVAL for a key that a map of this kind does not take.
int native_table_put(struct native_table *table, const void *key, const void *value);
// 0 or -ENOENT.
int native_table_remove(struct native_table *table, const void *key);
// Remove the row that was put first.
void native_table_forget(struct native_table *table);
// The value, NULL if absent; valid until the row is written. LPM: of the longest prefix that covers the key, as long as
// the key's own length allows.
void *native_table_find(const struct native_table *table, const void *key);
// Visits a copy: `visit` may write the table.
int native_table_each(const struct native_table *table, datapath_visit visit, void *context);
