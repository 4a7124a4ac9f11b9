// SPDX-License-Identifier: Apache-2.0
#include "feed.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "backlog.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/table.h"
#include "channel.h"
#include "connection.h"
#include "line.h"
#include "loop.h"
#include "snapshot.h"

// A ping every 10 s to each host. Of many hosts a few have their turn each time, so that no change waits
// for the pings of a hundred. Whoever comes back after more than two minutes does not mind a snapshot.
enum { PING_MS = 10000, TICK_MS = 100, TICK_LEAST_MS = 10, BACKLOG_AGE_MS = 120000 };

const struct feed_options feed_defaults = {
	.backlog_bytes = 64 << 20,
	.snapshot_bytes = 128 << 20,
};

struct feed {
	struct source source; // of what is said
	struct feed_events events;
	bool introduced_only;
	struct stream *by_host;
	struct stream *leaving; // list, who leaves first is first
	struct connection *connections;
	size_t count; // of connections that have a stream
	uv_timer_t *timer;
	uint64_t ticked; // when last, in monotonic milliseconds
	uint64_t due;    // pings, times PING_MS
};

static struct stream *stream_find(const struct feed *feed, const char *host)
{
	struct stream *stream;
	HASH_FIND_STR(feed->by_host, host, stream);
	return stream;
}

static struct stream *stream_get(struct feed *feed, const char *host)
{
	struct stream *stream = stream_find(feed, host);
	if (!stream) {
		stream = memory_new(sizeof(*stream));
		snprintf(stream->host, sizeof(stream->host), "%s", host);
		stream->is_relay = strchr(host, ':');
		stream->since = clock_monotonic_ms();
		HASH_ADD_STR(feed->by_host, host, stream);
	}
	return stream;
}

// NULL: nothing is kept of it.
static struct stream *stream_of(struct feed *feed, const char *host)
{
	return feed->introduced_only ? stream_find(feed, host) : stream_get(feed, host);
}

// ---- one revision to many hosts ----

struct publication {
	struct feed *feed;
	const char **hosts;
	size_t count, capacity;
};

static void publish_emit(
	void *context, const char *host, struct object *before, struct object *after)
{
	struct publication *publication = context;
	struct feed *feed = publication->feed;
	struct stream *stream = stream_of(feed, host);
	if (stream)
		backlog_add(feed->source.backlog, &stream->told, before, after);
}

static void publish_visit(void *context, struct backlog_host *host, uint64_t difference)
{
	struct publication *publication = context;
	struct stream *stream = (struct stream *)((char *)host - offsetof(struct stream, told));
	if (stream->digested)
		stream->digest += difference;
	if (stream->connection)
		channel_wake(stream->connection->channel);
	if (stream->is_relay)
		return;
	if (publication->count == publication->capacity) {
		publication->capacity = publication->capacity ? publication->capacity * 2 : 16;
		publication->hosts = memory_resize(
			publication->hosts, publication->capacity, sizeof(*publication->hosts));
	}
	publication->hosts[publication->count++] = stream->host;
}

size_t feed_publish(struct feed *feed, const struct topology_change *changes, size_t count,
	uint64_t revision, const char ***hosts)
{
	struct publication publication = {.feed = feed};
	backlog_begin(feed->source.backlog, revision, clock_monotonic_ms());
	topology_apply(feed->source.topology, changes, count, publish_emit, &publication);
	backlog_end(feed->source.backlog, publish_visit, &publication);
	*hosts = publication.hosts;
	return publication.count;
}

// ---- a host comes and goes ----

// The host has no connection any more, whatever becomes of that.
static void detach(struct feed *feed, struct stream *stream)
{
	struct connection *connection = steal(stream->connection);
	connection_silence(connection);
	connection->stream = NULL;
	feed->count--;
}

static void note_connected(struct feed *feed, struct stream *stream, bool connected)
{
	stream->since = clock_monotonic_ms();
	if (!connected)
		log_info("host %s is disconnected", stream->host);
	feed->events.connected(feed->events.context, stream->host, connected, stream->since);
}

static void stop_leaving(struct feed *feed, struct stream *stream)
{
	if (!stream->leaves)
		return;
	stream->leaves = 0;
	DL_DELETE2(feed->leaving, stream, leaving_prev, leaving_next);
}

// All take equally long to leave, so the last to begin is the last.
static void begin_to_leave(struct feed *feed, struct stream *stream)
{
	stop_leaving(feed, stream);
	stream->leaves = clock_monotonic_ms() + BACKLOG_AGE_MS;
	DL_APPEND2(feed->leaving, stream, leaving_prev, leaving_next);
}

static bool through(const struct stream *stream, const struct stream *relay)
{
	return stream->relay == relay && !stream->leaves;
}

// Of all that the host was behind the relay, only that it is connected ends now.
static void leave(struct feed *feed, struct stream *stream)
{
	begin_to_leave(feed, stream);
	stream->expected = false;
	note_connected(feed, stream, false);
}

static void relay_disconnected(struct feed *feed, struct stream *relay)
{
	struct stream *stream, *next;
	log_info("%s is disconnected", relay->host);
	relay->since = clock_monotonic_ms();
	HASH_ITER (hh, feed->by_host, stream, next)
		if (through(stream, relay))
			leave(feed, stream);
}

static void stream_closed(void *context)
{
	struct connection *connection = context;
	struct feed *feed = connection->feed;
	struct stream *stream = connection->stream;
	if (stream) {
		detach(feed, stream);
		if (stream->is_relay)
			relay_disconnected(feed, stream);
		else
			note_connected(feed, stream, false);
	}
	DL_DELETE(feed->connections, connection);
	free(connection);
}

// Its own connection ends, if it has one, and none follows that anybody knows of.
static bool drop_own(struct feed *feed, struct stream *stream)
{
	if (!stream->connection)
		return false;
	struct channel *channel = stream->connection->channel;
	detach(feed, stream);
	channel_drop(channel);
	return true;
}

static void yield_relay(struct feed *feed, struct stream *stream);

static struct connection *attach(struct feed *feed, struct stream *stream, struct request *request)
{
	struct connection *connection = memory_new(sizeof(*connection));
	const struct channel_events events = {connection_more, stream_closed, connection};
	drop_own(feed, stream);
	connection->feed = feed;
	connection->source = &feed->source;
	connection->stream = stream;
	connection->channel = channel_open(request, &events);
	DL_APPEND(feed->connections, connection);
	feed->count++;
	stream->connection = connection;
	stream->since = clock_monotonic_ms();
	return connection;
}

static void open_stream(struct feed *feed, struct stream *stream, struct request *request,
	const struct place *place)
{
	struct connection *connection = attach(feed, stream, request);
	connection->patches = place->patches;
	if (!stream->digested)
		stream->digest = topology_digest(feed->source.topology, stream->host);
	stream->digested = true;
	bool resumed = connection_resume(connection, place);
	if (!resumed)
		connection_begin(connection);
	log_info("%s%s is connected%s", stream->is_relay ? "" : "host ", stream->host,
		resumed ? ", resumed" : "");
}

// ---- which of two is newer ----

// For a channel of which nothing is made.
static void ignore_end(void *context)
{
	(void)context;
}

void feed_refuse(struct request *request, uint64_t newest)
{
	const struct channel_events events = {.closed = ignore_end};
	struct channel *channel = channel_open(request, &events);
	channel_push_new(channel, bytes_line(json_pack("{s:s, s:I}", "type", "older", "attempt",
					  (json_int_t)newest)));
	channel_end(channel);
}

// False: a newer attempt is known. One that says no number has come last.
static bool take_attempt(struct stream *stream, uint64_t host, uint64_t relay)
{
	struct attempt attempt = {host ? host : attempt_next(stream->attempt.host), relay};
	if (attempt_newer(stream->attempt, attempt))
		return false;
	stream->attempt = attempt;
	return true;
}

struct attempt feed_attempt(const struct feed *feed, const char *host)
{
	const struct stream *stream = stream_find(feed, host);
	return stream ? stream->attempt : (struct attempt){0};
}

static void end_stream(struct feed *feed, struct stream *stream)
{
	if (drop_own(feed, stream))
		note_connected(feed, stream, false);
	else
		yield_relay(feed, stream);
}

bool feed_yield(struct feed *feed, const char *host, struct attempt elsewhere)
{
	struct stream *stream = stream_of(feed, host);
	if (!stream)
		return true;
	if (attempt_newer(stream->attempt, elsewhere))
		return false;
	stream->attempt = elsewhere;
	end_stream(feed, stream);
	return true;
}

void feed_drop(struct feed *feed, const char *host)
{
	struct stream *stream = stream_find(feed, host);
	if (stream)
		end_stream(feed, stream);
}

void feed_open(
	struct feed *feed, const char *host, struct request *request, const struct place *place)
{
	struct stream *stream = stream_get(feed, host);
	if (!take_attempt(stream, place->attempt, 0)) {
		feed_refuse(request, stream->attempt.host);
		return;
	}
	yield_relay(feed, stream);
	open_stream(feed, stream, request, place);
	note_connected(feed, stream, true);
}

// ---- relays ----

static const char *relay_name(const char *relay, char *text /* 72 bytes */)
{
	snprintf(text, 72, "relay:%s", relay);
	return text;
}

// The relays concerned are told as by a revision, which it is none.
static void rehang(struct feed *feed, struct stream *stream, struct stream *relay)
{
	struct publication publication = {.feed = feed};
	stream->relay = relay;
	stop_leaving(feed, stream);
	stream->expected = false;
	backlog_begin(feed->source.backlog, feed->events.revision(feed->events.context),
		clock_monotonic_ms());
	topology_relay(feed->source.topology, stream->host, relay ? relay->host : NULL,
		publish_emit, &publication);
	backlog_end(feed->source.backlog, publish_visit, &publication);
	free(publication.hosts);
}

static json_t *about_host(const char *type, const struct stream *stream)
{
	return json_pack("{s:s, s:s}", "type", type, "host", stream->host);
}

static void yield_relay(struct feed *feed, struct stream *stream)
{
	if (!stream->relay || stream->leaves)
		return;
	json_t *message = about_host("yield", stream);
	json_object_set_new(message, "attempt", json_integer((json_int_t)stream->attempt.host));
	feed_tell(feed, stream->relay->host, message);
	leave(feed, stream);
}

static void announce(struct stream *relay, struct stream *stream)
{
	struct connection *connection = relay->connection;
	if (!connection)
		return; // once it is there
	connection_note(connection, bytes_line(about_host("joined", stream)));
}

static void come(struct feed *feed, struct stream *stream, bool another)
{
	bool news = stream->leaves;
	stop_leaving(feed, stream);
	stream->expected = false;
	if (news || another)
		note_connected(feed, stream, true);
	announce(stream->relay, stream);
}

void feed_open_relay(
	struct feed *feed, const char *relay, struct request *request, const struct place *place)
{
	char name[72];
	struct stream *to = stream_get(feed, relay_name(relay, name)), *stream, *next;
	if (!take_attempt(to, place->attempt, 0)) {
		feed_refuse(request, to->attempt.host);
		return;
	}
	open_stream(feed, to, request, place);
	HASH_ITER (hh, feed->by_host, stream, next)
		if (stream->relay == to && (stream->expected || !stream->leaves))
			come(feed, stream, false);
}

bool feed_relay_speaks(struct feed *feed, const char *relay, uint64_t attempt)
{
	char name[72];
	return take_attempt(stream_get(feed, relay_name(relay, name)), attempt, 0);
}

bool feed_join(struct feed *feed, const char *host, const char *relay, uint64_t attempt)
{
	char name[72];
	struct stream *stream = stream_get(feed, host);
	struct stream *to = stream_get(feed, relay_name(relay, name));
	struct attempt before = stream->attempt;
	if (!take_attempt(stream, attempt, to->attempt.host))
		return false;
	if (drop_own(feed, stream))
		note_connected(feed, stream, false);
	if (stream->relay != to) {
		yield_relay(feed, stream);
		rehang(feed, stream, to);
		begin_to_leave(feed, stream);
	}
	if (to->connection)
		come(feed, stream, attempt_newer(stream->attempt, before));
	else
		stream->expected = true;
	return true;
}

static struct stream *find_behind(const struct feed *feed, const char *host, const char *relay)
{
	char name[72];
	struct stream *stream = stream_find(feed, host);
	struct stream *to = stream_find(feed, relay_name(relay, name));
	return stream && to && through(stream, to) ? stream : NULL;
}

void feed_leave(struct feed *feed, const char *host, const char *relay)
{
	char name[72];
	struct stream *stream = stream_find(feed, host);
	struct stream *to = stream_find(feed, relay_name(relay, name));
	if (!stream || !to || stream->relay != to)
		return;
	stream->expected = false;
	if (!stream->leaves)
		leave(feed, stream);
}

bool feed_is_behind(const struct feed *feed, const char *host, const char *relay)
{
	return find_behind(feed, host, relay);
}

void feed_each_behind(struct feed *feed, const char *relay, feed_visit visit, void *context)
{
	char name[72];
	struct stream *to = stream_find(feed, relay_name(relay, name)), *stream, *next;
	if (!to)
		return;
	HASH_ITER (hh, feed->by_host, stream, next)
		if (stream->relay == to && (stream->expected || !stream->leaves))
			visit(context, stream->host);
}

// Those that have left long enough ago.
static void sweep_relays(struct feed *feed, uint64_t now)
{
	while (feed->leaving && feed->leaving->leaves < now)
		rehang(feed, feed->leaving, NULL);
}

// ---- all of them ----

static void ping(struct connection *connection)
{
	const struct stream *stream = connection->stream;
	if (stream && channel_idle(connection->channel) && connection_is_at_end(connection))
		channel_push_new(connection->channel, line_ping(stream->digest));
}

static uint64_t tick_ms(const struct feed *feed)
{
	uint64_t next = PING_MS / (feed->count + 1);
	return next < TICK_LEAST_MS ? TICK_LEAST_MS : next < TICK_MS ? next : TICK_MS;
}

static void ping_some(struct feed *feed, uint64_t now)
{
	uint64_t passed = now - feed->ticked;
	feed->ticked = now;
	// After a long time without a turn once is enough.
	feed->due += feed->count * (passed < PING_MS ? passed : PING_MS);
	for (; feed->due >= PING_MS; feed->due -= PING_MS) {
		if (!feed->connections)
			continue;
		struct connection *connection = feed->connections;
		DL_DELETE(feed->connections, connection);
		DL_APPEND(feed->connections, connection);
		ping(connection);
	}
}

static void on_tick(uv_timer_t *timer)
{
	struct feed *feed = timer->data;
	uint64_t now = clock_monotonic_ms();
	ping_some(feed, now);
	uv_timer_set_repeat(timer, tick_ms(feed));
	backlog_trim(feed->source.backlog, now);
	snapshots_sweep(feed->source.snapshots, now);
	sweep_relays(feed, now);
}

void feed_new(struct feed **out, uv_loop_t *loop, struct topology *topology,
	const struct feed_options *options, const struct feed_events *events)
{
	struct feed *feed = memory_new(sizeof(*feed));
	feed->source = (struct source){
		.topology = topology,
		.revision = events->revision,
		.history = events->history,
		.context = events->context,
	};
	feed->events = *events;
	feed->introduced_only = options->introduced_only;
	backlog_new(&feed->source.backlog, options->backlog_bytes, BACKLOG_AGE_MS);
	snapshots_new(&feed->source.snapshots, options->snapshot_bytes);
	feed->timer = memory_new(sizeof(*feed->timer));
	feed->timer->data = feed;
	feed->ticked = clock_monotonic_ms();
	uv_timer_init(loop, feed->timer);
	uv_timer_start(feed->timer, on_tick, TICK_MS, TICK_MS);
	*out = feed;
}

void feed_end(struct feed *feed)
{
	struct connection *connection;
	DL_FOREACH (feed->connections, connection)
		channel_end(connection->channel);
}

static void stream_free(struct feed *feed, struct stream *stream)
{
	HASH_DEL(feed->by_host, stream);
	stop_leaving(feed, stream);
	backlog_forget(&stream->told);
	free(stream);
}

void feed_free(struct feed *feed)
{
	if (!feed)
		return;
	struct stream *stream, *next;
	HASH_ITER (hh, feed->by_host, stream, next)
		stream_free(feed, stream);
	backlog_free(feed->source.backlog);
	snapshots_free(feed->source.snapshots);
	loop_close(feed->timer);
	free(feed);
}

void feed_introduce(struct feed *feed, const char *host)
{
	stream_get(feed, host);
}

void feed_forget(struct feed *feed, const char *host)
{
	struct stream *stream = stream_find(feed, host);
	if (!stream)
		return;
	if (stream->connection) {
		struct channel *channel = stream->connection->channel;
		// It is told to forget everything, itself last: that much it still reads.
		while (!connection_is_at_end(stream->connection))
			connection_more(stream->connection);
		detach(feed, stream);
		channel_end(channel);
	}
	stream_free(feed, stream);
}

static bool is_connected(const struct stream *stream)
{
	return stream && (stream->connection || (stream->relay && !stream->leaves));
}

bool feed_tell(struct feed *feed, const char *host, json_t *message)
{
	const struct stream *stream = stream_find(feed, host);
	if (is_connected(stream) && !stream->connection)
		return feed_tell(feed, stream->relay->host,
			json_pack("{s:s, s:s, s:o}", "type", "ask", "host", host, "message",
				message));
	struct channel *channel = stream && stream->connection ? stream->connection->channel : NULL;
	struct bytes *line = bytes_line(message);
	bool told = channel && !channel_overdue(channel);
	if (told)
		channel_push(channel, line);
	bytes_unref(line);
	return told;
}

void feed_confirm(struct feed *feed, json_t *message)
{
	struct bytes *line = bytes_line(message);
	struct connection *connection;
	DL_FOREACH (feed->connections, connection) {
		const struct stream *stream = connection->stream;
		if (!stream)
			continue;
		// Whoever is not at the end is told anyway.
		if (connection_is_at_end(connection))
			channel_push_new(connection->channel,
				line_commit(feed->events.revision(feed->events.context),
					connection->digest));
		channel_push(connection->channel, line);
	}
	bytes_unref(line);
}

bool feed_connected(const struct feed *feed, const char *host, uint64_t *since_ms)
{
	const struct stream *stream = stream_find(feed, host);
	if (since_ms)
		*since_ms = stream ? clock_monotonic_ms() - stream->since : 0;
	return is_connected(stream);
}

size_t feed_count(const struct feed *feed)
{
	return feed->count;
}
