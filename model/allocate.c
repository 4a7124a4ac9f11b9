// SPDX-License-Identifier: Apache-2.0
// Allocation: numbers, MACs and addresses for objects that leave them open.
//
// A search begins where the last one of its kind ended and goes round once, over what is claimed, in order: consecutive
// allocations cost one seek each however full a subnet is, and the last free address is found.
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "state.h"

enum { VNI_MAXIMUM = (1 << 24) - 2 };
static const uint32_t ROUTER_KEY_MAXIMUM = 0xfeffffff; // beyond: MACs of networks, network_mac

void allocation_begin(struct allocation *allocation, struct catalog *catalog)
{
	*allocation = (struct allocation){.catalog = catalog, .counters = catalog->counters};
}

void allocation_commit(struct allocation *allocation)
{
	free(allocation->changes);
	allocation->changes = NULL;
	allocation->count = 0;
}

void allocation_abort(struct allocation *allocation)
{
	while (allocation->count) {
		struct pool_change *change = &allocation->changes[--allocation->count];
		change->pool->next = change->next;
	}
	allocation->catalog->counters = allocation->counters;
	allocation_commit(allocation);
}

void allocation_withdraw(struct allocation *allocation)
{
	for (size_t i = allocation->count; i--;) {
		struct pool_change *change = &allocation->changes[i];
		change->after = change->pool->next;
		change->pool->next = change->next;
	}
	allocation->after = allocation->catalog->counters;
	allocation->catalog->counters = allocation->counters;
}

void allocation_restore(struct allocation *allocation)
{
	for (size_t i = 0; i < allocation->count; i++)
		allocation->changes[i].pool->next = allocation->changes[i].after;
	allocation->catalog->counters = allocation->after;
}

void allocation_release(struct catalog *catalog, const struct object *object)
{
	if (object->kind != MODEL_HOST)
		return;
	uint32_t key = ((const struct host *)object)->key;
	if (key && key < catalog->counters.host_key)
		catalog->counters.host_key = key;
}

void allocation_prune(struct record *network)
{
	const struct network *object = (const struct network *)network->object;
	for (struct pool **link = &network->pools; *link;) {
		struct pool *pool = *link;
		bool kept = false;
		for (size_t i = 0; !kept && i < object->subnets.count; i++)
			kept = !memcmp(
				&pool->subnet, &object->subnets.items[i], sizeof(pool->subnet));
		if (kept) {
			link = &pool->other;
		} else {
			*link = pool->other;
			free(pool);
		}
	}
}

// ---- numbers ----

// The first free number in from..to; 0: none.
static uint32_t free_number(
	const struct catalog *catalog, enum claim_type type, uint32_t from, uint32_t to)
{
	struct claim probe = claim_number(type, from);
	const struct claim *used = index_seek(&catalog->claims, &probe);
	uint64_t number = from;
	while (used && used->space == claim_space(NULL, type) && claim_number_of(used) == number) {
		number++;
		used = index_next(&catalog->claims, used);
	}
	return number <= to ? (uint32_t)number : 0;
}

// From *next on, round the range 1..maximum; *next moves behind what was given.
static int allocate_number(struct catalog *catalog, enum claim_type type, uint32_t *next,
	uint32_t maximum, struct record *owner, uint32_t *out, struct error *error)
{
	uint32_t number = free_number(catalog, type, *next, maximum);
	if (!number && *next > 1)
		number = free_number(catalog, type, 1, *next - 1);
	if (!number)
		return error_set(error, EBUSY, "all %u numbers for a %s are in use", maximum,
			model_kind_name(owner->kind));
	struct claim claim = claim_number(type, number);
	claim.owner = owner;
	index_add(&catalog->claims, &claim);
	*out = number;
	*next = number < maximum ? number + 1 : 1;
	return 0;
}

// ---- MAC ----

// Locally administered, 02 and a byte that is 00 unless somebody took that MAC by hand, then the port's key: unique as
// the key is.
static int allocate_mac(
	struct catalog *catalog, struct record *record, struct port *port, struct error *error)
{
	struct record *network = record_target(record, MODEL_NETWORK);
	for (unsigned salt = 0; salt < 256; salt++) {
		struct mac mac = {{0x02, (uint8_t)salt, (uint8_t)(port->key >> 24),
			(uint8_t)(port->key >> 16), (uint8_t)(port->key >> 8), (uint8_t)port->key}};
		struct claim claim = claim_mac(network, &mac);
		claim.owner = record;
		if (!index_add(&catalog->claims, &claim))
			continue;
		port->mac = mac;
		return 0;
	}
	error_set_field(error, "mac");
	return error_set(error, EBUSY, "no MAC address is left to allocate");
}

// ---- addresses ----

// The network's own address and the first after it, the gateway's, are not given out; nor is a broadcast address.
static struct address first_of(const struct prefix *subnet)
{
	return address_add(&subnet->address, 2);
}

static struct address last_of(const struct prefix *subnet)
{
	struct address last = prefix_last(subnet);
	if (prefix_is_ipv4(subnet))
		last.bytes[15] &= 0xfe;
	return last;
}

static struct pool *find_pool(struct record *network, const struct prefix *subnet)
{
	for (struct pool *pool = network->pools; pool; pool = pool->other)
		if (!memcmp(&pool->subnet, subnet, sizeof(*subnet)))
			return pool;
	struct pool *pool = memory_new(sizeof(*pool));
	*pool = (struct pool){.subnet = *subnet, .next = first_of(subnet), .other = network->pools};
	network->pools = pool;
	return pool;
}

// The first free address in from..to; false: none.
static bool free_address(const struct catalog *catalog, const struct record *network,
	struct address from, const struct address *to, struct address *out)
{
	struct claim probe = claim_address(network, &from);
	const struct claim *used = index_seek(&catalog->claims, &probe);
	while (used && used->space == claim_space(network, CLAIM_ADDRESS) &&
		!memcmp(used->value, from.bytes, sizeof(from.bytes))) {
		if (!address_compare(&from, to))
			return false;
		from = address_add(&from, 1);
		used = index_next(&catalog->claims, used);
	}
	*out = from;
	return address_compare(&from, to) <= 0;
}

static int allocate_address(struct allocation *allocation, struct record *record,
	const struct prefix *subnet, struct address *out, struct error *error)
{
	struct record *network = record_target(record, MODEL_NETWORK);
	struct pool *pool = find_pool(network, subnet);
	struct address first = first_of(subnet), last = last_of(subnet), before = pool->next;
	if (!free_address(allocation->catalog, network, pool->next, &last, out) &&
		!free_address(allocation->catalog, network, first, &last, out)) {
		char text[PREFIX_TEXT];
		error_set_field(error, "addresses");
		return error_set(error, EBUSY, "subnet %s of network '%s' has no free address",
			prefix_format(subnet, text), network->name);
	}
	allocation->changes = memory_resize(
		allocation->changes, allocation->count + 1, sizeof(*allocation->changes));
	allocation->changes[allocation->count++] =
		(struct pool_change){.pool = pool, .next = before};
	pool->next = address_compare(out, &last) ? address_add(out, 1) : first;
	struct claim claim = claim_address(network, out);
	claim.owner = record;
	index_add(&allocation->catalog->claims, &claim);
	return 0;
}

// The address that the port's host makes of its MAC: RFC 4862, section 5.5.3.
static int allocate_slaac(struct allocation *allocation, struct record *record,
	const struct prefix *subnet, struct address *out, struct error *error)
{
	const struct port *port = (const struct port *)record->object;
	struct address address = address_link_local(&port->mac);
	char text[ADDRESS_TEXT];
	memcpy(address.bytes, subnet->address.bytes, 8);
	struct claim claim = claim_address(record_target(record, MODEL_NETWORK), &address);
	claim.owner = record;
	if (!index_add(&allocation->catalog->claims, &claim)) {
		error_set_field(error, "addresses");
		return error_set(error, EBUSY, "%s, which the port's MAC makes, is in use",
			address_format(&address, text));
	}
	*out = address;
	return 0;
}

static int allocate_addresses(struct allocation *allocation, struct record *record,
	struct port *port, struct error *error)
{
	const struct record *target = record_target(record, MODEL_NETWORK);
	const struct network *network = (const struct network *)target->object;
	const struct prefix_list *subnets = &network->subnets;
	if (!subnets->count)
		return 0;
	port->addresses.items = memory_new(subnets->count * sizeof(struct address));
	for (size_t i = 0; i < subnets->count; i++) {
		const struct prefix *subnet = &subnets->items[i];
		bool slaac = network->slaac && !prefix_is_ipv4(subnet);
		int result = (slaac ? allocate_slaac : allocate_address)(
			allocation, record, subnet, &port->addresses.items[i], error);
		if (result)
			return result;
		port->addresses.count++;
	}
	return 0;
}

// ---- by kind ----

static int allocate_port(struct allocation *allocation, struct record *record, struct port *port,
	struct error *error)
{
	struct catalog *catalog = allocation->catalog;
	int result = 0;
	if (!port->key)
		result = allocate_number(catalog, CLAIM_PORT_KEY, &catalog->counters.port_key,
			UINT32_MAX, record, &port->key, error);
	if (!result && mac_is_zero(&port->mac))
		result = allocate_mac(catalog, record, port, error);
	if (!result && !port->addresses.items)
		result = allocate_addresses(allocation, record, port, error);
	return result;
}

int allocate(struct allocation *allocation, struct record *record, struct error *error)
{
	struct catalog *catalog = allocation->catalog;
	struct network *network = (struct network *)record->object;
	struct host *host = (struct host *)record->object;
	struct router *router = (struct router *)record->object;
	int result = 0;
	if (record->kind == MODEL_NETWORK && !network->vni)
		result = allocate_number(catalog, CLAIM_VNI, &catalog->counters.vni, VNI_MAXIMUM,
			record, &network->vni, error);
	else if (record->kind == MODEL_HOST && !host->key)
		result = allocate_number(catalog, CLAIM_HOST_KEY, &catalog->counters.host_key,
			UINT32_MAX, record, &host->key, error);
	else if (record->kind == MODEL_ROUTER && !router->key)
		result = allocate_number(catalog, CLAIM_ROUTER_KEY, &catalog->counters.router_key,
			ROUTER_KEY_MAXIMUM, record, &router->key, error);
	else if (record->kind == MODEL_PORT)
		result = allocate_port(allocation, record, (struct port *)record->object, error);
	if (result) {
		char path[OBJECT_PATH_TEXT];
		error_set_object(error, "%s", object_path(record->object, path));
	}
	return result;
}
