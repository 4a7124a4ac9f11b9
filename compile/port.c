// SPDX-License-Identifier: Apache-2.0
// The rows of a port: where its MAC is, who answers for its addresses, and what its device may
// send.
#include "state.h"
#include "tenancy.h"

#include <arpa/inet.h>
#include <string.h>
#include <utlist.h>

enum { SECOND = 1000000000, UNANSWERED = 1000 /* a second, where the port says nothing */ };

static const struct port *port_of(const struct port_node *port)
{
	return (const struct port *)port->node.object;
}

static bool is_set(const char *text)
{
	return text && *text;
}

void port_link(struct compiler *compiler, struct port_node *port)
{
	const struct port *object = port_of(port);
	port->network = (struct network_node *)node_get(
		compiler, MODEL_NETWORK, object->object.tenant, object->network);
	if (is_set(object->host)) {
		port->host = (struct host_node *)node_get(compiler, MODEL_HOST, NULL, object->host);
		DL_APPEND2(port->host->ports, port, host_prev, host_next);
	}
	bool local = port->host && host_is_this(compiler, port->host);
	compiler->ports_changes += local;
	if (local && is_set(object->device)) {
		port->device = device_get(compiler, object->device);
		DL_APPEND2(port->device->ports, port, device_prev, device_next);
	}
	if (local)
		DL_APPEND2(port->network->local, port, network_prev, network_next);
	else
		DL_APPEND2(port->network->other, port, network_prev, network_next);
	if (port->host && !local)
		flood_join(port->network, port);
	identity_join(compiler, port, local);
	node_touch(compiler, &port->network->node);
}

void port_unlink(struct compiler *compiler, struct port_node *port)
{
	bool local = port->host && host_is_this(compiler, port->host);
	compiler->ports_changes += local;
	node_touch(compiler, &port->network->node);
	if (port->host && !local)
		flood_leave(port->network, port);
	identity_leave(compiler, port, local);
	if (local)
		DL_DELETE2(port->network->local, port, network_prev, network_next);
	else
		DL_DELETE2(port->network->other, port, network_prev, network_next);
	if (port->device) {
		DL_DELETE2(port->device->ports, port, device_prev, device_next);
		device_release(compiler, port->device);
	}
	if (port->host) {
		DL_DELETE2(port->host->ports, port, host_prev, host_next);
		node_touch(compiler, &port->host->node);
	}
	port->network = NULL;
	port->host = NULL;
	port->device = NULL;
}

static void claim_station(struct compiler *compiler, struct port_node *port, uint32_t vni)
{
	const struct port *object = port_of(port);
	struct dp_station_key key = {.vni = vni, .mac = table_mac(&object->mac)};
	struct dp_station value = {.port = object->key};
	if (port->device && port->device->seen.ifindex) {
		value.ifindex = port->device->seen.ifindex;
		value.device = port->device->seen.device;
	} else if (port->host && !host_is_this(compiler, port->host) && host_key(port->host)) {
		value.host = host_key(port->host);
	} else {
		return; // nowhere: unknown to the switch, so dropped or flooded as the network says
	}
	rows_claim(&compiler->rows, &port->node.origin, DP_TABLE_STATION, &key, &value);
}

static void claim_neighbor(struct compiler *compiler, struct port_node *port, uint32_t vni,
	const struct address *address)
{
	const struct port *object = port_of(port);
	struct dp_neighbor_key key = {.vni = vni, .address = table_address(address)};
	struct dp_neighbor value = {.mac = table_mac(&object->mac), .port = object->key};
	rows_claim(&compiler->rows, &port->node.origin, DP_TABLE_NEIGHBOR, &key, &value);
}

static void claim_allowed(struct compiler *compiler, struct port_node *port, const struct mac *mac,
	const struct prefix *prefix)
{
	struct dp_allowed_key key = {
		.prefix_length = DP_ALLOWED_FIXED_BITS + prefix->length,
		.port = htonl(port_of(port)->key),
		.mac = table_mac(mac),
		.family = prefix_is_ipv4(prefix) ? 4 : 6,
		.address = table_address(&prefix->address),
	};
	struct dp_allowed value = {0};
	rows_claim(&compiler->rows, &port->node.origin, DP_TABLE_ALLOWED, &key, &value);
}

// Nanoseconds between connections that nobody answers.
static uint32_t interval_of(const struct port *port)
{
	return SECOND / (port->unanswered ? port->unanswered : UNANSWERED);
}

// The first address of each family is in the source row itself, further ones and the pairs in
// `allowed`.
static void claim_source(
	struct compiler *compiler, struct port_node *port, const struct network *network)
{
	const struct port *object = port_of(port);
	struct dp_source value = {
		.port = object->key,
		.vni = network->vni,
		.mac = table_mac(&object->mac),
		.mtu = network->mtu,
		.domain = port->network->domain,
		.interval = interval_of(object),
	};
	bool have[2] = {false, false};
	for (size_t i = 0; i < object->addresses.count; i++) {
		const struct address *address = &object->addresses.items[i];
		bool ipv4 = address_is_ipv4(address);
		if (!have[ipv4]) {
			have[ipv4] = true;
			*(ipv4 ? &value.ipv4 : &value.ipv6) = table_address(address);
			continue;
		}
		struct prefix whole = {.address = *address, .length = 128};
		claim_allowed(compiler, port, &object->mac, &whole);
		value.flags |= DP_SOURCE_PAIRS;
	}
	for (size_t i = 0; i < object->security.count; i++) {
		const struct allowed_pair *pair = &object->security.items[i];
		const struct mac *mac = mac_is_zero(&pair->mac) ? &object->mac : &pair->mac;
		for (size_t j = 0; j < pair->addresses.count; j++) {
			claim_allowed(compiler, port, mac, &pair->addresses.items[j]);
			value.flags |= DP_SOURCE_PAIRS;
		}
	}
	uint32_t key = port->device->seen.ifindex;
	rows_claim(&compiler->rows, &port->node.origin, DP_TABLE_SOURCE, &key, &value);
}

bool port_is_complete(const struct port_node *port)
{
	const struct port *object = port_of(port);
	return object && network_of(port->network) && !mac_is_zero(&object->mac);
}

void port_compile(struct compiler *compiler, struct port_node *port)
{
	const struct port *object = port_of(port);
	const struct network *network = network_of(port->network);
	if (!port_is_complete(port))
		return;
	claim_station(compiler, port, network->vni);
	for (size_t i = 0; i < object->addresses.count; i++)
		claim_neighbor(compiler, port, network->vni, &object->addresses.items[i]);
	struct address link_local = address_link_local(&object->mac);
	claim_neighbor(compiler, port, network->vni, &link_local);
	parties_claim(compiler, port);
	if (port->device && port->device->seen.ifindex)
		claim_source(compiler, port, network);
}
