// SPDX-License-Identifier: Apache-2.0
// The relay: stands between a controller and the agents of many hosts, and is to each what the other
// would be. docs/design/stream.md says how.
#pragma once

#include <uv.h>

#include "base/error.h"

struct relay;

struct relay_options {
	const char *name;        // once in the deployment, like a host's
	const char *controllers; // "https://10.0.0.1:6640,https://10.0.0.2:6640"
	const char *unix_socket; // to listen on; NULL: none
	const char *listen;      // "10.0.1.1:6640", always TLS; NULL: not over TCP
	// PEM files, for either side: a certificate of weft-relay:NAME.
	const char *certificate, *key, *authority;
};

int relay_start(struct relay **out, uv_loop_t *loop, const struct relay_options *options,
	struct error *error);
void relay_stop(struct relay *relay); // NULL is fine
