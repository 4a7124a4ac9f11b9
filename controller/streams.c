// SPDX-License-Identifier: Apache-2.0
#include "streams.h"

#include <errno.h>

#include "base/clock.h"
#include "base/memory.h"
#include "feed.h"
#include "handler.h"
#include "number.h"
#include "place.h"
#include "presence.h"
#include "questions.h"
#include "reads.h"

static void host_connected(void *context, const char *host, bool connected, uint64_t since)
{
	struct controller *controller = context;
	presence_here(controller, host, connected, since);
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

void streams_introduce(struct controller *controller, const char *host)
{
	feed_introduce(controller->feed, host);
}

struct attempt streams_attempt(const struct controller *controller, const char *host)
{
	return feed_attempt(controller->feed, host);
}

bool streams_yield(struct controller *controller, const char *host, struct attempt elsewhere)
{
	return feed_yield(controller->feed, host, elsewhere);
}

void streams_forget(struct controller *controller, const char *host)
{
	feed_forget(controller->feed, host);
}

void streams_publish(struct controller *controller, const struct topology_change *changes,
	size_t count, uint64_t revision)
{
	const char **hosts;
	size_t concerned = feed_publish(controller->feed, changes, count, revision, &hosts);
	receipts_expect(controller->receipts, revision, hosts, concerned, clock_monotonic_ms());
	free(hosts);
}

bool streams_tell(struct controller *controller, const char *host, json_t *message)
{
	return feed_tell(controller->feed, host, message);
}

// ---- the request ----

static void open_stream(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	struct feed_place place = {0};
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

// A host that another controller has told more than this one knows is not set back: this one first
// takes in what it lacks. So it does for a host that is new to it.
void handle_stream(
	struct controller *controller, struct request *request, const struct target *target)
{
	const char *since = request_parameter(request, "since");
	uint64_t revision;
	bool known = catalog_find(controller->catalog, MODEL_HOST, NULL, target->name);
	bool ahead = since && !number_parse(since, &revision) &&
		     revision > controller_revision(controller);
	if (known && !ahead)
		open_stream(controller, request, target);
	else
		reads_handle(controller, request, open_stream, target);
}
