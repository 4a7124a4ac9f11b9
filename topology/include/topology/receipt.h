// SPDX-License-Identifier: Apache-2.0
// Receipts: for each revision, which hosts must realize it, and which have. Pure logic, no I/O, no
// clock of its own: `now` is the caller's monotonic time in milliseconds.
//
// A host that acknowledges revision r has realized every revision up to r that concerns it. The last
// `RECEIPT_KEEP` revisions are kept with their hosts; of an older or never seen one all known hosts
// are asked: those have realized it that have acknowledged it, and those that owe nothing that might
// be it. Never blocked by a dead host: a receipt is answered at any time, partial if need be.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RECEIPT_KEEP = 4096 };

struct receipts;

void receipts_new(struct receipts **out);
void receipts_free(struct receipts *receipts);

// A host exists and must answer (managed), or no longer. One that is removed is not waited for, and
// one that is added again owes nothing from before, save for revisions that are judged by all hosts.
void receipts_host_add(struct receipts *receipts, const char *host);
void receipts_host_remove(struct receipts *receipts, const char *host);
// The host's stream is up or down, since `now`.
void receipts_host_connected(
	struct receipts *receipts, const char *host, bool connected, uint64_t now);

// This process begins to know at `revision`: whom it and those before it concerned nobody says, so
// all hosts that were added owe it until they say that they have it. Once, before anything is expected.
void receipts_begin(struct receipts *receipts, uint64_t revision, uint64_t now);
// Revision `revision` was committed and concerns these hosts (of which unknown ones are left out).
// Each revision once, in order.
void receipts_expect(struct receipts *receipts, uint64_t revision, const char *const *hosts,
	size_t count, uint64_t now);
// `host` reports that everything up to `revision` is realized. A smaller number than before is a
// host that restarted and counts (state may have been lost): the host is then late again. `failure`
// is NULL or why it cannot realize what it was sent; kept by copy until the next report.
void receipts_realized(struct receipts *receipts, const char *host, uint64_t revision,
	const char *failure, uint64_t now);

// Of what the host is known to have to realize, is anything open? Unknown hosts: true.
bool receipts_owes(const struct receipts *receipts, const char *host);
// Another process that has told the host says so: it has realized everything up to `revision` that
// concerns it, of which this one may not have known. Counts until the host loses what it has.
void receipts_settled(struct receipts *receipts, const char *host, uint64_t revision);

struct receipt_pending {
	const char *host;
	uint64_t realized; // the last revision that it acknowledged
	bool connected;
	uint64_t since_ms;   // how long it has been late: since the commit, or since it restarted
	const char *failure; // NULL, or what it reported
};

struct receipt {
	uint64_t revision;
	size_t required, realized;
	size_t pending_count;
	struct receipt_pending *pending; // sorted by host; strings borrowed until the next call
};

// Fill `out` (release with receipt_done). `committed` is the newest revision: a later one is -ERANGE.
int receipts_get(const struct receipts *receipts, uint64_t revision, uint64_t committed,
	uint64_t now, struct receipt *out);
void receipt_done(struct receipt *receipt);
bool receipt_complete(const struct receipt *receipt);

// How all hosts are. `visit` is called for each that is late with something, or not connected;
// `pending` and its strings are borrowed for the call, since_ms is 0 where it is not late. Cost: all
// hosts, and those of all revisions that the latest host may owe.
struct receipt_survey {
	size_t hosts, connected, late;
	size_t outstanding; // revisions that some host has not realized
};
typedef void (*receipts_visit)(void *context, const struct receipt_pending *pending, bool late);
struct receipt_survey receipts_survey(
	const struct receipts *receipts, uint64_t now, receipts_visit visit, void *context);

// For whoever waits: is the receipt complete? `watch` begins as {revision} and remembers one host
// that had not realized it, so that to ask again after every report costs all hosts together little
// more than one look at each.
struct receipt_watch {
	uint64_t revision;
	uint32_t host; // private
};
bool receipt_watch_complete(const struct receipts *receipts, struct receipt_watch *watch);
