// SPDX-License-Identifier: Apache-2.0
// Who a port is, and what it obeys: its identity at each of its addresses, and on this host its
// guard.
#include "state.h"
#include "tenancy.h"

static const struct port *port_of(const struct port_node *port)
{
	return (const struct port *)port->node.object;
}

static void claim_party(
	struct compiler *compiler, struct port_node *port, const struct address *address)
{
	uint32_t identity = port->identity->number;
	struct dp_party_key key = {
		.domain = port->network->domain, .address = table_address(address)};
	struct dp_party value = {.port = port_of(port)->key, .identities = {identity, identity}};
	rows_claim(&compiler->rows, &port->node.origin, DP_TABLE_PARTY, &key, &value);
}

void parties_claim(struct compiler *compiler, struct port_node *port)
{
	const struct port *object = port_of(port);
	struct address link_local = address_link_local(&object->mac);
	for (size_t i = 0; i < object->addresses.count; i++)
		claim_party(compiler, port, &object->addresses.items[i]);
	claim_party(compiler, port, &link_local);
}

static void guard_claim(struct compiler *compiler, struct port_node *port)
{
	const struct identity *identity = port->identity;
	struct dp_guard_slot slot = {.flags = identity->flags};
	for (int direction = 0; direction < DP_DIRECTIONS; direction++)
		slot.sets[direction] = ruleset_number(identity->rulesets[direction]);
	struct dp_guard value = {
		.slots = {slot, slot},
		.quota = port_of(port)->connections,
		.tenant = identity->tenancy->number,
	};
	rows_claim(&compiler->rows, &port->guard, DP_TABLE_GUARD, &port_of(port)->key, &value);
}

void guard_compile(struct compiler *compiler, struct port_node *port)
{
	port->guard.path = port->node.origin.path;
	port->guard.revision = port->node.origin.revision;
	rows_begin(&port->guard);
	if (port_is_complete(port) && port->host && host_is_this(compiler, port->host))
		guard_claim(compiler, port);
	rows_end(&compiler->rows, &port->guard);
}
