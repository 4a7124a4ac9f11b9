// SPDX-License-Identifier: Apache-2.0
#include "record.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

static int compare_records(const void *a, const void *b)
{
	const struct record *left = a, *right = b;
	int order = left->tenant ? strcmp(left->tenant, right->tenant) : 0;
	return order ? order : strcmp(left->name, right->name);
}

static struct record probe(const char *tenant, const char *name)
{
	return (struct record){.tenant = tenant, .name = name};
}

void records_init(struct records *records)
{
	*records = (struct records){0};
	for (int kind = 0; kind < MODEL_KIND_COUNT; kind++)
		index_init(&records->kinds[kind], sizeof(struct record), compare_records);
}

static void pools_free(struct pool *pool)
{
	while (pool) {
		struct pool *other = pool->other;
		free(pool);
		pool = other;
	}
}

static void record_done(struct record *record)
{
	struct reference *next;
	for (struct reference *reference = record->references; reference; reference = next) {
		next = reference->next;
		free(reference);
	}
	pools_free(record->pools);
	object_unref(record->object);
	text_release(record->tenant);
	text_release(record->name);
}

void records_done(struct records *records)
{
	for (int kind = 0; kind < MODEL_KIND_COUNT; kind++) {
		struct index *of_kind = &records->kinds[kind];
		for (struct record *record = index_first(of_kind); record;
			record = index_next(of_kind, record))
			record_done(record);
		index_done(of_kind);
	}
	usage_done(&records->usages);
	labels_done(&records->labels);
}

struct record *records_find(
	const struct records *records, enum model_kind kind, const char *tenant, const char *name)
{
	struct record key = probe(model_kind_in_tenant(kind) ? tenant : NULL, name);
	return index_find(&records->kinds[kind], &key);
}

struct record *records_first(
	const struct records *records, enum model_kind kind, const char *tenant)
{
	if (!tenant)
		return index_first(&records->kinds[kind]);
	struct record key = probe(tenant, "");
	return index_seek(&records->kinds[kind], &key);
}

struct record *records_next(const struct records *records, const struct record *record)
{
	return index_next(&records->kinds[record->kind], record);
}

static struct record *record_obtain(
	struct records *records, enum model_kind kind, const char *tenant, const char *name)
{
	struct record *record = records_find(records, kind, tenant, name);
	if (record)
		return record;
	struct record made = {
		.kind = kind,
		.tenant = model_kind_in_tenant(kind) ? text_share(tenant) : NULL,
		.name = text_share(name),
	};
	return index_add(&records->kinds[kind], &made);
}

static void record_release(struct records *records, struct record *record)
{
	if (record->object || record->referrers || record->pins)
		return;
	const char *tenant = record->tenant, *name = record->name;
	pools_free(record->pools);
	index_remove(&records->kinds[record->kind], record);
	text_release(tenant);
	text_release(name);
}

struct record *record_pin(
	struct records *records, enum model_kind kind, const char *tenant, const char *name)
{
	struct record *record = record_obtain(records, kind, tenant, name);
	record_hold(record);
	return record;
}

void record_hold(struct record *record)
{
	if (record->pins < PINS_MAXIMUM)
		record->pins++;
}

void record_unpin(struct records *records, struct record *record)
{
	if (record->pins < PINS_MAXIMUM)
		record->pins--;
	record_release(records, record);
}

struct linking {
	struct records *records;
	struct record *from;
};

static int link_reference(void *context, const char *field, enum model_kind kind,
	const char *tenant, const char *name)
{
	(void)field;
	struct linking *linking = context;
	struct record *to = record_obtain(linking->records, kind, tenant, name);
	// A network has few routers and many ports: routers come first, to be found without a walk
	// over the ports.
	struct reference **place = &to->referrers;
	if (linking->from->kind != MODEL_ROUTER)
		while (*place && (*place)->from->kind == MODEL_ROUTER)
			place = &(*place)->after;
	struct reference *reference = memory_new(sizeof(*reference));
	*reference = (struct reference){
		.from = linking->from,
		.to = to,
		.next = linking->from->references,
		.after = *place,
		.before = place,
	};
	linking->from->references = reference;
	if (*place)
		(*place)->before = &reference->after;
	*place = reference;
	to->referrer_count++;
	return 0;
}

void record_fill(struct records *records, struct record *record, struct object *object)
{
	record->object = object_ref(object);
	records->objects[record->kind]++;
	usage_add(&records->usages, object);
	labels_add(&records->labels, object);
	object_references(object, link_reference, &(struct linking){records, record});
}

void record_empty(struct records *records, struct record *record)
{
	struct reference *next;
	for (struct reference *reference = record->references; reference; reference = next) {
		next = reference->next;
		*reference->before = reference->after;
		if (reference->after)
			reference->after->before = reference->before;
		reference->to->referrer_count--;
		record_release(records, reference->to);
		free(reference);
	}
	record->references = NULL;
	records->objects[record->kind]--;
	usage_remove(&records->usages, record->object);
	labels_remove(&records->labels, record->object);
	object_unref(record->object);
	record->object = NULL;
}

struct naming {
	const struct record *to;
	char *text;
};

static int name_reference(void *context, const char *field, enum model_kind kind,
	const char *tenant, const char *name)
{
	struct naming *naming = context;
	const struct record *to = naming->to;
	if (to->kind != kind || strcmp(to->name, name) != 0 ||
		(to->tenant && strcmp(to->tenant, tenant) != 0))
		return 0;
	snprintf(naming->text, REFERENCE_TEXT, "%s", field);
	return 1;
}

char *reference_path(const struct reference *reference, char *text)
{
	text[0] = '\0';
	object_references(reference->from->object, name_reference,
		&(struct naming){.to = reference->to, .text = text});
	return text;
}

struct record *record_target(const struct record *record, enum model_kind kind)
{
	for (const struct reference *reference = record->references; reference;
		reference = reference->next)
		if (reference->to->kind == kind)
			return reference->to;
	return NULL;
}
