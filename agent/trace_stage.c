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
	uint32_t bits; // of a table of prefixes: how long the prefix is
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
		expected.bits = (uint32_t)bits;
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

// The last row of a table that the stage asked for, whether it is there or not.
static const void *asked(const struct trace_stage *stage, enum dp_table table)
{
	const struct trace_lookup *lookup = NULL;
	const void *key = NULL;
	while ((lookup = utarray_next(&stage->lookups, lookup)))
		if (lookup->table == table)
			key = lookup->key;
	return key;
}

// ---- names ----

struct device_search {
	uint32_t ifindex;
	char *text; // owned by whoever searches; NULL: not found
};

static void compare_device(void *context, const struct compiler_port *port)
{
	struct device_search *search = context;
	if (port->ifindex == search->ifindex && port->device && !search->text)
		search->text = memory_format("device %s", port->device);
}

// "device tap0"; owned by the caller (free); NULL: it is not known.
static char *text_of_device(const struct trace_world *world, uint32_t ifindex)
{
	struct device_search search = {.ifindex = ifindex};
	if (ifindex)
		compiler_ports(world->compiler, compare_device, &search);
	return search.text;
}

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

static void compare_router(void *context, const struct object *object)
{
	struct search *search = context;
	if (((const struct router *)object)->key == search->key)
		search->found = object;
}

static const struct object *router_by_key(const struct trace_world *world, uint32_t key)
{
	struct search search = {.key = key};
	view_each(world->view, MODEL_ROUTER, compare_router, &search);
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

// What a stage says. It comes from the object of the row, or from the object itself, or from the rule with this number; none of
// them: from nothing. `text` is owned.
struct finding {
	const struct trace_lookup *row;
	char *text;
	const struct object *object;
	uint32_t rule;
};

static struct finding find_port(const struct trace_world *world, const struct trace_stage *stage)
{
	return (struct finding){find(stage, DP_TABLE_SOURCE), text_of_device(world, stage->first)};
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
	const struct dp_neighbor_key *key = asked(stage, DP_TABLE_NEIGHBOR);
	char address[ADDRESS_TEXT], mac[MAC_TEXT];
	if (!row)
		return (struct finding){
			.text = key ? memory_format("nobody has %s",
					      text_of_address(&key->address, address))
				    : NULL};
	const struct dp_neighbor *value = row->value;
	return (struct finding){
		row, memory_format("%s is at %s", text_of_address(&key->address, address),
			     text_of_mac(&value->mac, mac))};
}

static struct finding find_station(const struct trace_world *world, const struct trace_stage *stage)
{
	const struct trace_lookup *row = find(stage, DP_TABLE_STATION);
	(void)world;
	const struct dp_station_key *key = asked(stage, DP_TABLE_STATION);
	char mac[MAC_TEXT];
	if (!row)
		return (struct finding){find(stage, DP_TABLE_NETWORK),
			key ? memory_format("%s is no port's", text_of_mac(&key->mac, mac)) : NULL};
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
	return (struct finding){.text = text_of_device(world, stage->second),
		.object = port_by_key(world, stage->first)};
}

static struct finding find_service(const struct trace_world *world, const struct trace_stage *stage)
{
	(void)world;
	return (struct finding){.row = find(stage, DP_TABLE_NETWORK)};
}

// "10.2.0.0/24", as the compiler has it.
static char *text_of_route(
	const struct trace_world *world, const struct trace_lookup *row, char *text)
{
	const struct dp_route_key *key = row->key;
	struct expected expected = expect_found(world, row);
	struct address address;
	memcpy(&address, &key->destination, sizeof(address));
	uint32_t bits =
		expected.bits > DP_ROUTE_FIXED_BITS ? expected.bits - DP_ROUTE_FIXED_BITS : 0;
	struct prefix prefix = prefix_from(&address, (uint8_t)bits);
	return prefix_format(&prefix, text);
}

// Where a route leads: over the next hop that was chosen, or straight to the neighbor.
static char *way_of(const struct trace_stage *stage, const struct dp_route *route)
{
	const struct trace_lookup *hop = find(stage, DP_TABLE_HOP);
	char text[ADDRESS_TEXT];
	if (route->action == DP_ROUTE_DROP)
		return memory_text("is dropped");
	if (route->action == DP_ROUTE_REJECT)
		return memory_text("is rejected");
	if (route->action == DP_ROUTE_CONNECTED)
		return memory_text("is a network of the router");
	if (!hop)
		return memory_text("leads to a next hop that is not known");
	text_of_address(&((const struct dp_hop *)hop->value)->address, text);
	return route->hops > 1 ? memory_format("leads to %s, one of %u", text, route->hops)
			       : memory_format("leads to %s", text);
}

static struct finding find_route(const struct trace_world *world, const struct trace_stage *stage)
{
	const struct trace_lookup *row = find(stage, DP_TABLE_ROUTE);
	char prefix[PREFIX_TEXT];
	if (!row)
		return (struct finding){.row = find(stage, DP_TABLE_ROUTER)};
	cleanup_free char *way = way_of(stage, row->value);
	return (struct finding){
		row, memory_format("%s %s", text_of_route(world, row, prefix), way)};
}

// The policy route was looked up before the stage began.
static struct finding find_steer(const struct trace_world *world, const struct trace_stage *stage)
{
	struct dp_steer_key key = {.router = stage->first, .index = stage->second};
	struct dp_steer steer;
	if (datapath_find(world->datapath, DP_TABLE_STEER, &key, &steer, NULL))
		return (struct finding){0};
	cleanup_free char *way = way_of(stage, &steer.route);
	return (struct finding){.text = memory_format("policy route %u %s", stage->second + 1, way),
		.object = router_by_key(world, stage->first)};
}

// The connection that the stage found, among the established ones or in a bucket of new ones; NULL: none.
static const struct dp_connection *connection_of(const struct trace_stage *stage)
{
	const struct trace_state *look = NULL;
	const struct dp_tuple *tuple = NULL;
	const struct dp_connection *found = NULL;
	while ((look = utarray_next(&stage->states, look))) {
		const struct dp_embryo *embryo = look->value;
		if (look->state == DP_STATE_CONNECTION) {
			tuple = look->key;
			found = look->value;
		}
		for (size_t i = 0; look->state == DP_STATE_EMBRYO && embryo && tuple && !found &&
				   i < DP_EMBRYO_SLOTS;
			i++)
			if (embryo->slots[i].tag &&
				!memcmp(&embryo->slots[i].tuple, tuple, sizeof(*tuple)))
				found = &embryo->slots[i].connection;
	}
	return found;
}

static struct finding find_connection(
	const struct trace_world *world, const struct trace_stage *stage)
{
	(void)world;
	static const char *const states[] = {
		[DP_CONNECTION_NEW] = "a new one, not answered yet",
		[DP_CONNECTION_ESTABLISHED] = "an established one",
		[DP_CONNECTION_CLOSING] = "one that is being closed",
		[DP_CONNECTION_CLOSED] = "one that is closed",
		[DP_CONNECTION_FORBIDDEN] = "one that was forbidden since",
	};
	const struct dp_connection *connection = connection_of(stage);
	if (!connection)
		return (struct finding){.text = memory_text("none")};
	const char *state =
		connection->state < array_count(states) ? states[connection->state] : "-";
	// Of two that admitted it, the one at the end that did not begin it.
	uint32_t responder = ~connection->initiator & 1;
	uint32_t rule = connection->rules[responder] ? connection->rules[responder]
						     : connection->rules[responder ^ 1];
	return (struct finding){.text = memory_text(state), .rule = rule};
}

static const char *text_of_action(uint32_t action)
{
	static const char *const words[] = {
		[DP_ACTION_DROP] = "drop",
		[DP_ACTION_REJECT] = "reject",
		[DP_ACTION_ALLOW] = "allow",
		[DP_ACTION_STATELESS] = "allow-stateless",
	};
	return action < array_count(words) ? words[action] : "-";
}

// The rule that decided, or what decides where none does.
static struct finding find_rule(const struct trace_world *world, const struct trace_stage *stage)
{
	const struct trace_lookup *row = find(stage, DP_TABLE_RULE),
				  *set = find(stage, DP_TABLE_SET);
	if (row) {
		static const uint32_t zero;
		const struct dp_generation *generation =
			compiler_row(world->compiler, DP_TABLE_GENERATION, &zero);
		const struct dp_rule *rule =
			&((const struct dp_rules *)row->value)
				 ->slots[generation ? generation->slot & 1 : 0];
		return (struct finding){
			.text = memory_text(text_of_action(rule->action)), .rule = rule->number};
	}
	uint32_t otherwise = set ? ((const struct dp_set *)set->value)->otherwise : 0;
	return (struct finding){
		.text = memory_text(otherwise ? "no rule takes it" : "no rule takes it: allowed"),
		.rule = otherwise};
}

static struct finding (*const finders[DP_STAGE_COUNT])(
	const struct trace_world *world, const struct trace_stage *stage) = {
	[DP_STAGE_PORT] = find_port,
	[DP_STAGE_TUNNEL] = find_tunnel,
	[DP_STAGE_SECURITY] = find_security,
	[DP_STAGE_SERVICE] = find_service,
	[DP_STAGE_RESOLVE] = find_neighbor,
	[DP_STAGE_ROUTE] = find_route,
	[DP_STAGE_STEER] = find_steer,
	[DP_STAGE_CONNECTION] = find_connection,
	[DP_STAGE_EGRESS] = find_rule,
	[DP_STAGE_INGRESS] = find_rule,
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

// "rule": {"name": "deny-all", "index": 2}; index -1: what the policy does where no rule takes a packet.
static void encode_rule(json_t *json, const struct trace_world *world, uint32_t number)
{
	struct compiler_rule rule;
	if (!number || compiler_rule(world->compiler, number, &rule))
		return;
	json_object_set_new(json, "object", json_string(rule.policy));
	json_object_set_new(json, "revision", json_integer((json_int_t)rule.revision));
	json_object_set_new(
		json, "rule", json_pack("{s:s?, s:i}", "name", rule.name, "index", rule.index));
}

static void encode_finding(
	json_t *json, const struct trace_world *world, const struct finding *finding)
{
	if (finding->text)
		json_object_set_new(json, "detail", json_string(finding->text));
	struct compiler_origin origin = {0};
	char path[OBJECT_PATH_TEXT];
	encode_rule(json, world, finding->rule);
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
