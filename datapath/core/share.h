// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// What a tenant may take of what all tenants of a host share.
//
// Of the rows of a table that packets fill: as many as are free. So one tenant alone gets half of them, two that take all they can get
// a third each, and whoever comes after n of those finds as much free as each of them has. Nobody has to be told how many tenants
// there are, nor what they need (dynamic thresholds: Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet
// Switches", IEEE/ACM Transactions on Networking, 1998). CPUs that race may take a row more each.
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
