// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// What a tenant may take of what all tenants of a host share.
//
// Of the rows of a table that packets fill: as many as are free. So one tenant alone gets half of them, two that take all they can get
// a third each, and whoever comes after n of those finds as much free as each of them has. Nobody has to be told how many tenants
// there are, nor what they need (dynamic thresholds: Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet
// Switches", IEEE/ACM Transactions on Networking, 1998). CPUs that race may take a row more each.
//
// Of what the agent is told: an allowance beside that of the port or the rule, so that many of these cannot keep it busy alone.
#pragma once

#include "core/seam.h"

static inline struct dp_share *share_of(struct seam *seam, __u32 tenant)
{
	return seam_make_share(seam, &tenant);
}

static inline __u32 share_room(enum dp_shared table)
{
	return table == DP_SHARED_CONNECTION ? DP_CONNECTIONS : DP_EMBRYOS;
}

static inline void share_give(struct seam *seam, __u32 tenant, enum dp_shared table)
{
	struct dp_share *own = tenant ? share_of(seam, tenant) : NULL, *all = share_of(seam, 0);

	if (!own || !all)
		return;
	__sync_fetch_and_sub(&own->rows[table], 1);
	__sync_fetch_and_sub(&all->rows[table], 1);
}

// May the tenant have one more row? It has, until it is given.
static inline bool share_take(struct seam *seam, __u32 tenant, enum dp_shared table)
{
	struct dp_share *own = tenant ? share_of(seam, tenant) : NULL, *all = share_of(seam, 0);

	if (!own || !all)
		return true;
	__u32 has = __sync_fetch_and_add(&own->rows[table], 1);
	__u32 taken = __sync_fetch_and_add(&all->rows[table], 1);
	if (has + taken < share_room(table))
		return true;
	share_give(seam, tenant, table);
	return false;
}

static inline bool share_is_taken(struct seam *seam, __u32 tenant, enum dp_shared table)
{
	const struct dp_share *own = tenant ? share_of(seam, tenant) : NULL,
			      *all = share_of(seam, 0);

	return own && all && own->rows[table] + all->rows[table] >= share_room(table);
}

// Packets for the agent's services, and decisions for its log: so many of a tenant at once, and so many a second.
enum {
	SHARE_PUNT_BURST = 200,
	SHARE_PUNT_INTERVAL = 1000000, // nanoseconds: 1,000 a second
	SHARE_LOG_BURST = 100,
	SHARE_LOG_INTERVAL = 10000000, // 100 a second
};

// The tenant of a port of this host.
static inline struct dp_share *share_of_port(struct seam *seam, __u32 port)
{
	const struct dp_guard *guard = seam_find_guard(seam, &port);
	__u32 tenant = guard ? guard->tenant : 0;

	return tenant ? share_of(seam, tenant) : NULL;
}

static inline bool share_allows_punt(struct seam *seam, __u32 port, __u64 now)
{
	struct dp_share *share = share_of_port(seam, port);

	return !share || dp_bucket_take(&share->punts, now, SHARE_PUNT_INTERVAL,
				 (__u64)SHARE_PUNT_INTERVAL * SHARE_PUNT_BURST);
}

static inline bool share_allows_log(struct seam *seam, __u32 port, __u64 now)
{
	struct dp_share *share = share_of_port(seam, port);

	return !share || dp_bucket_take(&share->logs, now, SHARE_LOG_INTERVAL,
				 (__u64)SHARE_LOG_INTERVAL * SHARE_LOG_BURST);
}
