// SPDX-License-Identifier: Apache-2.0
// The agent's side of the stream: register the host, hold the long GET, and come back when it ends.
#pragma once

#include "http/client.h"
#include "reader.h"

struct stream;

struct stream_events {
	void (*batch)(void *context, const struct batch *batch);
	void (*lost)(void *context); // after a snapshot had come
	// What is said besides batches: reader.h.
	int (*message)(void *context, const char *type, json_t *message);
	void *context;
	// What this host holds, as of that revision, and its digest (model/digest.h): compared with what
	// the controller believes, and told when the stream is opened again. NULL: neither.
	void (*holds)(void *context, uint64_t *revision, uint64_t *digest);
	// An object that this host holds (reader.h): it is told what differs of it. NULL: all of it.
	reader_find find;
	// The host did not hold what the controller believed. It is healed by a snapshot, by itself.
	void (*diverged)(void *context);
	// Before the stream is opened, each time, and by which attempt (base/attempt.h): then
	// agent_stream_go_on opens it. NULL: at once.
	void (*prepare)(void *context, uint64_t attempt);
};

// `path` is of whoever has the stream: "/v1/hosts/h1".
// `registration`: the fields of the object there that are this host's to say, sent before the first
// stream and whenever the controller does not know the host; NULL: somebody else declares the host.
// Starts at once.
void agent_stream_new(struct stream **out, uv_loop_t *loop, struct http_client *http,
	const char *path, const char *registration, const struct stream_events *events);
// What had to be said before is said (status 2xx), or was not: then all begins anew, later.
void agent_stream_go_on(struct stream *stream, long status, const char *text);
// End the connection, and begin anew. Not from within an event.
void agent_stream_break(struct stream *stream, const char *why);
void agent_stream_free(struct stream *stream);
