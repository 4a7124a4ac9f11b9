// SPDX-License-Identifier: Apache-2.0
// Following the others that write to the same store: when they may have, and when somebody must
// know, what they committed is taken in.
#pragma once

#include "state.h"

// 0: everything that was committed before the call of follow_now is taken in. -EAGAIN: the store
// cannot be reached.
typedef void (*follow_done)(void *context, int rc, const struct error *error);

void follow_start(struct controller *controller);
// Whether it answered when it was last asked; `since_ms` (may be NULL): for how long that has been so.
bool follow_reaches(const struct controller *controller, uint64_t *since_ms);
// Calls back in every case: later, from the loop, or at once.
// A store that did not answer the last time is asked again by itself, all the time, and nobody waits
// for that: they are told at once.
void follow_now(struct controller *controller, follow_done done, void *context);
// The store may not answer any more: see.
void follow_doubt(struct controller *controller);
// No more news; those that wait are told -EAGAIN.
void follow_end(struct controller *controller);
// After the journal has stopped.
void follow_free(struct controller *controller);
