// SPDX-License-Identifier: Apache-2.0
// The controller: REST /v1 in front of the catalog, the store, the topology and the streams to agents.
#pragma once

#include "base/error.h"
#include <uv.h>

struct controller;

struct controller_options {
	const char *store; // "sqlite:/var/lib/weft/weft.db", "etcd:http://10.0.0.1:2379"
	const char *
		unix_socket; // "/run/weft/weft.sock", mode 0660; NULL: none. Who may open it is an administrator.
	const char *
		listen; // "10.0.0.1:6640", "[fd00::1]:6640"; NULL: none. Always TLS, client certificates required.
	const char *certificate, *key, *authority; // PEM files, needed with `listen`
	// "https://10.0.0.1:6640": where other controllers on the same store reach this one; NULL: where
	// it listens.
	const char *advertise;
	// The key of the authority, to sign the certificates of hosts that join; NULL: none does here.
	const char *authority_key;
	uint64_t certificate_seconds; // how long those are good for; 0: a week
	size_t body_limit;            // bytes; 0: 32 MiB
};

// Open the store, load the catalog and listen, all on `loop`. On failure nothing is left open.
int controller_start(struct controller **out, uv_loop_t *loop,
	const struct controller_options *options, struct error *error);
// Finish the requests under way, close the streams and the store.
void controller_stop(struct controller *controller);
