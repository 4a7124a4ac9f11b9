// SPDX-License-Identifier: Apache-2.0
// Rules -> the rows of one rule set (datapath/policy.h): aggregated bit vectors over the classes of
// each field. Pure: the same rules give the same rows but for the numbers of vectors, which the
// caller interns.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "datapath/policy.h"
#include "datapath/tables.h"

// Ports low..high, both included, of one protocol; ICMP: type << 8 | code.
struct classifier_range {
	uint8_t protocol; // IANA number
	uint16_t low, high;
};

// A rule asks all its fields (AND); a field with entries is met by any of them (OR), one without by
// everything. Borrowed for the call.
struct classifier_rule {
	const uint32_t *identities;
	size_t identity_count;
	bool any_identity; // false with identity_count 0: the selector matches nobody
	const struct prefix *remotes, *locals;
	size_t remote_count, local_count;
	const struct classifier_range *services, *source_ports;
	size_t service_count, source_port_count;
	struct dp_rule result;
};

struct classifier_output {
	void *context;
	// The number of a vector with this content; 0 for the empty one. Called for each that a class
	// has anew, so equal contents meet here.
	uint32_t (*vector)(void *context, const struct dp_vector *vector);
	void (*row)(void *context, enum dp_table table, const void *key, const void *value);
};

// What `set` leads to beside its rules: as in struct dp_set.
struct classifier_set {
	uint32_t number; // not 0
	uint32_t base, otherwise;
};

// Rows of the set: up to DP_SET_RULES rules in order of precedence, the same in both slots. -E2BIG:
// too many rules, nothing is emitted.
int classifier_build(const struct classifier_set *set, const struct classifier_rule *rules,
	size_t count, const struct classifier_output *output);
