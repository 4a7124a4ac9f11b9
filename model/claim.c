// SPDX-License-Identifier: Apache-2.0
#include "claim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static int compare_claims(const void *a, const void *b)
{
	const struct claim *left = a, *right = b;
	if (left->space != right->space)
		return left->space < right->space ? -1 : 1;
	return memcmp(left->value, right->value, sizeof(left->value));
}

void claims_init(struct index *claims)
{
	index_init(claims, sizeof(struct claim), compare_claims);
}

static enum claim_type type_of(const struct claim *claim)
{
	return (enum claim_type)(claim->space & (_Alignof(max_align_t) - 1));
}

static const struct record *scope_of(const struct claim *claim)
{
	return (const struct record *)(claim->space & ~(uintptr_t)(_Alignof(max_align_t) - 1));
}

struct claim claim_address(const struct record *network, const struct address *address)
{
	struct claim claim = {.space = claim_space(network, CLAIM_ADDRESS)};
	memcpy(claim.value, address->bytes, sizeof(address->bytes));
	return claim;
}

struct claim claim_mac(const struct record *network, const struct mac *mac)
{
	struct claim claim = {.space = claim_space(network, CLAIM_MAC)};
	memcpy(claim.value, mac->bytes, sizeof(mac->bytes));
	return claim;
}

struct claim claim_device(const struct record *host, const char *device)
{
	struct claim claim = {.space = claim_space(host, CLAIM_DEVICE)};
	memcpy(claim.value, device, strnlen(device, sizeof(claim.value)));
	return claim;
}

struct claim claim_number(enum claim_type type, uint32_t number)
{
	struct claim claim = {.space = claim_space(NULL, type)};
	uint32_t wire = htonl(number);
	memcpy(claim.value, &wire, sizeof(wire));
	return claim;
}

uint32_t claim_number_of(const struct claim *claim)
{
	uint32_t wire;
	memcpy(&wire, claim->value, sizeof(wire));
	return ntohl(wire);
}

// ---- what an object claims ----

struct claiming {
	struct index *claims;
	struct record *owner;
	bool drop;
	struct error *error;
};

static int conflict(
	const struct claiming *claiming, const struct claim *taken, const char *field, int index)
{
	char path[OBJECT_PATH_TEXT], text[ADDRESS_TEXT];
	const struct record *other = taken->owner;
	error_set_object(claiming->error, "%s", object_path(claiming->owner->object, path));
	object_path_of(other->kind, other->tenant, other->name, path);
	if (index >= 0)
		error_set_field(claiming->error, "%s[%d]", field, index);
	else
		error_set_field(claiming->error, "%s", field);
	switch (type_of(taken)) {
	case CLAIM_ADDRESS:
		return error_set(claiming->error, EEXIST, "address %s is used by %s already",
			address_format((const struct address *)taken->value, text), path);
	case CLAIM_MAC:
		return error_set(claiming->error, EEXIST, "MAC %s is used by %s already",
			mac_format((const struct mac *)taken->value, text), path);
	case CLAIM_DEVICE:
		// Who asks need not know what other tenants call theirs.
		if (strcmp(other->tenant, claiming->owner->tenant))
			snprintf(path, sizeof(path), "a port of another tenant");
		return error_set(claiming->error, EEXIST,
			"device '%s' of host '%s' is attached to %s already",
			(const char *)taken->value, scope_of(taken)->name, path);
	case CLAIM_VTEP:
		return error_set(claiming->error, EEXIST, "%s is the tunnel endpoint of %s already",
			address_format((const struct address *)taken->value, text), path);
	case CLAIM_VNI:
	case CLAIM_HOST_KEY:
	case CLAIM_PORT_KEY:
	case CLAIM_ROUTER_KEY:
		break;
	}
	return error_set(claiming->error, EEXIST, "number %u is that of %s already",
		claim_number_of(taken), path);
}

// `index` is the place in a list, or -1.
static int handle(const struct claiming *claiming, struct claim claim, const char *field, int index)
{
	claim.owner = claiming->owner;
	if (!claiming->drop) {
		if (index_add(claiming->claims, &claim))
			return 0;
		const struct claim *taken = index_find(claiming->claims, &claim);
		return taken->owner == claiming->owner ? 0
						       : conflict(claiming, taken, field, index);
	}
	const struct claim *taken = index_find(claiming->claims, &claim);
	if (taken && taken->owner == claiming->owner)
		index_remove(claiming->claims, taken);
	return 0;
}

static int handle_port(const struct claiming *claiming, const struct port *port)
{
	const struct record *network = record_target(claiming->owner, MODEL_NETWORK);
	const struct record *host = record_target(claiming->owner, MODEL_HOST);
	int result = 0;
	if (!mac_is_zero(&port->mac))
		result = handle(claiming, claim_mac(network, &port->mac), "mac", -1);
	for (size_t i = 0; !result && i < port->addresses.count; i++)
		result = handle(claiming, claim_address(network, &port->addresses.items[i]),
			"addresses", (int)i);
	if (!result && port->device && host)
		result = handle(claiming, claim_device(host, port->device), "device", -1);
	if (!result && port->key)
		result = handle(claiming, claim_number(CLAIM_PORT_KEY, port->key), "key", -1);
	return result;
}

static int handle_host(const struct claiming *claiming, const struct host *host)
{
	struct claim vtep = claim_address(NULL, &host->vtep);
	vtep.space = claim_space(NULL, CLAIM_VTEP);
	int result = handle(claiming, vtep, "vtep", -1);
	if (!result && host->key)
		result = handle(claiming, claim_number(CLAIM_HOST_KEY, host->key), "key", -1);
	return result;
}

static int handle_network(const struct claiming *claiming, const struct network *network)
{
	if (!network->vni)
		return 0;
	return handle(claiming, claim_number(CLAIM_VNI, network->vni), "vni", -1);
}

// The router on one of its networks, `record`.
static int handle_joined(const struct claiming *claiming, const struct record *record,
	const struct router_network *joined, size_t index)
{
	if (!record->object)
		return 0; // the reference dangles, or the network is not loaded yet
	struct address_list addresses =
		router_addresses(joined, (const struct network *)record->object);
	char field[64];
	bool given = joined->addresses.items;
	snprintf(field, sizeof(field), given ? "networks[%zu].addresses" : "networks[%zu]", index);
	int result = 0;
	for (size_t i = 0; !result && i < addresses.count; i++)
		result = handle(claiming, claim_address(record, &addresses.items[i]), field,
			given ? (int)i : -1);
	free(addresses.items);
	return result;
}

static int handle_router(const struct claiming *claiming, const struct router *router)
{
	int result = 0;
	size_t index = router->networks.count;
	// References were linked in order, each before the last.
	for (const struct reference *reference = claiming->owner->references; reference && !result;
		reference = reference->next)
		if (reference->to->kind == MODEL_NETWORK) {
			index--;
			result = handle_joined(
				claiming, reference->to, &router->networks.items[index], index);
		}
	if (!result && router->key)
		result = handle(claiming, claim_number(CLAIM_ROUTER_KEY, router->key), "key", -1);
	return result;
}

static int handle_all(const struct claiming *claiming)
{
	const struct object *object = claiming->owner->object;
	switch (object->kind) {
	case MODEL_HOST:
		return handle_host(claiming, (const struct host *)object);
	case MODEL_NETWORK:
		return handle_network(claiming, (const struct network *)object);
	case MODEL_PORT:
		return handle_port(claiming, (const struct port *)object);
	case MODEL_ROUTER:
		return handle_router(claiming, (const struct router *)object);
	case MODEL_ADDRESS_SET:
	case MODEL_POLICY:
	case MODEL_TENANT:
	case MODEL_TOKEN:
	case MODEL_ENROLMENT:
	case MODEL_KIND_COUNT:
		break;
	}
	return 0;
}

int claims_take(struct index *claims, struct record *record, struct error *error)
{
	return handle_all(&(struct claiming){.claims = claims, .owner = record, .error = error});
}

void claims_drop(struct index *claims, struct record *record)
{
	handle_all(&(struct claiming){.claims = claims, .owner = record, .drop = true});
}
