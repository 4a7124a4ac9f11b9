// SPDX-License-Identifier: Apache-2.0
// Do the hosts hold what they should? All objects are read from the API, what a host needs is worked
// out from them by the oracle, compiled by a compiler that begins anew, and held against the rows of
// the host's datapath. What counts is what a packet reads: guards and parties by the slot that is in
// force, the rows of a set under whatever base it has, and neither epochs nor which number a tenant
// has, as those follow from what was before.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "simulation.h"
#include "topology/topology.h"

struct objects {
	struct object **items;
	size_t count, capacity;
};

static void add(struct objects *objects, struct object *object)
{
	if (objects->count == objects->capacity) {
		objects->capacity = objects->capacity ? 2 * objects->capacity : 256;
		objects->items =
			memory_resize(objects->items, objects->capacity, sizeof(*objects->items));
	}
	objects->items[objects->count++] = object;
}

static void objects_done(struct objects *objects)
{
	for (size_t i = 0; i < objects->count; i++)
		object_unref(objects->items[i]);
	free(objects->items);
}

static bool holds_tenant(const struct objects *objects, const char *tenant)
{
	for (size_t i = 0; i < objects->count; i++)
		if (!strcmp(objects->items[i]->tenant, tenant))
			return true;
	return false;
}

static int read_kind(struct simulation *simulation, enum model_kind kind, struct objects *objects,
	struct error *error)
{
	cleanup_free char *path = memory_format("/v1/%s", model_kind_plural(kind));
	size_t index;
	json_t *list, *item;
	int rc = caller_request(&simulation->caller, "GET", path, NULL, 120, &list, error);
	if (rc < 0)
		return rc;
	json_array_foreach (json_object_get(list, "items"), index, item) {
		const char *tenant = json_string_value(json_object_get(item, "tenant"));
		const char *name = json_string_value(json_object_get(item, "name"));
		struct object *object;
		rc = object_decode(&object, kind, tenant, name, item, true, error);
		if (rc < 0)
			break;
		add(objects, object);
	}
	json_decref(list);
	return rc;
}

// ---- one host ----

static void take_needed(
	void *context, const char *host, struct object *before, struct object *after)
{
	(void)host;
	(void)before;
	add(context, object_ref(after));
}

#define KEY_MEMBER(name, NAME, type, ...) type name;
union key {
	DP_TABLES(KEY_MEMBER)
};
#undef KEY_MEMBER
#define VALUE_MEMBER(name, NAME, key, type, ...) type name;
union value {
	DP_TABLES(VALUE_MEMBER)
};
#undef VALUE_MEMBER

struct comparison {
	struct datapath *datapath;
	unsigned held, wanted; // the slot that is in force
	size_t rows, missing, different;
	char first[OBJECT_PATH_TEXT + 64]; // that is not as it should be
};

// Leave what packets read with this slot in force.
static void reduce(enum dp_table table, union value *value, unsigned slot)
{
	struct dp_guard_slot *guards = value->guard.slots;
	uint32_t *identities = value->party.identities;
	if (table == DP_TABLE_GUARD) {
		guards[slot].epoch = 0;
		guards[!slot] = guards[slot];
		value->guard.tenant = value->guard.tenant != 0;
	} else if (table == DP_TABLE_PARTY) {
		identities[!slot] = identities[slot];
	} else if (table == DP_TABLE_GENERATION) {
		value->generation =
			(struct dp_generation){.unguarded = value->generation.unguarded};
	} else if (table == DP_TABLE_NETWORK) {
		value->network.tenant = value->network.tenant != 0;
	} else if (table == DP_TABLE_SET) {
		value->set.base = 0;
	}
}

// Where the host has the set. In a compiler that begins anew a set is its own base.
static uint32_t base_held(const struct comparison *comparison, uint32_t set)
{
	struct dp_set row = {0};
	datapath_find(comparison->datapath, DP_TABLE_SET, &set, &row, NULL);
	return row.base;
}

static union key key_held(const struct comparison *comparison, const struct row_change *row)
{
	union key key = {0};
	memcpy(&key, row->key, datapath_key_size(row->table));
	uint32_t set = compiler_key_base(row->table, &key); // beginning anew, a set is its base
	if (set)
		compiler_key_rebase(row->table, &key, base_held(comparison, set));
	return key;
}

static int compare_row(void *context, const struct row_change *row)
{
	struct comparison *comparison = context;
	union value held = {0}, wanted = {0};
	if (!row->key)
		return 0; // a barrier
	size_t size = datapath_value_size(row->table);
	comparison->rows++;
	memcpy(&wanted, row->value, size);
	union key key = key_held(comparison, row);
	bool missing = datapath_find(comparison->datapath, row->table, &key, &held, NULL) < 0;
	reduce(row->table, &held, comparison->held);
	reduce(row->table, &wanted, comparison->wanted);
	bool different = !missing && memcmp(&held, &wanted, size);
	comparison->missing += missing;
	comparison->different += different;
	if ((missing || different) && !*comparison->first)
		snprintf(comparison->first, sizeof(comparison->first),
			"a row of %s in table %s is %s", row->object,
			datapath_table_name(row->table), missing ? "missing" : "different");
	return 0;
}

static int accept_row(void *context, const struct row_change *row)
{
	(void)context;
	(void)row;
	return 0;
}

static unsigned slot_in_force(const struct compiler *compiler)
{
	const uint32_t key = 0;
	const struct dp_generation *row = compiler_row(compiler, DP_TABLE_GENERATION, &key);
	return row ? row->slot & 1 : 0;
}

static int compare_rows(
	const struct fleet_host *host, struct compiler *fresh, size_t *rows, struct error *error)
{
	struct comparison comparison = {.datapath = host->datapath};
	size_t held = 0;
	compiler_flush(fresh, accept_row, NULL);
	comparison.held = slot_in_force(host->compiler);
	comparison.wanted = slot_in_force(fresh);
	compiler_rows(fresh, compare_row, &comparison);
	for (int table = 0; table < DP_TABLE_COUNT; table++)
		held += compiler_count(host->compiler, table);
	*rows += comparison.rows;
	error_set_object(error, "hosts/%s", host->name);
	if (*comparison.first)
		return error_set(error, EIO, "%zu rows are missing and %zu different, first: %s",
			comparison.missing, comparison.different, comparison.first);
	if (held != comparison.rows)
		return error_set(error, EIO, "it holds %zu rows where there should be %zu", held,
			comparison.rows);
	return 0;
}

// The oracle goes through all that it is given for each of them. No object needs one of another
// tenant: so it is given the hosts and the tenants that have a port on this one.
static void find_relevant(const struct objects *all, const char *host, struct objects *relevant)
{
	struct objects carried = {0}; // a port of each of these tenants
	for (size_t i = 0; i < all->count; i++) {
		const struct port *port = (const struct port *)all->items[i];
		bool here =
			port->object.kind == MODEL_PORT && port->host && !strcmp(port->host, host);
		if (here && !holds_tenant(&carried, port->object.tenant))
			add(&carried, object_ref(all->items[i]));
	}
	for (size_t i = 0; i < all->count; i++) {
		const struct object *object = all->items[i];
		if (object->kind == MODEL_HOST ||
			(object->tenant && holds_tenant(&carried, object->tenant)))
			add(relevant, object_ref(all->items[i]));
	}
	objects_done(&carried);
}

static int check_host(
	const struct fleet_host *host, const struct objects *all, size_t *rows, struct error *error)
{
	struct objects relevant = {0}, needed = {0};
	struct compiler *fresh;
	find_relevant(all, host->name, &relevant);
	topology_recompute(relevant.items, relevant.count, host->name, take_needed, &needed);
	compiler_new(&fresh, host->name);
	fleet_devices(host, needed.items, needed.count, fresh);
	for (size_t i = 0; i < needed.count; i++)
		compiler_put(fresh, needed.items[i]);
	int rc = compare_rows(host, fresh, rows, error);
	compiler_free(fresh);
	objects_done(&needed);
	objects_done(&relevant);
	return rc;
}

int simulation_check(struct simulation *simulation, size_t hosts, json_t **out, struct error *error)
{
	struct objects all = {0};
	const struct fleet *fleet = &simulation->fleet;
	size_t rows = 0, checked = 0, full = 0;
	int rc = 0;
	for (int kind = 0; kind < MODEL_KIND_COUNT && !rc; kind++)
		rc = read_kind(simulation, kind, &all, error);
	if (hosts > fleet->full)
		hosts = fleet->full;
	for (size_t i = 0; i < fleet->count && !rc; i++) {
		// So many of those that have rows, spread evenly.
		if (fleet->hosts[i]->light || full++ * hosts / fleet->full < checked)
			continue;
		simulation_tell(simulation, "rows are checked", checked++, hosts);
		rc = caller_idle(&simulation->caller, 0, error);
		if (!rc)
			rc = check_host(fleet->hosts[i], &all, &rows, error);
	}
	if (!rc)
		*out = json_pack("{s:I,s:I,s:I}", "hosts", (json_int_t)checked, "objects",
			(json_int_t)all.count, "rows", (json_int_t)rows);
	objects_done(&all);
	return rc;
}
