// SPDX-License-Identifier: Apache-2.0
#include "questions.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "base/memory.h"
#include "feed.h"
#include "handler.h"
#include "loop.h"
#include "peer.h"
#include "presence.h"

enum { RELAY_MS = 10000 };

struct question {
	struct controller *controller;
	uint64_t id;
	char host[64];
	question_answered answered;
	void *context;
	uv_timer_t *timer;
	struct peer_question *relayed; // NULL: the host is connected here
	struct question *prev, *next;
};

void question_cancel(struct question *question)
{
	if (!question)
		return;
	DL_DELETE(question->controller->questions, question);
	peer_question_cancel(question->relayed);
	loop_close(question->timer);
	free(question);
}

static void finish(struct question *question, const json_t *answer)
{
	question_answered answered = question->answered;
	void *context = question->context;
	question_cancel(question);
	answered(context, answer);
}

static void on_deadline(uv_timer_t *timer)
{
	finish(timer->data, NULL);
}

static void relay_answered(void *context, const json_t *answer)
{
	struct question *question = context;
	question->relayed = NULL;
	finish(question, answer);
}

struct question *question_ask(struct controller *controller, const char *host, json_t *message,
	uint64_t wait_ms, question_answered answered, void *context)
{
	uint64_t id = ++controller->questions_asked;
	json_object_set_new(message, "id", json_integer((json_int_t)id));
	struct peer_controller *peer = presence_peer(controller, host);
	if (!peer && !presence_connected(controller, host, NULL)) {
		json_decref(message);
		return NULL;
	}
	struct question *question = memory_new(sizeof(*question));
	question->controller = controller;
	question->id = id;
	snprintf(question->host, sizeof(question->host), "%s", host);
	question->answered = answered;
	question->context = context;
	question->timer = memory_new(sizeof(*question->timer));
	question->timer->data = question;
	uv_timer_init(controller->loop, question->timer);
	uv_timer_start(question->timer, on_deadline, wait_ms, 0);
	DL_APPEND(controller->questions, question);
	if (peer)
		question->relayed = peer_ask(peer, host, message, relay_answered, question);
	else
		feed_tell(controller->feed, host, json_incref(message));
	json_decref(message);
	return question;
}

// An answer may lead to the next question, so the walk begins anew after each.
static struct question *find(struct controller *controller, const char *host, uint64_t id)
{
	struct question *question;
	DL_FOREACH (controller->questions, question)
		if (!strcmp(question->host, host) && (!id || question->id == id))
			return question;
	return NULL;
}

void questions_lost(struct controller *controller, const char *host)
{
	struct question *question;
	while ((question = find(controller, host, 0)))
		finish(question, NULL);
}

void questions_end(struct controller *controller)
{
	while (controller->questions)
		finish(controller->questions, NULL);
}

void handle_answer(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	json_t *json = NULL;
	struct question *question = find(controller, target->name, target->question);
	if (!question)
		error_set(&error, ENOENT, "nobody waits for an answer %" PRIu64 " of host %s",
			target->question, target->name);
	if (!question || request_json(request, &json, &error) < 0) {
		request_refuse(request, &error);
		return;
	}
	request_answer(request, 200, json_object());
	finish(question, json);
	json_decref(json);
}

// ---- asked by another controller ----

struct relay {
	struct request *request;
	struct question *question;
};

static void relay_left(void *context)
{
	struct relay *relay = context;
	question_cancel(relay->question);
	free(relay);
}

static void relay_finish(void *context, const json_t *answer)
{
	struct relay *relay = context;
	struct error error = {0};
	relay->request->done = NULL;
	if (answer) {
		request_answer(relay->request, 200, json_incref((json_t *)answer));
	} else {
		error_set(&error, EBUSY, "the host has not answered");
		request_refuse_as(relay->request, PROBLEM_HOST_OFFLINE, &error);
	}
	free(relay);
}

void handle_question(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	json_t *json = NULL;
	if (request_json(request, &json, &error) < 0) {
		request_refuse(request, &error);
		return;
	}
	struct relay *relay = memory_new(sizeof(*relay));
	relay->request = request;
	// Only what is connected here: a question is not passed on twice.
	if (!presence_peer(controller, target->name))
		relay->question = question_ask(
			controller, target->name, json_incref(json), RELAY_MS, relay_finish, relay);
	json_decref(json);
	if (relay->question) {
		request->done = relay_left;
		request->done_context = relay;
		request_park(request);
		return;
	}
	free(relay);
	error_set(&error, EBUSY, "host %s is not connected to this controller", target->name);
	request_refuse_as(request, PROBLEM_HOST_OFFLINE, &error);
}
