// SPDX-License-Identifier: Apache-2.0
// For each field, the rules' prefixes are sorted so that a prefix follows those that contain it.
// One walk with a stack of containing prefixes gives each its vector: the union of its own rules,
// those of its containers and the rules that do not ask about the field. A range of ports becomes
// prefixes first, so all fields are one case. A union has a vector for each part of the set: where
// a prefix adds no rule to a part, it goes on with its container's.
#include "classifier.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "vector.h"

// One prefix of a field that one rule takes.
struct piece {
	uint8_t family; // of an address, else 0
	uint8_t bits[16];
	uint8_t length;
	uint16_t rule; // or ROOT
};

// Of no rule: the prefix without bits, under which all others of a family are.
enum { ROOT = UINT16_MAX };

struct pieces {
	struct piece *items;
	size_t count, room;
};

struct build {
	const struct classifier_rule *rules;
	size_t count;
	const struct classifier_output *output;
	struct dp_set *row;
};

// The rules that take a value, of all parts of the set.
struct takers {
	struct dp_vector vectors[DP_SET_PARTS];
	struct dp_vectors numbers; // of the vectors, once they are told
	unsigned changed;          // 1 << part: not told yet
};

static void takers_add(struct takers *takers, size_t rule)
{
	size_t part = rule / DP_PART_RULES;
	vector_set(&takers->vectors[part], rule % DP_PART_RULES);
	takers->changed |= 1u << part;
}

static void takers_tell(const struct build *build, struct takers *takers)
{
	for (size_t part = 0; part < build->row->parts; part++)
		if (takers->changed & 1u << part)
			takers->numbers.parts[part] = build->output->vector(
				build->output->context, &takers->vectors[part]);
	takers->changed = 0;
}

// Without what is beyond the parts that the set has.
static void takers_copy(const struct build *build, struct takers *to, const struct takers *from)
{
	memcpy(to->vectors, from->vectors, build->row->parts * sizeof(*to->vectors));
	to->numbers = from->numbers;
	to->changed = from->changed;
}

static struct piece *piece_add(
	struct pieces *pieces, const void *bits, size_t bytes, unsigned length, size_t rule)
{
	if (pieces->count == pieces->room) {
		pieces->room = pieces->room ? 2 * pieces->room : 64;
		pieces->items = memory_resize(pieces->items, pieces->room, sizeof(*pieces->items));
	}
	struct piece *piece = &pieces->items[pieces->count++];
	*piece = (struct piece){.length = (uint8_t)length, .rule = (uint16_t)rule};
	memcpy(piece->bits, bits, bytes);
	return piece;
}

static void prefix_add(struct pieces *pieces, const struct prefix *prefix, size_t rule)
{
	struct piece *piece = piece_add(
		pieces, prefix->address.bytes, sizeof(prefix->address), prefix->length, rule);
	piece->family = prefix_is_ipv4(prefix) ? 4 : 6;
}

// low..high as the fewest prefixes: at each step the largest aligned block that fits.
static void range_add(struct pieces *pieces, const struct classifier_range *range, size_t rule)
{
	uint32_t low = range->low;
	while (low <= range->high) {
		unsigned free_bits = 0;
		while (free_bits < 16 && (low & ((2u << free_bits) - 1)) == 0 &&
			low + (2u << free_bits) - 1 <= range->high)
			free_bits++;
		uint8_t bits[3] = {range->protocol, (uint8_t)(low >> 8), (uint8_t)low};
		piece_add(pieces, bits, sizeof(bits), 24 - free_bits, rule);
		low += 1u << free_bits;
	}
}

// Containers before what they contain.
static int piece_compare(const void *left, const void *right)
{
	const struct piece *a = left, *b = right;
	int order = (int)a->family - (int)b->family;
	if (!order)
		order = memcmp(a->bits, b->bits, sizeof(a->bits));
	return order ? order : (int)a->length - (int)b->length;
}

static bool piece_contains(const struct piece *outer, const struct piece *inner)
{
	if (outer->family != inner->family || outer->length > inner->length)
		return false;
	size_t bytes = outer->length / 8;
	if (memcmp(outer->bits, inner->bits, bytes) != 0)
		return false;
	unsigned rest = outer->length % 8;
	return rest == 0 || ((outer->bits[bytes] ^ inner->bits[bytes]) >> (8 - rest)) == 0;
}

static void class_emit(struct build *build, enum dp_field field, const struct piece *piece,
	const struct dp_vectors *numbers)
{
	struct dp_class_key key = {
		.prefix_length = DP_CLASS_FIXED_BITS + piece->length,
		.base = htonl(build->row->base),
		.field = (uint8_t)field,
		.family = piece->family,
	};
	memcpy(key.bits, piece->bits, sizeof(key.bits));
	struct dp_class value = {{*numbers, *numbers}};
	build->output->row(build->output->context, DP_TABLE_CLASS, &key, &value);
}

// Of both families, whichever the rules ask for: a look-up that is made finds something.
static void roots_add(struct pieces *pieces, enum dp_field field)
{
	static const uint8_t nothing[1];
	bool addresses = field == DP_FIELD_REMOTE || field == DP_FIELD_LOCAL;
	for (uint8_t family = 4; addresses && family <= 6; family += 2)
		piece_add(pieces, nothing, sizeof(nothing), 0, ROOT)->family = family;
	if (!addresses)
		piece_add(pieces, nothing, sizeof(nothing), 0, ROOT);
}

// One level of nesting: a prefix and the union of all rules that take it.
struct level {
	struct piece piece;
	struct takers takers;
};

// Grows with what is nested, which is little; and a level is large, and of most sets the first part is all that is used.
struct nesting {
	struct level *levels;
	size_t room;
};

// That level, which says nothing yet.
static struct level *level_at(struct nesting *nesting, size_t depth)
{
	if (depth == nesting->room) {
		nesting->room = nesting->room ? 2 * nesting->room : 4;
		nesting->levels =
			memory_resize(nesting->levels, nesting->room, sizeof(*nesting->levels));
	}
	return &nesting->levels[depth];
}

static void classes_emit(struct build *build, enum dp_field field, struct pieces *pieces,
	const struct takers *wildcard)
{
	if (pieces->count == 0)
		return;
	roots_add(pieces, field);
	struct nesting nesting = {0};
	size_t depth = 0; // the wildcard is below all
	qsort(pieces->items, pieces->count, sizeof(*pieces->items), piece_compare);
	takers_copy(build, &level_at(&nesting, 0)->takers, wildcard);
	for (size_t i = 0; i < pieces->count;) {
		const struct piece *piece = &pieces->items[i];
		while (depth > 0 && !piece_contains(&nesting.levels[depth].piece, piece))
			depth--;
		struct level *level = level_at(&nesting, ++depth);
		level->piece = *piece;
		takers_copy(build, &level->takers, &nesting.levels[depth - 1].takers);
		for (; i < pieces->count && piece_compare(&pieces->items[i], piece) == 0; i++)
			if (pieces->items[i].rule != ROOT)
				takers_add(&level->takers, pieces->items[i].rule);
		takers_tell(build, &level->takers);
		class_emit(build, field, piece, &level->takers.numbers);
	}
	free(nesting.levels);
}

static size_t pieces_of(
	const struct classifier_rule *rule, size_t index, enum dp_field field, struct pieces *out)
{
	const struct prefix *prefixes = field == DP_FIELD_REMOTE ? rule->remotes : rule->locals;
	const struct classifier_range *ranges =
		field == DP_FIELD_SERVICE ? rule->services : rule->source_ports;
	switch (field) {
	case DP_FIELD_REMOTE:
	case DP_FIELD_LOCAL: {
		size_t count = field == DP_FIELD_REMOTE ? rule->remote_count : rule->local_count;
		for (size_t i = 0; i < count; i++)
			prefix_add(out, &prefixes[i], index);
		return count;
	}
	case DP_FIELD_SERVICE:
	case DP_FIELD_SOURCE_PORT: {
		size_t count =
			field == DP_FIELD_SERVICE ? rule->service_count : rule->source_port_count;
		for (size_t i = 0; i < count; i++)
			range_add(out, &ranges[i], index);
		return count;
	}
	default:
		return 0;
	}
}

static void prefix_field(struct build *build, enum dp_field field)
{
	struct pieces pieces = {0};
	struct takers wildcard = {0};

	build->row->fields &= ~(1u << field);
	for (size_t i = 0; i < build->count; i++) {
		if (pieces_of(&build->rules[i], i, field, &pieces) == 0)
			takers_add(&wildcard, i);
		else
			build->row->fields |= 1u << field;
	}
	takers_tell(build, &wildcard);
	build->row->wildcard[field] = wildcard.numbers;
	classes_emit(build, field, &pieces, &wildcard);
	free(pieces.items);
}

struct selection {
	uint32_t identity;
	uint16_t rule;
};

static int selection_compare(const void *left, const void *right)
{
	const struct selection *a = left, *b = right;
	return a->identity < b->identity ? -1 : a->identity > b->identity;
}

static void identity_emit(struct build *build, uint32_t identity, const struct dp_vectors *numbers)
{
	struct dp_identity_key key = {.base = build->row->base, .identity = identity};
	struct dp_class value = {{*numbers, *numbers}};
	build->output->row(build->output->context, DP_TABLE_IDENTITY, &key, &value);
}

static void identity_field(struct build *build)
{
	struct takers wildcard = {0}, takers;
	size_t count = 0, total = 0;

	build->row->fields &= ~(1u << DP_FIELD_IDENTITY);
	for (size_t i = 0; i < build->count; i++) {
		if (build->rules[i].any_identity)
			takers_add(&wildcard, i);
		else
			build->row->fields |= 1u << DP_FIELD_IDENTITY;
		total += build->rules[i].any_identity ? 0 : build->rules[i].identity_count;
	}
	takers_tell(build, &wildcard);
	build->row->wildcard[DP_FIELD_IDENTITY] = wildcard.numbers;
	struct selection *selections = memory_new((total + 1) * sizeof(*selections));
	for (size_t i = 0; i < build->count; i++)
		for (size_t j = 0;
			!build->rules[i].any_identity && j < build->rules[i].identity_count; j++)
			selections[count++] =
				(struct selection){build->rules[i].identities[j], (uint16_t)i};
	qsort(selections, count, sizeof(*selections), selection_compare);
	if ((build->row->fields & 1u << DP_FIELD_IDENTITY) && !(count && !selections[0].identity))
		identity_emit(build, 0, &wildcard.numbers);
	for (size_t i = 0; i < count;) {
		uint32_t identity = selections[i].identity;
		takers_copy(build, &takers, &wildcard);
		for (; i < count && selections[i].identity == identity; i++)
			takers_add(&takers, selections[i].rule);
		takers_tell(build, &takers);
		identity_emit(build, identity, &takers.numbers);
	}
	free(selections);
}

static void rules_emit(struct build *build)
{
	for (size_t i = 0; i < build->count; i++) {
		struct dp_rule_key key = {.base = build->row->base, .index = (uint32_t)i};
		struct dp_rules value = {{build->rules[i].result, build->rules[i].result}};
		build->output->row(build->output->context, DP_TABLE_RULE, &key, &value);
	}
}

int classifier_build(struct classifier_set *set, unsigned facets,
	const struct classifier_rule *rules, size_t count, const struct classifier_output *output)
{
	struct build build = {rules, count, output, &set->row};

	if (count > DP_SET_RULES)
		return -E2BIG;
	set->row.parts = (uint32_t)((count + DP_PART_RULES - 1) / DP_PART_RULES);
	for (unsigned field = 0; field < DP_FIELD_COUNT; field++) {
		if (!(facets & 1u << field))
			continue;
		if (field == DP_FIELD_IDENTITY)
			identity_field(&build);
		else
			prefix_field(&build, (enum dp_field)field);
	}
	if (facets & 1u << CLASSIFIER_RULES)
		rules_emit(&build);
	if (facets & 1u << CLASSIFIER_SET)
		output->row(output->context, DP_TABLE_SET, &set->number, &set->row);
	return 0;
}

// ---- what two rules have in common ----

static bool lists_alike(
	const void *a, size_t a_count, const void *b, size_t b_count, size_t item_size)
{
	return a_count == b_count && (!a_count || !memcmp(a, b, a_count * item_size));
}

static bool ranges_alike(const struct classifier_range *a, size_t a_count,
	const struct classifier_range *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (a[i].protocol != b[i].protocol || a[i].low != b[i].low ||
			a[i].high != b[i].high)
			return false;
	return true;
}

unsigned classifier_differences(const struct classifier_rule *a, const struct classifier_rule *b)
{
	bool alike[] = {
		[DP_FIELD_IDENTITY] = a->any_identity == b->any_identity &&
				      lists_alike(a->identities, a->identity_count, b->identities,
					      b->identity_count, sizeof(*a->identities)),
		[DP_FIELD_REMOTE] = lists_alike(a->remotes, a->remote_count, b->remotes,
			b->remote_count, sizeof(*a->remotes)),
		[DP_FIELD_LOCAL] = lists_alike(
			a->locals, a->local_count, b->locals, b->local_count, sizeof(*a->locals)),
		[DP_FIELD_SERVICE] =
			ranges_alike(a->services, a->service_count, b->services, b->service_count),
		[DP_FIELD_SOURCE_PORT] = ranges_alike(a->source_ports, a->source_port_count,
			b->source_ports, b->source_port_count),
		[CLASSIFIER_RULES] = !memcmp(&a->result, &b->result, sizeof(a->result)),
	};
	unsigned differences = 0;
	for (unsigned facet = 0; facet < array_count(alike); facet++)
		differences |= alike[facet] ? 0 : 1u << facet;
	return differences;
}
