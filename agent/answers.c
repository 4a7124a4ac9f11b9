// SPDX-License-Identifier: Apache-2.0
#include "answers.h"

#include <utlist.h>

#include "base/log.h"
#include "base/memory.h"
#include "timer.h"

// Nobody waits longer for an answer.
enum { SEND_SECONDS = 10 };

struct answer {
	struct answers *answers;
	json_t *question;             // NULL once it is answered
	struct http_request *request; // NULL before
	struct answer *prev, *next;
};

struct answers {
	struct http_client *http;
	char *host;
	answers_build build;
	void *context;
	struct timer *soon;
	struct answer *list;
};

static void answer_free(struct answer *answer)
{
	DL_DELETE(answer->answers->list, answer);
	http_client_cancel(answer->request);
	json_decref(answer->question);
	free(answer);
}

static void sent(void *context, long status, const char *text)
{
	struct answer *answer = context;
	answer->request = NULL;
	if (status != 200)
		log_debug("an answer came too late: %s", text);
	answer_free(answer);
}

static void send_answer(struct answer *answer)
{
	struct answers *answers = answer->answers;
	json_t *json = answers->build(answers->context, answer->question);
	cleanup_free char *body = json_dumps(json, JSON_COMPACT);
	cleanup_free char *path = memory_format("/v1/hosts/%s/answers/%" JSON_INTEGER_FORMAT,
		answers->host, json_integer_value(json_object_get(answer->question, "id")));
	struct http_call call = {
		.method = "POST",
		.path = path,
		.body = body,
		.silence_seconds = SEND_SECONDS,
		.done = sent,
		.context = answer,
	};
	json_decref(json);
	json_decref(answer->question);
	answer->question = NULL;
	answer->request = http_client_send(answers->http, &call);
}

static void answer_all(void *context)
{
	struct answers *answers = context;
	struct answer *answer, *next;
	DL_FOREACH_SAFE(answers->list, answer, next)
	{
		if (answer->question)
			send_answer(answer);
	}
}

void agent_answers_ask(struct answers *answers, json_t *question)
{
	struct answer *answer = memory_new(sizeof(*answer));
	answer->answers = answers;
	answer->question = json_incref(question);
	DL_APPEND(answers->list, answer);
	if (!agent_timer_active(answers->soon))
		agent_timer_start(answers->soon, 0, 0);
}

void agent_answers_new(struct answers **out, uv_loop_t *loop, struct http_client *http,
	const char *host, answers_build build, void *context)
{
	struct answers *answers = memory_new(sizeof(*answers));
	answers->http = http;
	answers->host = memory_text(host);
	answers->build = build;
	answers->context = context;
	agent_timer_new(&answers->soon, loop, answer_all, answers);
	*out = answers;
}

void agent_answers_free(struct answers *answers)
{
	if (!answers)
		return;
	struct answer *answer, *next;
	DL_FOREACH_SAFE(answers->list, answer, next)
	answer_free(answer);
	agent_timer_free(&answers->soon);
	free(answers->host);
	free(answers);
}
