// SPDX-License-Identifier: Apache-2.0
#include "controller/controller.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "audit.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "enforcement.h"
#include "enrolments.h"
#include "bulletin.h"
#include "feed.h"
#include "follow.h"
#include "journal.h"
#include "allowance.h"
#include "loop.h"
#include "peers.h"
#include "presence.h"
#include "questions.h"
#include "relayed.h"
#include "reports.h"
#include "revisions.h"
#include "route.h"
#include "stored.h"
#include "streams.h"
#include "watch.h"
#include "writes.h"

enum {
	BODY_LIMIT = 32 << 20,
	HISTORY_REVISIONS = 100000, // kept, for ?at= and watches that catch up
	// Compacting may cost as much as all that lives: so it is done for many revisions at once.
	HISTORY_SURPLUS = HISTORY_REVISIONS / 10,
	HISTORY_BYTES = 256 << 20,
	COMPACTION_MS = 60000,
	CERTIFICATE_SECONDS = 7 * 86400, // of a host that joined
};

// ---- loading ----

struct loading {
	struct controller *controller;
	struct topology_change *changes;
	size_t count, capacity;
	struct error *error;
};

static int load_object(void *context, const struct store_entry *entry)
{
	struct loading *loading = context;
	struct object *object;
	int rc = stored_decode(entry, &object, loading->error);
	if (rc < 0)
		return rc;
	if (loading->count == loading->capacity) {
		loading->capacity = loading->capacity ? loading->capacity * 2 : 256;
		loading->changes = memory_resize(
			loading->changes, loading->capacity, sizeof(*loading->changes));
	}
	rc = catalog_load(loading->controller->catalog, object_ref(object), loading->error);
	if (rc < 0) {
		object_unref(object);
		return rc;
	}
	loading->changes[loading->count++] = (struct topology_change){.after = object};
	if (object->kind == MODEL_HOST && ((struct host *)object)->managed) {
		receipts_host_add(loading->controller->receipts, object->name);
		feed_introduce(loading->controller->feed, object->name);
		presence_introduce(loading->controller, object->name);
	}
	return 0;
}

static int load_counters(void *context, const struct store_entry *entry)
{
	struct loading *loading = context;
	json_t *counters = json_loadb(entry->value, entry->length, 0, NULL);
	loading->controller->counters_revision = entry->revision;
	int rc = catalog_counters_load(loading->controller->catalog, counters, loading->error);
	json_decref(counters);
	return rc;
}

static int load(struct controller *controller, struct error *error)
{
	struct loading loading = {.controller = controller, .error = error};
	controller->revision = store_revision(controller->store);
	controller->compacted = store_compacted(controller->store);
	int rc = store_snapshot(controller->store, STORED_OBJECTS, 0, load_object, &loading, error);
	if (!rc)
		rc = store_snapshot(
			controller->store, STORED_COUNTERS, 0, load_counters, &loading, error);
	if (!rc) {
		topology_apply(controller->topology, loading.changes, loading.count, NULL, NULL);
		receipts_begin(controller->receipts, controller->revision, clock_monotonic_ms());
	}
	for (size_t i = 0; i < loading.count; i++)
		object_unref(loading.changes[i].after);
	free(loading.changes);
	return rc;
}

// ---- life ----

struct compaction {
	struct journal_job job; // first
	struct controller *controller;
	uint64_t compacted;
	int rc; // of store_compact
	struct error error;
};

// The revision before which history is to go; 0: it may stay.
static uint64_t history_begin(const struct store *store)
{
	uint64_t revision = store_revision(store), kept = revision - store_compacted(store);
	if (kept > HISTORY_REVISIONS + HISTORY_SURPLUS)
		return revision - HISTORY_REVISIONS;
	return store_history_bytes(store) > HISTORY_BYTES ? revision - kept / 2 : 0;
}

static void compact(struct journal_job *job, struct store *store)
{
	struct compaction *compaction = (struct compaction *)job;
	compaction->rc = store_compact(store, history_begin(store), &compaction->error);
	compaction->compacted = store_compacted(store);
}

// Of several controllers one is at it (EBUSY), for all.
static void compacted(struct journal_job *job)
{
	struct compaction *compaction = (struct compaction *)job;
	if (compaction->error.code && compaction->error.code != EBUSY)
		log_warning("the history is not compacted: %s", compaction->error.message);
	struct controller *controller = compaction->controller;
	controller->compacted = compaction->compacted;
	// Step by step: what came in the meantime has its turn first.
	if (compaction->rc > 0 && controller->compaction)
		journal_submit(controller->journal, &compaction->job);
	else
		free(compaction);
}

static void on_compaction(uv_timer_t *timer)
{
	struct controller *controller = timer->data;
	struct compaction *compaction = memory_new(sizeof(*compaction));
	compaction->job = (struct journal_job){.work = compact, .done = compacted};
	compaction->controller = controller;
	journal_submit(controller->journal, &compaction->job);
}

static uint64_t current_revision(void *context)
{
	return controller_revision(context);
}

static int listen_for_requests(struct controller *controller,
	const struct controller_options *options, struct error *error)
{
	const struct http_options http = {
		.unix_socket = options->unix_socket,
		.listen = options->listen,
		.certificate = options->certificate,
		.key = options->key,
		.authority = options->authority,
		.body_limit = options->body_limit ? options->body_limit : BODY_LIMIT,
		.handler = route_dispatch,
		.revision = current_revision,
		.refused = audit_refused,
		.context = controller,
	};
	return http_start(&controller->http, controller->loop, &http, error);
}

static int start_journal(struct controller *controller, struct error *error)
{
	int rc = journal_start(&controller->journal, controller->loop, controller->store, error);
	if (rc < 0) {
		controller->store = NULL;
		return rc;
	}
	follow_start(controller);
	controller->store = NULL;
	uv_timer_start(controller->compaction, on_compaction, COMPACTION_MS, COMPACTION_MS);
	return 0;
}

// The URL at which others reach this controller: --advertise, or where it listens, if that is an
// address of its own. NULL if there is none.
static char *own_url(const struct controller_options *options)
{
	static const char *const any[] = {"0.0.0.0:", "[::]:"};
	if (options->advertise)
		return memory_text(options->advertise);
	for (size_t i = 0; options->listen && i < array_count(any); i++)
		if (!strncmp(options->listen, any[i], strlen(any[i])))
			return NULL;
	return options->listen ? memory_format("https://%s", options->listen) : NULL;
}

static int meet_others(struct controller *controller, const struct controller_options *options,
	struct error *error)
{
	cleanup_free char *url = own_url(options);
	if (url && strncmp(url, "https://", strlen("https://")))
		return error_set(error, EINVAL,
			"\"%s\" is no address for other controllers: https://HOST:PORT", url);
	peers_start(controller, url);
	return 0;
}

int controller_start(struct controller **out, uv_loop_t *loop,
	const struct controller_options *options, struct error *error)
{
	struct controller *controller = memory_new(sizeof(*controller));
	controller->loop = loop;
	controller->started = clock_monotonic_ms();
	catalog_new(&controller->catalog);
	topology_new(&controller->topology);
	receipts_new(&controller->receipts);
	controller->certificate = memory_text(options->certificate);
	controller->key = memory_text(options->key);
	controller->authority = memory_text(options->authority);
	presence_start(controller);
	bulletin_start(controller);
	streams_start(controller);
	reports_start(controller);
	enforcement_start(controller);
	allowance_start(controller);
	controller->compaction = memory_new(sizeof(*controller->compaction));
	controller->compaction->data = controller;
	uv_timer_init(loop, controller->compaction);
	writes_start(controller);
	int rc = enrolments_start(controller, options->authority, options->authority_key,
		options->certificate_seconds ? options->certificate_seconds : CERTIFICATE_SECONDS,
		error);
	if (!rc)
		rc = store_open(&controller->store, options->store, error);
	if (!rc)
		rc = load(controller, error);
	if (!rc)
		rc = start_journal(controller, error);
	if (!rc)
		rc = listen_for_requests(controller, options, error);
	if (!rc)
		rc = meet_others(controller, options, error);
	if (rc < 0) {
		controller_stop(controller);
		return rc;
	}
	log_info("revision %" PRIu64 " of %s, %zu hosts, %zu networks, %zu ports",
		controller_revision(controller), options->store,
		catalog_count(controller->catalog, MODEL_HOST),
		catalog_count(controller->catalog, MODEL_NETWORK),
		catalog_count(controller->catalog, MODEL_PORT));
	*out = controller;
	return 0;
}

void controller_stop(struct controller *controller)
{
	if (!controller)
		return;
	revisions_end(controller);
	questions_end(controller);
	streams_end(controller);
	watch_end(controller);
	bulletin_end(controller);
	peers_end(controller, follow_reaches(controller, NULL));
	writes_end(controller);
	follow_end(controller);
	loop_close(steal(controller->compaction));
	journal_stop(controller->journal);
	http_stop(controller->http);
	enforcement_stop(controller);
	allowance_stop(controller);
	enrolments_stop(controller);
	audit_free(controller);
	follow_free(controller);
	writes_free(controller);
	peers_free(controller);
	streams_free(controller);
	relayed_free(controller);
	bulletin_free(controller);
	presence_free(controller);
	reports_free(controller);
	receipts_free(controller->receipts);
	topology_free(controller->topology);
	catalog_free(controller->catalog);
	store_close(controller->store);
	free(controller->certificate);
	free(controller->key);
	free(controller->authority);
	free(controller);
}
