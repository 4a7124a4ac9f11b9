// SPDX-License-Identifier: Apache-2.0
#include "directory.h"

#include <string.h>
#include <utlist.h>

#include "base/memory.h"
#include "base/table.h"

// An address in a tenant; several ports may have it, on different networks.
struct place {
	struct address address;
	const struct entry *entry;
	struct place *next_of_entry;
	struct place *next, *prev; // those with the same key
};

struct places {
	char *key; // tenant, 0, address
	struct place *list;
	UT_hash_handle hh;
};

struct entry {
	char *path;
	struct object *object;
	uint64_t round; // of directory_begin that it was last put in
	struct place *places;
	UT_hash_handle hh, by_key;
	struct entry *prev, *next; // networks, routers
	struct entry *segment;     // of a network: another one in it, or itself
};

struct directory {
	struct entry *entries;  // hash by path
	struct entry *ports;    // hash by key
	struct entry *networks; // list by path
	struct entry *routers;  // list by key
	struct places *places;  // hash by key
	uint64_t round;
	bool unsettled; // networks or routers have changed
};

void directory_new(struct directory **out)
{
	*out = memory_new(sizeof(**out));
}

// ---- addresses ----

enum { PLACE_KEY = 64 + 16 };

static size_t place_key(const char *tenant, const struct address *address, char *key)
{
	size_t length = strnlen(tenant, PLACE_KEY - sizeof(*address));
	memcpy(key, tenant, length);
	memcpy(key + length, address, sizeof(*address));
	return length + sizeof(*address);
}

static struct places *places_find(
	const struct directory *directory, const char *tenant, const struct address *address)
{
	char key[PLACE_KEY];
	size_t length = place_key(tenant, address, key);
	struct places *places;
	HASH_FIND(hh, directory->places, key, length, places);
	return places;
}

static void add_place(
	struct directory *directory, struct entry *entry, const struct address *address)
{
	struct places *places = places_find(directory, entry->object->tenant, address);
	if (!places) {
		char key[PLACE_KEY];
		size_t length = place_key(entry->object->tenant, address, key);
		places = memory_new(sizeof(*places));
		places->key = memory_new(length);
		memcpy(places->key, key, length);
		HASH_ADD_KEYPTR(hh, directory->places, places->key, length, places);
	}
	struct place *place = memory_new(sizeof(*place));
	*place = (struct place){.address = *address, .entry = entry};
	DL_APPEND(places->list, place);
	place->next_of_entry = entry->places;
	entry->places = place;
}

static void drop_places(struct directory *directory, struct entry *entry)
{
	while (entry->places) {
		struct place *place = entry->places;
		struct places *places =
			places_find(directory, entry->object->tenant, &place->address);
		entry->places = place->next_of_entry;
		DL_DELETE(places->list, place);
		free(place);
		if (places->list)
			continue;
		HASH_DEL(directory->places, places);
		free(places->key);
		free(places);
	}
}

// ---- objects ----

static bool kept(enum model_kind kind)
{
	return kind == MODEL_NETWORK || kind == MODEL_PORT || kind == MODEL_ROUTER;
}

static int compare_paths(const struct entry *a, const struct entry *b)
{
	return strcmp(a->path, b->path);
}

// The oldest first: a router that comes later does not take over.
static int compare_keys(const struct entry *a, const struct entry *b)
{
	uint32_t x = ((const struct router *)a->object)->key;
	uint32_t y = ((const struct router *)b->object)->key;
	return (x > y) - (x < y);
}

static void attach(struct directory *directory, struct entry *entry)
{
	directory->unsettled |= entry->object->kind != MODEL_PORT;
	if (entry->object->kind == MODEL_NETWORK) {
		DL_INSERT_INORDER(directory->networks, entry, compare_paths);
	} else if (entry->object->kind == MODEL_ROUTER) {
		DL_INSERT_INORDER(directory->routers, entry, compare_keys);
	} else {
		struct port *port = (struct port *)entry->object;
		HASH_ADD_KEYPTR(by_key, directory->ports, &port->key, sizeof(port->key), entry);
		for (size_t i = 0; i < port->addresses.count; i++)
			add_place(directory, entry, &port->addresses.items[i]);
	}
}

static void detach(struct directory *directory, struct entry *entry)
{
	directory->unsettled |= entry->object->kind != MODEL_PORT;
	if (entry->object->kind == MODEL_NETWORK) {
		DL_DELETE(directory->networks, entry);
	} else if (entry->object->kind == MODEL_ROUTER) {
		DL_DELETE(directory->routers, entry);
	} else {
		HASH_DELETE(by_key, directory->ports, entry);
		drop_places(directory, entry);
	}
	object_unref(entry->object);
}

static struct entry *entry_find(const struct directory *directory, const char *path)
{
	struct entry *entry;
	HASH_FIND_STR(directory->entries, path, entry);
	return entry;
}

static void entry_free(struct directory *directory, struct entry *entry)
{
	detach(directory, entry);
	HASH_DEL(directory->entries, entry);
	free(entry->path);
	free(entry);
}

void directory_put(struct directory *directory, struct object *object)
{
	char path[OBJECT_PATH_TEXT];
	if (!kept(object->kind))
		return;
	struct entry *entry = entry_find(directory, object_path(object, path));
	if (entry) {
		detach(directory, entry);
	} else {
		entry = memory_new(sizeof(*entry));
		entry->path = memory_text(path);
		HASH_ADD_KEYPTR(hh, directory->entries, entry->path, strlen(entry->path), entry);
	}
	entry->object = object_ref(object);
	entry->round = directory->round;
	attach(directory, entry);
}

void directory_remove(
	struct directory *directory, enum model_kind kind, const char *tenant, const char *name)
{
	char path[OBJECT_PATH_TEXT];
	struct entry *entry = entry_find(directory, object_path_of(kind, tenant, name, path));
	if (entry)
		entry_free(directory, entry);
}

void directory_begin(struct directory *directory)
{
	directory->round++;
}

void directory_end(struct directory *directory)
{
	struct entry *entry, *next;
	HASH_ITER (hh, directory->entries, entry, next)
		if (entry->round != directory->round)
			entry_free(directory, entry);
}

void directory_free(struct directory *directory)
{
	if (!directory)
		return;
	directory_begin(directory);
	directory_end(directory);
	free(directory);
}

// ---- segments: sets that are joined ----

static struct entry *segment_of(struct entry *network)
{
	while (network->segment != network) {
		network->segment = network->segment->segment;
		network = network->segment;
	}
	return network;
}

static struct entry *network_find(
	const struct directory *directory, const char *tenant, const char *name)
{
	char path[OBJECT_PATH_TEXT];
	return entry_find(directory, object_path_of(MODEL_NETWORK, tenant, name, path));
}

static void join(const struct directory *directory, const struct router *router)
{
	struct entry *first = NULL;
	for (size_t i = 0; i < router->networks.count; i++) {
		struct entry *network = network_find(
			directory, router->object.tenant, router->networks.items[i].network);
		if (!network)
			continue;
		if (first)
			segment_of(network)->segment = segment_of(first);
		first = network;
	}
}

void directory_settle(struct directory *directory)
{
	struct entry *entry;
	if (!directory->unsettled)
		return;
	directory->unsettled = false;
	DL_FOREACH (directory->networks, entry)
		entry->segment = entry;
	DL_FOREACH (directory->routers, entry)
		join(directory, (const struct router *)entry->object);
}

bool directory_reaches(
	const struct directory *directory, const struct network *network, const char *other)
{
	struct entry *from = network_find(directory, network->object.tenant, network->object.name);
	struct entry *to = network_find(directory, network->object.tenant, other);
	return from && to && segment_of(from) == segment_of(to);
}

// ---- questions ----

const struct port *directory_port(const struct directory *directory, uint32_t key)
{
	struct entry *entry;
	HASH_FIND(by_key, directory->ports, &key, sizeof(key), entry);
	return entry ? (const struct port *)entry->object : NULL;
}

const struct object *directory_find(const struct directory *directory, enum model_kind kind,
	const char *tenant, const char *name)
{
	char path[OBJECT_PATH_TEXT];
	const struct entry *entry = entry_find(directory, object_path_of(kind, tenant, name, path));
	return entry ? entry->object : NULL;
}

const struct port *directory_holder(const struct directory *directory,
	const struct network *network, const struct address *address)
{
	const struct places *places = places_find(directory, network->object.tenant, address);
	const struct place *place;
	if (!places)
		return NULL;
	DL_FOREACH (places->list, place) {
		const struct port *port = (const struct port *)place->entry->object;
		if (directory_reaches(directory, network, port->network))
			return port;
	}
	return NULL;
}

bool directory_owns(const struct directory *directory, const struct network *network,
	const struct address *address)
{
	const struct entry *entry;
	DL_FOREACH (directory->networks, entry) {
		const struct network *other = (const struct network *)entry->object;
		if (strcmp(other->object.tenant, network->object.tenant) ||
			!directory_reaches(directory, network, other->object.name))
			continue;
		for (size_t i = 0; i < other->subnets.count; i++)
			if (prefix_contains(&other->subnets.items[i], address))
				return true;
	}
	return false;
}

void directory_routers(const struct directory *directory, const struct network *network,
	directory_visit visit, void *context)
{
	const struct entry *entry;
	DL_FOREACH (directory->routers, entry) {
		const struct router *router = (const struct router *)entry->object;
		if (strcmp(router->object.tenant, network->object.tenant))
			continue;
		for (size_t i = 0; i < router->networks.count; i++)
			if (!strcmp(router->networks.items[i].network, network->object.name))
				visit(context, router, &router->networks.items[i]);
	}
}
