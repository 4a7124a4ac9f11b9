// SPDX-License-Identifier: Apache-2.0
// DNS questions to others: asked from the host's own network, each from a socket of its own, so that its port is as random as its id.
//
// A port may have so many questions open, a tenant as many as the host has left for all, as in core/share.h; a server that does not
// answer, or fails, is followed by the next.
#pragma once

#include <uv.h>

#include "dns.h"

enum {
	FORWARDER_PORT_OPEN = 32,
	FORWARDER_OPEN = 512 /* file descriptors */,
	FORWARDER_PATIENCE_MS = 2000 /* with one server */,
	FORWARDER_ATTEMPTS = 3
};

struct forwarder;

// What became of a question: `answer` goes to the port, out of the device that it was asked on.
typedef void (*forwarder_done)(
	void *context, uint32_t port, uint32_t ifindex, size_t mtu, const struct answer *answer);

void forwarder_new(struct forwarder **out, uv_loop_t *loop, forwarder_done done, void *context);
// Open questions are dropped.
void forwarder_free(struct forwarder *forwarder);

struct forwarder_asker {
	const char *tenant;
	uint32_t port, ifindex;
	size_t mtu;
	// Who is asked; `items` NULL: the resolvers of the host (/etc/resolv.conf).
	const struct address_list *servers;
};
// `done` may be called before this returns: nobody can be asked. `request` is copied.
void forwarder_ask(struct forwarder *forwarder, const struct forwarder_asker *asker,
	const struct dns_request *request);
