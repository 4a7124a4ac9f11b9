// SPDX-License-Identifier: Apache-2.0
// The journal: the store, on a thread of its own, so that the loop never waits for a disk or a
// network. Jobs go in, and come back to the loop in the order in which they were worked off: urgent
// ones first, since a long look into the past must not hold up writes.
//
// A job's `work` runs on the store's thread and may touch the store and the job, nothing else: what
// it reads it copies, and the loop makes objects of it. Its `done` runs on the loop, after which the
// job is its owner's again.
#pragma once

#include <uv.h>

#include "store/store.h"

struct journal;

struct journal_job {
	void (*work)(struct journal_job *job, struct store *store);
	void (*done)(struct journal_job *job);
	bool urgent;
	struct journal_job *prev, *next; // the journal's
};

// Takes the store over, also if it fails.
int journal_start(struct journal **out, uv_loop_t *loop, struct store *store, struct error *error);
void journal_submit(struct journal *journal, struct journal_job *job);
// Work off all jobs, those included that their `done` submits, and close the store. NULL is fine.
void journal_stop(struct journal *journal);
