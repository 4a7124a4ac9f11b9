// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// Remove connections that have been silent too long. Whoever walks the tables names rows; here they are looked at once more, so that
// one which spoke meanwhile stays, and what they counted for is given back by the same atomic operations that took it.
#pragma once

#include "core/connection.h"

// 1: removed.
static inline int expire_connection(struct seam *seam, const struct dp_tuple *tuple, __u64 now)
{
	const struct dp_connection *connection = seam_state_connection(seam, tuple);

	if (!connection || !dp_connection_expired(tuple, connection, now))
		return 0;
	__u32 first = connection->ports[0], second = connection->ports[1];
	__u32 tenant = connection->tenant;
	if (seam_remove_connection(seam, tuple) < 0)
		return 0;
	connection_uncount(seam, first);
	connection_uncount(seam, second);
	share_give(seam, tenant, DP_SHARED_CONNECTION);
	return 1;
}

// The same with a bucket. One that gets a connection just now loses it: the packet that comes next is judged as the first one was.
static inline int expire_embryo(struct seam *seam, const struct dp_embryo_key *key, __u64 now)
{
	struct dp_embryo *embryo = seam_state_embryo(seam, key);

	if (!embryo)
		return 0;
	seam_lock(seam, embryo);
	bool expired = dp_embryo_expired(embryo, now);
	seam_unlock(seam, embryo);
	if (!expired || seam_remove_embryo(seam, key) < 0)
		return 0;
	share_give(seam, dp_embryo_tenant(key), DP_SHARED_EMBRYO);
	return 1;
}
