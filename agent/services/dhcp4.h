// SPDX-License-Identifier: Apache-2.0
// DHCP for IPv4: RFC 2131, options of RFC 2132, classless routes of RFC 3442, rapid commit of RFC 4039.
//
// The lease is the port's address, and so is every other answer a function of desired state. It is long, as it must outlive an
// absence of the agent, and it can be: the address stays while the port does.
#pragma once

#include "service.h"

enum { DHCP4_LEASE = 24 * 3600 /* seconds */ };

// A message from the port of `binding` to UDP port 67.
enum service_result dhcp4_answer(
	const struct binding *binding, const struct frame *frame, struct answer *out);
