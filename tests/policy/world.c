// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

static uint32_t state;

void draw_seed(uint32_t seed)
{
	state = seed;
}

uint32_t draw(uint32_t below)
{
	state = state * 1664525 + 1013904223;
	return (uint32_t)(((uint64_t)(state >> 4) * below) >> 28);
}

#define PICK(...)                                           \
	({                                                  \
		const char *const all_[] = {__VA_ARGS__};   \
		all_[draw(sizeof(all_) / sizeof(all_[0]))]; \
	})

const char *tenant_of(unsigned index)
{
	return index % 2 ? "acme" : "globex";
}

struct object *world_decode(enum model_kind kind, const char *tenant, const char *name,
	uint64_t revision, json_t *fields)
{
	struct object *object = NULL;
	struct error error = {0};
	assert_non_null(fields);
	if (object_decode(&object, kind, tenant, name, fields, true, &error)) {
		char text[512];
		char *json = json_dumps(fields, 0);
		fail_msg("%s: %s", error_format(&error, text, sizeof(text)), json);
	}
	object->revision = revision;
	json_decref(fields);
	return object;
}

// ---- drawing ----

struct address draw_address(void)
{
	struct address address = {{0xfd}};
	if (draw(3))
		return address_from_ipv4(0x0a000000 | draw(NETWORKS) << 8 | (2 + draw(6)));
	address.bytes[7] = (uint8_t)draw(NETWORKS);
	address.bytes[15] = (uint8_t)(2 + draw(6));
	return address;
}

static json_t *draw_selector(void)
{
	return json_string(PICK("tier=web", "tier=db", "tier!=web", "tier in (web, app)",
		"tier not in (db)", "tier", "!tier", "env=a", "tier=db,env!=b"));
}

static json_t *draw_prefix(void)
{
	struct address address = draw_address();
	uint8_t length = address_is_ipv4(&address) ? 96 + draw(33) : draw(129);
	struct prefix prefix = prefix_from(&address, length);
	char text[PREFIX_TEXT];
	return json_string(prefix_format(&prefix, text));
}

static json_t *draw_peer(void)
{
	char text[16];
	switch (draw(3)) {
	case 0:
		return draw_prefix();
	case 1:
		snprintf(text, sizeof(text), "set:s%u", draw(SETS));
		return json_string(text);
	default:
		return draw_selector();
	}
}

static json_t *draw_peers(void)
{
	if (!draw(3))
		return json_string("any");
	json_t *list = json_array();
	unsigned count = 1 + draw(3);
	for (unsigned i = 0; i < count; i++) {
		json_t *peer = draw_peer();
		bool twice = false;
		for (size_t j = 0; j < json_array_size(list); j++)
			twice = twice || json_equal(json_array_get(list, j), peer);
		if (twice)
			json_decref(peer);
		else
			json_array_append_new(list, peer);
	}
	return list;
}

static json_t *draw_services(void)
{
	return json_pack("[s]", PICK("tcp/80", "tcp/80-90", "tcp", "udp/53", "udp/5-1000", "icmp/8",
					"icmp/3/4", "icmpv6/128", "47"));
}

static json_t *draw_rule(unsigned index)
{
	char name[16];
	snprintf(name, sizeof(name), "r%u", index);
	json_t *rule = json_pack("{s:s,s:s,s:i}", "direction", PICK("ingress", "egress"), "action",
		PICK("allow", "allow", "allow-stateless", "drop", "reject"), "priority",
		(int)draw(3));
	json_object_set_new(rule, "from", draw_peers());
	json_object_set_new(rule, "to", draw_peers());
	if (draw(2))
		json_object_set_new(rule, "ports", draw_services());
	else if (!draw(2))
		json_object_set_new(rule, "source_ports",
			json_pack("[s]", PICK("tcp/1000", "udp/1000-2000", "tcp/1-65535")));
	else if (!draw(4))
		json_object_update_new(
			rule, json_pack("{s:[s,s],s:[s,s]}", "ports", "tcp/80", "udp/53",
				      "source_ports", "udp/1000", "tcp/1001-1003"));
	if (draw(2))
		json_object_set_new(rule, "name", json_string(name));
	return rule;
}

static json_t *draw_policy(void)
{
	json_t *rules = json_array();
	unsigned count = draw(5);
	for (unsigned i = 0; i < count; i++)
		json_array_append_new(rules, draw_rule(i));
	json_t *policy = json_pack("{s:o,s:i,s:s,s:s}", "rules", rules, "tier", (int)draw(2),
		"default", PICK("allow", "drop"), "established", PICK("keep", "stop"));
	if (draw(2))
		json_object_set_new(policy, "applies_to", draw_selector());
	return policy;
}

static json_t *draw_set(void)
{
	json_t *list = json_array();
	unsigned count = draw(4);
	for (unsigned i = 0; i < count; i++) {
		json_t *prefix = draw_prefix();
		bool twice = false;
		for (size_t j = 0; j < json_array_size(list); j++)
			twice = twice || json_equal(json_array_get(list, j), prefix);
		if (twice)
			json_decref(prefix);
		else
			json_array_append_new(list, prefix);
	}
	return json_pack("{s:o}", "addresses", list);
}

static json_t *draw_port(unsigned index)
{
	char network[16], mac[32], address[2][ADDRESS_TEXT], device[16];
	unsigned on = 2 * draw(NETWORKS / 2) + index % 2;
	snprintf(network, sizeof(network), "n%u", on);
	snprintf(mac, sizeof(mac), "02:00:00:00:00:%02x", index);
	snprintf(address[0], ADDRESS_TEXT, "10.0.%u.%u", on, 2 + draw(6));
	snprintf(address[1], ADDRESS_TEXT, "fd00:0:0:%u::%u", on, 2 + draw(6));
	snprintf(device, sizeof(device), "tap%u", index);
	json_t *labels = json_object();
	if (draw(4))
		json_object_set_new(labels, "tier", json_string(PICK("web", "db", "app")));
	if (draw(2))
		json_object_set_new(labels, "env", json_string(PICK("a", "b")));
	return json_pack("{s:s,s:s,s:[s,s],s:i,s:s,s:s,s:o}", "network", network, "mac", mac,
		"addresses", address[0], address[1], "key", 1 + index, "host",
		draw(4) ? "h0" : "h1", "device", device, "labels", labels);
}

static json_t *draw_router(unsigned index)
{
	json_t *networks = json_array();
	for (unsigned on = index % 2; on < NETWORKS; on += 2) {
		char name[16];
		snprintf(name, sizeof(name), "n%u", on);
		if (draw(2))
			json_array_append_new(networks, json_string(name));
	}
	return json_pack("{s:o,s:i}", "networks", networks, "key", 1 + index);
}

static json_t *draw_network(unsigned index)
{
	char ipv4[32], ipv6[32];
	snprintf(ipv4, sizeof(ipv4), "10.0.%u.0/24", index);
	snprintf(ipv6, sizeof(ipv6), "fd00:0:0:%u::/64", index);
	return json_pack("{s:[s,s],s:i}", "subnets", ipv4, ipv6, "vni",
		(int)(1 + index + (draw(2) ? NETWORKS : 0)));
}

// ---- changing ----

struct slot {
	struct object **place;
	enum model_kind kind;
	unsigned index;
	const char *prefix;
};

static struct slot draw_slot(struct world *world)
{
	unsigned what = draw(20), index;
	if (what < 1)
		return (struct slot){
			&world->networks[index = draw(NETWORKS)], MODEL_NETWORK, index, "n"};
	if (what < 4)
		return (struct slot){
			&world->routers[index = draw(ROUTERS)], MODEL_ROUTER, index, "r"};
	if (what < 6)
		return (struct slot){
			&world->sets[index = draw(SETS)], MODEL_ADDRESS_SET, index, "s"};
	if (what < 11)
		return (struct slot){
			&world->policies[index = draw(POLICIES)], MODEL_POLICY, index, "p"};
	return (struct slot){&world->ports[index = draw(PORTS)], MODEL_PORT, index, "v"};
}

static json_t *draw_fields(const struct slot *slot)
{
	switch (slot->kind) {
	case MODEL_NETWORK:
		return draw_network(slot->index);
	case MODEL_ROUTER:
		return draw_router(slot->index);
	case MODEL_ADDRESS_SET:
		return draw_set();
	case MODEL_POLICY:
		return draw_policy();
	default:
		return draw_port(slot->index);
	}
}

static void replace(struct compiler *compiler, struct object **place, struct object *object)
{
	struct object *before = *place;
	if (compiler && object)
		compiler_put(compiler, object);
	else if (compiler && before)
		compiler_remove(compiler, before->kind, before->tenant, before->name);
	*place = object;
	object_unref(before);
}

void world_change(struct world *world, struct compiler *compiler)
{
	struct slot slot = draw_slot(world);
	struct object *object = NULL;
	char name[16];
	snprintf(name, sizeof(name), "%s%u", slot.prefix, slot.index);
	world->revision++;
	if (!*slot.place || draw(4))
		object = world_decode(slot.kind, tenant_of(slot.index), name, world->revision,
			draw_fields(&slot));
	replace(compiler, slot.place, object);
}

// ---- all objects ----

static size_t each(const struct world *world, struct object **out)
{
	size_t count = 0;
	memcpy(out + count, world->hosts, sizeof(world->hosts));
	count += HOSTS;
	memcpy(out + count, world->networks, sizeof(world->networks));
	count += NETWORKS;
	memcpy(out + count, world->routers, sizeof(world->routers));
	count += ROUTERS;
	memcpy(out + count, world->sets, sizeof(world->sets));
	count += SETS;
	memcpy(out + count, world->policies, sizeof(world->policies));
	count += POLICIES;
	memcpy(out + count, world->ports, sizeof(world->ports));
	return count + PORTS;
}

enum { OBJECTS = HOSTS + NETWORKS + ROUTERS + SETS + POLICIES + PORTS };

void world_put(const struct world *world, struct compiler *compiler)
{
	struct object *all[OBJECTS];
	size_t count = each(world, all);
	for (size_t i = count; i-- > 1;) {
		size_t j = draw((uint32_t)i + 1);
		struct object *other = all[i];
		all[i] = all[j];
		all[j] = other;
	}
	for (size_t i = 0; i < count; i++)
		if (all[i])
			compiler_put(compiler, all[i]);
	for (unsigned i = 0; i < PORTS; i++) {
		struct compiler_device device = {100 + i, DP_DEVICE_PLAIN};
		char name[16];
		snprintf(name, sizeof(name), "tap%u", i);
		compiler_device(compiler, name, &device);
	}
}

void world_init(struct world *world, struct compiler *compiler)
{
	*world = (struct world){.revision = 1};
	for (unsigned i = 0; i < HOSTS; i++) {
		char name[16], vtep[32];
		snprintf(name, sizeof(name), "h%u", i);
		snprintf(vtep, sizeof(vtep), "192.0.2.%u", 1 + i);
		world->hosts[i] = world_decode(MODEL_HOST, NULL, name, 1,
			json_pack("{s:s,s:i}", "vtep", vtep, "key", 1 + i));
	}
	for (unsigned i = 0; i < NETWORKS; i++) {
		char name[16];
		snprintf(name, sizeof(name), "n%u", i);
		world->networks[i] =
			world_decode(MODEL_NETWORK, tenant_of(i), name, 1, draw_network(i));
	}
	world_put(world, compiler);
}

void world_copy(struct world *to, const struct world *from)
{
	struct object *all[OBJECTS];
	size_t count = each(from, all);
	*to = *from;
	for (size_t i = 0; i < count; i++)
		if (all[i])
			object_ref(all[i]);
}

void world_done(struct world *world)
{
	struct object *all[OBJECTS];
	size_t count = each(world, all);
	for (size_t i = 0; i < count; i++)
		object_unref(all[i]);
}
