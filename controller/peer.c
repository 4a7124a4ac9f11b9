// SPDX-License-Identifier: Apache-2.0
#include "peer.h"

#include <string.h>
#include <utlist.h>
#include <utstring.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "http/client.h"
#include "loop.h"
#include "presence.h"
#include "reports.h"
#include "revisions.h"

enum { SILENCE_SECONDS = 30, ANSWER_SECONDS = 10, LINE_LIMIT = 64 << 20 };

struct peer_controller {
	struct controller *controller;
	char *url;
	struct http_client *http;
	struct http_request *request; // the bulletin
	UT_string line;               // that is not whole yet
	uv_timer_t *again;
	struct backoff backoff;
	bool connected, quiet; // the trouble was told once
	uint64_t since;        // monotonic milliseconds
	struct peer_question *questions;
};

struct peer_question {
	struct peer_controller *peer;
	struct http_request *request;
	UT_string text;
	void (*answered)(void *context, const json_t *answer);
	void *context;
	struct peer_question *prev, *next;
};

const char *peer_url(const struct peer_controller *peer)
{
	return peer->url;
}

bool peer_connected(const struct peer_controller *peer, uint64_t *since_ms)
{
	if (since_ms)
		*since_ms = clock_monotonic_ms() - peer->since;
	return peer->connected;
}

// ---- its bulletin ----

static uint64_t number_of(const json_t *line, const char *member)
{
	json_int_t number = json_integer_value(json_object_get(line, member));
	return number > 0 ? (uint64_t)number : 0;
}

static void take_host(struct peer_controller *peer, const char *host, const json_t *line)
{
	uint64_t now = clock_monotonic_ms();
	json_int_t age = json_integer_value(json_object_get(line, "since_ms"));
	uint64_t since = age > 0 && (uint64_t)age < now ? now - (uint64_t)age : now;
	const struct attempt attempt = {number_of(line, "attempt"), number_of(line, "relay")};
	if (!json_is_true(json_object_get(line, "connected")))
		presence_not_there(peer->controller, peer, host, since);
	else if (presence_there(peer->controller, peer, host, attempt, since))
		log_info("host %s has moved to %s", host, peer->url);
}

static void take_report(
	struct peer_controller *peer, const char *host, const json_t *report, const json_t *line)
{
	struct controller *controller = peer->controller;
	json_int_t settled = json_integer_value(json_object_get(line, "settled"));
	reports_hear(controller, host, report);
	if (settled <= 0)
		return;
	receipts_settled(controller->receipts, host, (uint64_t)settled);
	revisions_progress(controller);
}

// What a newer controller says besides is not for this one.
static int take_line(struct peer_controller *peer, const char *text, size_t length)
{
	json_t *line = json_loadb(text, length, 0, NULL);
	const char *type = json_string_value(json_object_get(line, "type"));
	const char *host = json_string_value(json_object_get(line, "host"));
	const json_t *report = json_object_get(line, "report");
	if (!type) {
		json_decref(line);
		return -1;
	}
	if (!strcmp(type, "host") && host && !model_name_check(host, NULL))
		take_host(peer, host, line);
	// Reports cross when a host moves: those of where it is count.
	if (!strcmp(type, "report") && host && json_is_object(report) &&
		presence_peer(peer->controller, host) == peer)
		take_report(peer, host, report, line);
	json_decref(line);
	return 0;
}

static int bulletin_data(void *context, const char *data, size_t length)
{
	struct peer_controller *peer = context;
	if (!peer->connected) {
		log_info("controller %s is connected", peer->url);
		peer->connected = true;
		peer->quiet = false;
		peer->since = clock_monotonic_ms();
		backoff_reset(&peer->backoff);
	}
	while (length) {
		const char *end = memchr(data, '\n', length);
		size_t part = end ? (size_t)(end - data) : length;
		if (utstring_len(&peer->line) + part > LINE_LIMIT)
			return -1;
		utstring_bincpy(&peer->line, data, part);
		if (!end)
			break;
		if (take_line(peer, utstring_body(&peer->line), utstring_len(&peer->line)) < 0)
			return -1;
		utstring_clear(&peer->line);
		data += part + 1;
		length -= part + 1;
	}
	return 0;
}

static void follow(uv_timer_t *timer);

static void bulletin_ended(void *context, long status, const char *text)
{
	struct peer_controller *peer = context;
	peer->request = NULL;
	if (!peer->quiet)
		log_warning("controller %s is not connected: %s%.600s", peer->url,
			status && status != 200 ? "it refuses: " : "", text);
	peer->quiet = true;
	if (peer->connected)
		peer->since = clock_monotonic_ms();
	peer->connected = false;
	presence_lost(peer->controller, peer);
	uv_timer_start(peer->again, follow, backoff_ms(&peer->backoff), 0);
}

static void follow(uv_timer_t *timer)
{
	struct peer_controller *peer = timer->data;
	struct http_call call = {
		.method = "GET",
		.path = "/v1/peers/bulletin",
		.silence_seconds = SILENCE_SECONDS,
		.data = bulletin_data,
		.done = bulletin_ended,
		.context = peer,
	};
	utstring_clear(&peer->line);
	peer->request = http_client_send(peer->http, &call);
}

// ---- questions ----

static void question_free(struct peer_question *question)
{
	DL_DELETE(question->peer->questions, question);
	utstring_done(&question->text);
	free(question);
}

void peer_question_cancel(struct peer_question *question)
{
	if (!question)
		return;
	http_client_cancel(question->request);
	question_free(question);
}

static void finish(struct peer_question *question, const json_t *answer)
{
	void (*answered)(void *context, const json_t *answer) = question->answered;
	void *context = question->context;
	question_free(question);
	answered(context, answer);
}

static int answer_data(void *context, const char *data, size_t length)
{
	struct peer_question *question = context;
	if (utstring_len(&question->text) + length > LINE_LIMIT)
		return -1;
	utstring_bincpy(&question->text, data, length);
	return 0;
}

static void answer_ended(void *context, long status, const char *text)
{
	struct peer_question *question = context;
	(void)text;
	json_t *json = status == 200 ? json_loadb(utstring_body(&question->text),
					       utstring_len(&question->text), 0, NULL)
				     : NULL;
	finish(question, json);
	json_decref(json);
}

struct peer_question *peer_ask(struct peer_controller *peer, const char *host,
	const json_t *message, void (*answered)(void *context, const json_t *answer), void *context)
{
	struct peer_question *question = memory_new(sizeof(*question));
	cleanup_free char *path = memory_format("/v1/peers/hosts/%s/question", host);
	cleanup_free char *body = json_dumps(message, JSON_COMPACT);
	question->peer = peer;
	question->answered = answered;
	question->context = context;
	utstring_init(&question->text);
	DL_APPEND(peer->questions, question);
	struct http_call call = {
		.method = "POST",
		.path = path,
		.body = body,
		.silence_seconds = ANSWER_SECONDS,
		.data = answer_data,
		.done = answer_ended,
		.context = question,
	};
	question->request = http_client_send(peer->http, &call);
	return question;
}

// ---- life ----

void peer_new(struct peer_controller **out, struct controller *controller, const char *url)
{
	struct peer_controller *peer = memory_new(sizeof(*peer));
	struct http_client_options options = {
		.servers = url,
		.certificate = controller->certificate,
		.key = controller->key,
		.authority = controller->authority,
	};
	peer->controller = controller;
	peer->url = memory_text(url);
	peer->since = clock_monotonic_ms();
	utstring_init(&peer->line);
	http_client_new(&peer->http, controller->loop, &options);
	peer->again = memory_new(sizeof(*peer->again));
	peer->again->data = peer;
	uv_timer_init(controller->loop, peer->again);
	follow(peer->again);
	*out = peer;
}

void peer_free(struct peer_controller *peer)
{
	if (!peer)
		return;
	while (peer->questions) {
		http_client_cancel(peer->questions->request);
		finish(peer->questions, NULL);
	}
	http_client_cancel(peer->request);
	presence_lost(peer->controller, peer);
	http_client_free(peer->http);
	loop_close(peer->again);
	utstring_done(&peer->line);
	free(peer->url);
	free(peer);
}
