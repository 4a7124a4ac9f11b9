// SPDX-License-Identifier: Apache-2.0
// What a host says that is not its to say. Nothing comes of it: what is known of a port is what the
// host says that it is placed on, and rules are counted by hosts that carry the tenant. But it is noted,
// since a host that does so is broken, or in wrong hands.
#pragma once

#include "state.h"

enum {
	REPORT_BYTES = 8 << 20,  // one report
	REPORT_ITEMS = 64 << 10, // interfaces, or ports, of one host
};

// -EINVAL with the list at fault: the member that is the whole list or the one that tells what has changed
// of it. `held` is how many items of it are known already.
int suspicion_bound(const json_t *report, const char *whole, const char *changed, size_t held,
	struct error *error);
// How many ports in the report are placed on another host, as far as this host has realized it; the
// first of them is logged.
size_t suspicion_foreign_ports(const struct controller *controller, const char *host,
	uint64_t realized, const json_t *report);
