// SPDX-License-Identifier: Apache-2.0
// Reads: what a request reads is at least as new as everything that was committed before it came,
// whichever controller it came to. Where others write to the same store, that has to be asked.
#pragma once

#include "handler.h"

// Whether this controller knows what the request names: a host, and a revision, in its path or as
// ?since=. What it does not know may be known to another, which has told the client.
bool reads_know(
	const struct controller *controller, struct request *request, const struct target *target);
// Handle the request, at once or when the controller is sure to be up to date. With ?consistency=local
// at once.
// The same; where the store cannot be reached, reads_handle_anyway goes on with what is known.
void reads_handle(struct controller *controller, struct request *request, handler handle,
	const struct target *target);
void reads_handle_anyway(struct controller *controller, struct request *request, handler handle,
	const struct target *target);
