// SPDX-License-Identifier: Apache-2.0
// How guards and parties, and what sets say, change: all at once, for every packet.
//
// What is in force is what the slot of the generation says. A turn writes the other slot of each
// row that changes, then the generation, waits for the packets that are under way, and writes the
// first slots. A row that is new (an address, or a port whose device may not send yet) needs no
// turn: no packet depends on how it was.
//
// Versions of a set have their rows under one base, so that what they have in common is written
// once. Where one of them has no row, packets of that version find what its look-up would find
// without it: so a row that comes has in the slot in force what stands above it there, and one that
// goes has, before it goes, in the other slot what stands above it then.
#include "generation.h"

#include <string.h>
#include <utlist.h>

#include "base/memory.h"

struct turn {
	struct rows *rows;
	compiler_emit emit;
	void *context;
	struct dp_generation now; // as the datapath holds it
	uint32_t changes;         // the epoch of what changes in this flush
};

static const uint32_t generation_key;

static unsigned active(const struct turn *turn)
{
	return turn->now.slot & 1;
}

// ---- values ----

static bool guards_alike(const struct dp_guard_slot *a, const struct dp_guard_slot *b)
{
	return !memcmp(a->sets, b->sets, sizeof(a->sets)) && a->flags == b->flags;
}

// What the slot comes to: the epoch stays while the rest does.
static struct dp_guard_slot guard_slot(
	const struct turn *turn, const struct dp_guard *wanted, const struct dp_guard *installed)
{
	struct dp_guard_slot slot = wanted->slots[0];
	bool alike = installed && guards_alike(&slot, &installed->slots[active(turn)]);
	slot.epoch = alike ? installed->slots[active(turn)].epoch : turn->changes;
	return slot;
}

union value {
	struct dp_guard guard;
	struct dp_party party;
};

// The row with its idle slot as it should be; and the active one as it is, unless `both`.
static union value value_of(const struct turn *turn, const struct row *row, bool both)
{
	const void *wanted = row_wanted(row), *installed = row_installed(row);
	const void *base = wanted ? wanted : installed;
	unsigned idle = !active(turn);
	union value value = {0};
	if (row->table == DP_TABLE_GUARD) {
		struct dp_guard_slot slot = {.epoch = turn->changes};
		value.guard = *(const struct dp_guard *)base;
		if (wanted)
			slot = guard_slot(turn, wanted, installed);
		value.guard.slots[idle] = value.guard.slots[!idle] = slot;
		if (!both && installed)
			value.guard.slots[!idle] =
				((const struct dp_guard *)installed)->slots[!idle];
	} else {
		value.party = *(const struct dp_party *)base;
		uint32_t identity = wanted ? value.party.identities[0] : 0;
		value.party.identities[idle] = value.party.identities[!idle] = identity;
		if (!both)
			value.party.identities[!idle] =
				installed ? ((const struct dp_party *)installed)->identities[!idle]
					  : 0;
	}
	return value;
}

// Would packets see this row change?
static bool is_seen(const struct turn *turn, const struct row *row)
{
	const void *wanted = row_wanted(row), *installed = row_installed(row);
	if (!installed)
		return false;
	if (row->table == DP_TABLE_PARTY) {
		const struct dp_party *party = wanted;
		return ((const struct dp_party *)installed)->identities[active(turn)] !=
		       (party ? party->identities[0] : 0);
	}
	// A guard that goes: its device's source goes before it.
	return wanted && !guards_alike(&((const struct dp_guard *)wanted)->slots[0],
				 &((const struct dp_guard *)installed)->slots[active(turn)]);
}

// Does the row bring a new epoch?
static bool is_change(const struct turn *turn, const struct row *row)
{
	const struct dp_guard *wanted = row_wanted(row), *installed = row_installed(row);
	if (row->table != DP_TABLE_GUARD || !wanted)
		return false;
	const uint32_t *sets = wanted->slots[0].sets;
	if (!installed)
		return sets[DP_INGRESS] || sets[DP_EGRESS];
	return !guards_alike(&wanted->slots[0], &installed->slots[active(turn)]);
}

// ---- versions of sets ----

typedef const void *(*row_reader)(const struct row *row); // row_wanted or row_installed

static const void *read_row(
	const struct rows *rows, enum dp_table table, const void *key, row_reader read)
{
	const struct row *row = row_find(rows, table, key);
	return row ? read(row) : NULL;
}

// What the longest prefix that contains this one, and is there, has.
static const void *read_container(
	const struct rows *rows, const struct dp_class_key *inner, row_reader read)
{
	struct dp_class_key key = *inner;
	memset(key.bits, 0, sizeof(key.bits));
	key.prefix_length = DP_CLASS_FIXED_BITS;
	if (inner->prefix_length == key.prefix_length ||
		!read_row(rows, DP_TABLE_CLASS, &key, read))
		return NULL;
	key = *inner;
	for (;;) {
		unsigned bit = --key.prefix_length - DP_CLASS_FIXED_BITS;
		key.bits[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
		const void *value =
			rows->classes[bit] ? read_row(rows, DP_TABLE_CLASS, &key, read) : NULL;
		if (value)
			return value;
	}
}

// What packets find that look for the row and do not find it. NULL: none looks, or for no such one.
static const void *read_instead(const struct rows *rows, const struct row *row, row_reader read)
{
	struct dp_identity_key nobody;
	switch (row->table) {
	case DP_TABLE_CLASS:
		return read_container(rows, (const struct dp_class_key *)row->bytes, read);
	case DP_TABLE_IDENTITY:
		nobody = *(const struct dp_identity_key *)row->bytes;
		nobody.identity = 0;
		return read_row(rows, DP_TABLE_IDENTITY, &nobody, read);
	default:
		return NULL; // no vector has the bit of a rule that is not there
	}
}

// The row while packets are led from one version to the other. False: the other one does not look.
static bool version_value(const struct turn *turn, const struct row *row, unsigned char *value)
{
	const unsigned char *before = row_installed(row), *after = row_wanted(row);
	size_t half = row_sizes[row->table].value / 2;
	if (!before && !after)
		return false;
	if (!before)
		before = read_instead(turn->rows, row, row_installed);
	if (!after)
		after = read_instead(turn->rows, row, row_wanted);
	if (!after)
		return false;
	if (!before)
		before = after;
	memcpy(value + active(turn) * half, before + active(turn) * half, half);
	memcpy(value + !active(turn) * half, after + !active(turn) * half, half);
	return true;
}

static bool is_version(const struct turn *turn, const struct row *row)
{
	const void *wanted = row_wanted(row), *installed = row_installed(row);
	(void)turn;
	return !wanted != !installed ||
	       (wanted && memcmp(wanted, installed, row_sizes[row->table].value) != 0);
}

// ---- steps ----

static const enum dp_table turning[] = {DP_TABLE_PARTY, DP_TABLE_GUARD};
static const enum dp_table versioned[] = {DP_TABLE_RULE, DP_TABLE_CLASS, DP_TABLE_IDENTITY};

static bool any_in(const struct turn *turn, enum dp_table table,
	bool (*holds)(const struct turn *, const struct row *))
{
	const struct row *row;
	DL_FOREACH (turn->rows->pending[table], row) {
		if (holds(turn, row))
			return true;
	}
	return false;
}

static bool any(const struct turn *turn, bool (*holds)(const struct turn *, const struct row *))
{
	return any_in(turn, DP_TABLE_PARTY, holds) || any_in(turn, DP_TABLE_GUARD, holds);
}

static bool any_version(const struct turn *turn)
{
	for (size_t i = 0; i < array_count(versioned); i++)
		if (any_in(turn, versioned[i], is_version))
			return true;
	return false;
}

static int write_generation(struct turn *turn, const struct dp_generation *value)
{
	struct rows *rows = turn->rows;
	rows_begin(&rows->generation);
	rows_claim(rows, &rows->generation, DP_TABLE_GENERATION, &generation_key, value);
	rows_end(rows, &rows->generation);
	struct row *row = row_find(rows, DP_TABLE_GENERATION, &generation_key);
	int result = row_write(rows, row, value, turn->emit, turn->context);
	if (row->pending)
		row_settle(rows, row);
	if (!result)
		turn->now = *value;
	return result;
}

// What was found in the datapath stays until the next change.
static void keep_generation(struct turn *turn, const struct dp_generation *held)
{
	struct row *row = row_find(turn->rows, DP_TABLE_GENERATION, &generation_key);
	turn->now = *held;
	rows_claim(turn->rows, &turn->rows->generation, DP_TABLE_GENERATION, &generation_key,
		&turn->now);
	if (row->pending)
		row_settle(turn->rows, row);
}

// All rows with their idle slot, those that are only new or gone included.
static int write_idle(struct turn *turn)
{
	for (size_t i = 0; i < array_count(turning); i++) {
		struct row *row, *next;
		DL_FOREACH_SAFE(turn->rows->pending[turning[i]], row, next)
		{
			bool gone = !row_wanted(row);
			if (gone && (!row_installed(row) || row->table == DP_TABLE_GUARD))
				continue;
			union value value = value_of(turn, row, false);
			int result = row_write(turn->rows, row, &value, turn->emit, turn->context);
			if (result)
				return result;
		}
	}
	return 0;
}

// Rows that are not wanted are left to be removed.
static int write_both_of(struct turn *turn, enum dp_table table)
{
	int first = 0;
	struct row *row, *next;
	DL_FOREACH_SAFE(turn->rows->pending[table], row, next)
	{
		union value value;
		const void *both = row_wanted(row);
		if (!both)
			continue;
		if (!generation_prepares(table)) {
			value = value_of(turn, row, true);
			both = &value;
		}
		int result = row_write(turn->rows, row, both, turn->emit, turn->context);
		if (!result)
			row_settle(turn->rows, row);
		first = first ? first : result;
	}
	return first;
}

static int write_both(struct turn *turn)
{
	int first = 0;
	for (size_t i = 0; i < array_count(turning); i++) {
		int result = write_both_of(turn, turning[i]);
		first = first ? first : result;
	}
	for (size_t i = 0; i < array_count(versioned); i++) {
		int result = write_both_of(turn, versioned[i]);
		first = first ? first : result;
	}
	return first;
}

static int settle(struct turn *turn)
{
	struct row_change barrier = {.object = turn->rows->generation.path};
	int result = turn->emit(turn->context, &barrier);
	turn->rows->unsettled = result != 0;
	return result;
}

static bool is_party(const struct turn *turn, const struct row *row)
{
	return row->table == DP_TABLE_PARTY && is_seen(turn, row);
}

static int turn_over(struct turn *turn)
{
	struct dp_generation next = turn->now;
	unsigned idle = !active(turn);
	next.changes = turn->changes;
	next.epochs[idle] = any(turn, is_party) ? turn->changes : turn->now.epochs[active(turn)];
	int result = write_generation(turn, &next);
	if (!result)
		result = write_idle(turn);
	if (result)
		return result;
	next.slot = idle;
	result = write_generation(turn, &next);
	if (result)
		return result;
	turn->rows->turns++;
	return settle(turn);
}

// Zero means that packets look for guards: so it comes before the first set counts, and goes when the last one has gone.
static int write_unguarded(struct turn *turn, bool unguarded)
{
	struct dp_generation next = turn->now;
	if (next.unguarded == unguarded)
		return 0;
	next.unguarded = unguarded;
	return write_generation(turn, &next);
}

static struct turn turn_begin(struct rows *rows, compiler_emit emit, void *context)
{
	struct turn turn = {.rows = rows, .emit = emit, .context = context};
	const struct dp_generation *held = rows_find(rows, DP_TABLE_GENERATION, &generation_key);
	if (held)
		keep_generation(&turn, held);
	turn.changes = turn.now.changes;
	return turn;
}

bool generation_prepares(enum dp_table table)
{
	return table == DP_TABLE_RULE || table == DP_TABLE_CLASS || table == DP_TABLE_IDENTITY;
}

int generation_begin(struct rows *rows, compiler_emit emit, void *context)
{
	struct turn turn = turn_begin(rows, emit, context);
	rows->turning = rows->versions && rows->installed[DP_TABLE_SET] && any_version(&turn);
	return rows->unsettled ? settle(&turn) : 0;
}

int generation_prepare(struct rows *rows, enum dp_table table, compiler_emit emit, void *context)
{
	struct turn turn = turn_begin(rows, emit, context);
	struct row *row, *next;
	int first = 0;
	if (!rows->turning)
		return write_both_of(&turn, table);
	DL_FOREACH_SAFE(rows->pending[table], row, next)
	{
		unsigned char value[sizeof(struct dp_class)];
		if (!version_value(&turn, row, value))
			continue;
		int result = row_write(rows, row, value, emit, context);
		const void *wanted = row_wanted(row);
		if (!result && wanted && !memcmp(value, wanted, row_sizes[row->table].value))
			row_settle(rows, row);
		first = first ? first : result;
	}
	return first;
}

int generation_turn(struct rows *rows, compiler_emit emit, void *context)
{
	struct turn turn = turn_begin(rows, emit, context);
	int result = rows->installed[DP_TABLE_SET] ? write_unguarded(&turn, false) : 0;
	if (result)
		return result;
	// Without rule sets nobody asks who somebody is.
	if (rows->turning || (rows->installed[DP_TABLE_SET] && any(&turn, is_seen))) {
		turn.changes++;
		return turn_over(&turn);
	}
	if (any(&turn, is_change)) {
		struct dp_generation next = turn.now;
		next.changes = ++turn.changes;
		return write_generation(&turn, &next);
	}
	return 0;
}

int generation_write(struct rows *rows, compiler_emit emit, void *context)
{
	struct turn turn = turn_begin(rows, emit, context);
	if (rows->pending[DP_TABLE_PARTY] || rows->pending[DP_TABLE_GUARD])
		rows->turns++;
	return write_both(&turn);
}

int generation_end(struct rows *rows, compiler_emit emit, void *context)
{
	struct turn turn = turn_begin(rows, emit, context);
	if (rows->installed[DP_TABLE_SET] || !rows->installed[DP_TABLE_GUARD])
		return 0;
	return write_unguarded(&turn, true);
}
