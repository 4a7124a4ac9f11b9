// SPDX-License-Identifier: Apache-2.0
// Another controller of the deployment: its bulletin is followed, and the hosts that are connected to
// it are asked through it.
#pragma once

#include "state.h"

struct peer_controller;

// Begin to follow; goes on until it is freed, whatever happens to the other.
void peer_new(struct peer_controller **out, struct controller *controller, const char *url);
void peer_free(struct peer_controller *peer);
const char *peer_url(const struct peer_controller *peer);
// Whether its bulletin is read; `since_ms` (may be NULL) is for how long it has been, or has not been.
bool peer_connected(const struct peer_controller *peer, uint64_t *since_ms);

// Ask a host through it. `answered` is called once, with NULL if there is no answer.
struct peer_question;
struct peer_question *peer_ask(struct peer_controller *peer, const char *host,
	const json_t *message, void (*answered)(void *context, const json_t *answer),
	void *context);
void peer_question_cancel(struct peer_question *question); // NULL is fine; not after `answered`
