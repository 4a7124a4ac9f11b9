// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// The classifier: which rule of a set takes a packet. Aggregated bit vectors (Baboescu and Varghese, "Scalable packet
// classification", SIGCOMM 2001): one look-up a field, AND of the summaries, AND of the words that they leave, first bit set.
// At most DP_VECTOR_WORDS words are read a field and set, whatever the rules.
#pragma once

#include "core/headers.h"
#include "core/seam.h"
#include "datapath/policy.h"

struct classify_key {
	struct dp_address remote, local;
	__u32 identity; // of the remote end; 0: none
	__u8 protocol;
	__u8 pad;
	__u16 service;     // destination port, or ICMP type << 8 | code; host byte order
	__u16 source_port; // host byte order
};

static inline const struct dp_vector *classify_vector(struct seam *seam, __u32 number)
{
	return number ? seam_find_vector(seam, &number) : 0;
}

// The vector that a field of the packet selects. NULL: no rule takes this value.
static inline const struct dp_vector *classify_field(struct seam *seam, const struct dp_set *set,
	__u32 number, enum dp_field field, const struct classify_key *packet)
{
	const struct dp_class *found = 0;

	if (!(set->fields & (1u << field)))
		return classify_vector(seam, set->wildcard[field]);
	if (field == DP_FIELD_IDENTITY) {
		struct dp_identity_key key = {.set = number, .identity = packet->identity};
		found = seam_find_identity(seam, &key);
	} else {
		struct dp_class_key key = {
			.prefix_length = DP_CLASS_FIXED_BITS + 128,
			.set = __builtin_bswap32(number),
			.field = field,
		};
		if (field == DP_FIELD_REMOTE || field == DP_FIELD_LOCAL) {
			const struct dp_address *address =
				field == DP_FIELD_REMOTE ? &packet->remote : &packet->local;
			key.family = address_ipv4(address) ? 4 : 6;
			__builtin_memcpy(key.bits, address, sizeof(key.bits));
		} else {
			__u16 port =
				field == DP_FIELD_SERVICE ? packet->service : packet->source_port;
			key.bits[0] = packet->protocol;
			key.bits[1] = port >> 8;
			key.bits[2] = (__u8)port;
		}
		found = seam_find_class(seam, &key);
	}
	return classify_vector(seam, found ? found->vector : set->wildcard[field]);
}

// Index of the lowest bit set; `word` is not zero. BPF has no instruction for it.
static inline __u32 classify_lowest(__u64 word)
{
	__u32 index = 0;

	for (__u32 step = 32; step > 0; step /= 2) {
		if ((word & ((1ULL << step) - 1)) == 0) {
			word >>= step;
			index += step;
		}
	}
	return index;
}

// The index of the first rule of this one set that takes the packet, or -1.
static inline int classify_set(struct seam *seam, const struct dp_set *set, __u32 number,
	const struct classify_key *packet)
{
	const struct dp_vector *identity =
		classify_field(seam, set, number, DP_FIELD_IDENTITY, packet);
	const struct dp_vector *remote = classify_field(seam, set, number, DP_FIELD_REMOTE, packet);
	const struct dp_vector *local = classify_field(seam, set, number, DP_FIELD_LOCAL, packet);
	const struct dp_vector *service =
		classify_field(seam, set, number, DP_FIELD_SERVICE, packet);
	const struct dp_vector *source =
		classify_field(seam, set, number, DP_FIELD_SOURCE_PORT, packet);

	if (!identity || !remote || !local || !service || !source)
		return -1;
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
	return -1;
}

// The rule that decides. `set` 0: none applies. NULL: no rule matched, and `otherwise` is the rule number to name (0: allowed).
static inline const struct dp_rule *classify(
	struct seam *seam, __u32 set, const struct classify_key *packet, __u32 *otherwise)
{
	*otherwise = 0;
	for (__u32 i = 0; i < DP_SET_CHAIN && set; i++) {
		const struct dp_set *row = seam_find_set(seam, &set);
		if (!row)
			return 0;
		int index = classify_set(seam, row, set, packet);
		if (index >= 0) {
			struct dp_rule_key key = {.set = set, .index = (__u32)index};
			return seam_find_rule(seam, &key);
		}
		*otherwise = row->otherwise;
		set = row->next;
	}
	return 0;
}
