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
	void (*closed)(void *context);
	void *context;
};

struct bytes *bytes_line(json_t *json)
{
	size_t length = json_dumpb(json, NULL, 0, JSON_COMPACT);
	struct bytes *bytes = memory_new(sizeof(*bytes) + length + 1);
	bytes->references = 1;
	bytes->length = length + 1;
	json_dumpb(json, bytes->data, length, JSON_COMPACT);
	bytes->data[length] = '\n';
	json_decref(json);
	return bytes;
}

struct bytes *bytes_ref(struct bytes *bytes)
{
	bytes->references++;
	return bytes;
}

void bytes_unref(struct bytes *bytes)
{
	if (bytes && --bytes->references == 0)
		free(bytes);
}

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

// libmicrohttpd asks for more whenever the client can take it; with nothing to give, the connection
// is set aside until the next push.
static ssize_t channel_read(void *context, uint64_t position, char *buffer, size_t size)
{
	(void)position;
	struct channel *channel = context;
	if (channel->request->gone)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	size_t used = 0;
	while (channel->queue && used < size) {
		struct bytes *bytes = channel->queue->bytes;
		size_t part = bytes->length - channel->offset;
		if (part > size - used)
			part = size - used;
		memcpy(buffer + used, bytes->data + channel->offset, part);
		used += part;
		channel->offset += part;
		channel->unread -= part;
		if (channel->offset == bytes->length)
			channel_shift(channel);
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
	channel->closed(channel->context);
	channel_clear(channel);
	free(channel);
}

struct channel *channel_open(struct request *request, void (*closed)(void *context), void *context)
{
	struct channel *channel = memory_new(sizeof(*channel));
	channel->request = request;
	channel->closed = closed;
	channel->context = context;
	request->lasting = true;
	request->done = channel_done;
	request->done_context = channel;
	struct MHD_Response *response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, 64 << 10, channel_read, channel, NULL);
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
