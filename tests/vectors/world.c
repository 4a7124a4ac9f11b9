// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "compile/compile.h"
#include "model/object.h"

void seen_add(struct seen *seen, const char *to, struct bytes bytes, uint32_t gso)
{
	seen->outputs =
		memory_resize(seen->outputs, seen->output_count + 1, sizeof(*seen->outputs));
	seen->outputs[seen->output_count++] = (struct seen_output){to, bytes, gso};
}

void seen_done(struct seen *seen)
{
	for (size_t i = 0; i < seen->output_count; i++)
		free(seen->outputs[i].bytes.data);
	free(seen->outputs);
	free(seen->drops);
	free(seen->handed);
	*seen = (struct seen){0};
}

// ---- from objects to rows ----

static int put_row(void *context, const struct row_change *change)
{
	struct error error = {0};

	if (!change->key)
		return datapath_settle(context, &error);
	return change->value
		       ? datapath_put(context, change->table, change->key, change->value, &error)
		       : datapath_remove(context, change->table, change->key, &error);
}

static int put_objects(struct compiler *compiler, const json_t *objects, struct error *error)
{
	const json_t *item;
	size_t i;

	json_array_foreach (objects, i, item) {
		const char *tenant = json_string_value(json_object_get(item, "tenant"));
		const char *name = json_string_value(json_object_get(item, "name"));
		enum model_kind kind;
		struct object *object;
		int result =
			model_kind_find(json_string_value(json_object_get(item, "kind")), &kind);
		if (result == 0)
			result = object_decode(&object, kind, tenant, name, item, true, error);
		if (result < 0)
			return result;
		compiler_put(compiler, object);
		object_unref(object);
	}
	return 0;
}

struct removal {
	struct datapath *datapath;
	enum dp_table table;
};

static int remove_row(void *context, const void *key, const void *value)
{
	struct removal *removal = context;

	(void)value;
	return datapath_remove(removal->datapath, removal->table, key, NULL);
}

// What the compiler would never leave out, to see what the datapath does then.
static int remove_rows(struct datapath *datapath, const json_t *without, struct error *error)
{
	const json_t *item;
	size_t i;
	int result = 0;

	json_array_foreach (without, i, item) {
		const char *table = json_string_value(json_object_get(item, "table"));
		const json_t *number = json_object_get(item, "key");
		uint32_t key = (uint32_t)json_integer_value(number);
		struct removal removal = {.datapath = datapath};
		while (removal.table < DP_TABLE_COUNT &&
			strcmp(datapath_table_name(removal.table), table) != 0)
			removal.table++;
		if (removal.table == DP_TABLE_COUNT)
			return error_set(error, EINVAL, "there is no table %s", table);
		if (result == 0)
			result = number ? datapath_remove(datapath, removal.table, &key, error)
					: datapath_each(datapath, removal.table, remove_row,
						  &removal, error);
	}
	return result;
}

static int flush(struct world *world, struct error *error)
{
	int result = compiler_flush(world->compiler, put_row, world->datapath);

	return result < 0 ? error_set(error, -result, "cannot program %s: %s",
				    world->topology->name, strerror(-result))
			  : 0;
}

static int program(struct world *world, struct error *error)
{
	const struct vector_topology *topology = world->topology;

	compiler_new(&world->compiler, topology->host);
	int result = put_objects(world->compiler, topology->objects, error);
	for (size_t i = 0; i < topology->device_count; i++) {
		const struct vector_device *device = &topology->devices[i];
		struct compiler_device seen = {
			.ifindex = world->device_ifindexes[i],
			.device = device->kind == DEVICE_PEER ? DP_DEVICE_PEER : DP_DEVICE_PLAIN,
		};
		compiler_device(world->compiler, device->name, &seen);
	}
	if (topology->underlay)
		compiler_underlay(world->compiler, world->underlay_ifindex, topology->underlay_mtu);
	if (result == 0)
		result = flush(world, error);
	return result < 0 ? result : remove_rows(world->datapath, topology->without, error);
}

static int change(struct world *world, const json_t *objects, struct error *error)
{
	int result = put_objects(world->compiler, objects, error);

	return result < 0 ? result : flush(world, error);
}

static int forget_share(void *context, const void *key, const void *value)
{
	struct world *world = context;

	(void)key;
	return world->kind->share(
		world, ((const struct dp_guard *)value)->tenant, &(struct dp_share){0}, NULL);
}

static int forget(struct world *world, struct error *error)
{
	int result = world->kind->forget(world, error);

	world->others = (struct dp_share){0};
	if (result == 0)
		result = world->kind->share(world, 0, &world->others, error);
	return result ? result
		      : datapath_each(world->datapath, DP_TABLE_GUARD, forget_share, world, error);
}

// Tenants that are not here take what is left of the tables, but for so many rows.
static int crowd(struct world *world, const json_t *room, struct error *error)
{
	const json_t *connection = json_object_get(room, "connection"),
		     *embryo = json_object_get(room, "embryo");

	if (connection)
		world->others.rows[DP_SHARED_CONNECTION] =
			DP_CONNECTIONS - (uint32_t)json_integer_value(connection);
	if (embryo)
		world->others.rows[DP_SHARED_EMBRYO] =
			DP_EMBRYOS - (uint32_t)json_integer_value(embryo);
	return world->kind->share(world, 0, &world->others, error);
}

int world_prepare(struct world *world, const struct vector_case *c, struct error *error)
{
	int result = 0;

	if (!c->continues && world->changed) {
		result = change(world, world->topology->objects, error);
		world->changed = false;
	}
	if (!c->continues && result == 0)
		result = forget(world, error);
	if (c->after && result == 0)
		result = world->kind->age(world, c->after, error);
	if (c->put && result == 0) {
		result = change(world, c->put, error);
		world->changed = true;
	}
	return c->room && result == 0 ? crowd(world, c->room, error) : result;
}

int world_open(struct world *out, const struct world_kind *kind,
	const struct vector_topology *topology, struct error *error)
{
	*out = (struct world){
		.kind = kind,
		.topology = topology,
		.device_ifindexes = memory_new((topology->device_count + 1) * sizeof(uint32_t)),
	};
	int result = kind->open(out, error);
	if (result == 0)
		result = program(out, error);
	if (result == 0)
		result = kind->attach(out, error);
	if (result < 0)
		world_close(out);
	return result;
}

void world_close(struct world *world)
{
	world->kind->close(world);
	compiler_free(world->compiler);
	free(world->device_ifindexes);
	*world = (struct world){0};
}

// ---- the agent ----

static void add_punt(void *context, const struct dp_punt *punt)
{
	static const char *const names[DP_SERVICE_COUNT] = {
		[DP_SERVICE_DHCPV4] = "dhcpv4",
		[DP_SERVICE_DHCPV6] = "dhcpv6",
		[DP_SERVICE_ROUTER] = "solicitation",
		[DP_SERVICE_DNS] = "dns",
	};
	struct bytes frame = {memory_new(punt->length + 1u), punt->length};

	memcpy(frame.data, punt->frame, frame.length);
	seen_add(context, names[punt->service], frame, 0);
}

void world_punts(const struct world *world, struct seen *out)
{
	datapath_punts(world->datapath, UINT32_MAX, add_punt, out, NULL);
}

static int count_connection(
	void *context, const struct dp_tuple *tuple, const struct dp_connection *connection)
{
	(void)tuple, (void)connection;
	++*(int *)context;
	return 0;
}

int world_connections(struct world *world, struct error *error)
{
	int count = 0, result;

	result = datapath_expire(world->datapath, clock_monotonic_ns(), SIZE_MAX, error);
	if (result >= 0)
		result = datapath_connections(world->datapath, count_connection, &count, error);
	return result < 0 ? result : count;
}

// ---- what is counted ----

// All rows that count: of established connections whole, of buckets by their tenants.
struct balance {
	struct world *world;
	struct error *error;
	size_t connection_count, embryo_count;
	struct dp_connection *connections;
	uint32_t *embryos;
};

static int add_connection(void *context, const void *key, const void *value)
{
	struct balance *balance = context;
	size_t count = balance->connection_count++;

	(void)key;
	balance->connections =
		memory_resize(balance->connections, count + 1, sizeof(*balance->connections));
	balance->connections[count] = *(const struct dp_connection *)value;
	return 0;
}

static int add_embryo(void *context, const void *key, const void *value)
{
	struct balance *balance = context;
	size_t count = balance->embryo_count++;

	(void)value;
	balance->embryos = memory_resize(balance->embryos, count + 1, sizeof(*balance->embryos));
	balance->embryos[count] = dp_embryo_tenant(key);
	return 0;
}

static bool counts_for(uint32_t tenant, uint32_t whose)
{
	return whose ? tenant == whose : tenant != 0;
}

// `tenant` 0: all of them.
static int balance_tenant(const struct balance *balance, uint32_t tenant)
{
	struct dp_share rows = tenant ? (struct dp_share){0} : balance->world->others;
	struct dp_share share = {0};

	datapath_find_state(
		balance->world->datapath, DP_STATE_SHARE, &tenant, &share, balance->error);
	for (size_t i = 0; i < balance->connection_count; i++)
		rows.rows[DP_SHARED_CONNECTION] +=
			counts_for(balance->connections[i].tenant, tenant);
	for (size_t i = 0; i < balance->embryo_count; i++)
		rows.rows[DP_SHARED_EMBRYO] += counts_for(balance->embryos[i], tenant);
	for (int i = 0; i < DP_SHARED_COUNT; i++)
		if (share.rows[i] != rows.rows[i])
			return error_set(balance->error, EINVAL,
				"tenant %u counts %u rows of table %d, and there are %u", tenant,
				share.rows[i], i, rows.rows[i]);
	return 0;
}

static int balance_guard(void *context, const void *key, const void *value)
{
	(void)key;
	return balance_tenant(context, ((const struct dp_guard *)value)->tenant);
}

static int balance_port(void *context, const void *key, const void *value)
{
	const struct balance *balance = context;
	uint32_t port = *(const uint32_t *)key, rows = 0;
	uint32_t established = ((const struct dp_usage *)value)->established;

	for (size_t i = 0; i < balance->connection_count; i++)
		for (int end = 0; end < 2; end++)
			rows += balance->connections[i].ports[end] == port;
	return rows == established ? 0
				   : error_set(balance->error, EINVAL,
					     "port %u counts %u connections, and there are %u",
					     port, established, rows);
}

int world_balance(struct world *world, struct error *error)
{
	struct balance balance = {.world = world, .error = error};
	struct datapath *datapath = world->datapath;
	int result =
		datapath_each_state(datapath, DP_STATE_CONNECTION, add_connection, &balance, error);

	if (result == 0)
		result =
			datapath_each_state(datapath, DP_STATE_EMBRYO, add_embryo, &balance, error);
	if (result == 0)
		result = balance_tenant(&balance, 0);
	if (result == 0)
		result = datapath_each(datapath, DP_TABLE_GUARD, balance_guard, &balance, error);
	if (result == 0)
		result = datapath_each_state(
			datapath, DP_STATE_USAGE, balance_port, &balance, error);
	free(balance.connections);
	free(balance.embryos);
	return result;
}

// ---- names ----

uint32_t world_port_key(const struct world *world, const char *port)
{
	const json_t *item;
	size_t i;

	json_array_foreach (world->topology->objects, i, item) {
		if (strcmp(json_string_value(json_object_get(item, "kind")), "port") == 0 &&
			strcmp(json_string_value(json_object_get(item, "name")), port) == 0)
			return (uint32_t)json_integer_value(json_object_get(item, "key"));
	}
	return 0;
}

const struct vector_host *world_host(const struct world *world, const char *name)
{
	for (size_t i = 0; i < world->topology->host_count; i++)
		if (strcmp(world->topology->hosts[i].name, name) == 0)
			return &world->topology->hosts[i];
	return NULL;
}

int world_device(const struct world *world, const char *port)
{
	for (size_t i = 0; i < world->topology->device_count; i++)
		if (strcmp(world->topology->devices[i].port, port) == 0)
			return (int)i;
	return -1;
}

const char *world_host_by_mac(const struct world *world, const uint8_t *mac)
{
	for (size_t i = 0; i < world->topology->host_count; i++)
		if (memcmp(world->topology->hosts[i].mac.bytes, mac, 6) == 0)
			return world->topology->hosts[i].name;
	return NULL;
}

// ---- counters ----

struct counting {
	const struct world *world;
	struct counted *out;
};

static void add_drop(void *context, uint32_t port, uint32_t reason, const struct dp_drops *drops)
{
	struct counted *out = ((struct counting *)context)->out;

	out->drops = memory_resize(out->drops, out->drop_count + 1, sizeof(*out->drops));
	out->drops[out->drop_count++] = (struct seen_drop){port, reason, drops->packets};
}

static void add_handed(void *context, uint32_t port, const struct dp_counters *counters)
{
	const struct counting *counting = context;
	const struct vector_topology *topology = counting->world->topology;

	for (size_t i = 0; i < topology->device_count; i++)
		if (world_port_key(counting->world, topology->devices[i].port) == port)
			counting->out->handed[i] = counters->to_port_packets;
}

struct counted world_count(const struct world *world)
{
	struct counted counted = {
		.handed = memory_new((world->topology->device_count + 1) * sizeof(uint64_t)),
	};
	struct counting counting = {world, &counted};

	datapath_drops(world->datapath, add_drop, &counting, NULL);
	datapath_counters(world->datapath, add_handed, &counting, NULL);
	return counted;
}

void counted_done(struct counted *counted)
{
	free(counted->drops);
	free(counted->handed);
}

void world_count_since(const struct world *world, const struct counted *before, struct seen *out)
{
	struct counted now = world_count(world);

	free(out->drops);
	free(out->handed);
	out->drops = memory_new((now.drop_count + 1) * sizeof(*out->drops));
	out->drop_count = 0;
	for (size_t i = 0; i < now.drop_count; i++) {
		struct seen_drop drop = now.drops[i];
		for (size_t j = 0; j < before->drop_count; j++)
			if (before->drops[j].port == drop.port &&
				before->drops[j].reason == drop.reason)
				drop.packets -= before->drops[j].packets;
		if (drop.packets > 0)
			out->drops[out->drop_count++] = drop;
	}
	for (size_t i = 0; i < world->topology->device_count; i++)
		now.handed[i] -= before->handed[i];
	out->handed = steal(now.handed);
	counted_done(&now);
}
