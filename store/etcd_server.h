// SPDX-License-Identifier: Apache-2.0
// A real etcd for tests: one member on loopback, in a folder of its own, without syncing. It ends
// with the process that started it, however that ends.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct etcd_server {
	pid_t process;
	unsigned short port, peer_port;
	char *directory;
	const char *quota; // of the database, in bytes; NULL: etcd's default. Set before the start
};

// Fails the test, with etcd's own words, if there is no etcd or it does not answer.
void etcd_server_start(struct etcd_server *server);
// Kill it; what it stored stays, for another start.
void etcd_server_kill(struct etcd_server *server);
void etcd_server_remove(struct etcd_server *server);

// A port of loopback that nobody listens on.
unsigned short etcd_server_free_port(void);

// POST `body` to it; the answer as text, to be freed.
char *etcd_server_ask(const struct etcd_server *server, const char *path, const char *body);
// The number of keys that begin with `prefix`.
int etcd_server_count(const struct etcd_server *server, const char *prefix);
void etcd_server_put(
	const struct etcd_server *server, const char *key, const void *value, size_t length);
void etcd_server_delete(const struct etcd_server *server, const char *prefix);
