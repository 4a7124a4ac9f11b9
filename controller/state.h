// SPDX-License-Identifier: Apache-2.0
// What the controller holds. Requests change it in one place only: commit.c.
#pragma once

#include <uv.h>

#include "controller/controller.h"
#include "http.h"
#include "model/catalog.h"
#include "store/store.h"
#include "topology/receipt.h"
#include "topology/topology.h"

struct controller {
	uv_loop_t *loop;
	uint64_t started; // monotonic milliseconds
	struct http *http;
	// Desired state: on disk, in memory, and as a graph.
	struct store *store; // until the journal takes it over
	struct journal *journal;
	struct follow *follow; // NULL: nobody else writes to the store
	struct writes *writes;
	struct sought *sought;      // by the write that has its turn; NULL: none has
	uint64_t revision;          // up to which everything is taken in
	uint64_t compacted;         // history before is gone
	uint64_t counters_revision; // that last wrote the catalog's counters
	struct catalog *catalog;
	struct topology *topology;
	// Realized state.
	struct receipts *receipts;
	struct waiter *waiters;
	// What agents are asked.
	struct question *questions;
	uint64_t questions_asked;
	// Discovered state, and who listens.
	struct feed *feed;
	struct relayed *relayed; // hosts that have come through relays
	struct presence *presence;
	struct bulletin *bulletin;
	struct peers *peers;                 // NULL: nobody else writes to the store
	char *certificate, *key, *authority; // PEM files, to speak to other controllers with
	struct reports *reports;
	struct watch *watches;
	uv_timer_t *compaction;
	uv_timer_t *enforcement;
	struct limits *limits;
	struct enrolling *enrolling; // NULL: there is no key to sign with
	json_t *refused;             // the last writes that were; NULL: none
};

static inline uint64_t controller_revision(const struct controller *controller)
{
	return controller->revision;
}

// Nobody else can write to this store: there is nothing to follow.
static inline bool controller_alone(const struct controller *controller)
{
	return !controller->follow;
}
