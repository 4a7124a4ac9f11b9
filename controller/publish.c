// SPDX-License-Identifier: Apache-2.0
#include "publish.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/memory.h"
#include "enforcement.h"
#include "feed.h"
#include "presence.h"
#include "reports.h"
#include "revisions.h"
#include "streams.h"
#include "watch.h"

static const char *managed_host(const struct object *object)
{
	if (!object || object->kind != MODEL_HOST || !((const struct host *)object)->managed)
		return NULL;
	return object->name;
}

// Hosts that are new must answer, and those that are gone are not waited for.
static void adjust_hosts(
	struct controller *controller, const struct topology_change *changes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *before = managed_host(changes[i].before);
		const char *after = managed_host(changes[i].after);
		if (before && !after)
			receipts_host_remove(controller->receipts, before);
		if (after && !before) {
			receipts_host_add(controller->receipts, after);
			feed_introduce(controller->feed, after);
			presence_introduce(controller, after);
			reports_introduce(controller, after);
		}
	}
}

static void forget_hosts(
	struct controller *controller, const struct topology_change *changes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct object *before = changes[i].before;
		if (changes[i].after || before->kind != MODEL_HOST)
			continue;
		feed_forget(controller->feed, before->name);
		presence_forget(controller, before->name);
		reports_forget(controller, before->name);
	}
}

static void tell(struct controller *controller, const struct topology_change *changes, size_t count,
	uint64_t revision)
{
	adjust_hosts(controller, changes, count);
	streams_publish(controller, changes, count, revision);
	watch_publish(controller, changes, count, revision);
	forget_hosts(controller, changes, count);
	enforcement_changed(controller, changes, count);
	revisions_progress(controller);
}

void publish(struct controller *controller, struct transaction *transaction, uint64_t revision)
{
	const struct catalog_change *changes;
	struct error error = {0};
	if (transaction_adopt(transaction, &error) < 0) {
		char text[900];
		log_error("revision %" PRIu64 " of the store contradicts itself: %s", revision,
			error_format(&error, text, sizeof(text)));
		abort();
	}
	size_t count = transaction_changes(transaction, &changes);
	struct topology_change *kept = memory_new((count + 1) * sizeof(*kept));
	for (size_t i = 0; i < count; i++) {
		kept[i].before = changes[i].before ? object_ref(changes[i].before) : NULL;
		kept[i].after = changes[i].after ? object_ref(changes[i].after) : NULL;
	}
	transaction_commit(transaction, revision);
	controller->revision = revision;
	tell(controller, kept, count, revision);
	for (size_t i = 0; i < count; i++) {
		object_unref(kept[i].before);
		object_unref(kept[i].after);
	}
	free(kept);
}
