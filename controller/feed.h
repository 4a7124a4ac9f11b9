// SPDX-License-Identifier: Apache-2.0
// The feed: the streams to agents, each first all that its host needs or what it lacks of that, then
// what changes of it.
//
// Nothing is queued for a host. A stream is a place in a snapshot (snapshot.h) and then in the
// backlog (backlog.h), and its lines are made when its client reads. One that reads slowly goes on
// from where it is; one that falls so far behind that the backlog has no more of what it has not read
// takes a snapshot, on the same connection. So memory is bounded whatever hosts do, and none delays
// another.
//
// Relays. A host may come through a relay instead of a stream of its own: then the relay has the
// stream, of all that its hosts need (topology/topology.h), and passes on what is said to a host. A
// host that leaves a relay is behind it for two minutes more, so that one that comes back, or a
// relay that does, finds everything as it was.
//
// A host has one stream, the newest that it has opened (base/attempt.h). The feed knows the newest
// attempt of each host, here or said from elsewhere. An older one ends when a newer is known, and one
// that comes after is answered {"type":"older","attempt":N}, N being the newest, and no more.
#pragma once

#include "base/attempt.h"
#include "http.h"
#include "place.h"
#include "topology/topology.h"

struct feed;

struct feed_events {
	// A host's stream is up or down, since then (monotonic milliseconds); or is up, and another.
	void (*connected)(void *context, const char *host, bool connected, uint64_t since);
	// The newest revision that is in the topology, and the history that it belongs to.
	uint64_t (*revision)(void *context);
	const char *(*history)(void *context);
	void *context;
};

struct feed_options {
	size_t backlog_bytes, snapshot_bytes; // kept at most, of either
	// Of hosts that were not introduced nothing is kept: others tell them.
	bool introduced_only;
};

extern const struct feed_options feed_defaults;

// `topology` is borrowed, and changed by feed_publish alone from when the first host has connected.
void feed_new(struct feed **out, uv_loop_t *loop, struct topology *topology,
	const struct feed_options *options, const struct feed_events *events);
// End every stream, once what is queued has been read; then, with no connection left, free all.
void feed_end(struct feed *feed);
void feed_free(struct feed *feed);

// A host exists, not connected since now; or exists no longer.
void feed_introduce(struct feed *feed, const char *host);
void feed_forget(struct feed *feed, const char *host);

// The newest attempt of the host that is known. If it is connected, that is its stream.
struct attempt feed_attempt(const struct feed *feed, const char *host);
// The host has this attempt elsewhere. An older stream here ends, and one of the same number: of two
// that say they are one attempt not both stay. False, and nothing is done: a newer one is known.
bool feed_yield(struct feed *feed, const char *host, struct attempt elsewhere);
// The host's stream ends, whichever it is.
void feed_drop(struct feed *feed, const char *host);

// Put one revision's changes into the topology and tell each host what concerns it. The names of
// these hosts: an array of the caller's (free), its strings valid until the host is forgotten.
size_t feed_publish(struct feed *feed, const struct topology_change *changes, size_t count,
	uint64_t revision, const char ***hosts);

// Answer the request with the host's stream; an older one ends.
void feed_open(
	struct feed *feed, const char *host, struct request *request, const struct place *place);

// ---- relays ----

// Answer the request with the relay's stream, as feed_open.
void feed_open_relay(
	struct feed *feed, const char *relay, struct request *request, const struct place *place);
// The relay's own attempt that it speaks in (0: it says none). False: a newer one is known, and what it
// says is out of date.
bool feed_relay_speaks(struct feed *feed, const char *relay, uint64_t attempt);
// The host is connected through the relay from now on, or from when the relay opens its stream; an
// older stream of its own or through another relay ends. The relay is told what it needs for that, and
// then {"type":"joined","host":…}. `attempt` is the host's own number, 0: it has none. False, and nothing
// is done: a newer one is known.
bool feed_join(struct feed *feed, const char *host, const char *relay, uint64_t attempt);
// It is connected through the relay no more. Nothing if it was not.
void feed_leave(struct feed *feed, const char *host, const char *relay);
bool feed_is_behind(const struct feed *feed, const char *host, const char *relay);
typedef void (*feed_visit)(void *context, const char *host);
void feed_each_behind(struct feed *feed, const char *relay, feed_visit visit, void *context);
// Answer the request for a stream: there has been a newer attempt, and of which number.
void feed_refuse(struct request *request, uint64_t newest);

// Say to all that are connected at which revision they are, and one thing more. Takes the reference.
void feed_confirm(struct feed *feed, json_t *message);

// Say one thing to the host's agent. Takes the reference. False: it is not connected, or has left too
// much unread.
bool feed_tell(struct feed *feed, const char *host, json_t *message);
// Whether the host's agent is connected; `since_ms` (may be NULL) is for how long it has been, or
// has not been.
bool feed_connected(const struct feed *feed, const char *host, uint64_t *since_ms);
size_t feed_count(const struct feed *feed); // of those that are connected
