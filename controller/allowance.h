// SPDX-License-Identifier: Apache-2.0
// How much one client may ask for, and the people of one tenant together, so that none exhausts the
// controller: requests and written objects a second, by token buckets; connections, and requests that
// wait or stream, at once of each client.
//
// Who is on the Unix socket, has an administrator's certificate, or works for the deployment (relays,
// controllers) is not held up. Who has not proved who they are counts by address.
#pragma once

#include "handler.h"

void allowance_start(struct controller *controller);
void allowance_stop(struct controller *controller);

// Count the request. -EUSERS: too many; `retry_s` says after how many seconds to come again.
int allowance_admit(struct controller *controller, struct request *request, unsigned *retry_s,
	struct error *error);
// The same for one who shows what does not count, by their address.
int allowance_admit_stranger(struct controller *controller, struct request *request,
	unsigned *retry_s, struct error *error);
// These objects are being written. However many, they are; who has written more than their share
// waits before the next.
void allowance_charge(struct controller *controller, const struct request *request,
	const struct catalog_change *changes, size_t count);
// The request is about to wait or stream, and counts as one that does until it is done. -EUSERS: the
// client has too many that do.
int allowance_hold(struct request *request, struct error *error);
