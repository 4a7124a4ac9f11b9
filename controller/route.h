// SPDX-License-Identifier: Apache-2.0
// From method and path to the handler, and who may call it.
#pragma once

#include "handler.h"

enum access {
	ACCESS_ADMINISTRATOR,
	ACCESS_HOST, // and the host that the path names
};

// GET reads what is up to date, everything else writes in its turn; or neither.
enum http_timing { TIMING_BY_METHOD, TIMING_AT_ONCE };

struct http_route {
	const char *method;
	const char *pattern;
	handler handle;
	enum access access;
	const char *parameters[5]; // of the query, NULL-terminated
	const char *summary;       // for the OpenAPI document; NULL: the schema describes it
	enum http_timing timing;
};

// Find the route. 0 with `route` and `target`; -ENOENT; -ENOTSUP: not with this method, `allow`
// then names those that there are ("GET, PUT"); -EINVAL: the path is not well formed.
enum { ROUTE_ALLOW_TEXT = 64 };
int route_find(const char *method, const char *path, const struct http_route **route,
	struct target *target, char *allow, struct error *error);

// The handler of all requests; `context` is the controller.
void route_dispatch(void *context, struct request *request);
