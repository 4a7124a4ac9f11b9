// SPDX-License-Identifier: Apache-2.0
#include "model/catalog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "state.h"

void catalog_new(struct catalog **out)
{
	struct catalog *catalog = memory_new(sizeof(*catalog));
	records_init(&catalog->records);
	claims_init(&catalog->claims);
	catalog->counters =
		(struct counters){.vni = 1, .port_key = 1, .router_key = 1, .host_key = 1};
	snprintf(
		catalog->history, sizeof(catalog->history), "%08x%08x", arc4random(), arc4random());
	*out = catalog;
}

void catalog_free(struct catalog *catalog)
{
	if (!catalog)
		return;
	records_done(&catalog->records);
	index_done(&catalog->claims);
	free(catalog);
}

struct object *catalog_find(
	const struct catalog *catalog, enum model_kind kind, const char *tenant, const char *name)
{
	const struct record *record = records_find(&catalog->records, kind, tenant, name);
	return record ? record->object : NULL;
}

int catalog_each(const struct catalog *catalog, enum model_kind kind, const char *tenant,
	catalog_visit visit, void *context)
{
	if (!model_kind_in_tenant(kind))
		tenant = NULL;
	int result = 0;
	for (struct record *record = records_first(&catalog->records, kind, tenant);
		record && !result; record = records_next(&catalog->records, record)) {
		if (tenant && strcmp(record->tenant, tenant))
			break;
		if (record->object)
			result = visit(context, record->object);
	}
	return result;
}

size_t catalog_count(const struct catalog *catalog, enum model_kind kind)
{
	return catalog->records.objects[kind];
}

size_t catalog_count_in(const struct catalog *catalog, enum model_kind kind, const char *tenant)
{
	const struct usage *usage = usage_find(catalog->records.usages, tenant);
	return usage ? usage->kinds[kind] : 0;
}

struct port *catalog_port_by_device(
	const struct catalog *catalog, const char *host, const char *device)
{
	const struct record *record = records_find(&catalog->records, MODEL_HOST, NULL, host);
	if (!record)
		return NULL;
	struct claim probe = claim_device(record, device);
	const struct claim *claim = index_find(&catalog->claims, &probe);
	return claim ? (struct port *)claim->owner->object : NULL;
}

bool catalog_host_carries(const struct catalog *catalog, const char *host, const char *tenant)
{
	const struct record *record = records_find(&catalog->records, MODEL_HOST, NULL, host);
	for (const struct reference *reference = record ? record->referrers : NULL; reference;
		reference = reference->after)
		if (reference->from->kind == MODEL_PORT && !strcmp(reference->from->tenant, tenant))
			return true;
	return false;
}

// Routers that were loaded before their network claim their addresses on it now.
static int claim_routers(struct catalog *catalog, struct record *network, struct error *error)
{
	int result = 0;
	for (struct reference *reference = network->referrers;
		!result && reference && reference->from->kind == MODEL_ROUTER;
		reference = reference->after)
		result = claims_take(&catalog->claims, reference->from, error);
	return result;
}

int catalog_load(struct catalog *catalog, struct object *object, struct error *error)
{
	struct records *records = &catalog->records;
	struct record *record = record_pin(records, object->kind, object->tenant, object->name);
	int result = 0;
	if (record->object) {
		char path[OBJECT_PATH_TEXT];
		error_set_object(error, "%s", object_path(object, path));
		result = error_set(error, EEXIST, "is loaded already");
	} else {
		record_fill(records, record, object);
		result = claims_take(&catalog->claims, record, error);
		if (!result && record->kind == MODEL_NETWORK)
			result = claim_routers(catalog, record, error);
		if (result) {
			claims_drop(&catalog->claims, record);
			record_empty(records, record);
		}
	}
	record_unpin(records, record);
	object_unref(object);
	return result;
}

json_t *catalog_counters(const struct catalog *catalog)
{
	const struct counters *counters = &catalog->counters;
	return json_pack("{s:I, s:I, s:I, s:s}", "vni", (json_int_t)counters->vni, "port_key",
		(json_int_t)counters->port_key, "router_key", (json_int_t)counters->router_key,
		"history", catalog->history);
}

int catalog_counters_load(struct catalog *catalog, const json_t *counters, struct error *error)
{
	// A store from before there were routers says nothing of their keys, and an older one nothing
	// of its history.
	json_int_t vni, port_key, router_key = 1;
	const char *history = catalog->history;
	if (json_unpack((json_t *)counters, "{s:I, s:I, s?I, s?s}", "vni", &vni, "port_key",
		    &port_key, "router_key", &router_key, "history", &history) ||
		strlen(history) != sizeof(catalog->history) - 1 || vni < 1 || vni >= 1 << 24 ||
		port_key < 1 || port_key > UINT32_MAX || router_key < 1 || router_key > UINT32_MAX)
		return error_set(error, EINVAL, "the stored counters of allocation are damaged");
	catalog->counters.vni = (uint32_t)vni;
	catalog->counters.port_key = (uint32_t)port_key;
	catalog->counters.router_key = (uint32_t)router_key;
	memmove(catalog->history, history, sizeof(catalog->history));
	return 0;
}

const char *catalog_history(const struct catalog *catalog)
{
	return catalog->history;
}
