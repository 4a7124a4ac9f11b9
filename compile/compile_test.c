// SPDX-License-Identifier: Apache-2.0
#include "compile/compile.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <utarray.h>

#include "base/memory.h"
#include "base/table.h"

// ---- objects ----

static struct object *decode(enum model_kind kind, const char *tenant, const char *name,
	uint64_t revision, json_t *fields)
{
	struct object *object = NULL;
	struct error error = {0};
	assert_non_null(fields);
	if (object_decode(&object, kind, tenant, name, fields, true, &error)) {
		char text[512];
		fail_msg("%s", error_format(&error, text, sizeof(text)));
	}
	object->revision = revision;
	json_decref(fields);
	return object;
}

static void put(struct compiler *compiler, struct object *object)
{
	compiler_put(compiler, object);
	object_unref(object);
}

static struct object *host(const char *name, const char *vtep, unsigned key)
{
	return decode(MODEL_HOST, NULL, name, 1, json_pack("{s:s,s:i}", "vtep", vtep, "key", key));
}

static struct object *network(const char *name, unsigned vni)
{
	return decode(MODEL_NETWORK, "acme", name, 2,
		json_pack("{s:[s,s],s:i,s:i}", "subnets", "10.0.0.0/16", "fd00::/64", "mtu", 1400,
			"vni", vni));
}

static struct object *port(const char *name, const char *in, const char *mac, const char *address,
	unsigned key, const char *on, const char *device)
{
	return decode(MODEL_PORT, "acme", name, 3,
		json_pack("{s:s,s:s,s:[s],s:i,s:s*,s:s*}", "network", in, "mac", mac, "addresses",
			address, "key", key, "host", on, "device", device));
}

static void device(struct compiler *compiler, const char *name, uint32_t ifindex)
{
	struct compiler_device seen = {ifindex, DP_DEVICE_PEER};
	compiler_device(compiler, name, ifindex ? &seen : NULL);
}

// ---- what was emitted, and what a datapath would then hold ----

struct row_image {
	struct {
		enum dp_table table;
		unsigned char key[32];
	} id;
	unsigned char value[64];
	char object[OBJECT_PATH_TEXT];
	uint64_t revision;
	UT_hash_handle hh;
};

#define SIZES(name, NAME, key, value, kind, maximum) {sizeof(key), sizeof(value)},
static const struct {
	size_t key, value;
} sizes[DP_TABLE_COUNT] = {DP_TABLES(SIZES)};

struct table_image {
	struct row_image *rows;
	unsigned puts, removals;
	int last; // table of the last change, for the order; removals count downward from
		  // DP_TABLE_COUNT * 2
	bool in_order;
	unsigned failing; // every so many emissions fail; 0: none
	unsigned emissions;
};

static int image_emit(void *context, const struct row_change *change)
{
	struct table_image *image = context;
	struct row_image *row, key = {.id.table = change->table};
	image->emissions++;
	if (image->failing && image->emissions % image->failing == 0)
		return -ENOSPC;
	int place = change->value ? (int)change->table : 2 * DP_TABLE_COUNT - (int)change->table;
	if (place < image->last)
		image->in_order = false;
	image->last = place;

	memcpy(key.id.key, change->key, sizes[change->table].key);
	HASH_FIND(hh, image->rows, &key.id, sizeof(key.id), row);
	if (!change->value) {
		image->removals++;
		assert_non_null(row); // only what is there is removed
		HASH_DEL(image->rows, row);
		free(row);
		return 0;
	}
	image->puts++;
	if (!row) {
		row = memory_new(sizeof(*row));
		row->id = key.id;
		HASH_ADD(hh, image->rows, id, sizeof(row->id), row);
	} else {
		// A put always changes something.
		assert_memory_not_equal(row->value, change->value, sizes[change->table].value);
	}
	memcpy(row->value, change->value, sizes[change->table].value);
	assert_non_null(change->object);
	snprintf(row->object, sizeof(row->object), "%s", change->object);
	row->revision = change->revision;
	return 0;
}

static int flush(struct compiler *compiler, struct table_image *image)
{
	image->puts = image->removals = 0;
	image->last = 0;
	image->in_order = true;
	int result = compiler_flush(compiler, image_emit, image);
	assert_true(image->in_order);
	return result;
}

static void image_done(struct table_image *image)
{
	struct row_image *row, *next;
	HASH_ITER (hh, image->rows, row, next) {
		HASH_DEL(image->rows, row);
		free(row);
	}
}

static int image_compare_row(void *context, const struct row_change *change)
{
	struct table_image *image = context;
	struct row_image *row, key = {.id.table = change->table};
	memcpy(key.id.key, change->key, sizes[change->table].key);
	HASH_FIND(hh, image->rows, &key.id, sizeof(key.id), row);
	if (!row)
		fail_msg("a row of table %d, object %s, is missing", change->table, change->object);
	assert_memory_equal(row->value, change->value, sizes[change->table].value);
	image->emissions++;
	return 0;
}

// The image holds what the compiler says should be there, and no more.
static void assert_same(struct table_image *image, const struct compiler *compiler)
{
	size_t count = 0;
	image->emissions = 0;
	compiler_rows(compiler, image_compare_row, image);
	for (int table = 0; table < DP_TABLE_COUNT; table++)
		count += compiler_count(compiler, table);
	assert_int_equal(image->emissions, HASH_COUNT(image->rows));
	assert_int_equal(image->emissions, count);
}

// ---- single facts ----

static struct dp_station_key station_key(uint32_t vni, uint8_t last)
{
	return (struct dp_station_key){.vni = vni, .mac = {{2, 0, 0, 0, 0, last}}};
}

static void test_local_port(void **state)
{
	(void)state;
	struct compiler *compiler;
	struct table_image image = {0};
	compiler_new(&compiler, "h1");
	put(compiler, host("h1", "192.0.2.1", 1));
	put(compiler, network("web", 100));
	put(compiler, port("web1", "web", "02:00:00:00:00:01", "10.0.0.5", 7, "h1", "tap0"));
	compiler_underlay(compiler, 3, 1500);
	device(compiler, "tap0", 9);
	assert_int_equal(flush(compiler, &image), 0);

	uint32_t zero = 0, ifindex = 9, vni = 100;
	const struct dp_config *config = compiler_row(compiler, DP_TABLE_CONFIG, &zero);
	assert_int_equal(config->host, 1);
	assert_int_equal(config->underlay_ifindex, 3);
	assert_int_equal(config->underlay_mtu, 1500);
	const struct dp_source *source = compiler_row(compiler, DP_TABLE_SOURCE, &ifindex);
	assert_int_equal(source->port, 7);
	assert_int_equal(source->vni, 100);
	assert_int_equal(source->mtu, 1400);
	assert_int_equal(source->flags, 0);
	assert_int_equal(source->ipv4.bytes[15], 5);
	struct dp_station_key mac = station_key(100, 1);
	const struct dp_station *station = compiler_row(compiler, DP_TABLE_STATION, &mac);
	assert_int_equal(station->port, 7);
	assert_int_equal(station->host, 0);
	assert_int_equal(station->ifindex, 9);
	assert_int_equal(station->device, DP_DEVICE_PEER);
	const struct dp_network *row = compiler_row(compiler, DP_TABLE_NETWORK, &vni);
	assert_int_equal(row->flood_count, 1);
	// config, network, source, station, one flood entry, two neighbors, two parties, guard,
	// generation.
	assert_int_equal(image.puts, 11);
	// fe80::ff:fe00:1 answers too.
	struct dp_neighbor_key link_local = {
		100, {{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe, 0, 0, 1}}};
	assert_non_null(compiler_row(compiler, DP_TABLE_NEIGHBOR, &link_local));

	// The device goes and comes back as another one.
	device(compiler, "tap0", 0);
	flush(compiler, &image);
	assert_null(compiler_row(compiler, DP_TABLE_SOURCE, &ifindex));
	assert_null(compiler_row(compiler, DP_TABLE_STATION, &mac));
	assert_non_null(compiler_row(compiler, DP_TABLE_NEIGHBOR, &link_local));
	device(compiler, "tap0", 11);
	flush(compiler, &image);
	ifindex = 11;
	assert_non_null(compiler_row(compiler, DP_TABLE_SOURCE, &ifindex));
	assert_same(&image, compiler);
	image_done(&image);
	compiler_free(compiler);
}

static void test_allowed(void **state)
{
	(void)state;
	struct compiler *compiler;
	struct table_image image = {0};
	compiler_new(&compiler, "h1");
	put(compiler, network("web", 100));
	put(compiler, decode(MODEL_PORT, "acme", "web1", 3,
			      json_pack("{s:s,s:s,s:[s,s,s],s:[{s:[s]},{s:s,s:[s]}],s:i,s:s,s:s}",
				      "network", "web", "mac", "02:00:00:00:00:01", "addresses",
				      "10.0.0.5", "10.0.0.6", "fd00::5", "security", "addresses",
				      "10.0.9.0/24", "mac", "02:00:5e:00:00:09", "addresses",
				      "fd00::/64", "key", 7, "host", "h1", "device", "tap0")));
	device(compiler, "tap0", 9);
	flush(compiler, &image);
	uint32_t ifindex = 9;
	const struct dp_source *source = compiler_row(compiler, DP_TABLE_SOURCE, &ifindex);
	assert_int_equal(source->flags, DP_SOURCE_PAIRS);
	assert_int_equal(source->ipv6.bytes[0], 0xfd);
	struct dp_allowed_key key = {
		.prefix_length = DP_ALLOWED_FIXED_BITS + 128,
		.port = htonl(7),
		.mac = {{2, 0, 0, 0, 0, 1}},
		.family = 4,
		.address = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 6}},
	};
	assert_non_null(compiler_row(compiler, DP_TABLE_ALLOWED, &key));
	key.prefix_length = DP_ALLOWED_FIXED_BITS + 96 + 24;
	key.address.bytes[14] = 9;
	key.address.bytes[15] = 0;
	assert_non_null(compiler_row(compiler, DP_TABLE_ALLOWED, &key));
	assert_int_equal(compiler_count(compiler, DP_TABLE_ALLOWED), 3);
	image_done(&image);
	compiler_free(compiler);
}

static void test_remote_port(void **state)
{
	(void)state;
	struct compiler *compiler;
	struct table_image image = {0};
	compiler_new(&compiler, "h1");
	// The port first, then what it needs: each arrival brings its rows.
	put(compiler, port("web1", "web", "02:00:00:00:00:01", "10.0.0.5", 7, "h2", "tap0"));
	flush(compiler, &image);
	assert_int_equal(image.puts, 0);
	put(compiler, network("web", 100));
	flush(compiler, &image);
	assert_int_equal(
		image.puts, 5); // network, two neighbors and parties: where it is is not known yet
	put(compiler, decode(MODEL_HOST, NULL, "h2", 4,
			      json_pack("{s:s,s:s,s:i}", "vtep", "192.0.2.2", "encap", "vxlan",
				      "key", 2)));
	flush(compiler, &image);
	uint32_t key = 2;
	const struct dp_remote *remote = compiler_row(compiler, DP_TABLE_REMOTE, &key);
	assert_int_equal(remote->encapsulation, DP_VXLAN);
	const struct dp_vtep *vtep = compiler_row(compiler, DP_TABLE_VTEP, &remote->vtep);
	assert_int_equal(vtep->host, 2);
	struct dp_station_key mac = station_key(100, 1);
	const struct dp_station *station = compiler_row(compiler, DP_TABLE_STATION, &mac);
	assert_int_equal(station->host, 2);
	struct dp_flood_key flood = {100, 0};
	assert_int_equal(
		((const struct dp_flood *)compiler_row(compiler, DP_TABLE_FLOOD, &flood))->host, 2);
	// The host goes: nothing may point to it any more.
	compiler_remove(compiler, MODEL_HOST, NULL, "h2");
	flush(compiler, &image);
	assert_null(compiler_row(compiler, DP_TABLE_STATION, &mac));
	assert_null(compiler_row(compiler, DP_TABLE_FLOOD, &flood));
	assert_null(compiler_row(compiler, DP_TABLE_REMOTE, &key));
	assert_same(&image, compiler);
	image_done(&image);
	compiler_free(compiler);
}

static void test_two_claims(void **state)
{
	(void)state;
	struct compiler *compiler;
	struct table_image image = {0};
	compiler_new(&compiler, "h1");
	put(compiler, network("web", 100));
	put(compiler, port("b", "web", "02:00:00:00:00:01", "10.0.0.5", 8, "h1", "tap0"));
	device(compiler, "tap0", 9);
	flush(compiler, &image);
	put(compiler, port("a", "web", "02:00:00:00:00:01", "10.0.0.5", 7, "h1", "tap0"));
	flush(compiler, &image);
	struct dp_station_key mac = station_key(100, 1);
	const struct dp_station *station = compiler_row(compiler, DP_TABLE_STATION, &mac);
	assert_int_equal(station->port, 8);
	compiler_remove(compiler, MODEL_PORT, "acme", "b");
	flush(compiler, &image);
	station = compiler_row(compiler, DP_TABLE_STATION, &mac);
	assert_int_equal(station->port, 7);
	compiler_remove(compiler, MODEL_PORT, "acme", "a");
	compiler_remove(compiler, MODEL_NETWORK, "acme", "web");
	flush(compiler, &image);
	assert_int_equal(HASH_COUNT(image.rows), 1); // the generation
	image_done(&image);
	compiler_free(compiler);
}

static void test_pending(void **state)
{
	(void)state;
	struct compiler *compiler;
	struct table_image image = {.failing = 2};
	compiler_new(&compiler, "h1");
	put(compiler, network("web", 100));
	put(compiler, port("web1", "web", "02:00:00:00:00:01", "10.0.0.5", 7, "h1", "tap0"));
	device(compiler, "tap0", 9);
	assert_int_equal(flush(compiler, &image), -ENOSPC);
	unsigned done = image.puts;
	assert_in_range(done, 1, 8);
	image.failing = 0;
	assert_int_equal(flush(compiler, &image), 0);
	assert_int_equal(image.puts, 10 - done); // the others, and only they
	assert_int_equal(flush(compiler, &image), 0);
	assert_int_equal(image.puts + image.removals, 0);
	assert_same(&image, compiler);
	image_done(&image);
	compiler_free(compiler);
}

static void take_port(void *context, const struct compiler_port *port)
{
	snprintf(context, 200, "%s/%s %s %u %s", port->tenant, port->name,
		port->device ? port->device : "-", port->ifindex,
		port->problem ? port->problem : "-");
}

static void test_ports(void **state)
{
	(void)state;
	struct compiler *compiler;
	struct table_image image = {0};
	char text[200] = "";
	compiler_new(&compiler, "h1");
	compiler_ports(compiler, take_port, text);
	assert_string_equal(text, "");
	put(compiler, port("web1", "web", "02:00:00:00:00:01", "10.0.0.5", 7, "h1", "tap0"));
	put(compiler, port("far", "web", "02:00:00:00:00:02", "10.0.0.6", 8, "h2", "tap0"));
	compiler_ports(compiler, take_port, text);
	assert_string_equal(text, "acme/web1 tap0 0 network acme/web is not known");
	put(compiler, network("web", 100));
	device(compiler, "tap0", 9);
	compiler_ports(compiler, take_port, text);
	assert_string_equal(text, "acme/web1 tap0 9 -");
	flush(compiler, &image);
	image_done(&image);
	compiler_free(compiler);
}

// One more port in a network of 1,000 on ten hosts: as many rows as in an empty network, near
// enough.
static void test_cost(void **state)
{
	(void)state;
	struct compiler *compiler;
	struct table_image image = {0};
	compiler_new(&compiler, "h0");
	put(compiler, network("web", 100));
	for (unsigned i = 0; i <= 10; i++) {
		cleanup_free char *name = memory_format("h%u", i);
		cleanup_free char *vtep = memory_format("192.0.2.%u", i + 1);
		put(compiler, host(name, vtep, i + 1));
	}
	for (unsigned i = 0; i <= 1002; i++) {
		cleanup_free char *name = memory_format("p%u", i);
		cleanup_free char *mac = memory_format("02:00:00:00:%02x:%02x", i >> 8, i & 255);
		cleanup_free char *address = memory_format("10.0.%u.%u", i >> 8, i & 255);
		cleanup_free char *on = memory_format("h%u", i == 1002 ? 10 : i % 10);
		cleanup_free char *tap = memory_format("tap%u", i);
		device(compiler, tap, i + 10);
		put(compiler, port(name, "web", mac, address, i + 1, on, tap));
		if (i < 999)
			continue;
		flush(compiler, &image);
		// Own rows: station, two neighbors, two parties, and where it is local the source
		// and the guard. Then the list's length and the entries that move: two for a local
		// port, none for a host that is in the list, all ten remote ones for a host that is
		// not.
		if (i == 1000)
			assert_int_equal(image.puts, 7 + 1 + 2);
		if (i == 1001)
			assert_int_equal(image.puts, 5);
		if (i == 1002)
			assert_in_range(image.puts, 5 + 1 + 1, 5 + 1 + 10);
		assert_int_equal(image.removals, 0);
	}
	assert_same(&image, compiler);
	image_done(&image);
	compiler_free(compiler);
}

// ---- random changes: incremental equals fresh ----

enum { HOSTS = 6, NETWORKS = 6, PORTS = 60, DEVICES = 14, CHANGES = 30000 };

struct world {
	struct object *hosts[HOSTS], *networks[NETWORKS], *ports[PORTS];
	struct compiler_device devices[DEVICES];
	uint32_t underlay, mtu;
};

static uint32_t seed;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static const char *draw_name(const char *prefix, unsigned below)
{
	static char names[8][16];
	static unsigned turn;
	char *name = names[turn++ % 8];
	snprintf(name, 16, "%s%u", prefix, draw(below));
	return name;
}

// The pools are small, so that numbers, MACs, addresses and devices are claimed twice all the time,
// which validation would never let through.
static struct object *draw_host(const char *name, uint64_t revision)
{
	char vtep[32];
	snprintf(vtep, sizeof(vtep), "192.0.2.%u", 1 + draw(HOSTS));
	return decode(MODEL_HOST, NULL, name, revision,
		json_pack("{s:s,s:s,s:i}", "vtep", vtep, "encap", draw(2) ? "vxlan" : "geneve",
			"key", 1 + draw(HOSTS)));
}

static struct object *draw_network(const char *tenant, const char *name, uint64_t revision)
{
	return decode(MODEL_NETWORK, tenant, name, revision,
		json_pack("{s:[s],s:i,s:s,s:i}", "subnets", "10.0.0.0/16", "mtu", 1400 + draw(2),
			"unknown_unicast", draw(2) ? "flood" : "drop", "vni", 1 + draw(NETWORKS)));
}

static struct object *draw_port(const char *tenant, const char *name, uint64_t revision)
{
	char mac[32], first[32], second[32], pair[32];
	unsigned last = draw(250);
	snprintf(mac, sizeof(mac), "02:00:00:00:00:%02x", draw(40));
	snprintf(first, sizeof(first), "10.0.0.%u", 1 + last);
	snprintf(second, sizeof(second), draw(2) ? "10.0.1.%u" : "fd00::%u", 1 + draw(99));
	snprintf(pair, sizeof(pair), "10.1.%u.0/24", draw(4));
	bool placed = draw(5);
	json_t *fields = json_pack("{s:s,s:s,s:[s,s],s:i,s:s*,s:s*}", "network",
		draw_name("n", NETWORKS), "mac", mac, "addresses", first, second, "key",
		1 + draw(2 * PORTS), "host", placed ? draw_name("h", draw(2) ? 1 : HOSTS) : NULL,
		"device", placed ? draw_name("tap", DEVICES) : NULL);
	if (!draw(3))
		json_object_set_new(fields, "security", json_pack("[{s:[s]}]", "addresses", pair));
	return decode(MODEL_PORT, tenant, name, revision, fields);
}

static const char *tenant_of(unsigned index)
{
	return index % 2 ? "acme" : "globex";
}

static void change_object(struct world *world, struct compiler *compiler, uint64_t revision)
{
	struct object **place, *object = NULL;
	char name[16];
	bool removal = draw(3) == 0;
	unsigned index, kind = draw(10);
	if (kind == 0) {
		place = &world->hosts[index = draw(HOSTS)];
		snprintf(name, sizeof(name), "h%u", index);
		object = removal ? NULL : draw_host(name, revision);
	} else if (kind <= 2) {
		place = &world->networks[index = draw(NETWORKS)];
		snprintf(name, sizeof(name), "n%u", index);
		object = removal ? NULL : draw_network(tenant_of(index), name, revision);
	} else {
		place = &world->ports[index = draw(PORTS)];
		snprintf(name, sizeof(name), "p%u", index);
		object = removal ? NULL : draw_port(tenant_of(index), name, revision);
	}
	if (object)
		compiler_put(compiler, object);
	else if (kind == 0)
		compiler_remove(compiler, MODEL_HOST, NULL, name);
	else
		compiler_remove(
			compiler, kind <= 2 ? MODEL_NETWORK : MODEL_PORT, tenant_of(index), name);
	object_unref(*place);
	*place = object;
}

static void change(struct world *world, struct compiler *compiler, uint64_t revision)
{
	unsigned what = draw(10);
	if (what == 0) {
		world->underlay = draw(3);
		world->mtu = 1500 + draw(2);
		compiler_underlay(compiler, world->underlay, world->mtu);
	} else if (what <= 3) {
		unsigned index = draw(DEVICES);
		struct compiler_device *seen = &world->devices[index];
		char name[16];
		*seen = (struct compiler_device){draw(3) ? 1 + draw(2 * DEVICES) : 0, draw(2)};
		snprintf(name, sizeof(name), "tap%u", index);
		compiler_device(compiler, name, seen->ifindex ? seen : NULL);
	} else {
		change_object(world, compiler, revision);
	}
}

// All inputs as they are now, in an order drawn at random.
static struct compiler *fresh_compiler(const struct world *world)
{
	enum { INPUTS = HOSTS + NETWORKS + PORTS + DEVICES + 1 };
	unsigned order[INPUTS];
	struct compiler *compiler;
	compiler_new(&compiler, "h0");
	for (unsigned i = 0; i < INPUTS; i++) {
		unsigned j = draw(i + 1);
		order[i] = order[j];
		order[j] = i;
	}
	for (unsigned i = 0; i < INPUTS; i++) {
		unsigned at = order[i];
		char name[16];
		struct object *object = NULL;
		if (at < HOSTS) {
			object = world->hosts[at];
		} else if ((at -= HOSTS) < NETWORKS) {
			object = world->networks[at];
		} else if ((at -= NETWORKS) < PORTS) {
			object = world->ports[at];
		} else if ((at -= PORTS) < DEVICES) {
			snprintf(name, sizeof(name), "tap%u", at);
			if (world->devices[at].ifindex)
				compiler_device(compiler, name, &world->devices[at]);
		} else {
			compiler_underlay(compiler, world->underlay, world->mtu);
		}
		if (object)
			compiler_put(compiler, object);
	}
	return compiler;
}

// It tells what has been, too.
static void forget_generation(struct table_image *image)
{
	struct row_image key = {.id.table = DP_TABLE_GENERATION}, *row;
	HASH_FIND(hh, image->rows, &key.id, sizeof(key.id), row);
	if (row)
		HASH_DEL(image->rows, row);
	free(row);
}

// The same rows, from the same objects at the same revisions.
static void check_fresh(const struct world *world, const struct compiler *compiler)
{
	struct table_image image = {0}, fresh_image = {0}, ignored = {0};
	struct compiler *fresh = fresh_compiler(world);
	struct row_image *row, *other;
	assert_int_equal(flush(fresh, &ignored), 0);
	compiler_rows(compiler, image_emit, &image);
	compiler_rows(fresh, image_emit, &fresh_image);
	forget_generation(&image);
	forget_generation(&fresh_image);
	assert_int_equal(HASH_COUNT(image.rows), HASH_COUNT(fresh_image.rows));
	for (row = fresh_image.rows; row; row = row->hh.next) {
		HASH_FIND(hh, image.rows, &row->id, sizeof(row->id), other);
		assert_non_null(other);
		assert_memory_equal(row->value, other->value, sizeof(row->value));
		assert_string_equal(row->object, other->object);
		assert_int_equal(row->revision, other->revision);
	}
	image_done(&image);
	image_done(&fresh_image);
	image_done(&ignored);
	compiler_free(fresh);
}

static void test_random(void **state)
{
	(void)state;
	struct world world = {0};
	struct table_image image = {0};
	struct compiler *compiler;
	size_t most = 0;
	seed = 20;
	compiler_new(&compiler, "h0");
	for (unsigned i = 1; i <= CHANGES; i++) {
		change(&world, compiler, i);
		if (draw(4))
			continue;
		image.failing = draw(3) ? 0 : 1 + draw(4);
		int result = flush(compiler, &image);
		if (image.failing == 0)
			assert_int_equal(result, 0);
		if (result || draw(8))
			continue;
		assert_same(&image, compiler);
		check_fresh(&world, compiler);
		most = HASH_COUNT(image.rows) > most ? HASH_COUNT(image.rows) : most;
	}
	assert_true(most > 100);

	// Take everything away: no other row stays.
	for (unsigned i = 0; i < HOSTS + NETWORKS + PORTS; i++) {
		struct object **place = i < HOSTS              ? &world.hosts[i]
					: i < HOSTS + NETWORKS ? &world.networks[i - HOSTS]
							       : &world.ports[i - HOSTS - NETWORKS];
		if (*place)
			compiler_remove(compiler, (*place)->kind, (*place)->tenant, (*place)->name);
		object_unref(*place);
	}
	image.failing = 0;
	assert_int_equal(flush(compiler, &image), 0);
	assert_int_equal(HASH_COUNT(image.rows), 1); // the generation
	assert_same(&image, compiler);
	image_done(&image);
	compiler_free(compiler);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_local_port),
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_remote_port),
		cmocka_unit_test(test_two_claims),
		cmocka_unit_test(test_pending),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_random),
	};
	return cmocka_run_group_tests_name("compile", tests, NULL, NULL);
}
