// SPDX-License-Identifier: Apache-2.0
// Snapshots: all that a host needs, as lines, made while the host reads them.
//
// A snapshot holds the rolls of its host (topology/topology.h): lists that all hosts of a segment
// share, as they were when the snapshot began. From them it makes *chunks*, about 16 KiB of lines
// each, which are kept for the next host, so that ten thousand hosts that start together do not have
// a port encoded once for each of its neighbors. What is kept is bounded: the chunk that was unused
// longest goes first, and all go once nobody starts any more.
//
// A host that does not read costs its list of rolls and one chunk.
#pragma once

#include "bytes.h"
#include "topology/topology.h"

struct snapshots; // what is kept of the chunks

// Keeps `limit` bytes of lines at most.
void snapshots_new(struct snapshots **out, size_t limit);
// No snapshot may be under way.
void snapshots_free(struct snapshots *snapshots);
// It is `now`, monotonic milliseconds. Forget some of the chunks that nobody has used for ten seconds;
// to be called some times a second.
void snapshots_sweep(struct snapshots *snapshots, uint64_t now);
// Objects encoded since the start.
uint64_t snapshots_encoded(const struct snapshots *snapshots);

struct snapshot;

// As of now. Hosts may come more than once in it, each time the same.
void snapshot_begin(struct snapshot **out, struct snapshots *snapshots, struct topology *topology,
	const char *host);
// The next lines, a reference of the caller's; NULL at the end.
struct bytes *snapshot_next(struct snapshot *snapshot);
void snapshot_end(struct snapshot *snapshot); // NULL is fine
