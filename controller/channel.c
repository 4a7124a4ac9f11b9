// SPDX-License-Identifier: Apache-2.0
#include "channel.h"

#include <microhttpd.h>
#include <string.h>
#include <utlist.h>

#include "base/memory.h"

struct link {
	struct bytes *bytes;
	struct link *prev, *next;
};

struct channel {
	struct request *request;
	struct link *queue;
	size_t offset; // read of the first link
	size_t unread; // bytes in the queue
	bool ending;
	struct channel_events events;
};

static void channel_shift(struct channel *channel)
{
	struct link *first = channel->queue;
	DL_DELETE(channel->queue, first);
	channel->offset = 0;
	bytes_unref(first->bytes);
	free(first);
}

static void channel_clear(struct channel *channel)
{
	while (channel->queue)
		channel_shift(channel);
	channel->unread = 0;
}

static size_t channel_copy(struct channel *channel, char *buffer, size_t size)
{
	struct bytes *bytes = channel->queue->bytes;
	size_t part = bytes->length - channel->offset;
	if (part > size)
		part = size;
	memcpy(buffer, bytes->data + channel->offset, part);
	channel->offset += part;
	channel->unread -= part;
	if (channel->offset == bytes->length)
		channel_shift(channel);
	return part;
}

// libmicrohttpd asks for more whenever the client can take it; with nothing to give, the connection
// is set aside until the next push.
static ssize_t channel_read(void *context, uint64_t position, char *buffer, size_t size)
{
	(void)position;
	struct channel *channel = context;
	if (channel->request->gone)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	size_t used = 0;
	while (used < size) {
		if (!channel->queue && channel->events.more && !channel->ending)
			channel->events.more(channel->events.context);
		if (!channel->queue)
			break;
		used += channel_copy(channel, buffer + used, size - used);
	}
	if (used)
		return (ssize_t)used;
	if (channel->ending)
		return MHD_CONTENT_READER_END_OF_STREAM;
	request_park(channel->request);
	return 0;
}

static void channel_done(void *context)
{
	struct channel *channel = context;
	channel->events.closed(channel->events.context);
	channel_clear(channel);
	free(channel);
}

// What libmicrohttpd wants of memory for clients of HTTP/1.0; others are written to directly. Each host has one.
enum { BLOCK_BYTES = 256 };

struct channel *channel_open(struct request *request, const struct channel_events *events)
{
	struct channel *channel = memory_new(sizeof(*channel));
	channel->request = request;
	channel->events = *events;
	request_last(request);
	request->done = channel_done;
	request->done_context = channel;
	struct MHD_Response *response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, BLOCK_BYTES, channel_read, channel, NULL);
	MHD_add_response_header(response, "Content-Type", "application/x-ndjson");
	request_respond(request, MHD_HTTP_OK, response);
	return channel;
}

void channel_push(struct channel *channel, struct bytes *line)
{
	if (channel->ending || channel->request->gone)
		return;
	struct link *link = memory_new(sizeof(*link));
	link->bytes = bytes_ref(line);
	DL_APPEND(channel->queue, link);
	channel->unread += line->length;
	request_unpark(channel->request);
}

void channel_wake(struct channel *channel)
{
	request_unpark(channel->request);
}

bool channel_overdue(const struct channel *channel)
{
	return channel->unread > CHANNEL_UNREAD_LIMIT;
}

bool channel_idle(const struct channel *channel)
{
	return !channel->queue;
}

void channel_end(struct channel *channel)
{
	channel->ending = true;
	request_unpark(channel->request);
}

void channel_drop(struct channel *channel)
{
	channel->ending = true;
	channel_clear(channel);
	request_break(channel->request);
}
