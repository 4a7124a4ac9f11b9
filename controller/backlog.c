// SPDX-License-Identifier: Apache-2.0
#include "backlog.h"

#include <stdlib.h>
#include <utlist.h>

#include "base/memory.h"
#include "line.h"
#include "model/digest.h"

// About what an object takes that nobody but the backlog holds any more.
enum { OBJECT_BYTES = 400 };

// The bytes are NULL as long as nobody has read them.
struct told {
	struct object *
		before; // what those hold that held the object before; NULL: none did, or `patch` is made
	struct object *object;
	bool gone;
	struct bytes *whole, *patch;
};

// What an entry is told, by the place of it in the record, and whether its host held the object before.
struct index {
	uint32_t told : 31, held : 1;
};

struct record;

struct backlog_entry {
	struct record *record;
	struct backlog_host *host;  // NULL: no more
	struct backlog_entry *next; // of the same host
	uint64_t difference;        // to the digest
	uint32_t start, count;      // of the record's indices
};

// One revision.
struct record {
	uint64_t revision, since_ms;
	size_t size;
	uint32_t told_count, entry_count, pair_count;
	uint32_t told_capacity, entry_capacity, pair_capacity;
	struct told *told;
	struct backlog_entry *entries;
	struct index *indices; // those of one entry in a row
	// While it is told: what the last did to the digest, as it is often the same for many hosts;
	// and which entry is told what, in the order of objects.
	const struct object *before, *after;
	uint64_t difference;
	struct pair {
		uint32_t entry;
		struct index index;
	} * pairs;
	struct record *prev, *next;
};

struct backlog {
	size_t limit, size;
	uint64_t age_ms;
	struct record *records; // the oldest first
	struct record *building;
};

void backlog_new(struct backlog **out, size_t limit, uint64_t age_ms)
{
	struct backlog *backlog = memory_new(sizeof(*backlog));
	backlog->limit = limit;
	backlog->age_ms = age_ms;
	*out = backlog;
}

// ---- dropping ----

static void entry_drop(struct backlog_entry *entry)
{
	struct backlog_host *host = entry->host;
	if (!host)
		return;
	host->first = entry->next;
	if (!host->first)
		host->last = NULL;
	if (host->next == entry) {
		host->next = NULL;
		host->position = 0;
		host->lost = true;
	}
}

static void record_free(struct record *record)
{
	for (uint32_t i = 0; i < record->told_count; i++) {
		object_unref(record->told[i].before);
		object_unref(record->told[i].object);
		bytes_unref(record->told[i].whole);
		bytes_unref(record->told[i].patch);
	}
	free(record->told);
	free(record->entries);
	free(record->indices);
	free(record->pairs);
	free(record);
}

static void drop_oldest(struct backlog *backlog)
{
	struct record *record = backlog->records;
	for (uint32_t i = 0; i < record->entry_count; i++)
		entry_drop(&record->entries[i]);
	DL_DELETE(backlog->records, record);
	backlog->size -= record->size;
	record_free(record);
}

void backlog_trim(struct backlog *backlog, uint64_t now)
{
	const struct record *oldest;
	while ((oldest = backlog->records) &&
		(now - oldest->since_ms > backlog->age_ms ||
			(backlog->size > backlog->limit && oldest->next)))
		drop_oldest(backlog);
}

void backlog_free(struct backlog *backlog)
{
	if (!backlog)
		return;
	while (backlog->records)
		drop_oldest(backlog);
	free(backlog);
}

size_t backlog_size(const struct backlog *backlog)
{
	return backlog->size;
}

void backlog_forget(struct backlog_host *host)
{
	for (struct backlog_entry *entry = host->first; entry; entry = entry->next)
		entry->host = NULL;
	*host = (struct backlog_host){0};
}

// ---- telling ----

#define append(list, count, capacity)                                                \
	({                                                                           \
		if ((count) == (capacity)) {                                         \
			(capacity) = (capacity) ? 2 * (capacity) : 4;                \
			(list) = memory_resize((list), (capacity), sizeof(*(list))); \
		}                                                                    \
		&(list)[(count)++];                                                  \
	})

void backlog_begin(struct backlog *backlog, uint64_t revision, uint64_t now)
{
	backlog->building = memory_new(sizeof(struct record));
	backlog->building->revision = revision;
	backlog->building->since_ms = now;
}

static bool tells(const struct told *told, const struct object *before, const struct object *after)
{
	if (!after)
		return told->gone && told->object == before;
	return !told->gone && told->object == after &&
	       (!before || !told->before || told->before == before);
}

static struct index tell(struct record *record, struct object *before, struct object *after)
{
	struct told *last = record->told_count ? &record->told[record->told_count - 1] : NULL;
	if (!last || !tells(last, before, after)) {
		last = append(record->told, record->told_count, record->told_capacity);
		*last = (struct told){.object = object_ref(after ? after : before), .gone = !after};
	}
	if (before && after && !last->before)
		last->before = object_ref(before);
	return (struct index){record->told_count - 1, before && after};
}

static uint64_t difference_of(
	struct record *record, const struct object *before, const struct object *after)
{
	if (record->before != before || record->after != after) {
		record->before = before;
		record->after = after;
		record->difference = object_digest(after) - object_digest(before);
	}
	return record->difference;
}

void backlog_add(struct backlog *backlog, struct backlog_host *host, struct object *before,
	struct object *after)
{
	struct record *record = backlog->building;
	if (!host->building) {
		struct backlog_entry *entry =
			append(record->entries, record->entry_count, record->entry_capacity);
		*entry = (struct backlog_entry){.record = record, .host = host};
		host->building = record->entry_count;
	}
	struct backlog_entry *entry = &record->entries[host->building - 1];
	entry->count++;
	entry->difference += difference_of(record, before, after);
	struct pair *pair = append(record->pairs, record->pair_count, record->pair_capacity);
	pair->entry = host->building - 1;
	pair->index = tell(record, before, after);
}

// From the order of objects to the order of hosts, in which each finds its own in a row.
static void sort_pairs(struct record *record)
{
	uint32_t start = 0;
	record->indices = memory_new((record->pair_count + 1) * sizeof(*record->indices));
	for (uint32_t i = 0; i < record->entry_count; i++) {
		record->entries[i].start = start;
		start += record->entries[i].count;
		record->entries[i].count = 0;
	}
	for (uint32_t i = 0; i < record->pair_count; i++) {
		struct backlog_entry *entry = &record->entries[record->pairs[i].entry];
		record->indices[entry->start + entry->count++] = record->pairs[i].index;
	}
	free(steal(record->pairs));
}

static void link_entry(struct backlog_host *host, struct backlog_entry *entry)
{
	host->building = 0;
	if (host->last)
		host->last->next = entry;
	else
		host->first = entry;
	host->last = entry;
	if (!host->next && !host->lost)
		host->next = entry;
}

static size_t size_of(const struct record *record)
{
	size_t size = sizeof(*record) + record->told_count * sizeof(struct told) +
		      record->entry_count * sizeof(struct backlog_entry) +
		      record->pair_count * sizeof(struct index);
	for (uint32_t i = 0; i < record->told_count; i++)
		size += record->told[i].before ? 2 * OBJECT_BYTES : OBJECT_BYTES;
	return size;
}

void backlog_end(struct backlog *backlog, backlog_visit visit, void *context)
{
	struct record *record = steal(backlog->building);
	if (!record->entry_count) {
		record_free(record);
		return;
	}
	sort_pairs(record);
	record->size = size_of(record);
	backlog->size += record->size;
	DL_APPEND(backlog->records, record);
	for (uint32_t i = 0; i < record->entry_count; i++) {
		struct backlog_entry *entry = &record->entries[i];
		link_entry(entry->host, entry);
		visit(context, entry->host, entry->difference);
	}
	backlog_trim(backlog, record->since_ms);
}

// ---- reading ----

void backlog_skip(struct backlog_host *host)
{
	host->next = NULL;
	host->position = 0;
	host->lost = false;
}

bool backlog_resume(struct backlog_host *host, uint64_t since, uint64_t held, uint64_t wanted)
{
	struct backlog_entry *from = host->first;
	while (from && from->record->revision <= since)
		from = from->next;
	for (struct backlog_entry *entry = from; entry; entry = entry->next)
		held += entry->difference;
	if (held != wanted)
		return false;
	backlog_skip(host);
	host->next = from;
	return true;
}

// Encoded once; what it takes counts from then on.
static struct bytes *keep(struct backlog *backlog, struct record *record, struct bytes *bytes)
{
	record->size += bytes->length;
	backlog->size += bytes->length;
	return bytes;
}

struct bytes *backlog_read(struct backlog *backlog, struct backlog_host *host, bool patches)
{
	struct backlog_entry *entry = host->next;
	struct record *record = entry->record;
	if (host->position == entry->count)
		return NULL;
	struct index index = record->indices[entry->start + host->position++];
	struct told *told = &record->told[index.told];
	if (patches && index.held) {
		if (!told->patch) {
			told->patch = keep(backlog, record, line_patch(told->before, told->object));
			object_unref(steal(told->before));
		}
		return told->patch;
	}
	if (!told->whole)
		told->whole = keep(backlog, record,
			told->gone ? line_delete(told->object) : line_put(told->object));
	return told->whole;
}

uint64_t backlog_revision(const struct backlog_host *host)
{
	return host->next->record->revision;
}

uint64_t backlog_difference(const struct backlog_host *host)
{
	return host->next->difference;
}

void backlog_advance(struct backlog_host *host)
{
	host->next = host->next->next;
	host->position = 0;
}
