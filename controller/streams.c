// SPDX-License-Identifier: Apache-2.0
#include "streams.h"

#include <errno.h>

#include "base/clock.h"
#include "base/memory.h"
#include "bulletin.h"
#include "feed.h"
#include "handler.h"
#include "place.h"
#include "presence.h"
#include "questions.h"

static void host_connected(void *context, const char *host, bool connected, uint64_t since)
{
	struct controller *controller = context;
	presence_here(controller, host, connected, since);
	bulletin_host(controller, host, connected, since);
	if (!connected)
		questions_lost(controller, host);
}

static uint64_t current_revision(void *context)
{
	return controller_revision(context);
}

static const char *current_history(void *context)
{
	const struct controller *controller = context;
	return catalog_history(controller->catalog);
}

void streams_start(struct controller *controller)
{
	const struct feed_events events = {
		host_connected, current_revision, current_history, controller};
	feed_new(
		&controller->feed, controller->loop, controller->topology, &feed_defaults, &events);
}

void streams_end(struct controller *controller)
{
	feed_end(controller->feed);
}

void streams_free(struct controller *controller)
{
	feed_free(steal(controller->feed));
}

void streams_publish(struct controller *controller, const struct topology_change *changes,
	size_t count, uint64_t revision)
{
	const char **hosts;
	size_t concerned = feed_publish(controller->feed, changes, count, revision, &hosts);
	receipts_expect(controller->receipts, revision, hosts, concerned, clock_monotonic_ms());
	free(hosts);
}

// ---- the request ----

void handle_stream(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	struct place place = {0};
	int rc = 0;
	if (!catalog_find(controller->catalog, MODEL_HOST, NULL, target->name)) {
		rc = error_set(&error, ENOENT, "there is no host %s", target->name);
		error_set_object(&error, "hosts/%s", target->name);
	}
	if (!rc)
		rc = place_read(request, &place, &error);
	if (rc < 0)
		request_refuse(request, &error);
	else
		feed_open(controller->feed, target->name, request, &place);
}
