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

// A host, or a relay.
struct stream {
	char host[72];
	bool is_relay;
	struct connection *connection; // NULL: not connected by itself
	struct stream *relay;          // that it is behind; NULL: none
	uint64_t leaves;               // its relay, at that time; 0: it is connected through it
	struct stream *leaving_prev, *leaving_next;
	bool expected;          // to be, as soon as the relay opens its stream
	struct attempt attempt; // the newest that is known; of a relay: its own number
	uint64_t since;         // monotonic milliseconds
	// Of what the host should hold, from its first connection on.
	bool digested;
	uint64_t digest;
	struct backlog_host told;
	UT_hash_handle hh;
};

// Which may outlive its place in the stream.
struct connection {
	struct feed *feed;
	struct stream *stream; // NULL: it has been replaced, or the host is no more
	struct channel *channel;
	bool patches;              // it can be told what differs of an object
	uint64_t digest;           // of what the host holds once it has read all that was pushed
	struct snapshot *snapshot; // under way; NULL: none
	uint64_t snapshot_revision, snapshot_digest;
	// The host resumes: everything up to and with this is one batch.
	const struct backlog_entry *resumed;
	struct note *notes;             // to be said when there is nothing else to say
	struct connection *prev, *next; // in the order of the next ping
};

struct note {
	struct bytes *line;
	struct note *prev, *next;
};

struct feed {
	struct topology *topology;
	struct feed_events events;
	bool introduced_only;
	struct stream *by_host;
	struct stream *leaving; // list, who leaves first is first
	struct connection *connections;
	size_t count; // of connections that have a stream
	struct backlog *backlog;
	struct snapshots *snapshots;
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

static void push_new(struct channel *channel, struct bytes *line)
{
	channel_push(channel, line);
	bytes_unref(line);
}

// ---- what a stream says next ----

static void begin_snapshot(struct connection *connection)
{
	struct feed *feed = connection->feed;
	struct stream *stream = connection->stream;
	snapshot_end(connection->snapshot);
	snapshot_begin(&connection->snapshot, feed->snapshots, feed->topology, stream->host);
	connection->snapshot_revision = feed->events.revision(feed->events.context);
	connection->snapshot_digest = stream->digest;
	connection->resumed = NULL;
	backlog_skip(&stream->told);
	push_new(connection->channel, line_snapshot(connection->snapshot_revision,
					      feed->events.history(feed->events.context)));
}

static void go_on_with_snapshot(struct connection *connection)
{
	struct bytes *lines = snapshot_next(connection->snapshot);
	if (lines) {
		push_new(connection->channel, lines);
		return;
	}
	snapshot_end(steal(connection->snapshot));
	connection->digest = connection->snapshot_digest;
	push_new(connection->channel,
		line_commit(connection->snapshot_revision, connection->digest));
}

enum { PUSH_BYTES = 16 << 10 };

static void go_on_with_backlog(struct connection *connection)
{
	struct backlog_host *told = &connection->stream->told;
	// What is in one batch with what came before it must not depend on that.
	bool patches = connection->patches && !connection->resumed;
	struct bytes *line;
	for (size_t pushed = 0; pushed < PUSH_BYTES; pushed += line->length) {
		line = backlog_read(connection->feed->backlog, told, patches);
		if (!line)
			break;
		channel_push(connection->channel, line);
	}
	if (line)
		return;
	connection->digest += backlog_difference(told);
	if (!connection->resumed || connection->resumed == told->next) {
		connection->resumed = NULL;
		push_new(connection->channel,
			line_commit(backlog_revision(told), connection->digest));
	}
	backlog_advance(told);
}

static void say_note(struct connection *connection)
{
	struct note *note = connection->notes;
	DL_DELETE(connection->notes, note);
	push_new(connection->channel, note->line);
	free(note);
}

static void stream_more(void *context)
{
	struct connection *connection = context;
	struct stream *stream = connection->stream;
	if (!stream)
		return;
	// A snapshot is read to its end also when another has to follow: so even a host that reads more
	// slowly than things change comes to hold what was so at some moment, and not nothing.
	if (connection->snapshot)
		go_on_with_snapshot(connection);
	else if (stream->told.lost)
		begin_snapshot(connection);
	else if (stream->told.next)
		go_on_with_backlog(connection);
	else if (connection->notes)
		say_note(connection);
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
		backlog_add(feed->backlog, &stream->told, before, after);
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
	backlog_begin(feed->backlog, revision, clock_monotonic_ms());
	topology_apply(feed->topology, changes, count, publish_emit, &publication);
	backlog_end(feed->backlog, publish_visit, &publication);
	*hosts = publication.hosts;
	return publication.count;
}

// ---- a host comes and goes ----

// The host has no connection any more, whatever becomes of that.
static void detach(struct feed *feed, struct stream *stream)
{
	struct connection *connection = steal(stream->connection);
	struct note *note, *next;
	DL_FOREACH_SAFE(connection->notes, note, next)
	{
		DL_DELETE(connection->notes, note);
		bytes_unref(note->line);
		free(note);
	}
	connection->stream = NULL;
	snapshot_end(steal(connection->snapshot));
	feed->count--;
}

static void note_connected(struct feed *feed, struct stream *stream, bool connected)
{
	stream->since = clock_monotonic_ms();
	if (!connected)
		log_info("host %s is disconnected", stream->host);
	feed->events.connected(feed->events.context, stream->host, connected, stream->since);
}

// All take equally long to leave, so the last to begin is the last.
static void begin_to_leave(struct feed *feed, struct stream *stream)
{
	stream->leaves = clock_monotonic_ms() + BACKLOG_AGE_MS;
	DL_APPEND2(feed->leaving, stream, leaving_prev, leaving_next);
}

static void stop_leaving(struct feed *feed, struct stream *stream)
{
	if (!stream->leaves)
		return;
	stream->leaves = 0;
	DL_DELETE2(feed->leaving, stream, leaving_prev, leaving_next);
}

static bool through(const struct stream *stream, const struct stream *relay)
{
	return stream->relay == relay && !stream->leaves;
}

// Of all that the host was behind the relay, only that it is connected ends now.
static void leave(struct feed *feed, struct stream *stream)
{
	stop_leaving(feed, stream);
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
	const struct channel_events events = {stream_more, stream_closed, connection};
	drop_own(feed, stream);
	connection->feed = feed;
	connection->stream = stream;
	connection->channel = channel_open(request, &events);
	DL_APPEND(feed->connections, connection);
	feed->count++;
	stream->connection = connection;
	stream->since = clock_monotonic_ms();
	return connection;
}

// What the host holds, brought to what it should hold, if that is known: one batch, often of nothing
// but the commit.
static bool resume(struct feed *feed, struct connection *connection, const struct feed_place *place)
{
	struct stream *stream = connection->stream;
	if (!place->history || strcmp(place->history, feed->events.history(feed->events.context)))
		return false;
	connection->digest = place->digest;
	if (place->digest == stream->digest) {
		backlog_skip(&stream->told);
		push_new(connection->channel,
			line_commit(feed->events.revision(feed->events.context), stream->digest));
		return true;
	}
	if (!backlog_resume(&stream->told, place->revision, place->digest, stream->digest))
		return false;
	connection->resumed = stream->told.last;
	return true;
}

static void open_stream(struct feed *feed, struct stream *stream, struct request *request,
	const struct feed_place *place)
{
	struct connection *connection = attach(feed, stream, request);
	connection->patches = place->patches;
	if (!stream->digested)
		stream->digest = topology_digest(feed->topology, stream->host);
	stream->digested = true;
	bool resumed = resume(feed, connection, place);
	if (!resumed)
		begin_snapshot(connection);
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
	push_new(channel, bytes_line(json_pack(
				  "{s:s, s:I}", "type", "older", "attempt", (json_int_t)newest)));
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

void feed_open(struct feed *feed, const char *host, struct request *request,
	const struct feed_place *place)
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
	backlog_begin(
		feed->backlog, feed->events.revision(feed->events.context), clock_monotonic_ms());
	topology_relay(feed->topology, stream->host, relay ? relay->host : NULL, publish_emit,
		&publication);
	backlog_end(feed->backlog, publish_visit, &publication);
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
	struct note *note = memory_new(sizeof(*note));
	note->line = bytes_line(about_host("joined", stream));
	DL_APPEND(connection->notes, note);
	channel_wake(connection->channel);
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

void feed_open_relay(struct feed *feed, const char *relay, struct request *request,
	const struct feed_place *place)
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
	if (stream && channel_idle(connection->channel) && !connection->snapshot &&
		!stream->told.next && !stream->told.lost)
		push_new(connection->channel, line_ping(stream->digest));
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
	backlog_trim(feed->backlog, now);
	snapshots_sweep(feed->snapshots, now);
	sweep_relays(feed, now);
}

void feed_new(struct feed **out, uv_loop_t *loop, struct topology *topology,
	const struct feed_options *options, const struct feed_events *events)
{
	struct feed *feed = memory_new(sizeof(*feed));
	feed->topology = topology;
	feed->events = *events;
	feed->introduced_only = options->introduced_only;
	backlog_new(&feed->backlog, options->backlog_bytes, BACKLOG_AGE_MS);
	snapshots_new(&feed->snapshots, options->snapshot_bytes);
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
	backlog_free(feed->backlog);
	snapshots_free(feed->snapshots);
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
		while (stream->told.next || stream->told.lost || stream->connection->snapshot)
			stream_more(stream->connection);
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
		if (!connection->snapshot && !stream->told.next && !stream->told.lost)
			push_new(connection->channel,
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
