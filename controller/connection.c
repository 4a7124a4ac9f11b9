// SPDX-License-Identifier: Apache-2.0
#include "connection.h"

#include <string.h>
#include <utlist.h>

#include "base/memory.h"
#include "line.h"

struct note {
	struct bytes *line;
	struct note *prev, *next;
};

void connection_begin(struct connection *connection)
{
	const struct source *source = connection->source;
	struct stream *stream = connection->stream;
	snapshot_end(connection->snapshot);
	snapshot_begin(&connection->snapshot, source->snapshots, source->topology, stream->host);
	connection->snapshot_revision = source->revision(source->context);
	connection->snapshot_digest = stream->digest;
	connection->resumed = NULL;
	backlog_skip(&stream->told);
	channel_push_new(connection->channel,
		line_snapshot(connection->snapshot_revision, source->history(source->context)));
}

static void go_on_with_snapshot(struct connection *connection)
{
	struct bytes *lines = snapshot_next(connection->snapshot);
	if (lines) {
		channel_push_new(connection->channel, lines);
		return;
	}
	snapshot_end(steal(connection->snapshot));
	connection->digest = connection->snapshot_digest;
	channel_push_new(connection->channel,
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
		line = backlog_read(connection->source->backlog, told, patches);
		if (!line)
			break;
		channel_push(connection->channel, line);
	}
	if (line)
		return;
	connection->digest += backlog_difference(told);
	if (!connection->resumed || connection->resumed == told->next) {
		connection->resumed = NULL;
		channel_push_new(connection->channel,
			line_commit(backlog_revision(told), connection->digest));
	}
	backlog_advance(told);
}

static void say_note(struct connection *connection)
{
	struct note *note = connection->notes;
	DL_DELETE(connection->notes, note);
	channel_push_new(connection->channel, note->line);
	free(note);
}

void connection_more(void *context)
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
		connection_begin(connection);
	else if (stream->told.next)
		go_on_with_backlog(connection);
	else if (connection->notes)
		say_note(connection);
}

bool connection_resume(struct connection *connection, const struct place *place)
{
	const struct source *source = connection->source;
	struct stream *stream = connection->stream;
	if (!place->history || strcmp(place->history, source->history(source->context)))
		return false;
	connection->digest = place->digest;
	if (place->digest == stream->digest) {
		backlog_skip(&stream->told);
		channel_push_new(connection->channel,
			line_commit(source->revision(source->context), stream->digest));
		return true;
	}
	if (!backlog_resume(&stream->told, place->revision, place->digest, stream->digest))
		return false;
	connection->resumed = stream->told.last;
	return true;
}

bool connection_is_at_end(const struct connection *connection)
{
	const struct backlog_host *told = &connection->stream->told;
	return !connection->snapshot && !told->next && !told->lost;
}

void connection_note(struct connection *connection, struct bytes *line)
{
	struct note *note = memory_new(sizeof(*note));
	note->line = line;
	DL_APPEND(connection->notes, note);
	channel_wake(connection->channel);
}

void connection_silence(struct connection *connection)
{
	struct note *note, *next;
	DL_FOREACH_SAFE(connection->notes, note, next)
	{
		DL_DELETE(connection->notes, note);
		bytes_unref(note->line);
		free(note);
	}
	snapshot_end(steal(connection->snapshot));
}
