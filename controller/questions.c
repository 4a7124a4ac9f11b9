// SPDX-License-Identifier: Apache-2.0
#include "questions.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "base/memory.h"
#include "handler.h"
#include "loop.h"
#include "streams.h"

struct question {
	struct controller *controller;
	uint64_t id;
	char host[64];
	question_answered answered;
	void *context;
	uv_timer_t *timer;
	struct question *prev, *next;
};

void question_cancel(struct question *question)
{
	if (!question)
		return;
	DL_DELETE(question->controller->questions, question);
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

struct question *question_ask(struct controller *controller, const char *host, json_t *message,
	uint64_t wait_ms, question_answered answered, void *context)
{
	uint64_t id = ++controller->questions_asked;
	json_object_set_new(message, "id", json_integer((json_int_t)id));
	if (!streams_tell(controller, host, message))
		return NULL;
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
