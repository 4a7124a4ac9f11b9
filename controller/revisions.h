// SPDX-License-Identifier: Apache-2.0
// Receipts: which hosts have realized a revision, at once or when they all have.
#pragma once

#include "state.h"

// Hosts have moved on, or are no longer waited for: answer the requests that this completes.
void revisions_progress(struct controller *controller);
// Answer every request that waits, with what there is.
void revisions_end(struct controller *controller);
