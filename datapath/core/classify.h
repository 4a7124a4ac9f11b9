// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// The classifier: which rule of a set takes a packet. Aggregated bit vectors (Baboescu and Varghese, "Scalable packet
// classification", SIGCOMM 2001): one look-up a field; then for each part of the set, AND of the summaries, AND of the words that
// they leave, first bit set. At most DP_VECTOR_WORDS words are read a field and part, whatever the rules.
#pragma once

#include "core/headers.h"
#include "core/seam.h"
#include "datapath/policy.h"

struct classify_key {
	struct dp_address remote, local;
	__u32 identity; // of the remote end; 0: none
	__u8 protocol;
	__u8 slot;         // of the generation that this packet is judged in
	__u16 service;     // destination port, or ICMP type << 8 | code; host byte order
	__u16 source_port; // host byte order

	// To work in: stacks are small.
	struct dp_vectors
		vectors[DP_FIELD_COUNT]; // of the fields that are asked about, and of the service
	struct dp_class_key class;
};

static inline bool classify_asks(const struct dp_set *set, enum dp_field field)
{
	return set->fields & 1u << field;
}

// What the rules say of the packet's value of a field. NULL: as of a value that is in no class, or nobody asks.
static inline const struct dp_class *classify_find(struct seam *seam, const struct dp_set *set,
	enum dp_field field, struct classify_key *packet)
{
	if (!classify_asks(set, field))
		return 0;
	if (field == DP_FIELD_IDENTITY) {
		struct dp_identity_key key = {.base = set->base, .identity = packet->identity};
		return seam_find_identity(seam, &key);
	}
	struct dp_class_key *key = &packet->class;
	__builtin_memset(key, 0, sizeof(*key));
	key->prefix_length = DP_CLASS_FIXED_BITS + 128;
	key->base = __builtin_bswap32(set->base);
	key->field = field;
	if (field == DP_FIELD_REMOTE || field == DP_FIELD_LOCAL) {
		const struct dp_address *address =
			field == DP_FIELD_REMOTE ? &packet->remote : &packet->local;
		key->family = address_ipv4(address) ? 4 : 6;
		__builtin_memcpy(key->bits, address, sizeof(key->bits));
	} else {
		__u16 port = field == DP_FIELD_SERVICE ? packet->service : packet->source_port;
		key->bits[0] = packet->protocol;
		key->bits[1] = port >> 8;
		key->bits[2] = (__u8)port;
	}
	return seam_find_class(seam, key);
}

// The vectors that a field of the packet selects. False: no rule takes this value.
static inline bool classify_field(struct seam *seam, const struct dp_set *set, enum dp_field field,
	struct classify_key *packet)
{
	const struct dp_class *found = classify_find(seam, set, field, packet);
	const __u32 *from =
		found ? found->slots[packet->slot & 1].parts : set->wildcard[field].parts;
	__u32 *to = packet->vectors[field].parts, any = 0;

	for (__u32 part = 0; part < DP_SET_PARTS; part++)
		any |= to[part] = from[part];
	return any;
}

// Index of the lowest bit set; `word` is not zero. BPF has no instruction for it: the product with a de Bruijn sequence has another
// six upper bits for each power of two (Leiserson, Prokop and Randall, "Using de Bruijn sequences to index a 1 in a computer word").
static inline __u32 classify_lowest(__u64 word)
{
	static const __u8 indexes[64] = {0, 1, 48, 2, 57, 49, 28, 3, 61, 58, 50, 42, 38, 29, 17, 4,
		62, 55, 59, 36, 53, 51, 43, 22, 45, 39, 33, 30, 24, 18, 12, 5, 63, 47, 56, 27, 60,
		41, 37, 16, 54, 35, 52, 21, 44, 32, 23, 11, 46, 26, 40, 15, 34, 20, 31, 10, 25, 14,
		19, 9, 13, 8, 7, 6};

	return indexes[((word & -word) * 0x03f79d71b4cb0a89ULL) >> 58];
}

// Does a field let no rule of the part through?
static inline bool classify_rules_out(
	const struct dp_set *set, const struct classify_key *packet, __u32 part)
{
	for (enum dp_field field = 0; field < DP_FIELD_COUNT; field++)
		if (classify_asks(set, field) && !packet->vectors[field].parts[part])
			return true;
	return false;
}

// The vector that a field has selected, beside that of the service. That of one about which no rule asks has all rules: the other
// will do in its place.
static inline const struct dp_vector *classify_vector(struct seam *seam, const struct dp_set *set,
	const struct classify_key *packet, __u32 part, enum dp_field field,
	const struct dp_vector *service)
{
	const __u32 *number = &packet->vectors[field].parts[part];

	if (!classify_asks(set, field) || *number == packet->vectors[DP_FIELD_SERVICE].parts[part])
		return service;
	return seam_find_vector(seam, number);
}

enum { CLASSIFY_NONE = -1, CLASSIFY_MISSING = -2 };

// The index in the part of the first of its rules that takes the packet, CLASSIFY_NONE, or CLASSIFY_MISSING.
static inline int classify_part(
	struct seam *seam, const struct dp_set *set, const struct classify_key *packet, __u32 part)
{
	if (classify_rules_out(set, packet, part))
		return CLASSIFY_NONE;
	// One is looked up in any case: that of the field about which most rules ask.
	const struct dp_vector *service =
		seam_find_vector(seam, &packet->vectors[DP_FIELD_SERVICE].parts[part]);
	const struct dp_vector *identity =
		classify_vector(seam, set, packet, part, DP_FIELD_IDENTITY, service);
	const struct dp_vector *remote =
		classify_vector(seam, set, packet, part, DP_FIELD_REMOTE, service);
	const struct dp_vector *local =
		classify_vector(seam, set, packet, part, DP_FIELD_LOCAL, service);
	const struct dp_vector *source =
		classify_vector(seam, set, packet, part, DP_FIELD_SOURCE_PORT, service);

	if (!identity || !remote || !local || !service || !source)
		return CLASSIFY_MISSING;
	__u64 summary = identity->summary & remote->summary & local->summary & service->summary &
			source->summary;
	for (__u32 i = 0; i < DP_VECTOR_WORDS && summary; i++) {
		__u32 word = classify_lowest(summary) & (DP_VECTOR_WORDS - 1);
		__u64 bits = identity->words[word] & remote->words[word] & local->words[word] &
			     service->words[word] & source->words[word];
		if (bits)
			return (int)(word * 64 + classify_lowest(bits));
		summary &= summary - 1;
	}
	return CLASSIFY_NONE;
}

// The index of the first rule of the set that takes the packet, CLASSIFY_NONE, or CLASSIFY_MISSING.
static inline int classify_set(
	struct seam *seam, const struct dp_set *set, struct classify_key *packet)
{
	for (enum dp_field field = 0; field < DP_FIELD_COUNT; field++)
		if ((classify_asks(set, field) || field == DP_FIELD_SERVICE) &&
			!classify_field(seam, set, field, packet))
			return CLASSIFY_NONE;
	for (__u32 part = 0; part < DP_SET_PARTS && part < set->parts; part++) {
		int index = classify_part(seam, set, packet, part);
		if (index != CLASSIFY_NONE)
			return index < 0 ? index : (int)(part * DP_PART_RULES) + index;
	}
	return CLASSIFY_NONE;
}

// Instead of a rule number: a row is missing, so that nobody knows.
#define CLASSIFY_BROKEN 0xffffffffu

// The rule that decides. `set` 0: none applies. NULL: no rule matched, and `otherwise` is the rule number to name (0: allowed;
// CLASSIFY_BROKEN).
static inline const struct dp_rule *classify(
	struct seam *seam, __u32 set, struct classify_key *packet, __u32 *otherwise)
{
	const struct dp_set *row = set ? seam_find_set(seam, &set) : 0;
	int index = row ? classify_set(seam, row, packet) : CLASSIFY_MISSING;

	*otherwise = !set ? 0 : index == CLASSIFY_NONE ? row->otherwise : CLASSIFY_BROKEN;
	if (index < 0)
		return 0;
	struct dp_rule_key key = {.base = row->base, .index = (__u32)index};
	const struct dp_rules *rules = seam_find_rule(seam, &key);
	return rules ? &rules->slots[packet->slot & 1] : 0;
}
