// SPDX-License-Identifier: Apache-2.0
#include "native.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "datapath/trace.h"

// ---- open and close ----

static int native_open(struct datapath **out, const char *state, struct error *error)
{
	(void)state;
	(void)error;
	struct native *native = memory_new(sizeof(*native));

	native->base.provider = &datapath_native;
	for (size_t i = 0; i < DP_TABLE_COUNT; i++)
		native->tables[i].info = &datapath_tables[i];
	native_state_init(native);
	*out = &native->base;
	return 0;
}

#define FREE_ALL(head)                              \
	do {                                        \
		__typeof__(head) row_, next_;       \
		HASH_ITER (hh, head, row_, next_) { \
			HASH_DEL(head, row_);       \
			free(row_);                 \
		}                                   \
	} while (0)

void native_copies_free(struct native_copy *copies)
{
	while (copies) {
		struct native_copy *next = copies->next;
		free(copies);
		copies = next;
	}
}

static void native_close(struct datapath *datapath)
{
	struct native *native = (struct native *)datapath;

	for (size_t i = 0; i < DP_TABLE_COUNT; i++)
		native_table_done(&native->tables[i]);
	native_state_done(native);
	FREE_ALL(native->counters);
	FREE_ALL(native->drops);
	FREE_ALL(native->allowances);
	native_punts_done(native);
	native_decisions_done(native);
	FREE_ALL(native->attachments);
	FREE_ALL(native->neighbors);
	native_copies_free(native->copies);
	free(native);
}

// Nothing outlives the handle.
static int native_destroy(
	const char *state, datapath_detached_visit visit, void *context, struct error *error)
{
	(void)state;
	(void)visit;
	(void)context;
	(void)error;
	return 0;
}

// ---- rows ----

static int native_put(struct datapath *datapath, enum dp_table table, const void *key,
	const void *value, struct error *error)
{
	struct native *native = (struct native *)datapath;
	const struct datapath_table *info = &datapath_tables[table];
	int result = native_table_put(&native->tables[table], key, value);

	if (result == -ENOSPC)
		return error_set(error, ENOSPC, "table %s is full: it holds %zu rows", info->name,
			info->maximum);
	if (result < 0)
		return error_set(error, -result, "cannot write a row of table %s: %s", info->name,
			strerror(-result));
	return 0;
}

static int native_remove(
	struct datapath *datapath, enum dp_table table, const void *key, struct error *error)
{
	(void)error;
	return native_table_remove(&((struct native *)datapath)->tables[table], key);
}

static int native_find(struct datapath *datapath, enum dp_table table, const void *key, void *value,
	struct error *error)
{
	struct native *native = (struct native *)datapath;
	const void *found = native_table_find(&native->tables[table], key);

	if (!found && native->rows)
		return datapath_find(native->rows, table, key, value, error);
	if (found)
		memcpy(value, found, datapath_tables[table].value_size);
	return found ? 0 : -ENOENT;
}

// A row of the datapath beneath, kept until this one is closed: forwarding holds on to it.
const void *native_beneath(struct native *native, enum dp_table table, const void *key)
{
	struct native_copy *row = memory_new(sizeof(*row) + datapath_tables[table].value_size);

	if (datapath_find(native->rows, table, key, row->value, NULL) < 0) {
		free(row);
		return NULL;
	}
	row->next = native->copies;
	native->copies = row;
	return row->value;
}

void datapath_overlay(struct datapath **out, struct datapath *rows)
{
	native_open(out, NULL, NULL);
	((struct native *)*out)->rows = rows;
}

static int native_each(struct datapath *datapath, enum dp_table table, datapath_visit visit,
	void *context, struct error *error)
{
	(void)error;
	return native_table_each(&((struct native *)datapath)->tables[table], visit, context);
}

// A packet is run to its end before the caller goes on.
static int native_settle(struct datapath *datapath, struct error *error)
{
	(void)datapath;
	(void)error;
	return 0;
}

// ---- attachment: remembered, so that an agent over this provider sees what it expects ----

static struct native_attachment *find_attachment(struct native *native, uint32_t ifindex)
{
	struct native_attachment *attachment;

	HASH_FIND(hh, native->attachments, &ifindex, sizeof(ifindex), attachment);
	return attachment;
}

static int native_attach(
	struct datapath *datapath, uint32_t ifindex, enum datapath_role role, struct error *error)
{
	(void)error;
	struct native *native = (struct native *)datapath;
	struct native_attachment *attachment = find_attachment(native, ifindex);

	if (!attachment) {
		attachment = memory_new(sizeof(*attachment));
		attachment->ifindex = ifindex;
		HASH_ADD(hh, native->attachments, ifindex, sizeof(ifindex), attachment);
	}
	attachment->role = role;
	return 0;
}

static int native_detach(struct datapath *datapath, uint32_t ifindex, struct error *error)
{
	(void)error;
	struct native *native = (struct native *)datapath;
	struct native_attachment *attachment = find_attachment(native, ifindex);

	if (attachment) {
		HASH_DEL(native->attachments, attachment);
		free(attachment);
	}
	return 0;
}

static int native_attached(struct datapath *datapath, uint32_t ifindex, enum datapath_role role)
{
	const struct native_attachment *attachment =
		find_attachment((struct native *)datapath, ifindex);

	return attachment && attachment->role == role;
}

static int native_found(struct datapath *datapath, uint32_t ifindex, enum datapath_role *role)
{
	const struct native_attachment *attachment =
		find_attachment((struct native *)datapath, ifindex);

	if (attachment)
		*role = attachment->role;
	return attachment ? 1 : 0;
}

// ---- counters ----

struct dp_counters *native_counters_of(struct native *native, uint32_t port)
{
	struct native_counters *row;

	HASH_FIND(hh, native->counters, &port, sizeof(port), row);
	if (!row) {
		row = memory_new(sizeof(*row));
		row->port = port;
		HASH_ADD(hh, native->counters, port, sizeof(port), row);
	}
	return &row->counters;
}

struct dp_drops *native_drops_of(struct native *native, uint32_t port, enum dp_reason reason)
{
	struct dp_drop_key key = {port, reason};
	struct native_drops *row;

	HASH_FIND(hh, native->drops, &key, sizeof(key), row);
	if (!row) {
		row = memory_new(sizeof(*row));
		row->key = key;
		HASH_ADD(hh, native->drops, key, sizeof(key), row);
	}
	return &row->drops;
}

struct dp_allowance *native_allowance_of(struct native *native, uint32_t port)
{
	struct native_allowance *row;

	HASH_FIND(hh, native->allowances, &port, sizeof(port), row);
	if (!row) {
		row = memory_new(sizeof(*row));
		row->port = port;
		HASH_ADD(hh, native->allowances, port, sizeof(port), row);
	}
	return &row->allowance;
}

static int native_counters(struct datapath *datapath, datapath_counters_visit visit, void *context,
	struct error *error)
{
	(void)error;
	struct native_counters *row, *next;

	HASH_ITER (hh, ((struct native *)datapath)->counters, row, next)
		visit(context, row->port, &row->counters);
	return 0;
}

static int native_drops(
	struct datapath *datapath, datapath_drops_visit visit, void *context, struct error *error)
{
	(void)error;
	struct native_drops *row, *next;

	HASH_ITER (hh, ((struct native *)datapath)->drops, row, next)
		visit(context, row->key.port, row->key.reason, &row->drops);
	return 0;
}

static void native_counters_forget(struct datapath *datapath, uint32_t port)
{
	struct native *native = (struct native *)datapath;
	struct native_counters *counters, *next_counters;
	struct native_drops *drops, *next_drops;
	struct native_allowance *allowance;

	HASH_FIND(hh, native->allowances, &port, sizeof(port), allowance);
	if (allowance) {
		HASH_DEL(native->allowances, allowance);
		free(allowance);
	}

	HASH_ITER (hh, native->counters, counters, next_counters)
		if (counters->port == port) {
			HASH_DEL(native->counters, counters);
			free(counters);
		}
	HASH_ITER (hh, native->drops, drops, next_drops)
		if (drops->key.port == port) {
			HASH_DEL(native->drops, drops);
			free(drops);
		}
}

// ---- the underlay ----

void native_underlay_mac(struct datapath *datapath, struct dp_mac mac)
{
	((struct native *)datapath)->underlay_mac = mac;
}

void native_neighbor(struct datapath *datapath, struct dp_address address, struct dp_mac mac)
{
	struct native *native = (struct native *)datapath;
	struct native_neighbor *neighbor;

	HASH_FIND(hh, native->neighbors, &address, sizeof(address), neighbor);
	if (!neighbor) {
		neighbor = memory_new(sizeof(*neighbor));
		neighbor->address = address;
		HASH_ADD(hh, native->neighbors, address, sizeof(address), neighbor);
	}
	neighbor->mac = mac;
}

const struct dp_mac *native_neighbor_mac(struct native *native, const struct dp_address *address)
{
	const struct native_neighbor *neighbor;
	struct dp_mac mac = {{0}};

	HASH_FIND(hh, native->neighbors, address, sizeof(*address), neighbor);
	if (!neighbor && native->resolve &&
		native->resolve(native->resolve_context, address, &mac)) {
		native_neighbor(&native->base, *address, mac);
		HASH_FIND(hh, native->neighbors, address, sizeof(*address), neighbor);
	}
	return neighbor ? &neighbor->mac : NULL;
}

void native_resolver(struct datapath *datapath, native_resolve resolve, void *context)
{
	((struct native *)datapath)->resolve = resolve;
	((struct native *)datapath)->resolve_context = context;
}

const struct datapath_provider datapath_native = {
	.name = "native",
	.open = native_open,
	.close = native_close,
	.destroy = native_destroy,
	.put = native_put,
	.remove = native_remove,
	.find = native_find,
	.each = native_each,
	.settle = native_settle,
	.attach = native_attach,
	.detach = native_detach,
	.attached = native_attached,
	.found = native_found,
	.counters = native_counters,
	.drops = native_drops,
	.punts = native_punts,
	.punts_fd = native_punts_fd,
	.decisions = native_decisions,
	.counters_forget = native_counters_forget,
	.each_state = native_each_state,
	.find_state = native_find_state,
	.expire = native_expire,
	.rule_counters = native_rule_counters,
	.rule_counted = native_rule_counted,
	.rule_counters_forget = native_rule_counters_forget,
};
