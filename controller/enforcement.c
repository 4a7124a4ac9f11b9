// SPDX-License-Identifier: Apache-2.0
#include "enforcement.h"

#include "access.h"
#include "base/memory.h"
#include "loop.h"
#include "relayed.h"

enum { PERIOD_MS = 1000 };

static bool holds_no_more(void *context, const struct request *request)
{
	return !access_holds(context, &request->identity);
}

static void on_timer(uv_timer_t *timer)
{
	struct controller *controller = timer->data;
	if (controller->http)
		http_expire(controller->http);
	relayed_enforce(controller);
}

void enforcement_start(struct controller *controller)
{
	controller->enforcement = memory_new(sizeof(*controller->enforcement));
	controller->enforcement->data = controller;
	uv_timer_init(controller->loop, controller->enforcement);
	uv_timer_start(controller->enforcement, on_timer, PERIOD_MS, PERIOD_MS);
}

void enforcement_stop(struct controller *controller)
{
	loop_close(steal(controller->enforcement));
}

void enforcement_changed(
	struct controller *controller, const struct topology_change *changes, size_t count)
{
	for (size_t i = 0; controller->http && i < count; i++) {
		const struct object *object =
			changes[i].after ? changes[i].after : changes[i].before;
		if (object->kind == MODEL_TOKEN || object->kind == MODEL_ENROLMENT) {
			http_break(controller->http, holds_no_more, controller);
			relayed_enforce(controller);
			return;
		}
	}
}
