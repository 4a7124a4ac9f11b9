// SPDX-License-Identifier: Apache-2.0
// DHCP for IPv6: RFC 8415, DNS by RFC 3646.
//
// The binding of a client is the port's addresses, all in its first IA_NA; there are no temporary addresses and no prefixes to
// delegate. The server is named by a MAC that is the network's for good (DUID-LL), so that a new agent is the same server.
#pragma once

#include "service.h"

enum { DHCP6_PREFERRED = 24 * 3600, DHCP6_VALID = 2 * 24 * 3600 /* seconds */ };

// A message from the port of `binding` to UDP port 547.
enum service_result dhcp6_answer(
	const struct binding *binding, const struct frame *frame, struct answer *out);
