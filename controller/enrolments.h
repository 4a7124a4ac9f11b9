// SPDX-License-Identifier: Apache-2.0
// Enrolment of hosts: an invitation, used once, becomes a certificate, which its host renews over its
// own connection.
//
// The enrolment's object says which certificates are good: they carry its identity, a random number
// that each joining makes anew. So one look-up revokes all there have been, and no list of revoked
// ones grows.
#pragma once

#include "handler.h"

// The key of the authority, for signing; `key` NULL: no enrolment here.
int enrolments_start(struct controller *controller, const char *certificate, const char *key,
	uint64_t life_seconds, struct error *error);
void enrolments_stop(struct controller *controller);

// With a host that is deleted its enrolment goes.
int enrolments_delete(struct controller *controller, struct transaction *transaction,
	const char *host, struct error *error);
