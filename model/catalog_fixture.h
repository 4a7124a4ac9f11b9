// SPDX-License-Identifier: Apache-2.0
// What the tests of the catalog share: transactions written as lines, and the whole catalog as a text.
#pragma once

#include "model/catalog.h"

// One operation: "put PATH FIELDS", "patch PATH FIELDS" or "delete PATH". FIELDS is JSON with ' for ". A put inherits as
// the API's does.
int fixture_line(struct transaction *transaction, const struct catalog *catalog, const char *line,
	struct error *error);
// The lines as one transaction, committed with `revision` or aborted. `changes` may be NULL.
int fixture_apply(struct catalog *catalog, const char *const *lines, size_t count,
	uint64_t revision, size_t *changes, struct error *error);
// Everything in the catalog that can be seen. Owned by the caller (free).
char *fixture_dump(const struct catalog *catalog);
// Load all objects and counters of `from`, through their encoding, in the opposite order.
void fixture_copy(struct catalog *to, const struct catalog *from);
