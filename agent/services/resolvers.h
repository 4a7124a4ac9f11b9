// SPDX-License-Identifier: Apache-2.0
// The name servers of this host, as /etc/resolv.conf has them.
#pragma once

#include <time.h>

#include "model/object.h"

enum { RESOLVERS = 3 /* as many as resolv.conf(5) allows */ };

struct resolvers {
	struct address items[RESOLVERS];
	size_t count;
	struct timespec changed; // of the file, when it was read
};

// Reads the file again if it has changed.
void resolvers_refresh(struct resolvers *resolvers, const char *path);
