// SPDX-License-Identifier: Apache-2.0
// Questions to agents: sent over the stream of a host, answered by POST /v1/hosts/{h}/answers/{id}.
#pragma once

#include "state.h"

struct question;
// `answer` is borrowed; NULL: there is none, since the time is over, the host has left, or the controller stops. The question is
// gone when this is called.
typedef void (*question_answered)(void *context, const json_t *answer);

// Takes the reference of `message`, an object with its "type"; the id is added. NULL: the host is not connected.
struct question *question_ask(struct controller *controller, const char *host, json_t *message,
	uint64_t wait_ms, question_answered answered, void *context);
void question_cancel(struct question *question); // NULL is fine

// The host has left; all of them will get no answer.
void questions_lost(struct controller *controller, const char *host);
void questions_end(struct controller *controller);
