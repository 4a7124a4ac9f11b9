// SPDX-License-Identifier: Apache-2.0
// What must hold between an object and others: the one that it replaces, its network, the ports on it.
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "field_type.h"
#include "kind.h"
#include "state.h"

// ---- one version after another ----

static int field_succession(const struct field *field, struct object *after,
	const struct object *before, struct error *error)
{
	void *value = field_value(field, after);
	if (field->flags & FIELD_SERVER && field_absent(field, after)) {
		if (before)
			field->type->copy(value, field_value(field, before));
		return 0;
	}
	if (field->flags & FIELD_SERVER && !before)
		return error_set(
			error, EINVAL, "is assigned by the controller and cannot be written");
	if (!before || field->type->equal(value, field_value(field, before)))
		return 0;
	cleanup_free char *old = object_field_text(before, field->name);
	cleanup_free char *new = object_field_text(after, field->name);
	if (field->flags & FIELD_SERVER)
		return error_set(error, EINVAL,
			"is assigned by the controller and cannot be written: it is %s, not %s",
			old, new);
	return error_set(error, EINVAL,
		"cannot change from '%s' to '%s': delete the %s and create it anew", old, new,
		model_kind_name(after->kind));
}

int succession_check(struct object *after, const struct object *before, struct error *error)
{
	const struct kind *kind = kind_get(after->kind);
	for (size_t i = 0; i < kind->field_count; i++) {
		const struct field *field = &kind->fields[i];
		if (!(field->flags & (FIELD_SERVER | FIELD_CONSTANT)))
			continue;
		int result = field_succession(field, after, before, error);
		if (result) {
			char path[OBJECT_PATH_TEXT];
			error_set_object(error, "%s", object_path(after, path));
			error_set_field(error, "%s", field->name);
			return result;
		}
	}
	return 0;
}

// ---- a port in its network ----

static const struct prefix *subnet_of(const struct network *network, const struct address *address)
{
	for (size_t i = 0; i < network->subnets.count; i++)
		if (prefix_contains(&network->subnets.items[i], address))
			return &network->subnets.items[i];
	return NULL;
}

// "the network address", "the broadcast address", or NULL for one that an interface may have.
static const char *reserved_in(const struct prefix *subnet, const struct address *address)
{
	struct address last = prefix_last(subnet);
	if (!address_compare(address, &subnet->address))
		return "the network address";
	if (prefix_is_ipv4(subnet) && !address_compare(address, &last))
		return "the broadcast address";
	return NULL;
}

int address_check(const struct network *network, const struct address *address, struct error *error)
{
	char text[ADDRESS_TEXT], prefix[PREFIX_TEXT];
	address_format(address, text);
	const struct prefix *subnet = subnet_of(network, address);
	const char *reserved = subnet ? reserved_in(subnet, address) : NULL;
	if (reserved)
		return error_set(error, EINVAL, "%s is %s of subnet %s", text, reserved,
			prefix_format(subnet, prefix));
	if (subnet)
		return 0;
	cleanup_free char *subnets = object_field_text(&network->object, "subnets");
	if (!network->subnets.count)
		return error_set(error, EINVAL, "%s is in no subnet: network '%s' has none", text,
			network->object.name);
	return error_set(error, EINVAL, "%s is in no subnet of network '%s' (%s)", text,
		network->object.name, subnets);
}

int placement_check(const struct record *record, struct error *error)
{
	const struct port *port = (const struct port *)record->object;
	const struct network *network =
		(const struct network *)record_target(record, MODEL_NETWORK)->object;
	int result = 0;
	for (size_t i = 0; !result && i < port->addresses.count; i++) {
		result = address_check(network, &port->addresses.items[i], error);
		if (result)
			error_set_field(error, "addresses[%zu]", i);
	}
	if (!result && port->device && !port->host) {
		error_set_field(error, "device");
		result = error_set(error, EINVAL, "device '%s' needs 'host': on which host is it?",
			port->device);
	}
	if (result) {
		char path[OBJECT_PATH_TEXT];
		error_set_object(error, "%s", object_path(record->object, path));
	}
	return result;
}

// ---- a network and the addresses in use on it ----

// The first claim of an address of the network from `address` on.
static const struct claim *used_from(
	const struct catalog *catalog, const struct record *network, const struct address *address)
{
	struct claim probe = claim_address(network, address);
	const struct claim *used = index_seek(&catalog->claims, &probe);
	return used && used->space == claim_space(network, CLAIM_ADDRESS) ? used : NULL;
}

// An address that no subnet covers. Steps from subnet to subnet, not from address to address.
static const struct claim *used_outside(const struct catalog *catalog, const struct record *record)
{
	const struct network *network = (const struct network *)record->object;
	struct address from = {0};
	const struct claim *used;
	while ((used = used_from(catalog, record, &from))) {
		struct address address;
		memcpy(address.bytes, used->value, sizeof(address.bytes));
		const struct prefix *subnet = subnet_of(network, &address);
		if (!subnet)
			break;
		struct address last = prefix_last(subnet);
		from = address_add(&last, 1);
		if (address_compare(&from, &last) < 0)
			return NULL; // the last subnet ends where all addresses end
	}
	return used;
}

static const struct claim *used_reserved(const struct catalog *catalog, const struct record *record)
{
	const struct network *network = (const struct network *)record->object;
	for (size_t i = 0; i < network->subnets.count; i++) {
		const struct prefix *subnet = &network->subnets.items[i];
		struct address ends[] = {subnet->address, prefix_last(subnet)};
		for (size_t end = 0; end < (prefix_is_ipv4(subnet) ? 2 : 1); end++) {
			struct claim probe = claim_address(record, &ends[end]);
			const struct claim *used = index_find(&catalog->claims, &probe);
			if (used)
				return used;
		}
	}
	return NULL;
}

int subnets_check(const struct catalog *catalog, const struct record *network, struct error *error)
{
	const struct claim *outside = used_outside(catalog, network);
	const struct claim *used = outside ? outside : used_reserved(catalog, network);
	if (!used)
		return 0;
	char path[OBJECT_PATH_TEXT], text[ADDRESS_TEXT];
	error_set_object(error, "%s", object_path(network->object, path));
	error_set_field(error, "subnets");
	return error_set(error, EBUSY, "%s %s, which %s %s of tenant %s uses",
		outside ? "no subnet would be left for" : "a network or broadcast address would be",
		address_format((const struct address *)used->value, text),
		model_kind_name(used->owner->kind), used->owner->name, used->owner->tenant);
}
