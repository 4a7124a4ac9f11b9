// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// Remove connections that have been silent too long. Whoever walks the table names them; here they are looked at once more, so that
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
	if (seam_remove_connection(seam, tuple) < 0)
		return 0;
	connection_uncount(seam, first);
	connection_uncount(seam, second);
	return 1;
}
