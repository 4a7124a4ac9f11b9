// SPDX-License-Identifier: Apache-2.0
// JSON objects under names, kept as text: a million of them take their bytes and little more. What is
// rarely read is parsed when it is. Pure.
#pragma once

#include <jansson.h>
#include <stddef.h>

struct records {
	char **items; // sorted by name; each is the name, a zero byte, and the JSON
	size_t count, capacity;
};

void records_clear(struct records *records); // nothing is allocated afterwards
// Insert or replace.
void records_put(struct records *records, const char *name, const json_t *value);
void records_remove(struct records *records, const char *name); // absent: nothing
// New reference; NULL: absent.
json_t *records_get(const struct records *records, const char *name);
// The n-th in the order of names, which `name` is set to (borrowed; may be NULL). New reference.
json_t *records_at(const struct records *records, size_t n, const char **name);
