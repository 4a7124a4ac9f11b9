// SPDX-License-Identifier: Apache-2.0
// Members: the hosts that are connected to the relay, and what the controller has been told of them.
//
// A host's stream begins when the controller has sent what it needs and said "joined". One that was
// here, and of which the controller has not been told that it left, begins at once, also while no
// controller can be reached.
#pragma once

#include "parts.h"

void members_new(struct relay *relay);
// No request may be left.
void members_free(struct relay *relay);

// Answer the request with the host's stream, when it can be.
void members_open(
	struct relay *relay, const char *host, struct request *request, const struct place *place);
// The host's stream is up or down.
void members_connected(struct relay *relay, const char *host, bool connected);
// It has this attempt elsewhere: an older one here ends.
void members_yield(struct relay *relay, const char *host, uint64_t elsewhere);
// The controller has sent all that the host needs; the host is no more.
void members_joined(struct relay *relay, const char *host);
void members_forget(struct relay *relay, const char *host);

// The controller can be told what has changed.
void members_changed(struct relay *relay);
// A session with a controller begins: tell all that are here, then go on with the stream.
void members_announce(struct relay *relay);
