// SPDX-License-Identifier: Apache-2.0
#include "light.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/backoff.h"
#include "base/memory.h"
#include "timer.h"

// The beginnings of lines are all that is looked at; they are as the controller writes them.
enum { SILENCE_SECONDS = 30, LINE_KEPT = 128, HEX = 17 };

struct light {
	struct http_client *http;
	char *path;
	struct light_events events;
	struct http_request *request;
	struct timer *again;
	struct backoff backoff;
	char line[LINE_KEPT]; // the beginning of the one under way
	size_t length;
	uint64_t objects; // of the batch under way
	bool synced;      // this connection has brought a batch
	// What to resume from.
	uint64_t revision;
	char digest[HEX], history[HEX];
};

static bool begins(const struct light *light, const char *with)
{
	return !strncmp(light->line, with, strlen(with));
}

static void take_line(struct light *light)
{
	light->line[light->length] = '\0';
	if (begins(light, "{\"type\":\"put\"") || begins(light, "{\"type\":\"patch\"") ||
		begins(light, "{\"type\":\"delete\"")) {
		light->objects++;
	} else if (begins(light, "{\"type\":\"snapshot\"")) {
		light->objects = 0;
		sscanf(light->line,
			"{\"type\":\"snapshot\",\"revision\":%*u,\"history\":\"%16[0-9a-f]",
			light->history);
	} else if (sscanf(light->line,
			   "{\"type\":\"commit\",\"revision\":%" SCNu64 ",\"digest\":\"%16[0-9a-f]",
			   &light->revision, light->digest) == 2) {
		light->synced = true;
		backoff_reset(&light->backoff);
		light->events.batch(light->events.context, light->revision, light->objects);
		light->objects = 0;
	}
	light->length = 0;
}

static int take_data(void *context, const char *data, size_t length)
{
	struct light *light = context;
	while (length) {
		const char *end = memchr(data, '\n', length);
		size_t part = end ? (size_t)(end - data) : length;
		size_t room = LINE_KEPT - 1 - light->length;
		size_t kept = part < room ? part : room;
		memcpy(light->line + light->length, data, kept);
		light->length += kept;
		if (!end)
			return 0;
		take_line(light);
		data += part + 1;
		length -= part + 1;
	}
	return 0;
}

static void ended(void *context, long status, const char *text)
{
	struct light *light = context;
	(void)status, (void)text;
	light->request = NULL;
	if (light->synced)
		light->events.lost(light->events.context);
	light->synced = false;
	agent_timer_start(light->again, backoff_ms(&light->backoff), 0);
}

static void connect_stream(void *context)
{
	struct light *light = context;
	cleanup_free char *path =
		*light->history && *light->digest
			? memory_format("%s?patches=1&since=%" PRIu64 "&digest=%s&history=%s",
				  light->path, light->revision, light->digest, light->history)
			: memory_format("%s?patches=1", light->path);
	struct http_call call = {
		.method = "GET",
		.path = path,
		.silence_seconds = SILENCE_SECONDS,
		.data = take_data,
		.done = ended,
		.context = light,
	};
	light->length = 0;
	light->objects = 0;
	light->request = http_client_send(light->http, &call);
}

void light_new(struct light **out, uv_loop_t *loop, struct http_client *http, const char *host,
	const struct light_events *events)
{
	struct light *light = memory_new(sizeof(*light));
	light->http = http;
	light->path = memory_format("/v1/hosts/%s/stream", host);
	light->events = *events;
	agent_timer_new(&light->again, loop, connect_stream, light);
	connect_stream(light);
	*out = light;
}

void light_free(struct light *light)
{
	if (!light)
		return;
	http_client_cancel(light->request);
	agent_timer_free(&light->again);
	free(light->path);
	free(light);
}
