// SPDX-License-Identifier: Apache-2.0
#include "peers.h"

#include <errno.h>
#include <string.h>
#include <utlist.h>

#include "base/log.h"
#include "base/memory.h"
#include "entries.h"
#include "journal.h"
#include "loop.h"
#include "peer.h"

enum {
	LEASE_SECONDS = 30,
	ATTEND_MS = 10000,
	SUSPECT_MS = 15000, // not reached for so long
};

struct known_peer {
	struct peer_controller *peer;
	bool listed;
	struct known_peer *prev, *next;
};

struct peers {
	struct journal_job job; // first
	struct controller *controller;
	char *url, *key; // of this one; NULL: none
	struct known_peer *list;
	uv_timer_t *timer;
	bool running, again, ending;
	// Of the job.
	char **suspects; // keys
	size_t suspect_count;
	struct entries entries;
	struct error error;
	int rc;
};

// ---- on the store's thread ----

static int ignore(void *context, const struct store_entry *entry)
{
	(void)context, (void)entry;
	return 0;
}

static int write_entry(struct store *store, const char *key, const char *value, struct error *error)
{
	struct store_operation operation = {key, value, value ? strlen(value) : 0};
	return store_commit(store, NULL, 0, &operation, 1, NULL, error);
}

// Hold the lease, and be listed. Another incarnation of this controller may hold it still.
static int keep_entry(struct store *store, const char *key, struct error *error)
{
	struct error busy = {0};
	int rc = store_lease(store, key, LEASE_SECONDS, &busy);
	if (rc && rc != -EBUSY)
		return error_set(error, -rc, "%s", busy.message);
	rc = store_get(store, key, 0, ignore, NULL, NULL);
	return rc == -ENOENT ? write_entry(store, key, WEFT_VERSION, error) : rc;
}

// Whoever holds the lease of another has seen it end.
static void remove_entry(struct store *store, const char *key)
{
	if (store_lease(store, key, LEASE_SECONDS, NULL))
		return;
	if (!write_entry(store, key, NULL, NULL))
		log_info("%s is gone", key + strlen(PEERS_PREFIX));
	store_release(store, key);
}

static void attend(struct journal_job *job, struct store *store)
{
	struct peers *peers = (struct peers *)job;
	peers->error = (struct error){0};
	peers->rc = peers->key ? keep_entry(store, peers->key, &peers->error) : 0;
	for (size_t i = 0; !peers->rc && i < peers->suspect_count; i++)
		remove_entry(store, peers->suspects[i]);
	if (!peers->rc)
		peers->rc = store_snapshot(
			store, PEERS_PREFIX, 0, entries_add, &peers->entries, &peers->error);
}

// The last of this controller: what follows needs it no more.
struct departure {
	struct journal_job job; // first
	char *key;
};

static void leave(struct journal_job *job, struct store *store)
{
	const char *key = ((struct departure *)job)->key;
	write_entry(store, key, NULL, NULL);
	store_release(store, key);
}

static void left(struct journal_job *job)
{
	free(((struct departure *)job)->key);
	free(job);
}

// ---- on the loop ----

static struct known_peer *find(const struct peers *peers, const char *url)
{
	struct known_peer *known;
	DL_FOREACH (peers->list, known)
		if (!strcmp(peer_url(known->peer), url))
			return known;
	return NULL;
}

static void drop(struct peers *peers, struct known_peer *known)
{
	DL_DELETE(peers->list, known);
	peer_free(known->peer);
	free(known);
}

static void update(struct peers *peers)
{
	struct known_peer *known, *next;
	DL_FOREACH (peers->list, known)
		known->listed = false;
	for (size_t i = 0; i < peers->entries.count; i++) {
		const char *key = peers->entries.items[i].key;
		const char *url = key + strlen(PEERS_PREFIX);
		if (peers->key && !strcmp(key, peers->key))
			continue;
		known = find(peers, url);
		if (!known) {
			known = memory_new(sizeof(*known));
			peer_new(&known->peer, peers->controller, url);
			DL_APPEND(peers->list, known);
		}
		known->listed = true;
	}
	DL_FOREACH_SAFE(peers->list, known, next)
	if (!known->listed)
		drop(peers, known);
}

static void clear_job(struct peers *peers)
{
	for (size_t i = 0; i < peers->suspect_count; i++)
		free(peers->suspects[i]);
	free(steal(peers->suspects));
	peers->suspect_count = 0;
	entries_done(&peers->entries);
}

static void run(struct peers *peers);

static void attended(struct journal_job *job)
{
	struct peers *peers = (struct peers *)job;
	peers->running = false;
	if (peers->ending) {
		clear_job(peers);
		return;
	}
	if (!peers->rc)
		update(peers);
	else if (peers->rc != -EAGAIN)
		log_warning("cannot find other controllers: %s", peers->error.message);
	clear_job(peers);
	if (peers->again)
		run(peers);
}

static void suspect(struct peers *peers)
{
	const struct known_peer *known;
	DL_FOREACH (peers->list, known) {
		uint64_t since;
		if (peer_connected(known->peer, &since) || since < SUSPECT_MS)
			continue;
		peers->suspects = memory_resize(
			peers->suspects, peers->suspect_count + 1, sizeof(*peers->suspects));
		peers->suspects[peers->suspect_count++] =
			memory_format(PEERS_PREFIX "%s", peer_url(known->peer));
	}
}

static void run(struct peers *peers)
{
	peers->again = peers->running;
	if (peers->running || peers->ending)
		return;
	peers->running = true;
	suspect(peers);
	journal_submit(peers->controller->journal, &peers->job);
}

static void on_timer(uv_timer_t *timer)
{
	run(timer->data);
}

void peers_changed(struct controller *controller)
{
	if (controller->peers)
		run(controller->peers);
}

// ---- life ----

void peers_start(struct controller *controller, const char *url)
{
	if (controller_alone(controller))
		return;
	struct peers *peers = memory_new(sizeof(*peers));
	peers->job = (struct journal_job){.work = attend, .done = attended};
	peers->controller = controller;
	peers->url = memory_text(url);
	peers->key = url ? memory_format(PEERS_PREFIX "%s", url) : NULL;
	peers->timer = memory_new(sizeof(*peers->timer));
	peers->timer->data = peers;
	uv_timer_init(controller->loop, peers->timer);
	uv_timer_start(peers->timer, on_timer, ATTEND_MS, ATTEND_MS);
	controller->peers = peers;
	if (!url)
		log_info("other controllers cannot reach this one: it does not listen on an "
			 "address of its own, or --advertise is missing");
	run(peers);
}

void peers_end(struct controller *controller, bool reaches)
{
	struct peers *peers = controller->peers;
	if (!peers)
		return;
	peers->ending = true;
	loop_close(steal(peers->timer));
	while (peers->list)
		drop(peers, peers->list);
	if (!peers->key || !reaches)
		return;
	struct departure *departure = memory_new(sizeof(*departure));
	departure->job = (struct journal_job){.work = leave, .done = left};
	departure->key = memory_text(peers->key);
	journal_submit(controller->journal, &departure->job);
}

void peers_free(struct controller *controller)
{
	struct peers *peers = steal(controller->peers);
	if (!peers)
		return;
	free(peers->url);
	free(peers->key);
	free(peers);
}

void peers_each(const struct controller *controller, peers_visit visit, void *context)
{
	const struct known_peer *known;
	if (!controller->peers)
		return;
	DL_FOREACH (controller->peers->list, known)
		visit(context, known->peer);
}

const char *peers_self(const struct controller *controller)
{
	return controller->peers ? controller->peers->url : NULL;
}
