// SPDX-License-Identifier: Apache-2.0
// Router advertisements: RFC 4861, 4862, DNS by RFC 8106, lifetimes by RFC 8319.
//
// Of a prefix a host makes addresses only where the network says slaac; else it asks DHCPv6. A network without a router advertises as
// well, for its prefixes and DNS, with a router lifetime of 0.
#pragma once

#include "service.h"

// As long as RFC 8319, section 3, allows: hosts keep their default route while an agent is away.
enum { RA_LIFETIME = 65535 /* seconds */ };

// A solicitation from the port.
enum service_result ra_answer(
	const struct binding *binding, const struct frame *frame, struct answer *out);
// What all on the link are told unasked. Only where network_advertises.
void ra_advertise(const struct binding *binding, struct answer *out);
