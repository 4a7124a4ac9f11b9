// SPDX-License-Identifier: Apache-2.0
// Presence: which hosts are connected, to this controller or to another one, and since when. In
// memory only: liveness of hosts is told from controller to controller and never enters the store.
#pragma once

#include "base/attempt.h"
#include "state.h"

struct peer_controller;

void presence_start(struct controller *controller);
void presence_free(struct controller *controller);

// A host exists, not connected since now; or exists no longer.
void presence_introduce(struct controller *controller, const char *host);
void presence_forget(struct controller *controller, const char *host);

// The host's stream to this controller is up or down, since then (monotonic milliseconds).
void presence_here(struct controller *controller, const char *host, bool connected, uint64_t since);
// It has acknowledged what it was sent when it connected here.
void presence_answered(struct controller *controller, const char *host);
// The host is connected here and has realized all that is known to concern it.
bool presence_settled(const struct controller *controller, const char *host);
// Another controller says that the host is connected there, by this attempt, or is so no more. A host
// has one stream: of two the older one ends. True: it was connected here until now.
bool presence_there(struct controller *controller, struct peer_controller *peer, const char *host,
	struct attempt attempt, uint64_t since);
void presence_not_there(struct controller *controller, struct peer_controller *peer,
	const char *host, uint64_t since);
// Nothing is known any more of what is connected to that controller.
void presence_lost(struct controller *controller, const struct peer_controller *peer);

// Whether the host's agent is connected, to whichever controller; `since_ms` (may be NULL) is for how
// long it has been, or has not been.
bool presence_connected(const struct controller *controller, const char *host, uint64_t *since_ms);
// The other controller that it is connected to; NULL: it is connected here, or nowhere.
struct peer_controller *presence_peer(const struct controller *controller, const char *host);
bool presence_is_here(const struct controller *controller, const char *host, uint64_t *since);
// How many are connected: to `peer`, or (NULL) to this controller.
size_t presence_count(const struct controller *controller, const struct peer_controller *peer);

// Visit each host that is connected here.
typedef void (*presence_visit)(void *context, const char *host, uint64_t since);
void presence_each_here(const struct controller *controller, presence_visit visit, void *context);
