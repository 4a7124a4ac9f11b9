// SPDX-License-Identifier: Apache-2.0
// Questions that come with the stream, each answered by a request of its own at the loop's next turn.
#pragma once

#include <jansson.h>

#include "http/client.h"

struct answers;
// The answer to a question; a new reference.
typedef json_t *(*answers_build)(void *context, const json_t *question);

void agent_answers_new(struct answers **out, uv_loop_t *loop, struct http_client *http,
	const char *host, answers_build build, void *context);
void agent_answers_free(struct answers *answers);
void agent_answers_ask(struct answers *answers, json_t *question);
