// SPDX-License-Identifier: Apache-2.0
// What is said over one connection of a host or relay, as its client reads: a snapshot, then the
// backlog, and notes when there is nothing else. Who has which connection, feed.c knows.
#pragma once

#include "backlog.h"
#include "base/attempt.h"
#include "base/table.h"
#include "channel.h"
#include "place.h"
#include "snapshot.h"

// What all connections of a feed speak of; borrowed.
struct source {
	struct topology *topology;
	struct backlog *backlog;
	struct snapshots *snapshots;
	// The newest revision that is in the topology, and the history that it belongs to.
	uint64_t (*revision)(void *context);
	const char *(*history)(void *context);
	void *context;
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

struct feed;

// Which may outlive its place in the stream.
struct connection {
	struct feed *feed;
	const struct source *source;
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

// The next that there is to say: the `more` of the channel.
void connection_more(void *connection);
// Say everything that the host needs.
void connection_begin(struct connection *connection);
// What the host holds, brought to what it should hold, if that is known: one batch, often of nothing
// but the commit. False: it is not.
bool connection_resume(struct connection *connection, const struct place *place);
// Everything is said, notes apart. Only while it has its stream.
bool connection_is_at_end(const struct connection *connection);
// To be said when there is nothing else to say. Takes the reference.
void connection_note(struct connection *connection, struct bytes *line);
// Nothing more will be said.
void connection_silence(struct connection *connection);
