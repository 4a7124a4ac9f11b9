// SPDX-License-Identifier: Apache-2.0
#include "snapshot.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/memory.h"
#include "base/table.h"
#include "line.h"

enum { CHUNK_BYTES = 16 << 10 };

struct chunk {
	struct {
		struct topology_roll *roll;
		size_t first;
	} key;
	size_t after; // the first object that is not in it
	struct bytes *bytes;
	uint64_t used_ms; // when last, by the caller's clock
	struct chunk *prev, *next;
	UT_hash_handle hh;
};

struct snapshots {
	size_t limit, size;
	uint64_t now; // of the caller's clock, when it was told last
	uint64_t encoded;
	struct chunk *chunks; // by key
	struct chunk *oldest; // the same, by their last use
	struct writer writer;
};

struct snapshot {
	struct snapshots *snapshots;
	struct topology_roll **rolls;
	size_t count;
	size_t roll, object; // where it is
};

// ---- chunks ----

static void chunk_forget(struct snapshots *snapshots, struct chunk *chunk)
{
	HASH_DEL(snapshots->chunks, chunk);
	DL_DELETE(snapshots->oldest, chunk);
	snapshots->size -= chunk->bytes->length;
	bytes_unref(chunk->bytes);
	topology_roll_unref(chunk->key.roll);
	free(chunk);
}

static struct bytes *encode(
	struct snapshots *snapshots, const struct topology_roll *roll, size_t first, size_t *after)
{
	struct writer *writer = &snapshots->writer;
	writer->length = 0;
	for (*after = first; *after < roll->count && writer->length < CHUNK_BYTES; ++*after)
		line_put_to(writer, roll->objects[*after]);
	snapshots->encoded += *after - first;
	return bytes_copy(writer->text, writer->length);
}

static struct chunk *chunk_find(
	struct snapshots *snapshots, struct topology_roll *roll, size_t first)
{
	struct chunk key = {0}, *chunk;
	key.key.roll = roll;
	key.key.first = first;
	HASH_FIND(hh, snapshots->chunks, &key.key, sizeof(key.key), chunk);
	if (chunk) {
		DL_DELETE(snapshots->oldest, chunk);
		DL_APPEND(snapshots->oldest, chunk);
	}
	return chunk;
}

static void chunk_keep(struct snapshots *snapshots, struct topology_roll *roll, size_t first,
	size_t after, struct bytes *bytes)
{
	struct chunk *chunk = memory_new(sizeof(*chunk));
	chunk->key.roll = roll;
	chunk->key.first = first;
	chunk->after = after;
	chunk->bytes = bytes_ref(bytes);
	chunk->used_ms = snapshots->now;
	roll->references++;
	HASH_ADD(hh, snapshots->chunks, key, sizeof(chunk->key), chunk);
	DL_APPEND(snapshots->oldest, chunk);
	snapshots->size += bytes->length;
	while (snapshots->size > snapshots->limit)
		chunk_forget(snapshots, snapshots->oldest);
}

// Lines from `first` on, and where the next begin. What one host alone needs is not kept.
static struct bytes *lines_from(
	struct snapshots *snapshots, struct topology_roll *roll, size_t first, size_t *after)
{
	struct chunk *chunk = chunk_find(snapshots, roll, first);
	if (chunk) {
		chunk->used_ms = snapshots->now;
		*after = chunk->after;
		return bytes_ref(chunk->bytes);
	}
	struct bytes *bytes = encode(snapshots, roll, first, after);
	if (roll->hosts != 1)
		chunk_keep(snapshots, roll, first, *after, bytes);
	return bytes;
}

// ---- all of them ----

void snapshots_new(struct snapshots **out, size_t limit)
{
	struct snapshots *snapshots = memory_new(sizeof(*snapshots));
	snapshots->limit = limit;
	*out = snapshots;
}

void snapshots_free(struct snapshots *snapshots)
{
	if (!snapshots)
		return;
	while (snapshots->oldest)
		chunk_forget(snapshots, snapshots->oldest);
	writer_done(&snapshots->writer);
	free(snapshots);
}

// To give back a hundred megabytes at once takes as long as some changes.
enum { KEPT_MS = 10000, FORGOTTEN_AT_ONCE = 16 };

void snapshots_sweep(struct snapshots *snapshots, uint64_t now)
{
	snapshots->now = now;
	for (int i = 0; i < FORGOTTEN_AT_ONCE && snapshots->oldest; i++) {
		if (now - snapshots->oldest->used_ms < KEPT_MS)
			return;
		chunk_forget(snapshots, snapshots->oldest);
	}
}

uint64_t snapshots_encoded(const struct snapshots *snapshots)
{
	return snapshots->encoded;
}

// ---- one ----

void snapshot_begin(struct snapshot **out, struct snapshots *snapshots, struct topology *topology,
	const char *host)
{
	struct snapshot *snapshot = memory_new(sizeof(*snapshot));
	snapshot->snapshots = snapshots;
	snapshot->count = topology_rolls(topology, host, &snapshot->rolls);
	*out = snapshot;
}

struct bytes *snapshot_next(struct snapshot *snapshot)
{
	while (snapshot->roll < snapshot->count) {
		struct topology_roll **roll = &snapshot->rolls[snapshot->roll];
		if (snapshot->object < (*roll)->count)
			return lines_from(
				snapshot->snapshots, *roll, snapshot->object, &snapshot->object);
		topology_roll_unref(steal(*roll));
		snapshot->roll++;
		snapshot->object = 0;
	}
	return NULL;
}

void snapshot_end(struct snapshot *snapshot)
{
	if (!snapshot)
		return;
	for (size_t i = snapshot->roll; i < snapshot->count; i++)
		topology_roll_unref(snapshot->rolls[i]);
	free(snapshot->rolls);
	free(snapshot);
}
