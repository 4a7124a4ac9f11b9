// SPDX-License-Identifier: Apache-2.0
#include "streams.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <uthash.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "channel.h"
#include "handler.h"
#include "loop.h"
#include "model/digest.h"
#include "presence.h"
#include "questions.h"

enum { PING_MS = 10000 };

struct stream {
	char host[64];
	struct channel *channel; // NULL: not connected
	uint64_t since;          // monotonic milliseconds
	// Of what the host should hold, from its first connection on.
	bool digested;
	uint64_t digest;
	bool in_batch;
	UT_hash_handle hh;
};

struct streams {
	struct stream *by_host;
	uv_timer_t *timer;
};

// One connection, which may outlive its place in the stream.
struct attendance {
	struct controller *controller;
	struct channel *channel;
	char host[64];
};

static struct stream *stream_find(const struct controller *controller, const char *host)
{
	struct stream *stream;
	HASH_FIND_STR(controller->streams->by_host, host, stream);
	return stream;
}

static struct stream *stream_get(struct controller *controller, const char *host)
{
	struct stream *stream = stream_find(controller, host);
	if (!stream) {
		stream = memory_new(sizeof(*stream));
		snprintf(stream->host, sizeof(stream->host), "%s", host);
		stream->since = clock_monotonic_ms();
		HASH_ADD_STR(controller->streams->by_host, host, stream);
	}
	return stream;
}

static void disconnected(struct controller *controller, struct stream *stream)
{
	log_info("host %s is disconnected", stream->host);
	stream->channel = NULL;
	stream->since = clock_monotonic_ms();
	presence_here(controller, stream->host, false, stream->since);
	questions_lost(controller, stream->host);
}

// ---- lines ----

static struct bytes *line_mark(const char *type, uint64_t revision)
{
	return bytes_line(json_pack("{s:s, s:I}", "type", type, "revision", (json_int_t)revision));
}

static struct bytes *line_commit(uint64_t revision, uint64_t digest)
{
	char text[DIGEST_TEXT];
	return bytes_line(json_pack("{s:s, s:I, s:s}", "type", "commit", "revision",
		(json_int_t)revision, "digest", digest_format(digest, text)));
}

static struct bytes *line_ping(uint64_t digest)
{
	char text[DIGEST_TEXT];
	return bytes_line(
		json_pack("{s:s, s:s}", "type", "ping", "digest", digest_format(digest, text)));
}

static struct bytes *line_object(struct object *object, bool gone)
{
	if (!gone)
		return bytes_line(
			json_pack("{s:s, s:o}", "type", "put", "object", object_encode(object)));
	json_t *json =
		json_pack("{s:s, s:s}", "type", "delete", "kind", model_kind_name(object->kind));
	if (object->tenant)
		json_object_set_new(json, "tenant", json_string(object->tenant));
	json_object_set_new(json, "name", json_string(object->name));
	return bytes_line(json);
}

static void push_new(struct channel *channel, struct bytes *line)
{
	channel_push(channel, line);
	bytes_unref(line);
}

// ---- one revision to many hosts ----

// A line of the batch, made when the first host needs it.
struct line {
	struct {
		const struct object *object;
		uintptr_t gone;
	} key;
	struct bytes *bytes;
	UT_hash_handle hh;
};

struct batch {
	struct controller *controller;
	struct line *lines;
	struct stream **streams; // that the batch goes to
	size_t count, capacity;
};

static struct bytes *batch_line(struct batch *batch, struct object *object, bool gone)
{
	struct line *line = memory_new(sizeof(*line)), *known;
	line->key.object = object;
	line->key.gone = gone;
	HASH_FIND(hh, batch->lines, &line->key, sizeof(line->key), known);
	if (known) {
		free(line);
		return known->bytes;
	}
	line->bytes = line_object(object, gone);
	HASH_ADD(hh, batch->lines, key, sizeof(line->key), line);
	return line->bytes;
}

static void batch_join(struct batch *batch, struct stream *stream)
{
	if (batch->count == batch->capacity) {
		batch->capacity = batch->capacity ? batch->capacity * 2 : 16;
		batch->streams =
			memory_resize(batch->streams, batch->capacity, sizeof(*batch->streams));
	}
	batch->streams[batch->count++] = stream;
	stream->in_batch = true;
	if (stream->channel && channel_overdue(stream->channel)) {
		log_warning("host %s does not read its stream and is dropped", stream->host);
		channel_drop(stream->channel);
	}
}

static void batch_emit(void *context, const char *host, struct object *before, struct object *after)
{
	struct batch *batch = context;
	struct stream *stream = stream_get(batch->controller, host);
	if (!stream->in_batch)
		batch_join(batch, stream);
	if (stream->digested)
		stream->digest += object_digest(after) - object_digest(before);
	if (stream->channel)
		channel_push(stream->channel, batch_line(batch, after ? after : before, !after));
}

static void batch_done(struct batch *batch)
{
	struct line *line, *next;
	HASH_ITER (hh, batch->lines, line, next) {
		HASH_DELETE(hh, batch->lines, line);
		bytes_unref(line->bytes);
		free(line);
	}
	free(batch->streams);
}

void streams_publish(struct controller *controller, const struct topology_change *changes,
	size_t count, uint64_t revision)
{
	struct batch batch = {.controller = controller};
	topology_apply(controller->topology, changes, count, batch_emit, &batch);
	const char **hosts = memory_new((batch.count + 1) * sizeof(*hosts));
	for (size_t i = 0; i < batch.count; i++) {
		struct stream *stream = batch.streams[i];
		stream->in_batch = false;
		hosts[i] = stream->host;
		if (stream->channel)
			push_new(stream->channel, line_commit(revision, stream->digest));
	}
	receipts_expect(controller->receipts, revision, hosts, batch.count, clock_monotonic_ms());
	free(hosts);
	batch_done(&batch);
}

// ---- a host connects ----

static void snapshot_emit(
	void *context, const char *host, struct object *before, struct object *after)
{
	(void)host, (void)before;
	push_new(context, line_object(after, false));
}

static void stream_closed(void *context)
{
	struct attendance *attendance = context;
	struct stream *stream = stream_find(attendance->controller, attendance->host);
	if (stream && stream->channel == attendance->channel)
		disconnected(attendance->controller, stream);
	free(attendance);
}

void handle_stream(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	if (!catalog_find(controller->catalog, MODEL_HOST, NULL, target->name)) {
		error_set(&error, ENOENT, "there is no host %s", target->name);
		error_set_object(&error, "hosts/%s", target->name);
		request_refuse(request, &error);
		return;
	}
	struct stream *stream = stream_get(controller, target->name);
	if (stream->channel) {
		struct channel *older = steal(stream->channel);
		channel_drop(older);
	}
	struct attendance *attendance = memory_new(sizeof(*attendance));
	attendance->controller = controller;
	snprintf(attendance->host, sizeof(attendance->host), "%s", stream->host);
	attendance->channel = channel_open(request, stream_closed, attendance);
	stream->channel = attendance->channel;
	stream->since = clock_monotonic_ms();
	log_info("host %s is connected", stream->host);

	uint64_t revision = controller_revision(controller);
	if (!stream->digested)
		stream->digest = topology_digest(controller->topology, stream->host);
	stream->digested = true;
	push_new(stream->channel, line_mark("snapshot", revision));
	topology_host(controller->topology, stream->host, snapshot_emit, stream->channel);
	push_new(stream->channel, line_commit(revision, stream->digest));
	presence_here(controller, stream->host, true, stream->since);
}

// ---- all of them ----

static void on_ping(uv_timer_t *timer)
{
	struct controller *controller = timer->data;
	struct stream *stream, *next;
	HASH_ITER (hh, controller->streams->by_host, stream, next) {
		if (stream->channel && channel_idle(stream->channel))
			push_new(stream->channel, line_ping(stream->digest));
	}
}

void streams_start(struct controller *controller)
{
	controller->streams = memory_new(sizeof(*controller->streams));
	uv_timer_t *timer = memory_new(sizeof(*timer));
	timer->data = controller;
	uv_timer_init(controller->loop, timer);
	uv_timer_start(timer, on_ping, PING_MS, PING_MS);
	controller->streams->timer = timer;
}

void streams_end(struct controller *controller)
{
	struct stream *stream, *next;
	HASH_ITER (hh, controller->streams->by_host, stream, next) {
		if (stream->channel)
			channel_end(stream->channel);
	}
}

void streams_free(struct controller *controller)
{
	struct stream *stream, *next;
	HASH_ITER (hh, controller->streams->by_host, stream, next) {
		HASH_DEL(controller->streams->by_host, stream);
		free(stream);
	}
	loop_close(controller->streams->timer);
	free(steal(controller->streams));
}

void streams_introduce(struct controller *controller, const char *host)
{
	stream_get(controller, host);
}

void streams_yield(struct controller *controller, const char *host)
{
	struct stream *stream = stream_find(controller, host);
	if (stream && stream->channel)
		channel_drop(stream->channel);
}

void streams_forget(struct controller *controller, const char *host)
{
	struct stream *stream = stream_find(controller, host);
	if (!stream)
		return;
	if (stream->channel)
		channel_end(stream->channel);
	HASH_DEL(controller->streams->by_host, stream);
	free(stream);
}

bool streams_tell(struct controller *controller, const char *host, json_t *message)
{
	struct stream *stream = stream_find(controller, host);
	struct bytes *line = bytes_line(message);
	bool told = stream && stream->channel;
	if (told)
		channel_push(stream->channel, line);
	bytes_unref(line);
	return told;
}

bool streams_connected(const struct controller *controller, const char *host, uint64_t *since_ms)
{
	const struct stream *stream = stream_find(controller, host);
	if (since_ms)
		*since_ms = stream ? clock_monotonic_ms() - stream->since : 0;
	return stream && stream->channel;
}
