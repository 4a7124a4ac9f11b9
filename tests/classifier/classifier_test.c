// SPDX-License-Identifier: Apache-2.0
// The classifier against the plainest evaluator: random rule sets, random packets, no difference allowed. The rows that
// compile/classifier.c emits go into native tables, and datapath/core/classify.h, the code that forwards, reads them.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "classifier.h"
#include "native/table.h"

struct seam {
	struct native_table tables[DP_TABLE_COUNT];
	uint32_t vectors;
	size_t lookups;
};

#define FIND(name, NAME, key_type, value_type, kind, maximum)                                    \
	static inline const value_type *seam_find_##name(struct seam *seam, const key_type *key) \
	{                                                                                        \
		seam->lookups++;                                                                 \
		return native_table_find(&seam->tables[DP_TABLE_##NAME], key);                   \
	}
DP_TABLES(FIND)
#undef FIND

#include "core/classify.h"

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint32_t random_below(uint32_t bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % bound;
}

static void seam_init(struct seam *seam)
{
	memset(seam, 0, sizeof(*seam));
	for (size_t i = 0; i < DP_TABLE_COUNT; i++)
		seam->tables[i].info = &datapath_tables[i];
}

static void seam_done(struct seam *seam)
{
	for (size_t i = 0; i < DP_TABLE_COUNT; i++)
		native_table_done(&seam->tables[i]);
}

static void put(void *context, enum dp_table table, const void *key, const void *value)
{
	struct seam *seam = context;
	assert_int_equal(native_table_put(&seam->tables[table], key, value), 0);
}

static uint32_t intern(void *context, const struct dp_vector *vector)
{
	static const struct dp_vector empty;
	struct seam *seam = context;
	uint32_t number = seam->vectors + 1;
	if (memcmp(vector, &empty, sizeof(empty)) == 0)
		return 0;
	put(seam, DP_TABLE_VECTOR, &number, vector);
	seam->vectors = number;
	return number;
}

// Addresses and ports from small pools, so that rules overlap and packets hit them.
static struct address random_address(void)
{
	if (random_below(2))
		return address_from_ipv4(0x0a000000 | random_below(4) << 16 | random_below(4) << 8 |
					 random_below(4));
	struct address address = {
		{0xfd, 0, 0, (uint8_t)random_below(3), 0, 0, 0, (uint8_t)random_below(3)}};
	address.bytes[15] = (uint8_t)random_below(4);
	return address;
}

static struct prefix random_prefix(void)
{
	struct address address = random_address();
	unsigned length = address_is_ipv4(&address) ? random_below(33) + 96 : random_below(129);
	for (unsigned bit = length; bit < 128; bit++)
		address.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return (struct prefix){.address = address, .length = (uint8_t)length};
}

static const uint8_t protocols[] = {1, 6, 17, 58, 132};

static struct classifier_range random_range(void)
{
	uint16_t a = (uint16_t)(random_below(3) ? random_below(40) : random_below(65536));
	uint16_t b = (uint16_t)(random_below(3) ? random_below(40) : random_below(65536));
	if (random_below(8) == 0)
		a = 0, b = 65535;
	return (struct classifier_range){protocols[random_below(5)], a < b ? a : b, a < b ? b : a};
}

enum { MOST = 3 };

struct random_rule {
	uint32_t identities[MOST];
	struct prefix remotes[MOST], locals[MOST];
	struct classifier_range services[MOST], source_ports[MOST];
};

static void random_rule(struct classifier_rule *rule, struct random_rule *parts, uint32_t number)
{
	*rule = (struct classifier_rule){
		.identities = parts->identities,
		.identity_count = random_below(MOST + 1),
		.any_identity = random_below(2),
		.remotes = parts->remotes,
		.remote_count = random_below(2) ? random_below(MOST + 1) : 0,
		.locals = parts->locals,
		.local_count = random_below(4) ? 0 : random_below(MOST + 1),
		.services = parts->services,
		.service_count = random_below(4) ? random_below(MOST + 1) : 0,
		.source_ports = parts->source_ports,
		.source_port_count = random_below(4) ? 0 : random_below(MOST + 1),
		.result = {.number = number, .action = (uint16_t)random_below(4)},
	};
	for (size_t i = 0; i < MOST; i++) {
		parts->identities[i] = random_below(6);
		parts->remotes[i] = random_prefix();
		parts->locals[i] = random_prefix();
		parts->services[i] = random_range();
		parts->source_ports[i] = random_range();
	}
}

// ---- the plain evaluator ----

static bool dp_address_is_ipv4(const struct dp_address *address)
{
	struct address copy;
	memcpy(&copy, address, sizeof(copy));
	return address_is_ipv4(&copy);
}

static bool takes_prefix(
	const struct prefix *prefixes, size_t count, const struct dp_address *address)
{
	bool taken = count == 0;
	for (size_t i = 0; i < count; i++) {
		bool equal = prefix_is_ipv4(&prefixes[i]) == dp_address_is_ipv4(address);
		for (unsigned bit = 0; bit < prefixes[i].length; bit++)
			equal = equal &&
				!((prefixes[i].address.bytes[bit / 8] ^ address->bytes[bit / 8]) &
					(0x80 >> bit % 8));
		taken = taken || equal;
	}
	return taken;
}

static bool takes_range(
	const struct classifier_range *ranges, size_t count, uint8_t protocol, uint16_t port)
{
	bool taken = count == 0;
	for (size_t i = 0; i < count; i++)
		taken = taken || (ranges[i].protocol == protocol && ranges[i].low <= port &&
					 port <= ranges[i].high);
	return taken;
}

static bool takes(const struct classifier_rule *rule, const struct classify_key *packet)
{
	bool known = rule->any_identity;
	for (size_t i = 0; i < rule->identity_count; i++)
		known = known || rule->identities[i] == packet->identity;
	return known && takes_prefix(rule->remotes, rule->remote_count, &packet->remote) &&
	       takes_prefix(rule->locals, rule->local_count, &packet->local) &&
	       takes_range(
		       rule->services, rule->service_count, packet->protocol, packet->service) &&
	       takes_range(rule->source_ports, rule->source_port_count, packet->protocol,
		       packet->source_port);
}

static struct classify_key random_packet(void)
{
	struct address remote = random_address(), local = random_address();
	struct classify_key packet = {
		.identity = random_below(8),
		.protocol = protocols[random_below(5)],
		.service = (uint16_t)(random_below(3) ? random_below(42) : random_below(65536)),
		.source_port = (uint16_t)(random_below(3) ? random_below(42) : random_below(65536)),
	};
	memcpy(&packet.remote, &remote, sizeof(remote));
	memcpy(&packet.local, &local, sizeof(local));
	return packet;
}

// One rule set, of which one rule in `sparse` takes packets while the others select nobody, and packets through it. Counts in `hits`,
// by part, those that found a rule.
static void check_set(size_t count, uint32_t sparse, size_t packets, size_t hits[DP_SET_PARTS])
{
	struct seam seam;
	struct classifier_rule *rules = memory_new((count + 1) * sizeof(*rules));
	struct random_rule *parts = memory_new((count + 1) * sizeof(*parts));
	struct classifier_output output = {.context = &seam, .vector = intern, .row = put};
	size_t part_count = (count + DP_PART_RULES - 1) / DP_PART_RULES;

	seam_init(&seam);
	for (size_t i = 0; i < count; i++) {
		random_rule(&rules[i], &parts[i], (uint32_t)i + 1);
		if (random_below(sparse))
			rules[i] = (struct classifier_rule){.result = rules[i].result};
	}
	struct classifier_set set = {7, {.base = 17, .otherwise = 99}};
	assert_int_equal(classifier_build(&set, CLASSIFIER_ALL, rules, count, &output), 0);
	for (size_t i = 0; i < packets; i++) {
		struct classify_key packet = random_packet();
		packet.slot = (uint8_t)random_below(2);
		memset(packet.vectors, 0xff, sizeof(packet.vectors)); // as anyone left them
		size_t expected = 0;
		while (expected < count && !takes(&rules[expected], &packet))
			expected++;
		uint32_t otherwise;
		seam.lookups = 0;
		const struct dp_rule *found = classify(&seam, 7, &packet, &otherwise);
		// However many rules.
		assert_true(seam.lookups <= 2 + DP_FIELD_COUNT * (1 + part_count));
		if (expected == count) {
			assert_null(found);
			assert_int_equal(otherwise, 99);
		} else {
			assert_non_null(found);
			assert_memory_equal(found, &rules[expected].result, sizeof(*found));
			hits[expected / DP_PART_RULES]++;
		}
	}
	seam_done(&seam);
	free(rules);
	free(parts);
}

static void test_random_sets(void **state)
{
	size_t hits[DP_SET_PARTS] = {0}, sets = 100000;
	(void)state;
	for (size_t i = 0; i < sets; i++)
		check_set(1 + random_below(8), 1, 4, hits);
	// Both outcomes must have been seen often, or the test would prove nothing.
	assert_true(hits[0] > sets && hits[0] < 3 * sets);
}

static void test_large_sets(void **state)
{
	size_t hits[DP_SET_PARTS] = {0};
	(void)state;
	check_set(DP_PART_RULES, 1, 2000, hits);
	assert_true(hits[0] > 1000);
	check_set(DP_PART_RULES + 1, 64, 1000, hits);
	check_set(3 * DP_PART_RULES, 512, 1000, hits);
	for (size_t i = 0; i < 5; i++)
		check_set(DP_SET_RULES, DP_PART_RULES, 400, hits);
	for (size_t part = 0; part < DP_SET_PARTS; part++)
		assert_true(hits[part] > 10);
}

static void test_too_many(void **state)
{
	struct seam seam;
	struct classifier_output output = {.context = &seam, .vector = intern, .row = put};
	struct classifier_rule *rules = memory_new((DP_SET_RULES + 1) * sizeof(*rules));
	(void)state;
	seam_init(&seam);
	struct classifier_set set = {1, {.base = 1}};
	assert_int_equal(
		classifier_build(&set, CLASSIFIER_ALL, rules, DP_SET_RULES + 1, &output), -E2BIG);
	assert_int_equal(seam.vectors, 0);
	seam_done(&seam);
	free(rules);
}

// What a packet costs does not grow with the rules: a part that a field rules out is not looked at.
static void test_parts_ruled_out(void **state)
{
	struct seam seam;
	struct classifier_output output = {.context = &seam, .vector = intern, .row = put};
	struct classifier_rule *rules = memory_new(DP_SET_RULES * sizeof(*rules));
	struct classifier_range *ranges = memory_new(DP_SET_RULES * sizeof(*ranges));
	struct classify_key packet = {.protocol = 6};
	struct classifier_set set = {1, {.base = 1, .otherwise = 5}};
	uint32_t otherwise;
	(void)state;
	seam_init(&seam);
	for (size_t i = 0; i < DP_SET_RULES; i++) {
		ranges[i] = (struct classifier_range){6, (uint16_t)i, (uint16_t)i};
		rules[i] = (struct classifier_rule){.any_identity = true,
			.services = &ranges[i],
			.service_count = 1,
			.result = {.number = (uint32_t)i + 1}};
	}
	assert_int_equal(classifier_build(&set, CLASSIFIER_ALL, rules, DP_SET_RULES, &output), 0);
	for (size_t i = 0; i < DP_SET_RULES; i += DP_PART_RULES - 1) {
		packet.service = (uint16_t)i;
		seam.lookups = 0;
		const struct dp_rule *found = classify(&seam, 1, &packet, &otherwise);
		assert_non_null(found);
		assert_int_equal(found->number, i + 1);
		assert_int_equal(seam.lookups, 4); // set, class, vector, rule
	}
	packet.service = DP_SET_RULES;
	seam.lookups = 0;
	assert_null(classify(&seam, 1, &packet, &otherwise));
	assert_int_equal(otherwise, 5);
	assert_int_equal(seam.lookups, 2);
	seam_done(&seam);
	free(rules);
	free(ranges);
}

// A range is covered exactly, at both of its ends and next to them.
static void test_range_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2000; i++) {
		struct seam seam;
		struct classifier_output output = {.context = &seam, .vector = intern, .row = put};
		struct classifier_range range = random_range();
		struct classifier_rule rule = {.any_identity = true,
			.services = &range,
			.service_count = 1,
			.result = {.number = 1}};
		seam_init(&seam);
		struct classifier_set set = {1, {.base = 1}};
		assert_int_equal(classifier_build(&set, CLASSIFIER_ALL, &rule, 1, &output), 0);
		int ports[] = {range.low - 1, range.low, range.high, range.high + 1};
		for (size_t j = 0; j < 4; j++) {
			if (ports[j] < 0 || ports[j] > 65535)
				continue;
			struct classify_key packet = {
				.protocol = range.protocol, .service = (uint16_t)ports[j]};
			uint32_t otherwise;
			assert_int_equal(
				classify(&seam, 1, &packet, &otherwise) != NULL, j == 1 || j == 2);
		}
		seam_done(&seam);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_sets),
		cmocka_unit_test(test_large_sets),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_parts_ruled_out),
		cmocka_unit_test(test_range_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
