// SPDX-License-Identifier: Apache-2.0
// Hosts that are connected through a relay: who they have shown the relay to be. Enrolments hold for
// them as for hosts that are connected here.
#pragma once

#include "state.h"

void relayed_free(struct controller *controller);
// The host comes through a relay, which says who it has shown to be.
void relayed_keep(struct controller *controller, const struct identity *identity);
// By the certificate that the host has shown; NULL: it was none that this deployment has signed by
// invitation, or the host has never come through a relay. Borrowed.
const struct identity *relayed_identity(const struct controller *controller, const char *host);
// End the streams of those whose enrolment or certificate does not hold any more.
void relayed_enforce(struct controller *controller);
