// SPDX-License-Identifier: Apache-2.0
#include "stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/attempt.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "model/digest.h"
#include "timer.h"

// The controller says "ping" every 10 s; three missed, and it is gone.
enum { SILENCE_SECONDS = 30, STEADY_MS = 5000, OK = 200, NOT_FOUND = 404, UNAVAILABLE = 503 };

struct stream {
	struct http_client *http;
	char *path; // of the host object
	char *registration;
	struct stream_events events;
	struct http_request *request;
	struct timer *again;
	struct backoff backoff;
	struct reader reader;
	char history[40];   // of what the host holds; empty: it has nothing to resume from
	struct error error; // why the connection is worth nothing more
	uint64_t attempt;   // the number of this one, or of the last
	bool registered;
	bool synced;        // this connection's snapshot has come
	uint64_t synced_ms; // when, monotonic
	bool agreed;        // this connection's digests have been equal
	bool quiet;         // the trouble was told once
};

static void connect_stream(struct stream *stream);
static void open_stream(struct stream *stream);

static void retry(struct stream *stream, const char *what, const char *why)
{
	uint32_t after_ms = backoff_ms(&stream->backoff);
	bool another = http_client_next(stream->http);
	log_write(stream->quiet ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING, "%s: %s; trying %s", what,
		why, another ? http_client_server(stream->http) : "again");
	stream->quiet = true;
	agent_timer_start(stream->again, after_ms, 0);
}

static void explain(char *reason, size_t size, long status, const char *text)
{
	if (status && status != OK)
		snprintf(reason, size, "status %ld: %.600s", status, text);
	else
		snprintf(reason, size, "%s", text);
}

static void batch_ready(void *context, const struct batch *batch)
{
	struct stream *stream = context;
	if (!stream->synced) {
		log_info("connected to %s at revision %llu%s", http_client_server(stream->http),
			(unsigned long long)batch->revision, batch->snapshot ? "" : ", resumed");
		stream->synced = true;
		stream->synced_ms = clock_monotonic_ms();
	}
	if (batch->snapshot)
		snprintf(stream->history, sizeof(stream->history), "%s", batch->history);
	stream->events.batch(stream->events.context, batch);
}

// The clock has jumped back, or this machine was set back: what others remember counts.
static int go_on_from(struct stream *stream, const json_t *message)
{
	json_int_t newest = json_integer_value(json_object_get(message, "attempt"));
	if (newest <= 0)
		return -EPROTO;
	stream->attempt = (uint64_t)newest;
	error_set(&stream->error, ESTALE, "a newer stream than this one is known");
	return 0;
}

static int message_ready(void *context, const char *type, json_t *message)
{
	struct stream *stream = context;
	if (!strcmp(type, "older"))
		return go_on_from(stream, message);
	return stream->events.message(stream->events.context, type, message);
}

static const struct object *find_held(
	void *context, enum model_kind kind, const char *tenant, const char *name)
{
	const struct stream *stream = context;
	return stream->events.find(stream->events.context, kind, tenant, name);
}

// What comes after a divergence is not worth reading: the next connection begins with a snapshot.
// Where not even that helps, snapshots come slowly.
static void digest_claimed(void *context, uint64_t digest)
{
	struct stream *stream = context;
	uint64_t revision, held;
	if (!stream->events.holds || stream->error.code)
		return;
	stream->events.holds(stream->events.context, &revision, &held);
	if (held == digest) {
		stream->agreed = true;
		return;
	}
	stream->history[0] = '\0'; // nothing to resume from
	error_set(&stream->error, EPROTO, "this host does not hold what the controller believes");
	if (!stream->agreed)
		stream->backoff.next_ms = BACKOFF_LAST_MS;
	stream->events.diverged(stream->events.context);
}

static int stream_data(void *context, const char *data, size_t length)
{
	struct stream *stream = context;
	int result = reader_feed(&stream->reader, data, length, &stream->error);
	return result ? result : -stream->error.code;
}

static void stream_ended(void *context, long status, const char *text)
{
	struct stream *stream = context;
	stream->request = NULL;
	if (status == NOT_FOUND)
		stream->registered = false;
	// One that ends as soon as it is there must not be the beginning of a race: two agents that run
	// as one host take it from each other.
	bool steady = stream->synced && clock_monotonic_ms() - stream->synced_ms >= STEADY_MS;
	bool brief = stream->synced && !steady && !stream->error.code && status == OK;
	if (steady) {
		backoff_reset(&stream->backoff);
		stream->quiet = false;
	}
	if (stream->synced)
		stream->events.lost(stream->events.context);
	stream->synced = false;
	stream->agreed = false;
	char reason[700];
	if (stream->error.code)
		error_format(&stream->error, reason, sizeof(reason));
	else
		explain(reason, sizeof(reason), status, text);
	if (brief)
		snprintf(reason + strlen(reason), sizeof(reason) - strlen(reason),
			" as soon as it began (does another agent run as this host?)");
	retry(stream, "the stream from the controller ended", reason);
}

static void send_registration(struct stream *stream, const char *method);

static void registration_ended(struct stream *stream, long status, const char *text)
{
	stream->request = NULL;
	if (status >= 200 && status < 300) {
		stream->registered = true;
		connect_stream(stream);
		return;
	}
	char reason[700];
	explain(reason, sizeof(reason), status, text);
	if (status == UNAVAILABLE) {
		// It cannot write now, and may well know this host from before.
		log_warning("this host is not registered anew: %s", reason);
		open_stream(stream);
		return;
	}
	retry(stream, "cannot register this host", reason);
}

static void update_ended(void *context, long status, const char *text)
{
	struct stream *stream = context;
	if (status == NOT_FOUND)
		send_registration(stream, "PUT");
	else
		registration_ended(stream, status, text);
}

static void creation_ended(void *context, long status, const char *text)
{
	registration_ended(context, status, text);
}

// A PATCH, so that what others wrote into the host object (labels) stays; a PUT where there is none
// yet.
static void send_registration(struct stream *stream, const char *method)
{
	bool update = !strcmp(method, "PATCH");
	struct http_call call = {
		.method = method,
		.path = stream->path,
		.body = stream->registration,
		.silence_seconds = SILENCE_SECONDS,
		.done = update ? update_ended : creation_ended,
		.context = stream,
	};
	stream->request = http_client_send(stream->http, &call);
}

// With what this host holds, so that only what it lacks is sent.
static char *stream_path(const struct stream *stream)
{
	uint64_t revision, digest;
	char text[DIGEST_TEXT];
	const char *patches = stream->events.find ? "&patches=1" : "";
	if (!*stream->history || !stream->events.holds)
		return memory_format(
			"%s/stream?attempt=%" PRIu64 "%s", stream->path, stream->attempt, patches);
	stream->events.holds(stream->events.context, &revision, &digest);
	return memory_format("%s/stream?attempt=%" PRIu64 "%s&since=%" PRIu64
			     "&digest=%s&history=%s",
		stream->path, stream->attempt, patches, revision, digest_format(digest, text),
		stream->history);
}

static void connect_stream(struct stream *stream)
{
	stream->attempt = attempt_next(stream->attempt);
	if (stream->registration && !stream->registered)
		send_registration(stream, "PATCH");
	else if (stream->events.prepare)
		stream->events.prepare(stream->events.context, stream->attempt);
	else
		open_stream(stream);
}

void agent_stream_go_on(struct stream *stream, long status, const char *text)
{
	char reason[700];
	if (status >= 200 && status < 300) {
		open_stream(stream);
		return;
	}
	explain(reason, sizeof(reason), status, text);
	retry(stream, "cannot begin a stream", reason);
}

static void open_stream(struct stream *stream)
{
	cleanup_free char *path = stream_path(stream);
	struct http_call call = {
		.method = "GET",
		.path = path,
		.silence_seconds = SILENCE_SECONDS,
		.data = stream_data,
		.done = stream_ended,
		.context = stream,
	};
	reader_reset(&stream->reader, *stream->history && stream->events.holds);
	stream->error = (struct error){0};
	stream->request = http_client_send(stream->http, &call);
}

void agent_stream_break(struct stream *stream, const char *why)
{
	if (!stream->request)
		return; // it is on its way anyway
	http_client_cancel(steal(stream->request));
	stream_ended(stream, 0, why);
}

static void try_again(void *context)
{
	connect_stream(context);
}

void agent_stream_new(struct stream **out, uv_loop_t *loop, struct http_client *http,
	const char *path, const char *registration, const struct stream_events *events)
{
	struct stream *stream = memory_new(sizeof(*stream));
	stream->http = http;
	stream->path = memory_text(path);
	stream->registration = memory_text(registration);
	stream->events = *events;
	reader_init(&stream->reader, batch_ready, stream);
	stream->reader.message = message_ready;
	stream->reader.claim = digest_claimed;
	stream->reader.find = events->find ? find_held : NULL;
	agent_timer_new(&stream->again, loop, try_again, stream);
	connect_stream(stream);
	*out = stream;
}

void agent_stream_free(struct stream *stream)
{
	if (!stream)
		return;
	http_client_cancel(stream->request);
	agent_timer_free(&stream->again);
	reader_done(&stream->reader);
	free(stream->path);
	free(stream->registration);
	free(stream);
}
