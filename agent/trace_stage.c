// SPDX-License-Identifier: Apache-2.0
// A stage in words: what was found, the object that it comes from, and rows that are not as they should be.
#include "trace.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "datapath/stages.h"

// ---- rows and where they come from ----

enum { KEY_BYTES = 64, KIND_ARRAY = 0, KIND_HASH = 0, KIND_LPM = 1 };

static const bool has_prefixes[DP_TABLE_COUNT] = {
#define KIND(name, NAME, key, value, kind, maximum) [DP_TABLE_##NAME] = KIND_##kind,
	DP_TABLES(KIND)
#undef KIND
};

// What the compiler says of a row.
struct expected {
	const void *value; // NULL: there should be none
	struct compiler_origin origin;
};

static struct expected expect(const struct trace_world *world, enum dp_table table, const void *key)
{
	struct expected expected = {.value = compiler_row(world->compiler, table, key)};
	if (expected.value && compiler_origin(world->compiler, table, key, &expected.origin) < 0)
		expected.origin = (struct compiler_origin){0};
	return expected;
}

// No bits beyond the prefix.
static void cut(uint8_t *key, size_t size, uint32_t length)
{
	memcpy(key, &length, sizeof(length));
	for (size_t i = 0; i < size - sizeof(length); i++) {
		uint32_t bits = length > 8 * i ? length - 8 * (uint32_t)i : 0;
		if (bits < 8)
			key[sizeof(length) + i] &= (uint8_t)(0xff00 >> bits);
	}
}

// The row that a look-up should find.
static struct expected expect_found(
	const struct trace_world *world, const struct trace_lookup *lookup)
{
	_Alignas(8) uint8_t key[KEY_BYTES];
	size_t size = datapath_key_size(lookup->table);
	struct expected expected = {0};
	uint32_t length;

	if (!has_prefixes[lookup->table])
		return expect(world, lookup->table, lookup->key);
	memcpy(&length, lookup->key, sizeof(length));
	for (int64_t bits = length; bits >= 0 && !expected.value; bits--) {
		memcpy(key, lookup->key, size);
		cut(key, size, (uint32_t)bits);
		expected = expect(world, lookup->table, key);
	}
	return expected;
}

static const char *problem_of(const struct trace_lookup *lookup, const struct expected *expected)
{
	size_t size = datapath_value_size(lookup->table);
	if (!lookup->value)
		return expected->value ? "missing" : NULL;
	if (!expected->value)
		return "unexpected";
	return memcmp(lookup->value, expected->value, size) ? "different" : NULL;
}

static json_t *encode_drift(const struct trace_world *world, const struct trace_stage *stage)
{
	const struct trace_lookup *lookup = NULL;
	json_t *drift = json_array();
	while ((lookup = utarray_next(&stage->lookups, lookup))) {
		struct expected expected = expect_found(world, lookup);
		const char *problem = problem_of(lookup, &expected);
		if (problem)
			json_array_append_new(
				drift, json_pack("{s:s, s:s, s:s?, s:I}", "table",
					       datapath_table_name(lookup->table), "problem",
					       problem, "object", expected.origin.object,
					       "revision", (json_int_t)expected.origin.revision));
	}
	return drift;
}

// The last look-up of a table in the stage, NULL if there was none, or none found a row.
static const struct trace_lookup *find(const struct trace_stage *stage, enum dp_table table)
{
	const struct trace_lookup *lookup = NULL, *found = NULL;
	while ((lookup = utarray_next(&stage->lookups, lookup)))
		if (lookup->table == table && lookup->value)
			found = lookup;
	return found;
}

// ---- names ----

struct search {
	uint32_t key;
	const struct object *found;
};

static void compare_port(void *context, const struct object *object)
{
	struct search *search = context;
	if (((const struct port *)object)->key == search->key)
		search->found = object;
}

// NULL: not known here.
static const struct object *port_by_key(const struct trace_world *world, uint32_t key)
{
	struct search search = {.key = key};
	if (key)
		view_each(world->view, MODEL_PORT, compare_port, &search);
	return search.found;
}

static char *text_of_mac(const struct dp_mac *mac, char *text)
{
	struct mac plain;
	memcpy(&plain, mac, sizeof(plain));
	return mac_format(&plain, text);
}

static char *text_of_address(const struct dp_address *address, char *text)
{
	struct address plain;
	memcpy(&plain, address, sizeof(plain));
	return address_format(&plain, text);
}

static const char *text_of_encapsulation(uint32_t encapsulation)
{
	return encapsulation == DP_VXLAN ? "vxlan" : "geneve";
}

// ---- what each stage found ----

// What a stage says. It comes from the object of the row, or from the object itself; NULL: neither. `text` is owned.
struct finding {
	const struct trace_lookup *row;
	char *text;
	const struct object *object;
};

static struct finding find_port(const struct trace_world *world, const struct trace_stage *stage)
{
	(void)world;
	return (struct finding){.row = find(stage, DP_TABLE_SOURCE)};
}

static struct finding find_security(
	const struct trace_world *world, const struct trace_stage *stage)
{
	const struct trace_lookup *allowed = find(stage, DP_TABLE_ALLOWED);
	const char *text = "its own MAC and address";
	if (stage->reason)
		text = NULL;
	else if (allowed)
		text = "an allowed pair";
	return (struct finding){allowed, memory_text(text), port_by_key(world, stage->first)};
}

static struct finding find_neighbor(
	const struct trace_world *world, const struct trace_stage *stage)
{
	(void)world;
	const struct trace_lookup *row = find(stage, DP_TABLE_NEIGHBOR);
	char address[ADDRESS_TEXT], mac[MAC_TEXT];
	if (!row)
		return (struct finding){0};
	const struct dp_neighbor_key *key = row->key;
	const struct dp_neighbor *value = row->value;
	return (struct finding){
		row, memory_format("%s is at %s", text_of_address(&key->address, address),
			     text_of_mac(&value->mac, mac))};
}

static struct finding find_station(const struct trace_world *world, const struct trace_stage *stage)
{
	const struct trace_lookup *row = find(stage, DP_TABLE_STATION);
	(void)world;
	char mac[MAC_TEXT];
	if (!row)
		return (struct finding){.row = find(stage, DP_TABLE_NETWORK)};
	const struct dp_station_key *key = row->key;
	const struct dp_station *value = row->value;
	const char *where = value->host ? "a port on another host" : "a port on this host";
	if (value->router)
		where = "a router";
	return (struct finding){row, memory_format("%s is %s", text_of_mac(&key->mac, mac), where)};
}

static struct finding find_flood(const struct trace_world *world, const struct trace_stage *stage)
{
	(void)world;
	return (struct finding){find(stage, DP_TABLE_FLOOD),
		memory_format("%u ports and hosts are in the network", stage->second)};
}

static struct finding find_remote(const struct trace_world *world, const struct trace_stage *stage)
{
	(void)world;
	const struct trace_lookup *row = find(stage, DP_TABLE_REMOTE);
	char address[ADDRESS_TEXT];
	if (!row)
		return (struct finding){0};
	const struct dp_remote *value = row->value;
	return (struct finding){
		row, memory_format("%s to %s", text_of_encapsulation(value->encapsulation),
			     text_of_address(&value->vtep, address))};
}

static struct finding find_tunnel(const struct trace_world *world, const struct trace_stage *stage)
{
	(void)world;
	const struct trace_lookup *row = find(stage, DP_TABLE_VTEP);
	char address[ADDRESS_TEXT];
	if (!row)
		return (struct finding){0};
	return (struct finding){row, memory_format("from %s", text_of_address(row->key, address))};
}

static struct finding find_device(const struct trace_world *world, const struct trace_stage *stage)
{
	return (struct finding){.object = port_by_key(world, stage->first)};
}

static struct finding (*const finders[DP_STAGE_COUNT])(
	const struct trace_world *world, const struct trace_stage *stage) = {
	[DP_STAGE_PORT] = find_port,
	[DP_STAGE_TUNNEL] = find_tunnel,
	[DP_STAGE_SECURITY] = find_security,
	[DP_STAGE_RESOLVE] = find_neighbor,
	[DP_STAGE_SWITCH] = find_station,
	[DP_STAGE_FLOOD] = find_flood,
	[DP_STAGE_ENCAPSULATE] = find_remote,
	[DP_STAGE_DELIVER] = find_device,
};

// ---- encoding ----

json_t *trace_frame_encode(const uint8_t *bytes, size_t length)
{
	cleanup_free char *text = memory_new(2 * length + 1);
	for (size_t i = 0; i < length; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	return json_string(text);
}

static bool same_frame(const struct trace_stage *a, const struct trace_stage *b)
{
	return a->length == b->length && !memcmp(a->bytes, b->bytes, a->length);
}

static void encode_finding(
	json_t *json, const struct trace_world *world, const struct finding *finding)
{
	if (finding->text)
		json_object_set_new(json, "detail", json_string(finding->text));
	struct compiler_origin origin = {0};
	char path[OBJECT_PATH_TEXT];
	if (finding->row)
		origin = expect_found(world, finding->row).origin;
	else if (finding->object)
		origin = (struct compiler_origin){
			object_path(finding->object, path), finding->object->revision};
	if (!origin.object)
		return;
	json_object_set_new(json, "object", json_string(origin.object));
	json_object_set_new(json, "revision", json_integer((json_int_t)origin.revision));
}

json_t *trace_stage_encode(const struct trace_world *world, const struct trace_stage *stage,
	const struct trace_stage *before)
{
	struct finding finding = {0};
	json_t *json = json_pack(
		"{s:s, s:b}", "stage", datapath_stage_name(stage->stage), "ok", stage->reason == 0);
	if (stage->stage < DP_STAGE_COUNT && finders[stage->stage])
		finding = finders[stage->stage](world, stage);
	encode_finding(json, world, &finding);
	free(finding.text);
	if (stage->reason) {
		json_object_set_new(
			json, "reason", json_string(datapath_reason_name(stage->reason)));
		json_object_set_new(json, "help", json_string(datapath_reason_help(stage->reason)));
	}
	if (!before || !same_frame(before, stage))
		json_object_set_new(json, "frame", trace_frame_encode(stage->bytes, stage->length));
	json_t *drift = encode_drift(world, stage);
	if (json_array_size(drift))
		json_object_set(json, "drift", drift);
	json_decref(drift);
	return json;
}
