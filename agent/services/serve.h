// SPDX-License-Identifier: Apache-2.0
// From the frame that a port sent to the frame that it gets.
#pragma once

#include "datapath/service.h"
#include "dns.h"

// A frame that the datapath took for this service. SERVICE_FORWARD: `forward` is filled, and `out` is not.
enum service_result serve_frame(const struct directory *directory, const struct binding *binding,
	enum dp_service service, const uint8_t *bytes, size_t length, struct answer *out,
	struct dns_request *forward);
