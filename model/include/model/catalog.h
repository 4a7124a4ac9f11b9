// SPDX-License-Identifier: Apache-2.0
// The catalog: all desired objects in memory, with the indices that validation needs, and
// transactions on it. Pure logic, no I/O.
//
// A transaction collects puts and deletes, is prepared (references, duplicates, what a delete would
// break, allocation of addresses, MACs, VNIs and keys), stored by the caller, and then committed
// with its revision, or aborted; an abort or a failed prepare leaves the catalog as it was. One
// transaction at a time. Order inside a transaction does not matter: a port may come before its
// network.
//
// What a put leaves open: server-owned fields (vni, key) stay those of the object that it replaces,
// and writing another value is refused. Sticky fields are the caller's: object_inherit makes a put
// keep them. What is then still absent is allocated; host and device stay absent, which is how a
// merge patch detaches. From prepare to commit or abort the catalog shows the new state.
//
// Checked across objects: every reference exists (a tenant of an object too); a delete leaves
// nothing that refers to the object; an address or MAC is used once in a network (allowed pairs
// excepted), lies in a subnet of the network and is neither the network's nor its broadcast
// address; a (host, device) belongs to one port; a host's VTEP is unique; a subnet that ports use
// cannot be removed. A router uses addresses as a port does, those that it has by default included;
// no two subnets of a segment (networks joined by routers) overlap; a next hop is on a network of
// its router, and not the router itself.
//
// Allocated: port.mac (locally administered, 0x02 prefix, unique in the network), port.addresses
// (one from each subnet, going round it: the next free one after the last that was given, beginning
// after the first host address, which is left for a gateway), network.vni (1..2^24-2), port.key,
// router.key and host.key. VNIs, port and router keys come from counters that move on, so that a
// deleted number is not soon used again; host keys are dense from 1.
#pragma once

#include "model/object.h"
#include "model/warning.h"

struct catalog;
struct transaction;

struct catalog_change {
	struct object *before; // NULL: created
	struct object *after;  // NULL: deleted
};

void catalog_new(struct catalog **out);
void catalog_free(struct catalog *catalog);

// Look up; borrowed, valid until the object changes. NULL if absent.
struct object *catalog_find(
	const struct catalog *catalog, enum model_kind kind, const char *tenant, const char *name);
// Visit objects of a kind in order of tenant and name; `tenant` NULL: of all tenants. Stops at the
// first non-zero answer and returns it. `visit` must not change the catalog.
typedef int (*catalog_visit)(void *context, struct object *object);
int catalog_each(const struct catalog *catalog, enum model_kind kind, const char *tenant,
	catalog_visit visit, void *context);
size_t catalog_count(const struct catalog *catalog, enum model_kind kind);
// Of one tenant, without a walk.
size_t catalog_count_in(const struct catalog *catalog, enum model_kind kind, const char *tenant);
// The port that is attached as (host, device); NULL if none. Borrowed.
struct port *catalog_port_by_device(
	const struct catalog *catalog, const char *host, const char *device);

// Whether a port of the tenant is placed on the host.
bool catalog_host_carries(const struct catalog *catalog, const char *host, const char *tenant);

// Load one object as the store holds it, before any transaction (start-up). Takes the reference.
// Duplicates: -EEXIST.
int catalog_load(struct catalog *catalog, struct object *object, struct error *error);
// Counters of allocation, kept by the store under a key of their own, in the same commit as the
// objects.
json_t *catalog_counters(const struct catalog *catalog); // new reference
int catalog_counters_load(struct catalog *catalog, const json_t *counters, struct error *error);
// Names the history that revisions belong to: drawn at random for a catalog that is new, and kept
// with the counters. Two stores that have gone through the same revision numbers differ in it.
const char *catalog_history(const struct catalog *catalog);

struct transaction *transaction_begin(struct catalog *catalog);
// Create or replace. Takes the reference in every case. An object put twice in one transaction:
// -EEXIST.
int transaction_put(struct transaction *transaction, struct object *object, struct error *error);
// The same of an object in which the controller has written what it owns (FIELD_SERVER).
int transaction_put_owned(
	struct transaction *transaction, struct object *object, struct error *error);
int transaction_delete(struct transaction *transaction, enum model_kind kind, const char *tenant,
	const char *name, struct error *error);
// Validate and allocate. 0, or -errno with the object and field at fault, -EDQUOT for a tenant's
// quota; then only transaction_abort may follow.
int transaction_prepare(struct transaction *transaction, struct error *error);
// After prepare: show the old state again, as long as it takes to store the changes, so that nobody
// reads what may never be. Other transactions may come and go meanwhile. transaction_adopt follows,
// if nothing has changed since; or transaction_abort.
void transaction_withdraw(struct transaction *transaction);
// Instead of prepare: show changes that are decided already, by a prepare that was withdrawn, or by
// another process that keeps the same state: those objects keep the revisions that they carry.
// Nothing is checked or allocated. -EEXIST if they
// contradict what there is; then only transaction_abort may follow.
int transaction_adopt(struct transaction *transaction, struct error *error);
// After prepare or adopt: what really changes (puts that change nothing are not in it). Borrowed. 0 changes:
// no new revision is due.
size_t transaction_changes(
	const struct transaction *transaction, const struct catalog_change **out);
// After prepare: tell what in the changes is accepted and yet hardly meant, at most
// WARNINGS_MAXIMUM of them; `what` names object and field. The work is bounded, so that of very
// large policies and tenants not all may be found.
enum { WARNINGS_MAXIMUM = 100 };
typedef void (*warning_visit)(void *context, enum model_warning warning, const struct error *what);
void transaction_warnings(
	const struct transaction *transaction, warning_visit visit, void *context);
// Publish with this revision, which each changed object now carries. Frees the transaction;
// `changes` stay valid until `transaction_commit` returns, so a caller that needs `before` later
// takes references.
void transaction_commit(struct transaction *transaction, uint64_t revision);
void transaction_abort(struct transaction *transaction);
