// SPDX-License-Identifier: Apache-2.0
// Any bytes as a message to the DHCP server: what it answers is a message that a client can walk, and offers the port's address alone.
#include "dhcp4.h"
#include "fuzz.h"

enum { YOUR_ADDRESS = 16, COOKIE = 236, OPTIONS = 240 };

static void walk(const struct answer *answer)
{
	const uint8_t *at = answer->payload + OPTIONS, *end = answer->payload + answer->length;

	while (at < end && *at != 255) {
		if (*at == 0) {
			at++;
			continue;
		}
		if (end - at < 2 || end - at - 2 < at[1])
			abort();
		at += 2 + at[1];
	}
	if (at == end)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct answer answer;
	const struct binding *binding = services_binding();
	struct frame frame = services_frame(data, size, "0.0.0.0", "255.255.255.255", 67);

	if (dhcp4_answer(binding, &frame, &answer) != SERVICE_ANSWERED)
		return 0;
	const uint8_t *yours = answer.payload + YOUR_ADDRESS;
	if (memcmp(yours, "\0\0\0\0", 4) && memcmp(yours, binding->ipv4.bytes + 12, 4))
		abort();
	walk(&answer);
	services_hold(&answer);
	return 0;
}
