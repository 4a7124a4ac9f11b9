// SPDX-License-Identifier: Apache-2.0
// From method and path to the handler, and who may call it.
#pragma once

#include "handler.h"

// When a request is handled.
enum http_timing {
	TIMING_BY_METHOD, // GET reads what is up to date, everything else writes in its turn
	TIMING_AT_ONCE,
	TIMING_IF_KNOWN, // at once, unless it names what is not known here: what is up to date
	TIMING_IF_FRESH, // up to date, if the store can be reached
};

struct http_route {
	const char *method;
	const char *pattern;
	handler handle;
	unsigned roles; // bits of those that may call it; 0: what access.c says of the kind
	const char *parameters[6]; // of the query, NULL-terminated
	const char *summary;       // for the OpenAPI document; NULL: the schema describes it
	enum http_timing timing;
};

// Find the route. 0 with `route` and `target`; -ENOENT; -ENOTSUP: not with this method, `allow`
// then names those that there are ("GET, PUT"); -EINVAL: the path is not well formed.
enum { ROUTE_ALLOW_TEXT = 64 };
int route_find(const char *method, const char *path, const struct http_route **route,
	struct target *target, char *allow, struct error *error);

// The roles that may call the route, for this target.
unsigned route_roles(const struct http_route *route, const struct target *target);
// Each route, in the order of the table; NULL after the last.
const struct http_route *route_at(size_t index);

// The handler of all requests; `context` is the controller.
void route_dispatch(void *context, struct request *request);
