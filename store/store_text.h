// SPDX-License-Identifier: Apache-2.0
// For tests: commits of texts, and what is read as one text.
#pragma once

#include "store/store.h"

// One key in one commit; NULL deletes it. The result of the commit.
int put(struct store *store, const char *key, const char *value);
// The same, if `compared` was last changed at `revision`; a failure must name that key.
int put_if(struct store *store, const char *key, const char *value, const char *compared,
	uint64_t revision);

// store_compact, all steps.
int compact(struct store *store, uint64_t revision);

struct text {
	char bytes[1024];
	size_t length;
};

// A visit: "key=value@revision " for each entry, "key!@revision " for a deleted one.
int write_entry(void *context, const struct store_entry *entry);

void assert_get(struct store *store, const char *key, uint64_t at, const char *expected);
void assert_snapshot(struct store *store, const char *prefix, uint64_t at, const char *expected);
void assert_changes(struct store *store, const char *prefix, uint64_t since, const char *expected);
// The result of getting the key, which must agree with what was visited and with the error.
int get_result(struct store *store, const char *key, uint64_t at);
