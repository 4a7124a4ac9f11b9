// SPDX-License-Identifier: Apache-2.0
// Whoever changes things: requests to the API on the loop of the hosts, so that the time at which an
// answer is there is not the time at which another thread was woken.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

#include "base/error.h"
#include "http/client.h"

struct caller {
	uv_loop_t *loop;
	struct http_client *http;
	bool interrupted; // nothing is waited for any more
};

// Run the loop until the answer is there. `body` is taken (NULL: none). `answer` (may be NULL): a
// new reference to its JSON. -errno where there is none within `seconds`, or the status is no
// success.
int caller_request(struct caller *caller, const char *method, const char *path, json_t *body,
	unsigned seconds, json_t **answer, struct error *error);
// The same in two steps, for several at a time: send it, and wait for it. The second frees what the
// first returned, whatever comes.
struct exchange;
struct exchange *caller_begin(struct caller *caller, const char *method, const char *path,
	json_t *body, unsigned seconds);
int caller_end(struct exchange *exchange, json_t **answer, struct error *error);
// POST /v1/transactions; takes `body`. The revision, of this or of an earlier change if nothing
// differs.
int caller_commit(struct caller *caller, json_t *body, uint64_t *revision, struct error *error);
// The same for one operation; takes `operation`.
int caller_change(
	struct caller *caller, json_t *operation, uint64_t *revision, struct error *error);
// Until every host that the revision concerns has realized it.
int caller_await(struct caller *caller, uint64_t revision, struct error *error);

// Run the loop until *`value` is `wanted`, at most so long; tells `progress` (may be NULL) now and
// then. -ETIMEDOUT, -EINTR.
typedef void (*caller_progress)(void *context, size_t value);
int caller_run(struct caller *caller, const size_t *value, size_t wanted, unsigned seconds,
	caller_progress progress, void *context);
// Let the loop run for so long. -EINTR with `error`: or until the run is interrupted.
int caller_idle(struct caller *caller, unsigned milliseconds, struct error *error);
