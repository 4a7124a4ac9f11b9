// SPDX-License-Identifier: Apache-2.0
// Finding what is accepted and yet hardly meant. Private to the model.
#pragma once

#include "state.h"

void warnings_find(const struct catalog *catalog, const struct catalog_change *changes,
	size_t count, warning_visit visit, void *context);

// The routes of the router, by index in order, whose packets come back to it. `work` is the
// look-ups that are left.
typedef void (*loop_visit)(void *context, size_t route, const struct record *over);
void loops_find(const struct catalog *catalog, const struct record *router, size_t *work,
	loop_visit visit, void *context);
