// SPDX-License-Identifier: Apache-2.0
// One small transaction is the commit point: if the head is still the one that this handle has
// taken in, the next log entry appears and the head moves on to it.
//
// Trying again, after no answer, is safe: once the head has moved, the same transaction cannot go
// through any more, and the entry that did get in says by its id whose it is.
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "../sqlite.h"
#include "base/memory.h"
#include "handle.h"
#include "keys.h"
#include "request.h"

struct commit {
	const struct store_compare *compares;
	size_t compare_count;
	const struct store_operation *operations;
	size_t operation_count;
	struct body_writer body;
	bool done;
};

static int no_answer(const struct error *fault, struct error *error)
{
	return error_set(
		error, ETIMEDOUT, "whether the change is in is not known yet: %s", fault->message);
}

static int judge(struct store_of_etcd *self, const struct commit *commit, struct error *error)
{
	return sqlite_check(self->copy, commit->compares, commit->compare_count, error);
}

// What fails on the copy may hold on the newest state.
static int judge_newest(
	struct store_of_etcd *self, const struct commit *commit, struct error *error)
{
	struct error fault = {0};
	int result = judge(self, commit, &fault);
	if (result == -ESTALE) {
		result = etcd_news(self, error);
		return result ? result : judge(self, commit, error);
	}
	return result ? error_set(error, fault.code, "%s", fault.message) : 0;
}

static int write_body(struct store_of_etcd *self, struct commit *commit, struct error *error)
{
	int result = body_begin(&commit->body, self->client, self->location->prefix, error);
	for (size_t i = 0; result == 0 && i < commit->operation_count; i++) {
		const struct store_operation *operation = &commit->operations[i];
		struct store_entry entry = {operation->key, operation->value, operation->length, 0};
		result = body_add(&commit->body, &entry, error);
	}
	return result ? result : body_end(&commit->body, false, error);
}

// It is in, as the revision after the copy's: the copy follows.
static int take_own(struct store_of_etcd *self, struct commit *commit, struct error *error)
{
	struct error fault = {0};
	commit->done = true;
	int result = self->copy->provider->commit(
		self->copy, NULL, 0, commit->operations, commit->operation_count, &fault);
	if (result)
		return no_answer(&fault, error);
	memcpy(self->entry, commit->body.header.id, ETCD_ID);
	etcd_follow(self, &commit->body.header, commit->body.packed.length);
	return 0;
}

static json_t *conditions(const struct store_of_etcd *self, uint64_t revision)
{
	char key[ETCD_KEY], text[ETCD_HEAD];
	const char *prefix = self->location->prefix;
	struct etcd_head head = {.revision = revision - 1};
	memcpy(head.store, self->id, ETCD_ID);
	memcpy(head.entry, self->entry, ETCD_ID);
	return json_pack("[o, o]",
		etcd_if_value(etcd_key(key, prefix, "head"), etcd_head_format(&head, text)),
		etcd_if_exists(etcd_key_log(key, prefix, revision), false));
}

static json_t *changes(const struct store_of_etcd *self, const struct body_writer *body)
{
	char key[ETCD_KEY], text[ETCD_HEAD];
	const char *prefix = self->location->prefix;
	cleanup_bytes struct bytes value = {0};
	struct etcd_head head = {.revision = body->header.revision};
	memcpy(head.store, self->id, ETCD_ID);
	memcpy(head.entry, body->header.id, ETCD_ID);
	etcd_header_append(&value, &body->header);
	bytes_append(&value, body->packed.data, body->packed.length);
	json_t *log =
		etcd_put(etcd_key_log(key, prefix, head.revision), value.data, value.length, 0);
	etcd_head_format(&head, text);
	return json_pack(
		"[o, o]", log, etcd_put(etcd_key(key, prefix, "head"), text, strlen(text), 0));
}

// The id of the first log entry that the answer holds, which is that of the next revision. False:
// there is none.
static bool next_id(const json_t *answer, uint64_t revision, char id[ETCD_ID])
{
	const json_t *item = json_array_get(etcd_read_of(answer, 2), 0);
	cleanup_bytes struct bytes value = {0};
	struct etcd_header header;
	size_t used;
	if (!item || etcd_read_value(item, &value) ||
		etcd_header_parse(&header, &value, &used, NULL) || header.revision != revision)
		return false;
	memcpy(id, header.id, ETCD_ID);
	return true;
}

// The head was another, or the claim is gone. `answer` is stolen.
static int refused(
	struct store_of_etcd *self, struct commit *commit, json_t *answer, struct error *error)
{
	char id[ETCD_ID] = "";
	uint64_t before = self->store.revision;
	bool known = next_id(answer, before + 1, id);
	if (known && strcmp(id, commit->body.header.id) == 0) {
		json_decref(answer); // an earlier attempt, of which no answer came
		return take_own(self, commit, error);
	}
	int result = etcd_news_take(self, answer, error);
	if (result)
		return result;
	if (self->store.revision == before)
		return error_set(error, EAGAIN,
			"writing the parts of the change took too long: nothing was changed");
	if (!known)
		return error_set(error, ETIMEDOUT,
			"whether the change is in cannot be known: the log has been compacted");
	result = judge(self, commit, error);
	if (result == 0 && etcd_client_late(self->client))
		return error_set(error, EAGAIN,
			"others changed the store first, again and again: nothing was changed");
	return result;
}

static int attempt(struct store_of_etcd *self, struct commit *commit, struct error *error)
{
	char claim[64];
	bool succeeded;
	json_t *answer = NULL, *failure = json_array();
	struct error fault = {0};
	uint64_t revision = self->store.revision + 1;
	commit->body.header.revision = revision;
	memcpy(commit->body.header.after, self->entry, ETCD_ID);
	snprintf(claim, sizeof(claim), "log %" PRIu64, revision);
	json_t *compares = conditions(self, revision), *success = changes(self, &commit->body);
	body_claim(&commit->body, claim, compares, success);
	etcd_news_request(self, failure);
	int result = etcd_transact(
		self->client, compares, success, failure, &succeeded, &answer, &fault);
	if (result == -ETIMEDOUT)
		return no_answer(&fault, error);
	if (result)
		return error_set(error, fault.code, "%s", fault.message);
	if (!succeeded)
		return refused(self, commit, answer, error);
	json_decref(answer);
	return take_own(self, commit, error);
}

int etcd_commit(struct store *store, const struct store_compare *compares, size_t compare_count,
	const struct store_operation *operations, size_t operation_count, struct error *error)
{
	struct store_of_etcd *self = store_of_etcd(store);
	struct commit commit = {compares, compare_count, operations, operation_count};
	int result = judge_newest(self, &commit, error);
	if (result)
		return result;
	result = write_body(self, &commit, error);
	etcd_client_start(self->client);
	while (result == 0 && !commit.done)
		result = attempt(self, &commit, error);
	body_done(&commit.body);
	return result;
}
