// SPDX-License-Identifier: Apache-2.0
// A controller of one's own, another process of this binary; it ends with this one.
#pragma once

#include <sys/types.h>

#include "base/error.h"

struct server {
	pid_t process;
	int ready;     // where it says that it listens; -1: it has
	char *folder;  // its socket and log, and the store unless that is elsewhere
	char *address; // "unix:/…/weft.sock"
	char *store;
};

// `store` NULL: SQLite in the folder. It listens once server_ready says so; by then the store is
// loaded.
int server_start(struct server *server, const char *store, struct error *error);
// Kill it, as a crash would, and start it again on its store.
int server_restart(struct server *server, struct error *error);
// 1, or 0: not yet. -EIO: it has ended; `error` tells its last words.
int server_ready(struct server *server, struct error *error);
// End it and remove the folder.
void server_stop(struct server *server);
