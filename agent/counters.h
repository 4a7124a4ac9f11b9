// SPDX-License-Identifier: Apache-2.0
// The datapath's counters and drops by port, as of the last collection.
#pragma once

#include <jansson.h>
#include <utarray.h>

#include "base/table.h"
#include "datapath/datapath.h"

struct drop_count {
	uint32_t reason;
	struct dp_drops drops;
};

struct port_counters {
	uint32_t port; // 0: drops that no port can answer for
	bool known;    // for whoever walks them: a port that is still here
	struct dp_counters counters;
	UT_array drops; // struct drop_count, by reason
	UT_hash_handle hh;
};

struct counters {
	struct port_counters *ports; // hash by port
};

void counters_done(struct counters *counters);
// Read all; 1: something moved since the last time, 0, or -errno.
int counters_collect(struct counters *counters, struct datapath *datapath, struct error *error);
// NULL: nothing was ever counted. Borrowed until the next collection.
const struct port_counters *counters_find(const struct counters *counters, uint32_t port);
// For reports; new references. NULL where `from` is NULL.
json_t *counters_encode(const struct port_counters *from);
json_t *counters_encode_drops(const struct port_counters *from);
