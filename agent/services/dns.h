// SPDX-License-Identifier: Apache-2.0
// DNS for the ports of a network: RFC 1035, EDNS of RFC 6891, negative answers of RFC 2308.
//
// The tenant's own names are answered here, of all that the network's routers reach: PORT.DOMAIN and PORT.NETWORK.DOMAIN, and the way
// back from addresses. What else lies below DOMAIN does not exist. All else is asked of others, in a query made anew: nothing of a tenant's bytes but the
// question goes out, and an answer counts only if it repeats it.
#pragma once

#include "service.h"

enum { DNS_PORT = 53, DNS_TTL = 30 /* seconds, of own names */ };

// A question to others on behalf of a port.
struct dns_request {
	uint16_t id; // the client's
	size_t room; // bytes that the client takes
	size_t length;
	uint8_t query[512];   // its id is still to be chosen: the first two bytes
	struct answer answer; // where it goes; no payload yet
};

// SERVICE_FORWARD: `forward` is filled, and `out` is not.
enum service_result dns_answer(const struct directory *directory, const struct binding *binding,
	const struct frame *frame, struct answer *out, struct dns_request *forward);

// A reply to `query`. False: it is another's, or none at all; the right one may still come. `out` is what the client gets, cut to what
// it takes.
bool dns_accept(
	const struct dns_request *request, const uint8_t *reply, size_t length, struct answer *out);
// Nobody answers.
void dns_fail(const struct dns_request *request, struct answer *out);
// There is nobody to ask.
void dns_refuse(const struct dns_request *request, struct answer *out);
// Did the server fail, so that another may do better?
bool dns_failed(const uint8_t *reply, size_t length);
