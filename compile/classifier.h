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

// What a set's rows follow from, each by itself: the classes of a field, which follow from what the
// rules ask of it; what the rules do; and the set's own row, which follows from all.
enum classifier_facet {
	// 0 .. DP_FIELD_COUNT - 1: enum dp_field
	CLASSIFIER_RULES = DP_FIELD_COUNT,
	CLASSIFIER_SET,
	CLASSIFIER_FACETS,
	CLASSIFIER_ALL = (1 << CLASSIFIER_FACETS) - 1
};

struct classifier_output {
	void *context;
	// The number of a vector with this content; 0 for the empty one. Called for each that a class
	// has anew, so equal contents meet here.
	uint32_t (*vector)(void *context, const struct dp_vector *vector);
	void (*row)(void *context, enum dp_table table, const void *key, const void *value);
};

struct classifier_set {
	uint32_t number; // not 0
	// Base and otherwise are the caller's; the rest follows from the rules.
	struct dp_set row;
};

// Rows of the set: up to DP_SET_RULES rules in order of precedence, the same in both slots. Of these
// facets (1 << enum classifier_facet) only: `set->row` says of the others what was built before, of as
// many rules that ask the same. -E2BIG: too many rules, nothing is emitted.
int classifier_build(struct classifier_set *set, unsigned facets,
	const struct classifier_rule *rules, size_t count, const struct classifier_output *output);

// The facets in which rules that stand at one place of two sets differ.
unsigned classifier_differences(const struct classifier_rule *a, const struct classifier_rule *b);
