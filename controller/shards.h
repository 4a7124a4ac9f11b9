// SPDX-License-Identifier: Apache-2.0
// The connections of one listening socket, dealt to servers of libmicrohttpd that have few each.
//
// libmicrohttpd goes through all connections of a server that are set aside whenever one of them is
// taken up again, and the stream of every host is set aside most of the time. With many small
// servers that costs the same however many hosts there are. They are started as they are needed.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"

struct MHD_Connection;
struct MHD_Daemon;
struct shard;   // one server
struct shards;  // all of a listening socket
struct arrival; // a connection that has not asked for anything yet

enum { SHARD_CONNECTIONS = 64 }; // at most, of one server

struct shards_options {
	size_t connections; // in all; who comes then waits until there is room
	size_t per_address; // of an IP address; more are closed; 0: as many as there are
	// Of those, connections that have not asked for anything yet, as their handshake is under way: who
	// takes 20 seconds for it is disconnected, and where there are so many, who has taken two
	// seconds gives way to the next; 0: as many, and as long, as they like.
	size_t arriving;
	// A server that neither listens nor has threads, which calls shard_connected and
	// shard_disconnected; NULL: it cannot be started.
	struct MHD_Daemon *(*start)(void *context, struct shard *shard);
	void *context;
};

// Takes the descriptor, also where it fails (EIO: the first server does not start).
int shards_open(struct shards **out, uv_loop_t *loop, int fd, const struct shards_options *options,
	struct error *error);
// Accept nobody any more: the listening socket is closed.
void shards_shut(struct shards *shards);
// Let every server do what it can do at once.
void shards_run(struct shards *shards);
// End the servers and what they serve; none of it may be set aside. NULL is fine.
void shards_close(struct shards *shards);

void *shard_context(const struct shard *shard);
// One of its connections was taken up again.
void shard_resumed(struct shard *shard);
// To be called when libmicrohttpd says so, and when the first request has come. The arrival (may be NULL)
// goes with the connection.
struct arrival *shard_connected(struct shard *shard, struct MHD_Connection *connection);
void shard_asked(struct shard *shard, struct arrival *arrival);
void shard_disconnected(
	struct shard *shard, struct MHD_Connection *connection, struct arrival *arrival);
// How many connections were closed as there were too many of an address or they took too long to ask.
uint64_t shards_turned_away(const struct shards *shards);
