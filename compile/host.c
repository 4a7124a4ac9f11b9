// SPDX-License-Identifier: Apache-2.0
// The rows of a host: of this one the configuration, of others how to speak to them and whom to
// hear.
#include "state.h"

#include <string.h>
#include <utlist.h>

static const struct host *host_of(const struct host_node *host)
{
	return (const struct host *)host->node.object;
}

bool host_is_this(const struct compiler *compiler, const struct host_node *host)
{
	return !strcmp(host->node.origin.path + strlen("hosts/"), compiler->host);
}

static uint32_t key_of(const struct host *host)
{
	return host && !address_is_zero(&host->vtep) ? host->key : 0;
}

uint32_t host_key(const struct host_node *host)
{
	return key_of(host_of(host));
}

void host_changed(struct compiler *compiler, struct host_node *host, const struct object *before)
{
	// Of a host, the rows of its ports and the flood lists hold the key alone.
	if (key_of((const struct host *)before) == host_key(host))
		return;
	struct port_node *port;
	DL_FOREACH2(host->ports, port, host_next)
	{
		node_touch(compiler, &port->node);
		node_touch(compiler, &port->network->node);
	}
}

static void claim_config(struct compiler *compiler, struct host_node *host)
{
	uint32_t key = 0;
	struct dp_config value = {
		.vtep = table_address(&host_of(host)->vtep),
		.host = host_of(host)->key,
		.underlay_ifindex = compiler->underlay_ifindex,
		.underlay_mtu = compiler->underlay_mtu,
	};
	rows_claim(&compiler->rows, &host->node.origin, DP_TABLE_CONFIG, &key, &value);
}

void host_compile(struct compiler *compiler, struct host_node *host)
{
	const struct host *object = host_of(host);
	if (host_is_this(compiler, host)) {
		claim_config(compiler, host);
		return;
	}
	if (!host_key(host))
		return;
	struct dp_address vtep = table_address(&object->vtep);
	struct dp_remote remote = {
		.vtep = vtep,
		.encapsulation = object->encap == ENCAPSULATION_VXLAN ? DP_VXLAN : DP_GENEVE,
	};
	struct dp_vtep from = {.host = object->key};
	rows_claim(&compiler->rows, &host->node.origin, DP_TABLE_REMOTE, &object->key, &remote);
	rows_claim(&compiler->rows, &host->node.origin, DP_TABLE_VTEP, &vtep, &from);
}
