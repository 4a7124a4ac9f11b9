// SPDX-License-Identifier: Apache-2.0
// A handle of a store on etcd.
//
// etcd holds a log; each handle plays it into a copy of its own, by which all reads and compares are
// answered. The whole design is in docs/design/store.md.
#pragma once

#include "../provider.h"
#include "body.h"
#include "client.h"
#include "header.h"
#include "lease.h"
#include "location.h"
#include "watch.h"

struct store_of_etcd {
	struct store store; // revision and compacted: the copy's
	struct etcd_location *location;
	struct etcd_client *client;
	struct etcd_watch *watch;
	struct duties *duties;
	struct checkpoint *checkpoint; // of a compaction under way; NULL: there is none
	struct store *copy;            // SQLite's
	char id[ETCD_ID];              // of the store in etcd
	char entry[ETCD_ID];           // of the log entry of `revision`
};

static inline struct store_of_etcd *store_of_etcd(struct store *store)
{
	return (struct store_of_etcd *)store;
}

// ---- taking in (take.c) ----

// What a transaction reads to hear of all that is newer than `revision`: append to `operations`.
void etcd_news_request(const struct store_of_etcd *self, json_t *operations);
// Take in the answer (stolen) to that, and read on until there is nothing newer. Errors as
// store_refresh.
int etcd_news_take(struct store_of_etcd *self, json_t *answer, struct error *error);
// Both.
int etcd_news(struct store_of_etcd *self, struct error *error);
// The copy has changed: revision, compacted and what the history takes follow it. `entry` is what
// was added to the log, its records taking `packed` bytes where they stand in it; NULL: nothing.
void etcd_follow(struct store_of_etcd *self, const struct etcd_header *entry, size_t packed);

// ---- writing (commit.c, compact.c) ----

int etcd_commit(struct store *store, const struct store_compare *compares, size_t compare_count,
	const struct store_operation *operations, size_t operation_count, struct error *error);
int etcd_compact(struct store *store, uint64_t revision, struct error *error);
void checkpoint_free(struct checkpoint *checkpoint); // NULL is fine
int etcd_fill(struct store *store, uint64_t revision, store_next next, void *context,
	struct error *error);
// Delete what nobody claims: pieces of writers that died, and what the base has made superfluous.
int etcd_collect(struct store_of_etcd *self, struct error *error);
