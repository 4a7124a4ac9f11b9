// SPDX-License-Identifier: Apache-2.0
#include "reads.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "follow.h"
#include "number.h"

struct read {
	struct controller *controller;
	struct request *request; // NULL: the client has left
	handler handle;
	struct target target;
	bool anyway;
};

static void read_left(void *context)
{
	((struct read *)context)->request = NULL;
}

static void refuse(struct read *read, const struct error *cause)
{
	struct error error = {0};
	error_set(&error, cause->code,
		"%s; with ?consistency=local the answer is as of revision %" PRIu64, cause->message,
		read->controller->revision);
	request_refuse(read->request, &error);
}

static void up_to_date(void *context, int rc, const struct error *error)
{
	struct read *read = context;
	if (read->request) {
		read->request->done = NULL;
		if (rc < 0 && !read->anyway)
			refuse(read, error);
		else
			read->handle(read->controller, read->request, &read->target);
	}
	free(read);
}

static void wait_for_news(struct controller *controller, struct request *request, handler handle,
	const struct target *target, bool anyway)
{
	struct read *read = memory_new(sizeof(*read));
	*read = (struct read){controller, request, handle, *target, anyway};
	request->done = read_left;
	request->done_context = read;
	request_park(request);
	follow_now(controller, up_to_date, read);
}

bool reads_know(
	const struct controller *controller, struct request *request, const struct target *target)
{
	const char *since = request_parameter(request, "since");
	uint64_t revision = target->revision;
	if (target->kind == MODEL_HOST &&
		!catalog_find(controller->catalog, MODEL_HOST, NULL, target->name))
		return false;
	if (since && number_parse(since, &revision) < 0)
		return true; // whoever handles it says so
	return revision <= controller_revision(controller);
}

void reads_handle(struct controller *controller, struct request *request, handler handle,
	const struct target *target)
{
	struct error error = {0};
	const char *consistency = request_parameter(request, "consistency");
	if (consistency && strcmp(consistency, "local") && strcmp(consistency, "strong")) {
		error_set(&error, EINVAL, "consistency=%s should be local or strong", consistency);
		request_refuse(request, &error);
		return;
	}
	if (controller_alone(controller) || (consistency && !strcmp(consistency, "local"))) {
		handle(controller, request, target);
		return;
	}
	wait_for_news(controller, request, handle, target, false);
}

void reads_handle_anyway(struct controller *controller, struct request *request, handler handle,
	const struct target *target)
{
	if (controller_alone(controller))
		handle(controller, request, target);
	else
		wait_for_news(controller, request, handle, target, true);
}
