// SPDX-License-Identifier: Apache-2.0
// Taking in what is in etcd: the base, where the copy is older than that, and then the log, entry
// by entry. Each entry names the one before it, so that another history is never taken for ours.
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "../sqlite.h"
#include "base/memory.h"
#include "handle.h"
#include "keys.h"
#include "request.h"

enum {
	PAGE = 64,     // entries a request
	SURPRISES = 5, // pieces that were compacted away while they were being read
};

static int damaged(const struct store_of_etcd *self, const char *what, const struct error *why,
	struct error *error)
{
	return error_set(error, why->code, "store %s on etcd: %s: %s", self->location->prefix, what,
		why->message);
}

static int unclean(
	const struct store_of_etcd *self, const char *what, const char *why, struct error *error)
{
	struct error fault = {0};
	error_set(&fault, EUCLEAN, "%s", why);
	return damaged(self, what, &fault, error);
}

// What a compaction takes away is estimated: revisions are of the same size in the long run.
static uint64_t remaining_bytes(const struct store *store, const struct store *copy)
{
	uint64_t before = store->revision - store->compacted;
	uint64_t after = copy->revision - copy->compacted;
	if (copy->compacted == store->compacted || before == 0)
		return store->history_bytes;
	return (uint64_t)((double)store->history_bytes * (double)after / (double)before);
}

void etcd_follow(struct store_of_etcd *self, const struct etcd_header *entry, size_t packed)
{
	self->store.history_bytes = remaining_bytes(&self->store, self->copy);
	if (entry)
		self->store.history_bytes += packed + (uint64_t)entry->pieces * BODY_PIECE;
	self->store.revision = self->copy->revision;
	self->store.compacted = self->copy->compacted;
	if (self->watch)
		etcd_watch_taken(self->watch, self->store.revision);
}

// ---- the base ----

static int fill(void *context, const struct store_entry *entry)
{
	struct store *copy = context;
	if (!entry->value || entry->revision == 0)
		return -EUCLEAN;
	return sqlite_fill_put(copy, entry, NULL);
}

// A new copy in place of the one there is. -ENOENT: the base has just been replaced.
static int load_base(
	struct store_of_etcd *self, const struct etcd_header *header, struct error *error)
{
	struct error fault = {0};
	struct store *copy;
	int result = sqlite_open_private(&copy, "the copy of the store on etcd", error);
	if (result)
		return result;
	result = sqlite_fill_begin(copy, &fault);
	if (result == 0) {
		result = body_read(
			self->client, self->location->prefix, header, NULL, 0, fill, copy, &fault);
		result = sqlite_fill_end(copy, header->revision, result, &fault);
	}
	if (result) {
		store_close(copy);
		return fault.code ? damaged(self, "base", &fault, error) : result;
	}
	store_close(self->copy);
	self->copy = copy;
	memcpy(self->entry, header->after, ETCD_ID);
	etcd_follow(self, NULL, 0);
	self->store.history_bytes = 0;
	return 0;
}

// ---- the log ----

struct changes {
	struct store_operation *operations;
	size_t count, capacity;
};

static int collect(void *context, const struct store_entry *entry)
{
	struct changes *changes = context;
	if (changes->count == changes->capacity) {
		changes->capacity = changes->capacity ? 2 * changes->capacity : 16;
		changes->operations = memory_resize(
			changes->operations, changes->capacity, sizeof(*changes->operations));
	}
	struct store_operation *operation = &changes->operations[changes->count++];
	*operation = (struct store_operation){.key = memory_text(entry->key)};
	if (entry->value) {
		void *value = memory_resize(NULL, entry->length + 1, 1);
		memcpy(value, entry->value, entry->length);
		operation->value = value;
		operation->length = entry->length;
	}
	return 0;
}

static void changes_done(struct changes *changes)
{
	for (size_t i = 0; i < changes->count; i++) {
		free((char *)changes->operations[i].key);
		free((void *)changes->operations[i].value);
	}
	free(changes->operations);
}

static int play(struct store_of_etcd *self, const struct etcd_header *header, const void *packed,
	size_t length, struct error *error)
{
	struct changes changes = {0};
	int result = body_read(self->client, self->location->prefix, header, packed, length,
		collect, &changes, error);
	if (result == 0)
		result = self->copy->provider->commit(
			self->copy, NULL, 0, changes.operations, changes.count, error);
	changes_done(&changes);
	return result;
}

// The entry of the next revision.
static int take_entry(struct store_of_etcd *self, const json_t *item, struct error *error)
{
	char name[64], expected[ETCD_KEY];
	cleanup_bytes struct bytes key = {0}, value = {0};
	struct etcd_header header;
	struct error fault = {0};
	size_t used;
	uint64_t revision = self->store.revision + 1;
	snprintf(name, sizeof(name), "log entry %" PRIu64, revision);
	if (etcd_read_key(item, &key) || etcd_read_value(item, &value))
		return unclean(self, name, "is damaged", error);
	etcd_key_log(expected, self->location->prefix, revision);
	if (strcmp((const char *)key.data, expected) != 0)
		return unclean(self, name, "is missing", error);
	if (etcd_header_parse(&header, &value, &used, &fault))
		return damaged(self, name, &fault, error);
	if (header.revision != revision || strcmp(header.after, self->entry) != 0)
		return unclean(self, name,
			"does not follow on what this process has taken in: etcd has been set back",
			error);
	int result = play(self, &header, value.data + used, value.length - used, &fault);
	if (result)
		return damaged(self, name, &fault, error);
	memcpy(self->entry, header.id, ETCD_ID);
	etcd_follow(self, &header, value.length - used);
	return 0;
}

// ---- news ----

void etcd_news_request(const struct store_of_etcd *self, json_t *operations)
{
	const char *prefix = self->location->prefix;
	char from[ETCD_KEY], to[ETCD_KEY], key[ETCD_KEY];
	etcd_key_log(from, prefix, self->store.revision + 1);
	json_array_append_new(operations, etcd_get(etcd_key(key, prefix, "head")));
	json_array_append_new(operations, etcd_get(etcd_key(key, prefix, "base")));
	json_array_append_new(
		operations, etcd_range(from, etcd_key(to, prefix, "log0"), PAGE, false));
}

// 0: there is none; its revision is 0 then.
static int read_base(const struct store_of_etcd *self, const json_t *answer,
	struct etcd_header *base, struct error *error)
{
	const json_t *item = json_array_get(etcd_read_of(answer, 1), 0);
	cleanup_bytes struct bytes value = {0};
	struct error fault = {0};
	size_t used;
	*base = (struct etcd_header){0};
	if (!item)
		return 0;
	if (etcd_read_value(item, &value))
		return unclean(self, "base", "is damaged", error);
	if (etcd_header_parse(base, &value, &used, &fault))
		return damaged(self, "base", &fault, error);
	return base->pieces ? 0 : unclean(self, "base", "has no pieces", error);
}

static int read_head(const struct store_of_etcd *self, const json_t *answer, struct etcd_head *head,
	struct error *error)
{
	const json_t *item = json_array_get(etcd_read_of(answer, 0), 0);
	cleanup_bytes struct bytes value = {0};
	struct error fault = {0};
	if (!item)
		return unclean(self, "head", "is gone", error);
	if (etcd_read_value(item, &value))
		return unclean(self, "head", "is damaged", error);
	if (etcd_head_parse(head, &value, &fault))
		return damaged(self, "head", &fault, error);
	if (strcmp(head->store, self->id) != 0)
		return unclean(self, "head", "another store has taken its place", error);
	if (head->revision < self->store.revision)
		return unclean(self, "head",
			"is older than what this process has taken in: etcd "
			"has been set back",
			error);
	return 0;
}

// All of one answer. `more`: there is more to read.
static int take_page(
	struct store_of_etcd *self, const json_t *answer, bool *more, struct error *error)
{
	struct etcd_head head;
	struct etcd_header base;
	int result = read_head(self, answer, &head, error);
	if (result == 0)
		result = read_base(self, answer, &base, error);
	if (result)
		return result;
	*more = true;
	if (base.revision > self->store.revision)
		return load_base(self, &base, error);
	const json_t *items = etcd_read_of(answer, 2);
	for (size_t i = 0; result == 0 && i < json_array_size(items); i++)
		result = take_entry(self, json_array_get(items, i), error);
	if (result)
		return result;
	*more = self->store.revision < head.revision;
	if (*more && json_array_size(items) == 0)
		return unclean(self, "log", "entries up to the head are missing", error);
	if (!*more && strcmp(self->entry, head.entry) != 0)
		return unclean(self, "head", "is not of the newest log entry", error);
	if (base.revision > self->store.compacted)
		result = self->copy->provider->compact(self->copy, base.revision, error);
	etcd_follow(self, NULL, 0);
	return result;
}

static int read_page(struct store_of_etcd *self, json_t **answer, struct error *error)
{
	json_t *operations = json_array();
	etcd_news_request(self, operations);
	etcd_client_start(self->client);
	int result = etcd_transact(self->client, NULL, operations, NULL, NULL, answer, error);
	return etcd_settle(result, error);
}

int etcd_news_take(struct store_of_etcd *self, json_t *answer, struct error *error)
{
	int surprises = 0;
	for (;;) {
		bool more = false;
		struct error fault = {0};
		int result = take_page(self, answer, &more, &fault);
		json_decref(answer);
		if (result == -ENOENT && ++surprises == SURPRISES)
			fault.code = EUCLEAN; // it was not a compaction that took it
		else if (result == -ENOENT)
			result = 0, more = true;
		if (result)
			return error_set(error, fault.code, "%s", fault.message);
		if (!more)
			return 0;
		result = read_page(self, &answer, error);
		if (result)
			return result;
	}
}

int etcd_news(struct store_of_etcd *self, struct error *error)
{
	json_t *answer;
	if (self->watch)
		etcd_watch_begin(self->watch);
	int result = read_page(self, &answer, error);
	return result ? result : etcd_news_take(self, answer, error);
}
