// SPDX-License-Identifier: Apache-2.0
// How guards and parties change: all at once, for every packet.
//
// What is in force is what the slot of the generation says. A turn writes the other slot of each
// row that changes, then the generation, waits for the packets that are under way, and writes the
// first slots. A row that is new (an address, or a port whose device may not send yet) needs no
// turn: no packet depends on how it was.
#include <string.h>
#include <utlist.h>

#include "row.h"

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

// ---- steps ----

static const enum dp_table turning[] = {DP_TABLE_PARTY, DP_TABLE_GUARD};

static bool any(const struct turn *turn, bool (*holds)(const struct turn *, const struct row *))
{
	for (size_t i = 0; i < 2; i++) {
		const struct row *row;
		DL_FOREACH (turn->rows->pending[turning[i]], row) {
			if (holds(turn, row))
				return true;
		}
	}
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
	for (size_t i = 0; i < 2; i++) {
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
static int write_both(struct turn *turn)
{
	int first = 0;
	for (size_t i = 0; i < 2; i++) {
		struct row *row, *next;
		DL_FOREACH_SAFE(turn->rows->pending[turning[i]], row, next)
		{
			if (!row_wanted(row))
				continue;
			union value value = value_of(turn, row, true);
			int result = row_write(turn->rows, row, &value, turn->emit, turn->context);
			if (!result)
				row_settle(turn->rows, row);
			first = first ? first : result;
		}
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

static struct turn turn_begin(struct rows *rows, compiler_emit emit, void *context)
{
	struct turn turn = {.rows = rows, .emit = emit, .context = context};
	const struct dp_generation *held = rows_find(rows, DP_TABLE_GENERATION, &generation_key);
	if (held)
		keep_generation(&turn, held);
	turn.changes = turn.now.changes;
	return turn;
}

int generation_turn(struct rows *rows, compiler_emit emit, void *context)
{
	struct turn turn = turn_begin(rows, emit, context);
	int result = rows->unsettled ? settle(&turn) : 0;
	if (result)
		return result;
	// Without rule sets nobody asks who somebody is.
	if (rows->installed[DP_TABLE_SET] && any(&turn, is_seen)) {
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
