// SPDX-License-Identifier: Apache-2.0
#include "bundles.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "base/memory.h"
#include "timer.h"
#include "writer.h"

enum { PAUSE_MS = 5, ANSWER_SECONDS = 30, OK = 200, ANSWER_LIMIT = 16 << 20, BODY_LIMIT = 4 << 20 };

struct item {
	struct request *request; // NULL: the agent has left
	struct item *prev, *next;
};

struct bundles {
	struct timer *soon;
	struct http_request *request; // under way
	struct item *sent, *waiting;  // in the order of their bundle
	struct writer body;           // of the waiting ones
	char *answer;
	size_t length;
};

static void item_left(void *context)
{
	((struct item *)context)->request = NULL;
}

static void answer_item(struct item *item, const json_t *result, const char *failure)
{
	struct request *request = item->request;
	json_int_t status = json_integer_value(json_object_get(result, "status"));
	if (!request)
		return;
	request->done = NULL;
	if (status == OK) {
		request_answer(request, OK, json_object());
	} else if (status > OK && status < 600) {
		request_answer(request, (unsigned)status, json_deep_copy(result));
	} else {
		struct error error = {0};
		error_set(&error, EAGAIN, "the controller has not taken the report: %s", failure);
		request_refuse_as(request, PROBLEM_OVERLOADED, &error);
	}
}

static int take_answer(void *context, const char *data, size_t length)
{
	struct bundles *bundles = ((struct relay *)context)->bundles;
	if (bundles->length + length > ANSWER_LIMIT)
		return -EFBIG;
	bundles->answer = memory_resize(bundles->answer, bundles->length + length, 1);
	memcpy(bundles->answer + bundles->length, data, length);
	bundles->length += length;
	return 0;
}

static void sent(void *context, long status, const char *text)
{
	struct bundles *bundles = ((struct relay *)context)->bundles;
	json_t *json = status == OK ? json_loadb(bundles->answer, bundles->length, 0, NULL) : NULL;
	const json_t *results = json_object_get(json, "results");
	struct item *item, *next;
	size_t index = 0;
	bundles->request = NULL;
	DL_FOREACH_SAFE(bundles->sent, item, next)
	{
		DL_DELETE(bundles->sent, item);
		answer_item(item, json_array_get(results, index++), text);
		free(item);
	}
	json_decref(json);
	free(steal(bundles->answer));
	bundles->length = 0;
	if (bundles->waiting)
		agent_timer_start(bundles->soon, PAUSE_MS, 0);
}

static void send_bundle(void *context)
{
	struct relay *relay = context;
	struct bundles *bundles = relay->bundles;
	if (bundles->request || !bundles->waiting)
		return;
	cleanup_free char *path = memory_format("%s/reports", relay->path);
	writer_append(&bundles->body, "]}", sizeof("]}"));
	struct http_call call = {
		.method = "POST",
		.path = path,
		.body = bundles->body.text,
		.silence_seconds = ANSWER_SECONDS,
		.data = take_answer,
		.done = sent,
		.context = relay,
	};
	bundles->request = http_client_send(relay->upstream, &call);
	bundles->body.length = 0;
	bundles->sent = steal(bundles->waiting);
}

// Names need no escaping.
static void append(struct writer *body, const char *host, const json_t *report)
{
	char start[160];
	int length = snprintf(start, sizeof(start),
		"%s{\"host\":\"%s\",\"report\":", body->length ? "," : "{\"reports\":[", host);
	writer_append(body, start, (size_t)length);
	writer_json(body, report);
	writer_append(body, "}", 1);
}

void bundles_add(struct relay *relay, const char *host, struct request *request)
{
	struct bundles *bundles = relay->bundles;
	struct error error = {0};
	json_t *report;
	if (request_json(request, &report, &error) < 0) {
		request_refuse(request, &error);
		return;
	}
	if (bundles->body.length > BODY_LIMIT) {
		json_decref(report);
		error_set(&error, EAGAIN, "too many reports wait for the controller");
		request_refuse_as(request, PROBLEM_OVERLOADED, &error);
		return;
	}
	append(&bundles->body, host, report);
	json_decref(report);
	struct item *item = memory_new(sizeof(*item));
	item->request = request;
	request->done = item_left;
	request->done_context = item;
	DL_APPEND(bundles->waiting, item);
	request_park(request);
	if (!bundles->request && !agent_timer_active(bundles->soon))
		agent_timer_start(bundles->soon, PAUSE_MS, 0);
}

void bundles_new(struct relay *relay)
{
	relay->bundles = memory_new(sizeof(*relay->bundles));
	agent_timer_new(&relay->bundles->soon, relay->loop, send_bundle, relay);
}

void bundles_free(struct relay *relay)
{
	struct bundles *bundles = relay->bundles;
	struct item *item, *next;
	DL_CONCAT(bundles->sent, bundles->waiting);
	DL_FOREACH_SAFE(bundles->sent, item, next)
	free(item);
	http_client_cancel(bundles->request);
	agent_timer_free(&bundles->soon);
	writer_done(&bundles->body);
	free(bundles->answer);
	free(steal(relay->bundles));
}
