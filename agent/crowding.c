// SPDX-License-Identifier: Apache-2.0
#include "crowding.h"

#include <string.h>

#include "base/memory.h"

enum { LATELY_MS = 60000 };

struct crowding_tenant {
	char *name;
	bool known;       // a port of it is on this host
	bool crowded;     // lately
	uint64_t packets; // dropped so far
	uint64_t moved;   // when that was last more than before; 0: never
	uint64_t sum;     // of the collection that is under way
	UT_hash_handle hh;
};

struct collecting {
	struct crowding *crowding;
	const struct counters *counters;
};

static void tenant_free(struct crowding *crowding, struct crowding_tenant *tenant)
{
	HASH_DEL(crowding->tenants, tenant);
	free(tenant->name);
	free(tenant);
}

void crowding_done(struct crowding *crowding)
{
	struct crowding_tenant *tenant, *next;
	HASH_ITER (hh, crowding->tenants, tenant, next)
		tenant_free(crowding, tenant);
}

static struct crowding_tenant *tenant_get(struct crowding *crowding, const char *name)
{
	struct crowding_tenant *tenant;
	HASH_FIND_STR(crowding->tenants, name, tenant);
	if (!tenant) {
		tenant = memory_new(sizeof(*tenant));
		tenant->name = memory_text(name);
		tenant->packets = crowding->begun ? 0 : UINT64_MAX;
		HASH_ADD_KEYPTR(hh, crowding->tenants, tenant->name, strlen(name), tenant);
	}
	tenant->known = true;
	return tenant;
}

static uint64_t dropped(const struct port_counters *port)
{
	const struct drop_count *count = NULL;
	while (port && (count = utarray_next(&port->drops, count))) {
		const char *name = datapath_reason_name(count->reason);
		if (name && !strcmp(name, "connection-share"))
			return count->drops.packets;
	}
	return 0;
}

static void add_port(void *context, const struct compiler_port *port)
{
	const struct collecting *collecting = context;
	tenant_get(collecting->crowding, port->tenant)->sum +=
		dropped(counters_find(collecting->counters, port->key));
}

bool crowding_collect(struct crowding *crowding, const struct compiler *compiler,
	const struct counters *counters, uint64_t now)
{
	struct collecting collecting = {crowding, counters};
	struct crowding_tenant *tenant, *next;
	bool others = false;
	for (tenant = crowding->tenants; tenant; tenant = tenant->hh.next) {
		tenant->sum = 0;
		tenant->known = false;
	}
	compiler_ports(compiler, add_port, &collecting);
	HASH_ITER (hh, crowding->tenants, tenant, next) {
		if (tenant->sum > tenant->packets)
			tenant->moved = now;
		tenant->packets = tenant->sum;
		bool crowded = tenant->known && tenant->moved && now - tenant->moved < LATELY_MS;
		others = others || crowded != tenant->crowded;
		tenant->crowded = crowded;
		if (!tenant->known)
			tenant_free(crowding, tenant);
	}
	crowding->begun = true;
	return others;
}

void crowding_warn(const struct crowding *crowding, json_t *sentences)
{
	for (const struct crowding_tenant *tenant = crowding->tenants; tenant;
		tenant = tenant->hh.next)
		if (tenant->crowded)
			json_array_append_new(sentences,
				json_sprintf("tenant %s: its ports have as many connections as "
					     "this host has room left for, and begin no more",
					tenant->name));
}
