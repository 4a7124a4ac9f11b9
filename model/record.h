// SPDX-License-Identifier: Apache-2.0
// The graph of objects. A record is the place of one object, by kind, tenant and name; it stays where it is while the
// object in it is replaced, so that references can be pointers. Private to the model.
//
// A record without an object is a name that others refer to, or that a transaction is about to fill. It goes when
// nothing holds it: no object, no referrer, no pin.
#pragma once

#include "index.h"
#include "labels.h"
#include "model/object.h"
#include "usage.h"

struct record;

struct reference {
	struct record *from, *to;
	struct reference *next;            // of the same `from`
	struct reference *after, **before; // of the same `to`
};

// Where the search for a free address of a subnet begins.
struct pool {
	struct prefix subnet;
	struct address next;
	struct pool *other; // of the same network
};

struct record {
	enum model_kind kind : 8;
	unsigned pins : 24; // transactions that hold it
	uint32_t referrer_count;
	const char *tenant; // NULL for kinds in no tenant
	const char *name;
	struct object *object; // owned reference, or NULL
	struct reference *references;
	struct reference *referrers; // routers first
	uint64_t mark;               // of a walk over networks and routers: been here
	struct pool *pools;          // of a network, one a subnet from which was allocated
};

struct records {
	struct index kinds[MODEL_KIND_COUNT];
	size_t objects[MODEL_KIND_COUNT];
	struct usage *usages; // of tenants
	struct tenant_labels *labels;
};

void records_init(struct records *records);
void records_done(struct records *records);

// NULL if there is no such record.
struct record *records_find(
	const struct records *records, enum model_kind kind, const char *tenant, const char *name);
// The first record of the kind, of the tenant if one is given.
struct record *records_first(
	const struct records *records, enum model_kind kind, const char *tenant);
struct record *records_next(const struct records *records, const struct record *record);

// Found or made, with one more pin.
struct record *record_pin(
	struct records *records, enum model_kind kind, const char *tenant, const char *name);
// One more pin. A record that has had PINS_MAXIMUM keeps them: it is there for good, rather than gone too
// soon.
enum { PINS_MAXIMUM = (1 << 24) - 1 };
void record_hold(struct record *record);
void record_unpin(struct records *records, struct record *record);

// Put `object` (own reference taken) in the record, which is empty, and link what it refers to.
void record_fill(struct records *records, struct record *record, struct object *object);
// Take the object out again and drop its links.
void record_empty(struct records *records, struct record *record);

// The path of the field that holds the reference: "network", "rules[2].from[0]".
enum { REFERENCE_TEXT = 64 };
char *reference_path(const struct reference *reference, char *text /* REFERENCE_TEXT bytes */);

// What the object in `record` refers to, of that kind; NULL if nothing.
struct record *record_target(const struct record *record, enum model_kind kind);
