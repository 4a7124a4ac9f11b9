// SPDX-License-Identifier: Apache-2.0
#include "forward.h"

#include <errno.h>
#include <utlist.h>

#include "base/memory.h"
#include "writer.h"

enum { ANSWER_SECONDS = 30, ANSWER_LIMIT = 1 << 20 };

struct forwarding {
	struct relay *relay;
	struct request *request; // NULL: the client has left
	struct http_request *upstream;
	struct writer answer; // of a 200
	struct forwarding *prev, *next;
};

static void client_left(void *context)
{
	((struct forwarding *)context)->request = NULL;
}

static void forwarding_free(struct forwarding *forwarding)
{
	DL_DELETE(forwarding->relay->forwarding, forwarding);
	writer_done(&forwarding->answer);
	free(forwarding);
}

static int take_answer(void *context, const char *data, size_t length)
{
	struct forwarding *forwarding = context;
	if (forwarding->answer.length + length > ANSWER_LIMIT)
		return -EFBIG;
	writer_append(&forwarding->answer, data, length);
	return 0;
}

static json_t *answer_of(const struct forwarding *forwarding)
{
	const struct writer *answer = &forwarding->answer;
	json_t *json = answer->length ? json_loadb(answer->text, answer->length, 0, NULL) : NULL;
	return json ? json : json_object();
}

// The answer where all is well, which agents hardly look at; else the status and the detail of the
// problem.
static void answered(void *context, long status, const char *text)
{
	struct forwarding *forwarding = context;
	struct request *request = forwarding->request;
	json_t *answer = answer_of(forwarding);
	forwarding_free(forwarding);
	if (!request) {
		json_decref(answer);
		return;
	}
	request->done = NULL;
	if (status >= 200 && status < 300) {
		request_answer(request, (unsigned)status, answer);
		return;
	}
	json_decref(answer);
	if (status) {
		request_answer(request, (unsigned)status,
			json_pack("{s:I, s:s}", "status", (json_int_t)status, "detail", text));
	} else {
		struct error error = {0};
		error_set(&error, EAGAIN, "the relay reaches no controller: %s", text);
		request_refuse_as(request, PROBLEM_OVERLOADED, &error);
	}
}

void forward(struct relay *relay, struct request *request)
{
	struct forwarding *forwarding = memory_new(sizeof(*forwarding));
	cleanup_free char *body =
		request->body ? strndup(request->body, request->body_length) : NULL;
	struct http_call call = {
		.method = request->method,
		.path = request->path,
		.body = body,
		.silence_seconds = ANSWER_SECONDS,
		.data = take_answer,
		.done = answered,
		.context = forwarding,
	};
	forwarding->relay = relay;
	forwarding->request = request;
	DL_APPEND(relay->forwarding, forwarding);
	request->done = client_left;
	request->done_context = forwarding;
	request_park(request);
	forwarding->upstream = http_client_send(relay->upstream, &call);
}

void forward_end(struct relay *relay)
{
	while (relay->forwarding) {
		http_client_cancel(relay->forwarding->upstream);
		forwarding_free(relay->forwarding);
	}
}
