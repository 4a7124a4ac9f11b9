// SPDX-License-Identifier: Apache-2.0
// Bundles: the reports of many agents in one request to the controller. Each agent gets the
// controller's own answer, so that one whose report did not arrive sends it again.
#pragma once

#include "parts.h"

void bundles_new(struct relay *relay);
// No request may be left.
void bundles_free(struct relay *relay);
// Pass the host's report on; the request waits for what the controller says.
void bundles_add(struct relay *relay, const char *host, struct request *request);
