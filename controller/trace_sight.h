// SPDX-License-Identifier: Apache-2.0
// What of a trace its client sees. A packet may meet hosts, rows and ports that are not its
// sender's: of these a tenant's people are told that they are there, and what becomes of the packet.
#pragma once

#include <jansson.h>

#include "identity.h"

// Take out of the answers of the hosts what the client need not know.
void trace_reduce(const struct identity *identity, json_t *hosts);
