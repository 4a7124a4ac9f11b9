// SPDX-License-Identifier: Apache-2.0
// Any bytes as a question to the DNS server; and as a name server's reply to one. What comes out is a whole message with the client's id.
#include <ldns/ldns.h>

#include "fuzz.h"

static void hold(const struct answer *answer, uint16_t id)
{
	ldns_pkt *packet = NULL;

	if (ldns_wire2pkt(&packet, answer->payload, answer->length) != LDNS_STATUS_OK ||
		!ldns_pkt_qr(packet) || ldns_pkt_id(packet) != id)
		abort();
	ldns_pkt_free(packet);
	services_hold(answer);
}

static void ask(const uint8_t *data, size_t size)
{
	static struct answer answer;
	static struct dns_request request;
	struct frame frame = services_frame(data, size, "10.0.0.5", "10.0.0.1", 53);

	switch (dns_answer(services_directory(), services_binding(), &frame, &answer, &request)) {
	case SERVICE_ANSWERED:
		hold(&answer, read16(data));
		break;
	case SERVICE_FORWARD:
		dns_fail(&request, &answer);
		hold(&answer, read16(data));
		break;
	default:
		break;
	}
}

static void reply(const uint8_t *data, size_t size)
{
	static const char query[] = "\x12\x34\x01\0\0\1\0\0\0\0\0\0\3www\7example\0\0\1\0\1";
	static struct answer answer;
	static struct dns_request request;
	struct frame frame = services_frame(
		(const uint8_t *)query, sizeof(query) - 1, "10.0.0.5", "10.0.0.1", 53);

	if (!request.length && dns_answer(services_directory(), services_binding(), &frame, &answer,
				       &request) != SERVICE_FORWARD)
		abort();
	if (dns_accept(&request, data, size, &answer))
		hold(&answer, 0x1234);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ask(data, size);
	reply(data, size);
	return 0;
}
