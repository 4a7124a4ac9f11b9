// SPDX-License-Identifier: Apache-2.0
#include "caller.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

enum { COMMIT_SECONDS = 600, AWAIT_SECONDS = 600, TURN_MS = 200 };

// ---- the loop ----

// Something to wake the loop with, so that deadlines are seen.
static void turn(uv_timer_t *timer)
{
	(void)timer;
}

static void note(uv_timer_t *timer)
{
	*(size_t *)timer->data = 1;
}

static void close_done(uv_handle_t *timer)
{
	free(timer);
}

int caller_run(struct caller *caller, const size_t *value, size_t wanted, unsigned seconds,
	caller_progress progress, void *context)
{
	uint64_t end = clock_monotonic_ms() + seconds * UINT64_C(1000), told = 0, now;
	uv_timer_t *timer = memory_new(sizeof(*timer));
	uv_timer_init(caller->loop, timer);
	uv_timer_start(timer, turn, TURN_MS, TURN_MS);
	while (*value != wanted && !caller->interrupted && (now = clock_monotonic_ms()) < end) {
		uv_run(caller->loop, UV_RUN_ONCE);
		if (progress && now - told >= TURN_MS) {
			told = now;
			progress(context, *value);
		}
	}
	uv_close((uv_handle_t *)timer, close_done);
	if (*value == wanted)
		return 0;
	return caller->interrupted ? -EINTR : -ETIMEDOUT;
}

int caller_idle(struct caller *caller, unsigned milliseconds, struct error *error)
{
	size_t over = 0;
	uv_timer_t *timer = memory_new(sizeof(*timer));
	uv_timer_init(caller->loop, timer);
	timer->data = &over;
	uv_update_time(caller->loop);
	uv_timer_start(timer, note, milliseconds, 0);
	while (!over && !caller->interrupted)
		uv_run(caller->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)timer, close_done);
	return caller->interrupted ? error_set(error, EINTR, "interrupted") : 0;
}

// ---- requests ----

struct exchange {
	struct caller *caller;
	struct http_request *request;
	char *method, *path;
	unsigned seconds;
	size_t done;
	long status;
	char *body;
	size_t length, capacity;
	char text[1024]; // why there is none
};

static int take_body(void *context, const char *data, size_t length)
{
	struct exchange *exchange = context;
	if (exchange->length + length > exchange->capacity) {
		exchange->capacity = 2 * (exchange->length + length);
		exchange->body = memory_resize(exchange->body, exchange->capacity, 1);
	}
	memcpy(exchange->body + exchange->length, data, length);
	exchange->length += length;
	return 0;
}

static void take_end(void *context, long status, const char *text)
{
	struct exchange *exchange = context;
	exchange->done = 1;
	exchange->status = status;
	snprintf(exchange->text, sizeof(exchange->text), "%s", text);
}

static int judge(const struct exchange *exchange, json_t **answer, struct error *error)
{
	const char *method = exchange->method, *path = exchange->path;
	if (!exchange->status)
		return error_set(error, EIO, "%s %s: %s", method, path, exchange->text);
	if (exchange->status >= 300)
		return error_set(error, EPROTO, "%s %s: status %ld: %.300s", method, path,
			exchange->status, exchange->text);
	if (!answer)
		return 0;
	*answer = json_loadb(exchange->body, exchange->length, 0, NULL);
	return *answer ? 0 : error_set(error, EPROTO, "%s %s: the answer is no JSON", method, path);
}

struct exchange *caller_begin(
	struct caller *caller, const char *method, const char *path, json_t *body, unsigned seconds)
{
	struct exchange *exchange = memory_new(sizeof(*exchange));
	cleanup_free char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct http_call call = {
		.method = method,
		.path = path,
		.body = text,
		.silence_seconds = seconds,
		.data = take_body,
		.done = take_end,
		.context = exchange,
	};
	json_decref(body);
	exchange->caller = caller;
	exchange->method = memory_text(method);
	exchange->path = memory_text(path);
	exchange->seconds = seconds;
	exchange->request = http_client_send(caller->http, &call);
	return exchange;
}

int caller_end(struct exchange *exchange, json_t **answer, struct error *error)
{
	int rc = caller_run(exchange->caller, &exchange->done, 1, exchange->seconds, NULL, NULL);
	if (rc < 0) {
		http_client_cancel(exchange->request);
		rc = error_set(error, ETIMEDOUT, "%s %s: no answer in %u s", exchange->method,
			exchange->path, exchange->seconds);
	} else {
		rc = judge(exchange, answer, error);
	}
	free(exchange->method);
	free(exchange->path);
	free(exchange->body);
	free(exchange);
	return rc;
}

int caller_request(struct caller *caller, const char *method, const char *path, json_t *body,
	unsigned seconds, json_t **answer, struct error *error)
{
	return caller_end(caller_begin(caller, method, path, body, seconds), answer, error);
}

int caller_commit(struct caller *caller, json_t *body, uint64_t *revision, struct error *error)
{
	json_t *answer;
	int rc = caller_request(
		caller, "POST", "/v1/transactions", body, COMMIT_SECONDS, &answer, error);
	if (rc < 0)
		return rc;
	*revision = (uint64_t)json_integer_value(json_object_get(answer, "revision"));
	json_decref(answer);
	return 0;
}

int caller_change(struct caller *caller, json_t *operation, uint64_t *revision, struct error *error)
{
	return caller_commit(
		caller, json_pack("{s:[o]}", "operations", operation), revision, error);
}

int caller_await(struct caller *caller, uint64_t revision, struct error *error)
{
	char path[80];
	json_t *receipt;
	snprintf(path, sizeof(path), "/v1/revisions/%" PRIu64 "?wait=%ds", revision, AWAIT_SECONDS);
	int rc = caller_request(caller, "GET", path, NULL, AWAIT_SECONDS + 10, &receipt, error);
	if (rc < 0)
		return rc;
	const json_t *late = json_array_get(json_object_get(receipt, "pending"), 0);
	if (!json_is_true(json_object_get(receipt, "complete")))
		rc = error_set(error, ETIMEDOUT, "revision %" PRIu64 ": %s has not realized it: %s",
			revision, json_string_value(json_object_get(late, "host")),
			json_string_value(json_object_get(late, "failure")));
	json_decref(receipt);
	return rc;
}
