// SPDX-License-Identifier: Apache-2.0
// A channel: an answer that goes on, line after line, until one side ends it.
//
// Lines are shared bytes: one that goes to a hundred hosts exists once. What the client has not yet
// read waits in a queue. Back-pressure: the writer asks channel_overdue before each batch and drops
// a client that has left too much unread; the client comes back and starts afresh. A batch once
// begun is queued whole, however large, so that a fast client never suffers from a large change.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "http.h"

struct bytes {
	unsigned references;
	size_t length;
	char data[];
};

// One line: the compact JSON with a line feed. One reference; takes the one of `json`.
struct bytes *bytes_line(json_t *json);
struct bytes *bytes_ref(struct bytes *bytes);
void bytes_unref(struct bytes *bytes);

enum { CHANNEL_UNREAD_LIMIT = 16 << 20 };

struct channel;

// Answer the request with a channel. `closed` is called once, when the connection is done with it;
// after that the channel is gone.
struct channel *channel_open(struct request *request, void (*closed)(void *context), void *context);
void channel_push(struct channel *channel, struct bytes *line); // takes a reference of its own
bool channel_overdue(const struct channel *channel);
bool channel_idle(const struct channel *channel); // nothing waits to be read
// End after what is queued, or at once. `closed` follows later, from the loop.
void channel_end(struct channel *channel);
void channel_drop(struct channel *channel);
