// SPDX-License-Identifier: Apache-2.0
// The agent's certificate, if it comes from an enrolment: renewed over the agent's own connection
// when two thirds of its time are over. The key stays; the file is replaced. Connections that were
// made with the one before are not used for new requests.
#pragma once

#include "http/client.h"

struct renewal;

// The files are borrowed. One that is not of an enrolment is left alone, and none is fine.
void agent_renewal_new(struct renewal **out, uv_loop_t *loop, struct http_client *http,
	const char *host, const char *certificate, const char *key);
void agent_renewal_free(struct renewal *renewal); // NULL is fine
