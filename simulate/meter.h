// SPDX-License-Identifier: Apache-2.0
// What a change costs: how long it takes, what is sent and written for it, and on which processor.
#pragma once

#include <jansson.h>
#include <stdint.h>

struct simulation;

struct meter_reading {
	uint64_t time_ns;
	uint64_t batches, items, rows, reports;   // as struct fleet_counts
	uint64_t down_bytes, up_bytes;            // bodies, to and from the hosts
	double controller_seconds, hosts_seconds; // of processor
};

struct meter {
	struct simulation *simulation;
	struct meter_reading start, sum;
	double *milliseconds; // of each change
	size_t count, capacity;
};

void meter_init(struct meter *meter, struct simulation *simulation);
void meter_done(struct meter *meter);
// Around each change.
void meter_start(struct meter *meter);
void meter_stop(struct meter *meter);
// The same by hand, where changes overlap.
void meter_add(struct meter *meter, double milliseconds);

// Quantiles of the time, and means of all else, by change. New reference.
json_t *meter_encode(struct meter *meter);
// {"controller_bytes", "controller_port_bytes", "hosts_bytes", "host_bytes"}; without the controller
// where it is not one's own, and without the last where hosts are light. New reference.
json_t *meter_memory(const struct simulation *simulation);
