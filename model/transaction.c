// SPDX-License-Identifier: Apache-2.0
// Transactions on the catalog.
//
// Prepare takes all old versions out of the records and the claims, puts all new ones in, and then looks: so the order of
// operations cannot matter, and each check is a look-up in indices that already tell the new state. What prepare did is
// undone by the same steps with old and new exchanged.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "state.h"
#include "warnings.h"

struct operation {
	struct record *record; // pinned
	struct object *before; // owned, NULL: none
	struct object *after;  // owned, NULL: delete
	bool unchanged;        // nothing to do
	bool rechecked;        // nobody wrote it
	bool owned;            // the controller wrote it, and may write what it owns
};

struct transaction {
	struct catalog *catalog;
	struct index operations; // struct operation, by kind, tenant, name
	struct allocation allocation;
	struct catalog_change *changes;
	size_t change_count;
	bool applied;   // the catalog shows the new state
	bool withdrawn; // was prepared, and does not show for a while
	bool foreign;   // somebody else has decided it
};

#define each_operation(operation, transaction)                                             \
	(struct operation *operation = index_first(&(transaction)->operations); operation; \
		operation = index_next(&(transaction)->operations, operation))

static int compare_operations(const void *a, const void *b)
{
	const struct record *left = ((const struct operation *)a)->record;
	const struct record *right = ((const struct operation *)b)->record;
	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	int order = left->tenant ? strcmp(left->tenant, right->tenant) : 0;
	return order ? order : strcmp(left->name, right->name);
}

static void name_object(struct error *error, const struct record *record)
{
	char path[OBJECT_PATH_TEXT];
	error_set_object(
		error, "%s", object_path_of(record->kind, record->tenant, record->name, path));
}

// ---- collecting ----

struct transaction *transaction_begin(struct catalog *catalog)
{
	if (catalog->busy) {
		fputs("weft: two transactions on one catalog\n", stderr);
		abort();
	}
	struct transaction *transaction = memory_new(sizeof(*transaction));
	transaction->catalog = catalog;
	index_init(&transaction->operations, sizeof(struct operation), compare_operations);
	allocation_begin(&transaction->allocation, catalog);
	catalog->busy = true;
	return transaction;
}

// Takes the pin of `record` and the reference on `after`.
static int add_operation(struct transaction *transaction, struct record *record,
	struct object *after, bool owned, struct error *error)
{
	struct operation operation = {.record = record, .after = after, .owned = owned};
	if (record->object)
		operation.before = object_ref(record->object);
	if (index_add(&transaction->operations, &operation))
		return 0;
	object_unref(operation.before);
	object_unref(after);
	name_object(error, record);
	record_unpin(&transaction->catalog->records, record);
	return error_set(error, EEXIST, "is in the transaction twice");
}

static int put(
	struct transaction *transaction, struct object *object, bool owned, struct error *error)
{
	struct record *record = record_pin(
		&transaction->catalog->records, object->kind, object->tenant, object->name);
	return add_operation(transaction, record, object, owned, error);
}

int transaction_put(struct transaction *transaction, struct object *object, struct error *error)
{
	return put(transaction, object, false, error);
}

int transaction_put_owned(
	struct transaction *transaction, struct object *object, struct error *error)
{
	return put(transaction, object, true, error);
}

int transaction_delete(struct transaction *transaction, enum model_kind kind, const char *tenant,
	const char *name, struct error *error)
{
	if (!catalog_find(transaction->catalog, kind, tenant, name)) {
		char path[OBJECT_PATH_TEXT];
		error_set_object(error, "%s", object_path_of(kind, tenant, name, path));
		return error_set(
			error, ENOENT, "%s '%s' does not exist", model_kind_name(kind), name);
	}
	struct record *record = record_pin(&transaction->catalog->records, kind, tenant, name);
	return add_operation(transaction, record, NULL, false, error);
}

// ---- from one state to the other, and back ----

// All claims first: what a router claims follows from its networks, which must still be there.
static void take_out(struct transaction *transaction)
{
	for
		each_operation(operation,
			transaction) if (!operation->unchanged && operation->record->object)
			claims_drop(&transaction->catalog->claims, operation->record);
	for
		each_operation(operation,
			transaction) if (!operation->unchanged && operation->record->object)
			record_empty(&transaction->catalog->records, operation->record);
}

static void apply(struct transaction *transaction)
{
	transaction->applied = true;
	take_out(transaction);
	for
		each_operation(
			operation, transaction) if (operation->after && !operation->unchanged)
			record_fill(&transaction->catalog->records, operation->record,
				operation->after);
}

static void put_back(struct transaction *transaction)
{
	transaction->applied = false;
	take_out(transaction);
	for
		each_operation(
			operation, transaction) if (operation->before && !operation->unchanged)
			record_fill(&transaction->catalog->records, operation->record,
				operation->before);
	for
		each_operation(
			operation, transaction) if (operation->before && !operation->unchanged)
			claims_take(&transaction->catalog->claims, operation->record, NULL);
}

static void revert(struct transaction *transaction)
{
	if (!transaction->applied)
		return;
	allocation_abort(&transaction->allocation);
	put_back(transaction);
}

// ---- checks ----

static int check_successions(struct transaction *transaction, struct error *error)
{
	for
		each_operation(operation, transaction)
		{
			if (!operation->after)
				continue;
			int result = operation->owned ? 0
						      : succession_check(operation->after,
								operation->before, error);
			if (result)
				return result;
			operation->unchanged = operation->before &&
					       object_equal(operation->before, operation->after);
		}
	return 0;
}

// The router, which stays as it is, or as an operation already says, is put anew.
static void recheck(struct transaction *transaction, struct record *record)
{
	struct operation probe = {.record = record, .rechecked = true};
	struct operation *operation = index_find(&transaction->operations, &probe);
	if (operation) {
		operation->unchanged = false;
		return;
	}
	probe.before = object_ref(record->object);
	probe.after = object_ref(record->object);
	record_hold(record);
	index_add(&transaction->operations, &probe);
}

// What a router claims, and may claim, follows from its networks: with a network that changes, its routers are looked at
// again. They come out equal, so they are no change.
static void recheck_routers(struct transaction *transaction)
{
	for
		each_operation(operation, transaction)
		{
			const struct record *record = operation->record;
			if (record->kind != MODEL_NETWORK || operation->unchanged ||
				!operation->after)
				continue;
			for (struct reference *reference = record->referrers;
				reference && reference->from->kind == MODEL_ROUTER;
				reference = reference->after)
				recheck(transaction, reference->from);
		}
}

// "router r of tenant acme refers to it in networks[0]", "port web1 of tenant acme, port web2 of tenant acme and 7 more
// refer to it". The field is the referrer's, not of the object at fault.
static int in_use(const struct record *record, struct error *error)
{
	enum { NAMED = 3 };
	char text[400] = "";
	size_t named = 0;
	for (const struct reference *reference = record->referrers; reference && named < NAMED;
		reference = reference->after, named++) {
		const struct record *from = reference->from;
		size_t used = strlen(text);
		const char *separator = !named                                ? ""
					: named + 1 == record->referrer_count ? " and "
									      : ", ";
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %s", separator,
			model_kind_name(from->kind), from->name);
		if (from->tenant && record->kind != MODEL_TENANT)
			snprintf(text + used, sizeof(text) - used, " of tenant %s", from->tenant);
	}
	char path[REFERENCE_TEXT];
	name_object(error, record);
	if (record->referrer_count == 1)
		return error_set(error, EBUSY, "%s refers to it in %s", text,
			reference_path(record->referrers, path));
	if (record->referrer_count > NAMED)
		return error_set(error, EBUSY, "%s and %u more refer to it", text,
			record->referrer_count - NAMED);
	return error_set(error, EBUSY, "%s refer to it", text);
}

static int dangling(const struct reference *reference, struct error *error)
{
	const struct record *to = reference->to;
	char path[REFERENCE_TEXT];
	name_object(error, reference->from);
	error_set_field(error, "%s", reference_path(reference, path));
	if (to->tenant)
		return error_set(error, EINVAL, "%s '%s' of tenant '%s' does not exist",
			model_kind_name(to->kind), to->name, to->tenant);
	return error_set(
		error, EINVAL, "%s '%s' does not exist", model_kind_name(to->kind), to->name);
}

static int check_references(struct transaction *transaction, struct error *error)
{
	for
		each_operation(operation, transaction)
		{
			const struct record *record = operation->record;
			if (!operation->after && record->referrers)
				return in_use(record, error);
			for (const struct reference *reference = record->references; reference;
				reference = reference->next)
				if (!reference->to->object)
					return dangling(reference, error);
		}
	return 0;
}

static int check_operation(
	const struct transaction *transaction, struct operation *operation, struct error *error)
{
	switch (operation->record->kind) {
	case MODEL_NETWORK:
		return subnets_check(transaction->catalog, operation->record, error);
	case MODEL_PORT:
		return placement_check(operation->record, error);
	case MODEL_ROUTER:
		return routing_check(transaction->catalog, operation->record, error);
	case MODEL_TENANT:
	case MODEL_TOKEN:
	case MODEL_ENROLMENT:
	case MODEL_HOST:
	case MODEL_ADDRESS_SET:
	case MODEL_POLICY:
	case MODEL_KIND_COUNT:
		break;
	}
	return 0;
}

static int check_kind(
	struct transaction *transaction, enum model_kind kind, bool rechecked, struct error *error)
{
	int result = 0;
	for
		each_operation(operation, transaction)
		{
			if (operation->after && !operation->unchanged &&
				operation->record->kind == kind &&
				operation->rechecked == rechecked)
				result = check_operation(transaction, operation, error);
			if (result)
				return result;
		}
	return 0;
}

// Of two that do not fit, a port or router that is written is at fault, then the network.
static int check_placements(struct transaction *transaction, struct error *error)
{
	segments_check_begin(transaction->catalog);
	int result = check_kind(transaction, MODEL_PORT, false, error);
	if (!result)
		result = check_kind(transaction, MODEL_ROUTER, false, error);
	if (!result)
		result = check_kind(transaction, MODEL_NETWORK, false, error);
	if (!result)
		result = check_kind(transaction, MODEL_ROUTER, true, error);
	return result;
}

static int quota_check(const struct catalog *catalog, const struct operation *operation,
	enum quota quota, struct error *error)
{
	const struct object *after = operation->after;
	uint32_t now = quota_amount(quota, after);
	if (now <= quota_amount(quota, operation->before))
		return 0;
	const struct tenant *tenant =
		(struct tenant *)catalog_find(catalog, MODEL_TENANT, NULL, after->tenant);
	uint32_t too_many = tenant->quotas.too_many[quota];
	const struct usage *usage = usage_find(catalog->records.usages, after->tenant);
	if (!too_many || usage->held[quota] < too_many)
		return 0;
	name_object(error, operation->record);
	// What is a list in the object, is too long; what is the object itself, has no field.
	if (quota == QUOTA_RULES || quota == QUOTA_ROUTES)
		error_set_field(error, "%s", quota_name(quota));
	else if (quota == QUOTA_PREFIXES)
		error_set_field(error, "addresses");
	return error_set(error, EDQUOT,
		"the quota of tenant %s is %u %s (quotas.%s of tenants/%s), and this would make "
		"%llu",
		after->tenant, too_many - 1, quota_name(quota), quota_name(quota), after->tenant,
		(unsigned long long)usage->held[quota]);
}

// A tenant that holds more than its quota, since that was lowered, may change and delete what it
// has.
static int check_quotas(const struct transaction *transaction, struct error *error)
{
	int result = 0;
	for
		each_operation(operation, transaction)
		{
			if (!operation->after || !operation->after->tenant || operation->unchanged)
				continue;
			for (int i = 0; !result && i < QUOTA_COUNT; i++)
				result = quota_check(
					transaction->catalog, operation, (enum quota)i, error);
			if (result)
				return result;
		}
	return 0;
}

static int claim(struct transaction *transaction, struct error *error)
{
	int result = 0;
	for
		each_operation(operation, transaction)
		{
			if (operation->after && !operation->unchanged)
				result = claims_take(
					&transaction->catalog->claims, operation->record, error);
			if (result)
				return result;
		}
	return 0;
}

// All explicit claims before any allocation: what somebody wrote is never given to another.
static int claim_and_allocate(struct transaction *transaction, struct error *error)
{
	int result = claim(transaction, error);
	if (!result)
		result = check_placements(transaction, error);
	if (result)
		return result;
	for
		each_operation(operation, transaction)
		{
			if (operation->after && !operation->unchanged)
				result = allocate(
					&transaction->allocation, operation->record, error);
			if (result)
				return result;
		}
	return 0;
}

// An address asked for anew may turn out as it was: then the old version stays, with its revision.
static bool turned_out_equal(struct operation *operation, bool foreign)
{
	// What another one has stored carries its revision, so it counts even if it says the same.
	if (foreign && !operation->rechecked)
		return false;
	if (!operation->before || !operation->after ||
		!object_equal(operation->before, operation->after))
		return false;
	object_unref(operation->record->object);
	operation->record->object = object_ref(operation->before);
	object_unref(operation->after);
	operation->after = object_ref(operation->before);
	return true;
}

static void collect_changes(struct transaction *transaction)
{
	transaction->changes =
		memory_new(transaction->operations.count * sizeof(*transaction->changes));
	for
		each_operation(operation,
			transaction) if (!operation->unchanged &&
					 !turned_out_equal(operation, transaction->foreign))
			transaction->changes[transaction->change_count++] = (struct catalog_change){
			.before = operation->before, .after = operation->after};
}

int transaction_prepare(struct transaction *transaction, struct error *error)
{
	int result = check_successions(transaction, error);
	if (result)
		return result;
	recheck_routers(transaction);
	apply(transaction);
	result = check_references(transaction, error);
	if (!result)
		result = check_quotas(transaction, error);
	if (!result)
		result = claim_and_allocate(transaction, error);
	if (result)
		revert(transaction);
	else
		collect_changes(transaction);
	return result;
}

void transaction_withdraw(struct transaction *transaction)
{
	allocation_withdraw(&transaction->allocation);
	put_back(transaction);
	transaction->withdrawn = true;
	transaction->catalog->busy = false;
}

int transaction_adopt(struct transaction *transaction, struct error *error)
{
	transaction->catalog->busy = true;
	transaction->foreign = !transaction->withdrawn;
	if (transaction->foreign)
		recheck_routers(transaction);
	apply(transaction);
	int result = claim(transaction, error);
	if (result)
		revert(transaction);
	else if (transaction->foreign)
		collect_changes(transaction);
	else
		allocation_restore(&transaction->allocation);
	transaction->withdrawn = false;
	return result;
}

size_t transaction_changes(const struct transaction *transaction, const struct catalog_change **out)
{
	*out = transaction->changes;
	return transaction->change_count;
}

void transaction_warnings(const struct transaction *transaction, warning_visit visit, void *context)
{
	warnings_find(transaction->catalog, transaction->changes, transaction->change_count, visit,
		context);
}

// ---- the end ----

static void transaction_free(struct transaction *transaction)
{
	struct catalog *catalog = transaction->catalog;
	for
		each_operation(operation, transaction)
		{
			record_unpin(&catalog->records, operation->record);
			object_unref(operation->before);
			object_unref(operation->after);
		}
	index_done(&transaction->operations);
	allocation_commit(&transaction->allocation);
	free(transaction->changes);
	free(transaction);
	catalog->busy = false;
}

void transaction_commit(struct transaction *transaction, uint64_t revision)
{
	for (size_t i = 0; !transaction->foreign && i < transaction->change_count; i++)
		if (transaction->changes[i].after)
			transaction->changes[i].after->revision = revision;
	for
		each_operation(operation, transaction)
		{
			if (operation->unchanged)
				continue;
			if (!operation->after)
				allocation_release(transaction->catalog, operation->before);
			else if (operation->after->kind == MODEL_NETWORK)
				allocation_prune(operation->record);
		}
	transaction_free(transaction);
}

void transaction_abort(struct transaction *transaction)
{
	revert(transaction);
	transaction_free(transaction);
}
