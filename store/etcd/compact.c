// SPDX-License-Identifier: Apache-2.0
// Compaction: what is live at a revision becomes the base, in pieces, one a step, and then in one
// small transaction; what the base has made superfluous is deleted after that, now or by the next who
// looks.
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../sqlite.h"
#include "base/clock.h"
#include "base/memory.h"
#include "handle.h"
#include "keys.h"
#include "request.h"

enum {
	DUTY_SECONDS = 15,
	DUTY_RENEW_MS = 3000,
	DELETIONS = 100, // operations a transaction: etcd's limit is 128
};
#define DUTY "compaction"

// ---- the base ----

struct checkpoint {
	struct store_of_etcd *self;
	uint64_t revision;
	struct etcd_header entry; // the log entry that it stands for
	struct bytes before;      // the base that it replaces, as a text; "": none
	struct body_writer body;
	struct bytes last; // key that was added, a text
	unsigned pieces;   // before this step
	uint64_t renewed_ms;
	struct error *error;
};

enum { STEP_ENDS = 1 };

static int add(void *context, const struct store_entry *entry)
{
	struct checkpoint *checkpoint = context;
	int result = body_add(&checkpoint->body, entry, checkpoint->error);
	checkpoint->last.length = 0;
	bytes_append(&checkpoint->last, entry->key, strlen(entry->key) + 1);
	return result == 0 && checkpoint->body.header.pieces > checkpoint->pieces ? STEP_ENDS
										  : result;
}

// The log entry that the base will stand for, and what the base is now ("": there is none).
static int read_place(struct store_of_etcd *self, uint64_t revision, struct etcd_header *entry,
	struct bytes *base, struct error *error)
{
	char key[ETCD_KEY];
	json_t *answer = NULL, *operations = json_array();
	cleanup_bytes struct bytes value = {0};
	size_t used;
	const char *prefix = self->location->prefix;
	json_array_append_new(operations, etcd_get(etcd_key_log(key, prefix, revision)));
	json_array_append_new(operations, etcd_get(etcd_key(key, prefix, "base")));
	etcd_client_start(self->client);
	int result = etcd_transact(self->client, NULL, operations, NULL, NULL, &answer, error);
	if (result)
		return etcd_settle(result, error);
	const json_t *item = json_array_get(etcd_read_of(answer, 0), 0);
	if (!item)
		result = error_set(error, EBUSY, "another process has just compacted the store");
	else if (etcd_read_value(item, &value) ||
		 etcd_read_value(json_array_get(etcd_read_of(answer, 1), 0), base))
		result = error_set(error, EUCLEAN, "%s is damaged", key);
	else
		result = etcd_header_parse(entry, &value, &used, error);
	bytes_append(base, "", 1);
	json_decref(answer);
	return result;
}

static int install(struct store_of_etcd *self, struct body_writer *body, const char *before,
	struct error *error)
{
	char key[ETCD_KEY], claim[64];
	bool succeeded;
	cleanup_bytes struct bytes value = {0};
	etcd_key(key, self->location->prefix, "base");
	snprintf(claim, sizeof(claim), "base %" PRIu64, body->header.revision);
	etcd_header_append(&value, &body->header);
	json_t *compares =
		json_pack("[o]", *before ? etcd_if_value(key, before) : etcd_if_exists(key, false));
	json_t *success = json_pack("[o]", etcd_put(key, value.data, value.length, 0));
	body_claim(body, claim, compares, success);
	json_t *failure = json_pack("[o]", etcd_get(key));
	json_t *answer = NULL;
	etcd_client_start(self->client);
	int result =
		etcd_transact(self->client, compares, success, failure, &succeeded, &answer, error);
	if (result || succeeded) {
		json_decref(answer);
		return etcd_settle(result, error);
	}
	// An earlier attempt, of which no answer came?
	cleanup_bytes struct bytes found = {0};
	etcd_read_value(json_array_get(etcd_read_of(answer, 0), 0), &found);
	json_decref(answer);
	if (found.length == value.length && memcmp(found.data, value.data, value.length) == 0)
		return 0;
	return error_set(error, EBUSY, "another process has just compacted the store");
}

void checkpoint_free(struct checkpoint *checkpoint)
{
	if (!checkpoint)
		return;
	body_done(&checkpoint->body);
	bytes_done(&checkpoint->before);
	bytes_done(&checkpoint->last);
	free(checkpoint);
}

static int checkpoint_begin(struct store_of_etcd *self, uint64_t revision, struct error *error)
{
	struct checkpoint *checkpoint = memory_new(sizeof(*checkpoint));
	checkpoint->self = self;
	checkpoint->revision = revision;
	checkpoint->renewed_ms = clock_monotonic_ms();
	bytes_append(&checkpoint->last, "", 1);
	self->checkpoint = checkpoint;
	int result = body_begin(&checkpoint->body, self->client, self->location->prefix, error);
	return result ? result
		      : read_place(self, revision, &checkpoint->entry, &checkpoint->before, error);
}

// Write the next piece; the last one becomes the base with those before.
static int checkpoint_step(struct checkpoint *checkpoint, struct error *error)
{
	struct store_of_etcd *self = checkpoint->self;
	struct body_writer *body = &checkpoint->body;
	checkpoint->error = error;
	checkpoint->pieces = body->header.pieces;
	int result = sqlite_snapshot_behind(self->copy, (const char *)checkpoint->last.data,
		checkpoint->revision, add, checkpoint, error);
	if (result == 0)
		result = body_end(body, true, error);
	if (result)
		return result;
	body->header.revision = checkpoint->revision;
	memcpy(body->header.after, checkpoint->entry.id, ETCD_ID);
	result = install(self, body, (const char *)checkpoint->before.data, error);
	if (result == 0)
		result = self->copy->provider->compact(self->copy, checkpoint->revision, error);
	etcd_follow(self, NULL, 0);
	return result;
}

// ---- filling ----

// The base of a store that has no log yet: the head goes to its revision at once.
static int begin_with(struct store_of_etcd *self, struct body_writer *body, struct error *error)
{
	char head_key[ETCD_KEY], base_key[ETCD_KEY], claim[64], before[ETCD_HEAD], after[ETCD_HEAD];
	bool succeeded;
	cleanup_bytes struct bytes value = {0};
	struct etcd_head head = {0};
	memcpy(head.store, self->id, ETCD_ID);
	memcpy(head.entry, self->entry, ETCD_ID);
	etcd_head_format(&head, before);
	head.revision = body->header.revision;
	memcpy(head.entry, body->header.id, ETCD_ID);
	etcd_head_format(&head, after);
	etcd_header_append(&value, &body->header);
	etcd_key(head_key, self->location->prefix, "head");
	etcd_key(base_key, self->location->prefix, "base");
	snprintf(claim, sizeof(claim), "base %" PRIu64, head.revision);
	json_t *compares = json_pack("[o]", etcd_if_value(head_key, before));
	json_t *success = json_pack("[o, o]", etcd_put(head_key, after, strlen(after), 0),
		etcd_put(base_key, value.data, value.length, 0));
	body_claim(body, claim, compares, success);
	etcd_client_start(self->client);
	int result = etcd_transact(self->client, compares, success, NULL, &succeeded, NULL, error);
	if (result)
		return result;
	result = etcd_news(self, error);
	// An earlier attempt, of which no answer came, counts too.
	if (result == 0 && strcmp(self->entry, body->header.id) != 0)
		result = error_set(error, EEXIST, "another process has just filled the store");
	return result;
}

int etcd_fill(
	struct store *store, uint64_t revision, store_next next, void *context, struct error *error)
{
	struct store_of_etcd *self = store_of_etcd(store);
	struct store_entry entry;
	struct body_writer body;
	int more = 0, result = body_begin(&body, self->client, self->location->prefix, error);
	while (result == 0 && (more = next(context, &entry, error)) > 0)
		result = body_add(&body, &entry, error);
	if (result == 0)
		result = more;
	if (result == 0)
		result = body_end(&body, true, error);
	body.header.revision = revision;
	memcpy(body.header.after, body.header.id, ETCD_ID);
	if (result == 0)
		result = begin_with(self, &body, error);
	body_done(&body);
	return result;
}

// ---- collecting what is left over ----

struct deletions {
	struct etcd_client *client;
	json_t *operations;
	int64_t revision; // etcd's own, of the last transaction
	struct error *error;
};

static int flush(struct deletions *deletions)
{
	json_t *answer = NULL;
	if (json_array_size(deletions->operations) == 0)
		return 0;
	etcd_client_start(deletions->client);
	int result = etcd_transact(deletions->client, NULL, deletions->operations, NULL, NULL,
		&answer, deletions->error);
	deletions->operations = json_array();
	if (result)
		return result;
	deletions->revision = etcd_read_number(json_object_get(answer, "header"), "revision");
	json_decref(answer);
	return 0;
}

static int drop(struct deletions *deletions, json_t *operation)
{
	json_array_append_new(deletions->operations, operation);
	return json_array_size(deletions->operations) < DELETIONS ? 0 : flush(deletions);
}

// A claim that the base has made superfluous: of a log entry before it, or of another base.
static bool is_over(const char *claim, const char *id, const struct etcd_header *base)
{
	if (strncmp(claim, "log ", 4) == 0)
		return strtoull(claim + 4, NULL, 10) <= base->revision;
	return strncmp(claim, "base ", 5) == 0 && strcmp(id, base->id) != 0;
}

// The last part of a key with this beginning, or NULL.
static const char *id_of(const char *key, size_t prefix)
{
	return strlen(key) >= prefix + ETCD_ID - 1 ? key + prefix : NULL;
}

// The ids that hold: a set, as an object of null.
static int sort_claims(struct deletions *deletions, const char *prefix, const json_t *items,
	const struct etcd_header *base, json_t *held)
{
	cleanup_bytes struct bytes key = {0}, value = {0};
	size_t length = strlen(prefix) + strlen("/claim/");
	int result = 0;
	for (size_t i = 0; result == 0 && i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i);
		if (etcd_read_key(item, &key) || etcd_read_value(item, &value))
			continue;
		const char *text = (const char *)key.data, *id = id_of(text, length);
		bytes_append(&value, "", 1);
		if (id && is_over((const char *)value.data, id, base))
			result = drop(deletions, etcd_delete(text));
		else if (id)
			json_object_set_new_nocheck(held, id, json_null());
	}
	return result;
}

static int drop_unclaimed(
	struct deletions *deletions, const char *prefix, const json_t *items, const json_t *held)
{
	cleanup_bytes struct bytes key = {0};
	size_t length = strlen(prefix) + strlen("/piece/");
	char last[ETCD_ID] = "", id[ETCD_ID];
	int result = 0;
	for (size_t i = 0; result == 0 && i < json_array_size(items); i++) {
		char from[ETCD_KEY], to[ETCD_KEY];
		if (etcd_read_key(json_array_get(items, i), &key) ||
			!id_of((const char *)key.data, length))
			continue;
		snprintf(id, sizeof(id), "%s", (const char *)key.data + length);
		if (strcmp(id, last) == 0 || json_object_get(held, id))
			continue;
		memcpy(last, id, sizeof(id));
		snprintf(from, sizeof(from), "%s/piece/%s/", prefix, id);
		snprintf(to, sizeof(to), "%s/piece/%s0", prefix, id);
		result = drop(deletions, etcd_delete_range(from, to));
	}
	return result;
}

// Base, claims and the names of pieces, all as of one moment.
static int read_all(struct store_of_etcd *self, json_t **answer, struct error *error)
{
	const char *prefix = self->location->prefix;
	char from[ETCD_KEY], to[ETCD_KEY];
	json_t *operations = json_array();
	json_array_append_new(operations, etcd_get(etcd_key(from, prefix, "base")));
	json_array_append_new(operations, etcd_range(etcd_key(from, prefix, "claim/"),
						  etcd_key(to, prefix, "claim0"), 0, false));
	json_array_append_new(operations, etcd_range(etcd_key(from, prefix, "piece/"),
						  etcd_key(to, prefix, "piece0"), 0, true));
	etcd_client_start(self->client);
	return etcd_transact(self->client, NULL, operations, NULL, NULL, answer, error);
}

static int collect(struct store_of_etcd *self, const json_t *answer, struct deletions *deletions)
{
	const char *prefix = self->location->prefix;
	char from[ETCD_KEY], to[ETCD_KEY];
	cleanup_bytes struct bytes value = {0};
	struct etcd_header base = {0};
	size_t used;
	const json_t *item = json_array_get(etcd_read_of(answer, 0), 0);
	if (item && (etcd_read_value(item, &value) ||
			    etcd_header_parse(&base, &value, &used, deletions->error)))
		return -EUCLEAN;
	int result = 0;
	if (item)
		result = drop(deletions, etcd_delete_range(etcd_key(from, prefix, "log/"),
						 etcd_key_log(to, prefix, base.revision + 1)));
	json_t *held = json_object();
	if (result == 0)
		result = sort_claims(deletions, prefix, etcd_read_of(answer, 1), &base, held);
	if (result == 0)
		result = drop_unclaimed(deletions, prefix, etcd_read_of(answer, 2), held);
	json_decref(held);
	return result ? result : flush(deletions);
}

// etcd's own history is of no use to anybody here.
static void forget_history(struct etcd_client *client, int64_t revision)
{
	if (revision)
		etcd_call(client, "/v3/kv/compaction",
			json_pack("{s:o}", "revision", json_sprintf("%" PRId64, revision)), NULL,
			NULL);
}

int etcd_collect(struct store_of_etcd *self, struct error *error)
{
	json_t *answer;
	struct deletions deletions = {.client = self->client, .error = error};
	int result = read_all(self, &answer, error);
	if (result)
		return result;
	deletions.operations = json_array();
	result = collect(self, answer, &deletions);
	json_decref(answer);
	json_decref(deletions.operations);
	forget_history(self->client, deletions.revision);
	return result;
}

// ---- both ----

static int begin(struct store_of_etcd *self, uint64_t revision, struct error *error)
{
	int result = duties_take(self->duties, DUTY, DUTY_SECONDS, error);
	if (result == 0)
		result = etcd_news(self, error);
	if (result == 0 && self->store.compacted < revision)
		result = checkpoint_begin(self, revision, error);
	return result;
}

static int go_on(struct store_of_etcd *self, struct error *error)
{
	struct checkpoint *checkpoint = self->checkpoint;
	if (self->store.compacted >= checkpoint->revision)
		return error_set(error, EBUSY, "another process has just compacted the store");
	if (clock_monotonic_ms() - checkpoint->renewed_ms <= DUTY_RENEW_MS)
		return 0;
	checkpoint->renewed_ms = clock_monotonic_ms();
	return duties_take(self->duties, DUTY, DUTY_SECONDS, error);
}

int etcd_compact(struct store *store, uint64_t revision, struct error *error)
{
	struct store_of_etcd *self = store_of_etcd(store);
	int result = self->checkpoint ? go_on(self, error) : begin(self, revision, error);
	if (result == 0 && self->checkpoint) {
		result = checkpoint_step(self->checkpoint, error);
		if (result == STEP_ENDS)
			return result;
		if (result == 0)
			etcd_collect(self, NULL); // or the next who looks
	}
	checkpoint_free(self->checkpoint);
	self->checkpoint = NULL;
	duties_release(self->duties, DUTY);
	return result;
}
