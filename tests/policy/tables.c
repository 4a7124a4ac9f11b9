// SPDX-License-Identifier: Apache-2.0
#include "tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

struct seam {
	struct tables *tables;
};

#define FIND(name, NAME, key_type, value_type, kind, maximum)                                    \
	static inline const value_type *seam_find_##name(struct seam *seam, const key_type *key) \
	{                                                                                        \
		return native_table_find(&seam->tables->tables[DP_TABLE_##NAME], key);           \
	}
DP_TABLES(FIND)
#undef FIND

#include "core/classify.h"

void tables_init(struct tables *tables)
{
	*tables = (struct tables){0};
	for (size_t i = 0; i < DP_TABLE_COUNT; i++)
		tables->tables[i].info = &datapath_tables[i];
}

void tables_done(struct tables *tables)
{
	for (size_t i = 0; i < DP_TABLE_COUNT; i++)
		native_table_done(&tables->tables[i]);
}

void tables_clear_counts(struct tables *tables)
{
	tables->puts = tables->removals = tables->barriers = 0;
	memset(tables->counts, 0, sizeof(tables->counts));
}

int tables_apply(void *context, const struct row_change *change)
{
	struct tables *tables = context;
	if (!change->key) {
		tables->barriers++;
		return 0;
	}
	tables->counts[change->table]++;
	assert_non_null(change->object);
	if (change->value) {
		tables->puts++;
		return native_table_put(&tables->tables[change->table], change->key, change->value);
	}
	tables->removals++;
	assert_int_equal(native_table_remove(&tables->tables[change->table], change->key), 0);
	return 0;
}

uint32_t tables_domain(struct tables *tables, uint32_t ifindex)
{
	const struct dp_source *source =
		native_table_find(&tables->tables[DP_TABLE_SOURCE], &ifindex);
	return source ? source->domain : 0;
}

static struct classify_key key_of(struct seam *seam, uint32_t slot, uint32_t domain,
	enum rule_direction direction, const struct packet *packet)
{
	struct classify_key key = {
		.slot = (uint8_t)slot,
		.protocol = packet->protocol,
		.service = packet->service,
		.source_port = packet->source_port,
	};
	bool ingress = direction == RULE_INGRESS;
	memcpy(&key.local, ingress ? &packet->destination : &packet->source, sizeof(key.local));
	memcpy(&key.remote, ingress ? &packet->source : &packet->destination, sizeof(key.remote));
	struct dp_party_key party_key = {.domain = domain, .address = key.remote};
	const struct dp_party *party = seam_find_party(seam, &party_key);
	key.identity = party ? party->identities[slot] : 0;
	return key;
}

// Whatever a set leads to is there: the classifier alone would take a missing row for no match.
static void check_set(struct seam *seam, uint32_t set)
{
	const struct dp_set *row = seam_find_set(seam, &set);
	assert_non_null(row);
	assert_true(row->parts <= DP_SET_PARTS);
	for (int field = 0; field < DP_FIELD_COUNT; field++)
		for (uint32_t part = 0; part < DP_SET_PARTS; part++) {
			const uint32_t *number = &row->wildcard[field].parts[part];
			if (*number)
				assert_non_null(seam_find_vector(seam, number));
			if (part >= row->parts)
				assert_int_equal(*number, 0);
		}
}

struct answer tables_judge(struct tables *tables, uint32_t port, uint32_t domain,
	enum rule_direction direction, const struct packet *packet)
{
	struct seam seam = {tables};
	uint32_t zero = 0, otherwise;
	const struct dp_generation *generation = seam_find_generation(&seam, &zero);
	const struct dp_guard *guard = seam_find_guard(&seam, &port);
	uint32_t slot = generation ? generation->slot : 0;
	if (!guard)
		return (struct answer){.known = false};
	if (generation && generation->unguarded)
		return (struct answer){true, true, DP_ACTION_ALLOW, 0};
	uint32_t set = guard->slots[slot].sets[direction == RULE_INGRESS ? DP_INGRESS : DP_EGRESS];
	if (!set)
		return (struct answer){true, true, DP_ACTION_ALLOW, 0};
	check_set(&seam, set);
	struct classify_key key = key_of(&seam, slot, domain, direction, packet);
	const struct dp_rule *rule = classify(&seam, set, &key, &otherwise);
	if (!rule)
		return (struct answer){
			true, !otherwise, otherwise ? DP_ACTION_DROP : DP_ACTION_ALLOW, otherwise};
	bool allowed = rule->action == DP_ACTION_ALLOW || rule->action == DP_ACTION_STATELESS;
	return (struct answer){true, allowed, rule->action, rule->number};
}
