// SPDX-License-Identifier: Apache-2.0
// The engines that the shared tests run against, each at a fresh place.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "store/store.h"

struct store_engine {
	const char *name;
	bool durable;              // what is closed can be opened again
	int kills;                 // how often the crash test ends a process of it
	char *(*place)(void);      // the URL of a store that does not exist yet
	void (*remove)(char *url); // with all that the tests left there; frees `url`
};

extern const struct store_engine store_engines[];
extern const size_t store_engine_count;

// Open, or fail the test with the message.
struct store *store_must_open(const char *url);
