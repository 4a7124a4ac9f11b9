// SPDX-License-Identifier: Apache-2.0
#include "topology/receipt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/table.h"

struct receipt_host {
	char *name;
	uint32_t id; // never used twice: a host that is added again is another one
	bool connected;
	uint64_t realized;
	uint64_t settled;    // up to this it has realized all that concerns it, by another's word
	uint64_t since;      // when it was added, or last lost what it had realized
	uint64_t expected;   // the newest revision that concerns it; 0: none that is known
	uint64_t owed;       // while it owes: the first revision that it may not have realized
	uint64_t owed_since; // when that was
	char *failure;
	UT_hash_handle hh;    // by name
	UT_hash_handle hh_id; // by id
};

// A revision and the hosts that it concerns.
struct expectation {
	uint64_t revision, time;
	UT_hash_handle hh; // in order of revisions
	size_t count;
	uint32_t hosts[]; // ids, of which some may be gone by now
};

struct receipts {
	struct receipt_host *hosts, *hosts_by_id;
	struct expectation *expectations;
	uint32_t ids;
	uint64_t started, latest; // the first and the last time that was told; 0: none yet
	uint64_t known, told;     // from the one to the other all revisions were told; 0: none yet
};

void receipts_new(struct receipts **out)
{
	*out = memory_new(sizeof(**out));
}

static void free_host(struct receipts *receipts, struct receipt_host *host)
{
	HASH_DELETE(hh, receipts->hosts, host);
	HASH_DELETE(hh_id, receipts->hosts_by_id, host);
	free(host->name);
	free(host->failure);
	free(host);
}

void receipts_free(struct receipts *receipts)
{
	if (!receipts)
		return;
	struct receipt_host *host, *next_host;
	HASH_ITER (hh, receipts->hosts, host, next_host)
		free_host(receipts, host);
	struct expectation *expectation, *next;
	HASH_ITER (hh, receipts->expectations, expectation, next) {
		HASH_DEL(receipts->expectations, expectation);
		free(expectation);
	}
	free(receipts);
}

// ---- what happens ----

static void note_time(struct receipts *receipts, uint64_t now)
{
	if (!receipts->started)
		receipts->started = now;
	receipts->latest = now;
}

static struct receipt_host *find_host(const struct receipts *receipts, const char *name)
{
	struct receipt_host *host;
	HASH_FIND_STR(receipts->hosts, name, host);
	return host;
}

void receipts_host_add(struct receipts *receipts, const char *name)
{
	if (find_host(receipts, name))
		return;
	struct receipt_host *host = memory_new(sizeof(*host));
	host->name = memory_text(name);
	host->id = ++receipts->ids;
	host->since = receipts->latest;
	HASH_ADD_KEYPTR(hh, receipts->hosts, host->name, strlen(host->name), host);
	HASH_ADD(hh_id, receipts->hosts_by_id, id, sizeof(host->id), host);
}

void receipts_host_remove(struct receipts *receipts, const char *name)
{
	struct receipt_host *host = find_host(receipts, name);
	if (host)
		free_host(receipts, host);
}

void receipts_host_connected(
	struct receipts *receipts, const char *name, bool connected, uint64_t now)
{
	struct receipt_host *host = find_host(receipts, name);
	note_time(receipts, now);
	if (host)
		host->connected = connected;
}

static int compare_ids(const void *first, const void *second)
{
	uint32_t a = *(const uint32_t *)first, b = *(const uint32_t *)second;
	return a < b ? -1 : a > b;
}

static size_t sort_unique(uint32_t *ids, size_t count)
{
	size_t kept = 0;
	qsort(ids, count, sizeof(*ids), compare_ids);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || ids[kept - 1] != ids[i])
			ids[kept++] = ids[i];
	return kept;
}

// Up to which revision it has realized all that concerns it.
static uint64_t reached(const struct receipt_host *host)
{
	return host->realized > host->settled ? host->realized : host->settled;
}

static bool owes(const struct receipt_host *host)
{
	return reached(host) < host->expected;
}

static struct expectation *new_expectation(uint64_t revision, size_t hosts, uint64_t now)
{
	struct expectation *expectation =
		memory_new(sizeof(*expectation) + hosts * sizeof(*expectation->hosts));
	expectation->revision = revision;
	expectation->time = now;
	return expectation;
}

// There is room for it.
static void expect_host(
	struct receipts *receipts, struct expectation *expectation, struct receipt_host *host)
{
	if (!owes(host)) {
		host->owed = receipts->told + 1;
		host->owed_since = expectation->time;
	}
	host->expected = expectation->revision;
	expectation->hosts[expectation->count++] = host->id;
}

static void add_expectation(struct receipts *receipts, struct expectation *expectation)
{
	expectation->count = sort_unique(expectation->hosts, expectation->count);
	HASH_ADD(hh, receipts->expectations, revision, sizeof(expectation->revision), expectation);
	receipts->told = expectation->revision;
	note_time(receipts, expectation->time);
	if (HASH_COUNT(receipts->expectations) > RECEIPT_KEEP) {
		struct expectation *oldest = receipts->expectations;
		HASH_DEL(receipts->expectations, oldest);
		free(oldest);
	}
}

void receipts_begin(struct receipts *receipts, uint64_t revision, uint64_t now)
{
	struct expectation *expectation =
		new_expectation(revision, HASH_COUNT(receipts->hosts), now);
	for (struct receipt_host *host = receipts->hosts; host; host = host->hh.next)
		expect_host(receipts, expectation, host);
	receipts->known = revision + 1;
	add_expectation(receipts, expectation);
}

void receipts_expect(struct receipts *receipts, uint64_t revision, const char *const *hosts,
	size_t count, uint64_t now)
{
	struct expectation *expectation = new_expectation(revision, count, now);
	for (size_t i = 0; i < count; i++) {
		struct receipt_host *host = find_host(receipts, hosts[i]);
		if (host)
			expect_host(receipts, expectation, host);
	}
	if (!receipts->known)
		receipts->known = revision;
	add_expectation(receipts, expectation);
}

void receipts_realized(struct receipts *receipts, const char *name, uint64_t revision,
	const char *failure, uint64_t now)
{
	struct receipt_host *host = find_host(receipts, name);
	note_time(receipts, now);
	if (!host)
		return;
	bool lost = revision < host->realized;
	if (lost) {
		host->since = host->owed_since = now;
		host->settled = 0;
	}
	if (lost || revision >= host->owed)
		host->owed = revision + 1;
	host->realized = revision;
	free(host->failure);
	host->failure = memory_text(failure);
}

static bool has_realized(const struct receipt_host *host, uint64_t revision)
{
	return reached(host) >= revision;
}

// Of a revision of which nobody knows (any more) whom it concerned: a host that has realized all that
// was told before this process knew, and all that it was told since, has realized that too.
static bool has_realized_unknown(
	const struct receipts *receipts, const struct receipt_host *host, uint64_t revision)
{
	if (has_realized(host, revision))
		return true;
	return receipts->known && reached(host) + 1 >= receipts->known &&
	       revision <= receipts->told && (!owes(host) || revision < host->owed);
}

bool receipts_owes(const struct receipts *receipts, const char *name)
{
	const struct receipt_host *host = find_host(receipts, name);
	return !host || owes(host);
}

void receipts_settled(struct receipts *receipts, const char *name, uint64_t revision)
{
	struct receipt_host *host = find_host(receipts, name);
	if (host && revision > host->settled)
		host->settled = revision;
}

// ---- all hosts ----

static bool is_outstanding(const struct receipts *receipts, const struct expectation *expectation)
{
	for (size_t i = 0; i < expectation->count; i++) {
		struct receipt_host *host;
		HASH_FIND(hh_id, receipts->hosts_by_id, &expectation->hosts[i],
			sizeof(expectation->hosts[i]), host);
		if (host && !has_realized(host, expectation->revision))
			return true;
	}
	return false;
}

struct receipt_survey receipts_survey(
	const struct receipts *receipts, uint64_t now, receipts_visit visit, void *context)
{
	struct receipt_survey survey = {.hosts = HASH_COUNT(receipts->hosts)};
	uint64_t lowest = UINT64_MAX; // that a late host has realized
	const struct receipt_host *host;
	for (host = receipts->hosts; host; host = host->hh.next) {
		bool late = owes(host);
		survey.connected += host->connected;
		survey.late += late;
		if (late && reached(host) < lowest)
			lowest = reached(host);
		if (!late && host->connected)
			continue;
		const struct receipt_pending pending = {
			.host = host->name,
			.realized = host->realized,
			.connected = host->connected,
			.since_ms = late ? now - host->owed_since : 0,
			.failure = host->failure,
		};
		visit(context, &pending, late);
	}
	const struct expectation *expectation;
	for (expectation = receipts->expectations; expectation; expectation = expectation->hh.next)
		survey.outstanding +=
			expectation->revision > lowest && is_outstanding(receipts, expectation);
	return survey;
}

// ---- the answer ----

static int compare_pending(const void *first, const void *second)
{
	const struct receipt_pending *a = first, *b = second;
	return strcmp(a->host, b->host);
}

// `late_from`: before that the host could not be late.
static void judge(struct receipt *receipt, const struct receipt_host *host, bool realized,
	uint64_t late_from, uint64_t now)
{
	receipt->required++;
	if (realized) {
		receipt->realized++;
		return;
	}
	uint64_t since = host->since > late_from ? host->since : late_from;
	receipt->pending[receipt->pending_count++] = (struct receipt_pending){
		.host = host->name,
		.realized = host->realized,
		.connected = host->connected,
		.since_ms = since && now > since ? now - since : 0,
		.failure = host->failure,
	};
}

int receipts_get(const struct receipts *receipts, uint64_t revision, uint64_t committed,
	uint64_t now, struct receipt *out)
{
	if (revision > committed)
		return -ERANGE;
	struct expectation *expectation;
	HASH_FIND(hh, receipts->expectations, &revision, sizeof(revision), expectation);
	size_t most = expectation ? expectation->count : HASH_COUNT(receipts->hosts);
	struct receipt receipt = {.revision = revision};
	receipt.pending = memory_new((most + 1) * sizeof(*receipt.pending));
	struct receipt_host *host;
	if (expectation) {
		for (size_t i = 0; i < expectation->count; i++) {
			HASH_FIND(hh_id, receipts->hosts_by_id, &expectation->hosts[i],
				sizeof(expectation->hosts[i]), host);
			if (host)
				judge(&receipt, host, has_realized(host, revision),
					expectation->time, now);
		}
	} else {
		for (host = receipts->hosts; host; host = host->hh.next)
			judge(&receipt, host, has_realized_unknown(receipts, host, revision),
				receipts->started, now);
	}
	qsort(receipt.pending, receipt.pending_count, sizeof(*receipt.pending), compare_pending);
	*out = receipt;
	return 0;
}

void receipt_done(struct receipt *receipt)
{
	free(receipt->pending);
	receipt->pending = NULL;
}

bool receipt_complete(const struct receipt *receipt)
{
	return receipt->pending_count == 0;
}

// ---- the same, for those who wait ----

// Where the id is in the list; 0 if it is not there.
static size_t find_id(const struct expectation *expectation, uint32_t id)
{
	const uint32_t *found =
		bsearch(&id, expectation->hosts, expectation->count, sizeof(id), compare_ids);
	return found ? (size_t)(found - expectation->hosts) : 0;
}

// Go round from the one that was late: who is now?
static uint32_t next_expected(const struct receipts *receipts,
	const struct expectation *expectation, const struct receipt_watch *watch)
{
	size_t start = find_id(expectation, watch->host);
	for (size_t i = 0; i < expectation->count; i++) {
		uint32_t id = expectation->hosts[(start + i) % expectation->count];
		struct receipt_host *host;
		HASH_FIND(hh_id, receipts->hosts_by_id, &id, sizeof(id), host);
		if (host && !has_realized(host, watch->revision))
			return id;
	}
	return 0;
}

static uint32_t next_of_all(const struct receipts *receipts, const struct receipt_watch *watch)
{
	struct receipt_host *host, *start;
	HASH_FIND(hh_id, receipts->hosts_by_id, &watch->host, sizeof(watch->host), start);
	for (host = start; host; host = host->hh_id.next)
		if (!has_realized_unknown(receipts, host, watch->revision))
			return host->id;
	for (host = receipts->hosts_by_id; host && host != start; host = host->hh_id.next)
		if (!has_realized_unknown(receipts, host, watch->revision))
			return host->id;
	return 0;
}

bool receipt_watch_complete(const struct receipts *receipts, struct receipt_watch *watch)
{
	struct expectation *expectation;
	HASH_FIND(
		hh, receipts->expectations, &watch->revision, sizeof(watch->revision), expectation);
	watch->host = expectation ? next_expected(receipts, expectation, watch)
				  : next_of_all(receipts, watch);
	return !watch->host;
}
