// SPDX-License-Identifier: Apache-2.0
// The controllers of a deployment find each other through the store: each keeps an entry there with
// the URL at which the others reach it, and a lease on it. The entry of one that is dead is removed by
// whoever notices and gets the lease.
#pragma once

#include "state.h"
#include "store/transfer.h"

struct peer_controller;

#define PEERS_PREFIX STORE_OF_PROCESSES

// `url` NULL: the others cannot reach this controller, so it only follows them. Where nobody else can
// write to the store, nothing is done.
void peers_start(struct controller *controller, const char *url);
// Entries in the store have changed.
void peers_changed(struct controller *controller);
// Leave in good order: the last job for the journal. A store that does not answer (`reaches` false)
// would hold up the end; another will find the entry.
void peers_end(struct controller *controller, bool reaches);
void peers_free(struct controller *controller); // after the journal has stopped

// Each of the others; and the URL of this one, NULL if it has none.
typedef void (*peers_visit)(void *context, const struct peer_controller *peer);
void peers_each(const struct controller *controller, peers_visit visit, void *context);
const char *peers_self(const struct controller *controller);
