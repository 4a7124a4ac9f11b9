// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "provider.h"

static const struct store_provider *const providers[] = {&store_sqlite, &store_etcd};

static int open_store(struct store **out, const char *url, bool create, struct error *error)
{
	for (size_t i = 0; i < array_count(providers); i++) {
		size_t length = strlen(providers[i]->scheme);
		if (strncmp(url, providers[i]->scheme, length) == 0 && url[length] == ':')
			return providers[i]->open(out, url + length + 1, create, error);
	}
	return error_set(error, EINVAL,
		"\"%s\" is no store: write sqlite:FILE or etcd:http://HOST:PORT", url);
}

int store_open(struct store **out, const char *url, struct error *error)
{
	return open_store(out, url, true, error);
}

int store_open_existing(struct store **out, const char *url, struct error *error)
{
	return open_store(out, url, false, error);
}

void store_close(struct store *store)
{
	if (store)
		store->provider->close(store);
}

int store_remove(struct store *store, struct error *error)
{
	if (store->revision)
		return error_set(error, EEXIST, "the store is not empty");
	return store->provider->remove(store, error);
}

uint64_t store_revision(const struct store *store)
{
	return store->revision;
}

uint64_t store_compacted(const struct store *store)
{
	return store->compacted;
}

uint64_t store_history_bytes(const struct store *store)
{
	return store->history_bytes;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// A key changed twice in one commit has no meaning that all engines share.
static int check_operations(
	const struct store_operation *operations, size_t count, struct error *error)
{
	if (count == 0)
		return error_set(error, EINVAL, "a commit that changes nothing");
	cleanup_free const char **keys = memory_resize(NULL, count, sizeof(*keys));
	for (size_t i = 0; i < count; i++) {
		keys[i] = operations[i].key;
		if (keys[i][0] == '\0')
			return error_set(error, EINVAL, "a commit with an empty key");
	}
	qsort(keys, count, sizeof(*keys), compare_texts);
	for (size_t i = 1; i < count; i++)
		if (strcmp(keys[i - 1], keys[i]) == 0)
			return error_set(error, EINVAL, "a commit changes %s twice", keys[i]);
	return 0;
}

// A walk is a statement under way: a visit that used the store would pull it from under itself.
static int check_idle(const struct store *store, struct error *error)
{
	return store->visiting ? error_set(error, EBUSY, "the store is being read") : 0;
}

// The history that can be read is compacted..revision.
static int check_revision(const struct store *store, uint64_t revision, struct error *error)
{
	if (revision > store->revision)
		return error_set(error, ERANGE,
			"revision %llu is in the future: the newest is %llu",
			(unsigned long long)revision, (unsigned long long)store->revision);
	if (revision < store->compacted)
		return error_set(error, ENODATA,
			"revision %llu is compacted: the oldest that is kept is %llu",
			(unsigned long long)revision, (unsigned long long)store->compacted);
	return 0;
}

static int read_begin(struct store *store, uint64_t revision, struct error *error)
{
	int result = check_idle(store, error);
	if (result == 0)
		result = check_revision(store, revision, error);
	if (result == 0)
		store->visiting = true;
	return result;
}

static int read_end(struct store *store, int result)
{
	store->visiting = false;
	return result;
}

int store_commit(struct store *store, const struct store_compare *compares, size_t compare_count,
	const struct store_operation *operations, size_t operation_count, uint64_t *revision,
	struct error *error)
{
	int result = check_idle(store, error);
	if (result == 0)
		result = check_operations(operations, operation_count, error);
	if (result == 0)
		result = store->provider->commit(
			store, compares, compare_count, operations, operation_count, error);
	if (result == 0 && revision)
		*revision = store->revision;
	return result;
}

int store_get(struct store *store, const char *key, uint64_t at, store_visit visit, void *context,
	struct error *error)
{
	at = at ? at : store->revision;
	int result = read_begin(store, at, error);
	if (result)
		return result;
	return read_end(store, store->provider->get(store, key, at, visit, context, error));
}

int store_snapshot(struct store *store, const char *prefix, uint64_t at, store_visit visit,
	void *context, struct error *error)
{
	at = at ? at : store->revision;
	int result = read_begin(store, at, error);
	if (result)
		return result;
	return read_end(store, store->provider->snapshot(store, prefix, at, visit, context, error));
}

int store_changes(struct store *store, const char *prefix, uint64_t since, store_visit visit,
	void *context, struct error *error)
{
	int result = read_begin(store, since, error);
	if (result)
		return result;
	return read_end(
		store, store->provider->changes(store, prefix, since, visit, context, error));
}

int store_compact(struct store *store, uint64_t revision, struct error *error)
{
	int result = check_idle(store, error);
	if (result || revision <= store->compacted)
		return result;
	result = check_revision(store, revision, error);
	return result ? result : store->provider->compact(store, revision, error);
}

int store_refresh(struct store *store, struct error *error)
{
	int result = check_idle(store, error);
	return result || !store->provider->refresh ? result
						   : store->provider->refresh(store, error);
}

int store_descriptor(const struct store *store)
{
	return store->provider->descriptor ? store->provider->descriptor(store) : -1;
}

int store_lease(struct store *store, const char *name, unsigned seconds, struct error *error)
{
	return store->provider->lease ? store->provider->lease(store, name, seconds, error) : 0;
}

void store_release(struct store *store, const char *name)
{
	if (store->provider->release)
		store->provider->release(store, name);
}

// ---- filling ----

// What is handed on, checked once for all engines.
struct filling {
	uint64_t revision;
	store_next next;
	void *context;
	char *last; // key
};

static int next_checked(void *context, struct store_entry *entry, struct error *error)
{
	struct filling *filling = context;
	int result = filling->next(filling->context, entry, error);
	if (result <= 0)
		return result;
	if (!entry->key[0] || !entry->value)
		return error_set(error, EINVAL, "an entry without a key or a value");
	if (filling->last && strcmp(filling->last, entry->key) >= 0)
		return error_set(error, EINVAL, "%s stands after %s: keys must ascend", entry->key,
			filling->last);
	if (entry->revision == 0 || entry->revision > filling->revision)
		return error_set(error, EINVAL, "%s: revision %llu is not among 1 to %llu",
			entry->key, (unsigned long long)entry->revision,
			(unsigned long long)filling->revision);
	free(filling->last);
	filling->last = memory_text(entry->key);
	return 1;
}

int store_fill(
	struct store *store, uint64_t revision, store_next next, void *context, struct error *error)
{
	struct filling filling = {revision, next, context, NULL};
	int result = check_idle(store, error);
	if (result == 0)
		result = store_refresh(store, error);
	if (result == 0 && store->revision)
		result = error_set(error, EEXIST, "the store is not empty: it is at revision %llu",
			(unsigned long long)store->revision);
	if (result == 0 && (revision == 0 || revision > INT64_MAX))
		result = error_set(error, EINVAL, "revision %llu of a store that is not empty",
			(unsigned long long)revision);
	if (result == 0)
		result = store->provider->fill(store, revision, next_checked, &filling, error);
	free(filling.last);
	return result;
}
