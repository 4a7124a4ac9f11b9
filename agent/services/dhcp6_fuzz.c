// SPDX-License-Identifier: Apache-2.0
// Any bytes as a message to the DHCPv6 server: options nest as they should, and what is valid is the port's address.
#include "dhcp6.h"
#include "fuzz.h"

enum { HEADER = 4, OPTION_IA_NA = 3, OPTION_ADDRESS = 5, IA_HEAD = 12, ADDRESS_HEAD = 24 };

static void check_address(const uint8_t *body, size_t length)
{
	const struct binding *binding = services_binding();
	bool bound = false;

	if (length < ADDRESS_HEAD)
		abort();
	for (size_t i = 0; i < binding->address_count; i++)
		bound |= !memcmp(binding->addresses[i].bytes, body, 16);
	if (!bound && read32(body + 20) != 0)
		abort();
}

static void walk(const uint8_t *at, const uint8_t *end, unsigned depth)
{
	while (at < end) {
		if (end - at < 4 || end - at - 4 < read16(at + 2))
			abort();
		size_t length = read16(at + 2);
		if (read16(at) == OPTION_IA_NA && depth == 0) {
			if (length < IA_HEAD)
				abort();
			walk(at + 4 + IA_HEAD, at + 4 + length, 1);
		} else if (read16(at) == OPTION_ADDRESS) {
			check_address(at + 4, length);
		}
		at += 4 + length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct answer answer;
	struct frame frame = services_frame(data, size, "fe80::ff:fe00:1", "ff02::1:2", 547);

	if (size > 1 && data[1] & 0x80 && address_parse("fe80::1", &frame.to)) // by unicast
		abort();
	if (dhcp6_answer(services_binding(), &frame, &answer) != SERVICE_ANSWERED)
		return 0;
	walk(answer.payload + HEADER, answer.payload + answer.length, 0);
	services_hold(&answer);
	return 0;
}
