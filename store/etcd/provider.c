// SPDX-License-Identifier: Apache-2.0
// The store on etcd: opening it, and reading by the copy.
#include <errno.h>
#include <string.h>

#include "../sqlite.h"
#include "base/memory.h"
#include "handle.h"
#include "keys.h"
#include "request.h"

// ---- life ----

static void etcd_close(struct store *store)
{
	struct store_of_etcd *self = store_of_etcd(store);
	etcd_watch_stop(self->watch);
	checkpoint_free(self->checkpoint);
	duties_free(self->duties);
	store_close(self->copy);
	etcd_client_free(self->client);
	etcd_location_free(self->location);
	free(self);
}

// One look: `found` is the head's value, or empty. -EUCLEAN: there are keys, but no head.
static int look(struct store_of_etcd *self, struct bytes *found, struct error *error)
{
	const char *prefix = self->location->prefix;
	char head[ETCD_KEY], from[ETCD_KEY], to[ETCD_KEY];
	json_t *answer = NULL;
	etcd_key(head, prefix, "head");
	etcd_key(from, prefix, "");
	snprintf(to, sizeof(to), "%s0", prefix); // after every key that begins with "PREFIX/"
	int result = etcd_transact(self->client, NULL,
		json_pack("[o, o]", etcd_get(head), etcd_range(from, to, 1, true)), NULL, NULL,
		&answer, error);
	if (result)
		return result;
	const json_t *item = json_array_get(etcd_read_of(answer, 0), 0);
	if (item)
		result = etcd_read_value(item, found);
	if (result || (!item && json_array_size(etcd_read_of(answer, 1))))
		result = error_set(error, EUCLEAN,
			"etcd at %s has keys that begin with %s/ but are not a store of Weft",
			self->location->endpoints[0], prefix);
	json_decref(answer);
	return result;
}

static int create(struct store_of_etcd *self, struct error *error)
{
	char key[ETCD_KEY], text[ETCD_HEAD];
	struct etcd_head head = {.entry = ETCD_NO_ID};
	etcd_id_draw(head.store);
	etcd_head_format(&head, text);
	etcd_key(key, self->location->prefix, "head");
	return etcd_transact(self->client, json_pack("[o]", etcd_if_exists(key, false)),
		json_pack("[o]", etcd_put(key, text, strlen(text), 0)), NULL, NULL, NULL, error);
}

// Which store this is; it is made if nothing is there yet.
static int identify(struct store_of_etcd *self, bool may_create, struct error *error)
{
	cleanup_bytes struct bytes value = {0};
	struct etcd_head head;
	struct error fault = {0};
	etcd_client_start(self->client);
	int result = look(self, &value, error);
	if (result == 0 && value.length == 0 && !may_create)
		return error_set(error, ENOENT, "there is no store %s in etcd at %s",
			self->location->prefix, self->location->endpoints[0]);
	if (result == 0 && value.length == 0) {
		result = create(self, error);
		if (result == 0)
			result = look(self, &value, error);
	}
	if (result)
		return etcd_settle(result, error);
	result = etcd_head_parse(&head, &value, &fault);
	if (result)
		return error_set(error, fault.code, "store %s on etcd: %s", self->location->prefix,
			fault.message);
	memcpy(self->id, head.store, ETCD_ID);
	return 0;
}

static int start(struct store_of_etcd *self, bool may_create, struct error *error)
{
	int result = etcd_client_new(&self->client, self->location, error);
	if (result == 0)
		result = identify(self, may_create, error);
	if (result == 0)
		result = sqlite_open_private(&self->copy, "the copy of the store on etcd", error);
	if (result == 0)
		result = etcd_news(self, error);
	if (result == 0)
		result = etcd_watch_start(&self->watch, self->location, error);
	if (result)
		return result;
	duties_new(&self->duties, self->client, self->location->prefix);
	etcd_follow(self, NULL, 0);
	etcd_collect(self, NULL); // what writers that died have left; or the next who looks
	return 0;
}

static int etcd_open(
	struct store **out, const char *location, bool create_missing, struct error *error)
{
	struct store_of_etcd *self = memory_new(sizeof(*self));
	self->store.provider = &store_etcd;
	memcpy(self->entry, ETCD_NO_ID, ETCD_ID);
	int result = etcd_location_parse(&self->location, location, error);
	if (result == 0)
		result = start(self, create_missing, error);
	if (result) {
		etcd_close(&self->store);
		return result;
	}
	*out = &self->store;
	return 0;
}

// As long as it is still empty: who else has begun to write to it goes by the same head.
static int etcd_remove(struct store *store, struct error *error)
{
	struct store_of_etcd *self = store_of_etcd(store);
	const char *prefix = self->location->prefix;
	char key[ETCD_KEY], from[ETCD_KEY], to[ETCD_KEY], text[ETCD_HEAD];
	struct etcd_head head = {.entry = ETCD_NO_ID};
	bool removed = false;
	memcpy(head.store, self->id, ETCD_ID);
	etcd_client_start(self->client);
	etcd_key(from, prefix, "");
	snprintf(to, sizeof(to), "%s0", prefix);
	int result = etcd_transact(self->client,
		json_pack("[o]", etcd_if_value(etcd_key(key, prefix, "head"),
					 etcd_head_format(&head, text))),
		json_pack("[o]", etcd_delete_range(from, to)), NULL, &removed, NULL, error);
	if (result)
		return etcd_settle(result, error);
	return removed ? 0 : error_set(error, EEXIST, "store %s on etcd is not empty", prefix);
}

// ---- reading, by the copy ----

static int etcd_get_key(struct store *store, const char *key, uint64_t at, store_visit visit,
	void *context, struct error *error)
{
	struct store *copy = store_of_etcd(store)->copy;
	return copy->provider->get(copy, key, at, visit, context, error);
}

static int etcd_snapshot(struct store *store, const char *prefix, uint64_t at, store_visit visit,
	void *context, struct error *error)
{
	struct store *copy = store_of_etcd(store)->copy;
	return copy->provider->snapshot(copy, prefix, at, visit, context, error);
}

static int etcd_changes(struct store *store, const char *prefix, uint64_t since, store_visit visit,
	void *context, struct error *error)
{
	struct store *copy = store_of_etcd(store)->copy;
	return copy->provider->changes(copy, prefix, since, visit, context, error);
}

// ---- others ----

static int etcd_refresh(struct store *store, struct error *error)
{
	return etcd_news(store_of_etcd(store), error);
}

static int etcd_descriptor(const struct store *store)
{
	return etcd_watch_descriptor(((const struct store_of_etcd *)store)->watch);
}

static int etcd_lease(struct store *store, const char *name, unsigned seconds, struct error *error)
{
	return duties_take(store_of_etcd(store)->duties, name, seconds, error);
}

static void etcd_release(struct store *store, const char *name)
{
	duties_release(store_of_etcd(store)->duties, name);
}

const struct store_provider store_etcd = {
	.scheme = "etcd",
	.open = etcd_open,
	.close = etcd_close,
	.commit = etcd_commit,
	.get = etcd_get_key,
	.snapshot = etcd_snapshot,
	.changes = etcd_changes,
	.compact = etcd_compact,
	.fill = etcd_fill,
	.remove = etcd_remove,
	.refresh = etcd_refresh,
	.descriptor = etcd_descriptor,
	.lease = etcd_lease,
	.release = etcd_release,
};
