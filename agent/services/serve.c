// SPDX-License-Identifier: Apache-2.0
#include "serve.h"

#include "dhcp4.h"
#include "dhcp6.h"
#include "ra.h"

enum service_result serve_frame(const struct directory *directory, const struct binding *binding,
	enum dp_service service, const uint8_t *bytes, size_t length, struct answer *out,
	struct dns_request *forward)
{
	struct frame frame;
	if (frame_parse(&frame, bytes, length))
		return SERVICE_MALFORMED;
	switch (service) {
	case DP_SERVICE_DHCPV4:
		return dhcp4_answer(binding, &frame, out);
	case DP_SERVICE_DHCPV6:
		return dhcp6_answer(binding, &frame, out);
	case DP_SERVICE_ROUTER:
		return ra_answer(binding, &frame, out);
	case DP_SERVICE_DNS:
		return dns_answer(directory, binding, &frame, out, forward);
	case DP_SERVICE_NONE:
	case DP_SERVICE_COUNT:
		break;
	}
	return SERVICE_MALFORMED;
}
