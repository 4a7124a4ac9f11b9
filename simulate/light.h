// SPDX-License-Identifier: Apache-2.0
// A light host: it holds its stream, acknowledges every batch and reports its ports and interfaces
// like any other, and neither decodes nor compiles what it is sent: what it reports follows from the
// plan. So that before a controller there can be more hosts than this machine has memory to be. To
// the controller they are all the same.
#pragma once

#include <stdint.h>
#include <uv.h>

#include "http/client.h"

struct light;

struct light_events {
	void (*batch)(void *context, uint64_t revision, uint64_t objects);
	void (*lost)(void *context); // after a batch had come
	void *context;
};

void light_new(struct light **out, uv_loop_t *loop, struct http_client *http, const char *host,
	const struct light_events *events);
void light_free(struct light *light);
