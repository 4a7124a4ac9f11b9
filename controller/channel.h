// SPDX-License-Identifier: Apache-2.0
// A channel: an answer that goes on, line after line, until one side ends it.
//
// Lines are pushed, or made as the client reads: whenever it has read all that is queued and can take
// more, `more` is asked to push what comes next. What is pushed and unread waits in a queue.
//
// Back-pressure: a writer that makes its lines on demand never has more queued than it pushed last,
// however slow the client and however much there is to say. One that cannot wait asks
// channel_overdue before it pushes, and drops a client that has left too much unread.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "bytes.h"
#include "http.h"

enum { CHANNEL_UNREAD_LIMIT = 16 << 20 };

struct channel;

struct channel_events {
	// NULL: everything is pushed. May push, any amount, or nothing: then it is asked again after
	// channel_wake.
	void (*more)(void *context);
	// Called once, when the connection is done with the channel; after that the channel is gone.
	void (*closed)(void *context);
	void *context;
};

// Answer the request with a channel.
struct channel *channel_open(struct request *request, const struct channel_events *events);
void channel_push(struct channel *channel, struct bytes *line); // takes a reference of its own
static inline void channel_push_new(
	struct channel *channel, struct bytes *line) // takes the caller's
{
	channel_push(channel, line);
	bytes_unref(line);
}
void channel_wake(struct channel *channel);
bool channel_overdue(const struct channel *channel);
bool channel_idle(const struct channel *channel); // nothing waits to be read
// End after what is queued, or at once. `closed` follows later, from the loop.
void channel_end(struct channel *channel);
void channel_drop(struct channel *channel);
