// SPDX-License-Identifier: Apache-2.0
// The agent's side of the stream: register the host, hold the long GET, and come back when it ends.
#pragma once

#include "http/client.h"
#include "reader.h"

struct stream;

struct stream_events {
	void (*batch)(void *context, const struct batch *batch);
	void (*lost)(void *context); // after a snapshot had come
	void (*question)(void *context, json_t *question);
	void *context;
	// What this host holds, as of that revision, and its digest (model/digest.h): compared with what
	// the controller believes, and told when the stream is opened again. NULL: neither.
	void (*holds)(void *context, uint64_t *revision, uint64_t *digest);
	// The host did not hold what the controller believed. It is healed by a snapshot, by itself.
	void (*diverged)(void *context);
};

// `registration`: the fields of /v1/hosts/{host} that are this host's to say, sent before the first
// stream and whenever the controller does not know the host; NULL: somebody else declares the host.
// Starts at once.
void agent_stream_new(struct stream **out, uv_loop_t *loop, struct http_client *http,
	const char *host, const char *registration, const struct stream_events *events);
void agent_stream_free(struct stream *stream);
