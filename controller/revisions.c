// SPDX-License-Identifier: Apache-2.0
#include "revisions.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <utlist.h>

#include "allowance.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/table.h"
#include "handler.h"
#include "loop.h"
#include "number.h"
#include "presence.h"

struct waiter {
	struct controller *controller;
	struct request *request;
	struct receipt_watch watch;
	uv_timer_t *timer;
	struct waiter *prev, *next;
};

static json_t *pending_encode(
	const struct controller *controller, const struct receipt_pending *late)
{
	uint64_t since;
	json_t *json = json_pack("{s:s, s:I, s:b, s:I, s:s?}", "host", late->host, "realized",
		(json_int_t)late->realized, "connected", late->connected, "since_ms",
		(json_int_t)late->since_ms, "failure", late->failure);
	if (!presence_connected(controller, late->host, &since))
		json_object_set_new(json, "offline_ms", json_integer((json_int_t)since));
	return json;
}

static json_t *receipt_encode(const struct controller *controller, const struct receipt *receipt)
{
	json_t *pending = json_array();
	for (size_t i = 0; i < receipt->pending_count; i++)
		json_array_append_new(pending, pending_encode(controller, &receipt->pending[i]));
	return json_pack("{s:I, s:b, s:I, s:I, s:o}", "revision", (json_int_t)receipt->revision,
		"complete", receipt_complete(receipt), "required", (json_int_t)receipt->required,
		"realized", (json_int_t)receipt->realized, "pending", pending);
}

// A host by name, once.
struct carrier {
	const char *host;
	UT_hash_handle hh;
};

struct carriers {
	struct carrier *hosts;
};

static int take_carrier(void *context, struct object *object)
{
	struct carriers *carriers = context;
	const char *host = ((const struct port *)object)->host;
	struct carrier *carrier;
	if (!host)
		return 0;
	HASH_FIND_STR(carriers->hosts, host, carrier);
	if (carrier)
		return 0;
	carrier = memory_new(sizeof(*carrier));
	carrier->host = host;
	HASH_ADD_KEYPTR(hh, carriers->hosts, carrier->host, strlen(carrier->host), carrier);
	return 0;
}

static bool carries(
	const struct controller *controller, const struct identity *identity, const char *host)
{
	const struct name_list *tenants = &identity->token->tenants;
	for (size_t i = 0; i < tenants->count; i++)
		if (catalog_host_carries(controller->catalog, host, tenants->items[i]))
			return true;
	return false;
}

static size_t count_carriers(const struct controller *controller, const struct identity *identity)
{
	const struct name_list *tenants = &identity->token->tenants;
	struct carriers carriers = {NULL};
	struct carrier *carrier, *next;
	for (size_t i = 0; i < tenants->count; i++)
		catalog_each(controller->catalog, MODEL_PORT, tenants->items[i], take_carrier,
			&carriers);
	size_t count = HASH_COUNT(carriers.hosts);
	HASH_ITER (hh, carriers.hosts, carrier, next) {
		HASH_DEL(carriers.hosts, carrier);
		free(carrier);
	}
	return count;
}

// The people of a tenant are told of the hosts that carry its ports, whatever else the revision
// concerns. Why one of those fails may be another's doing: they are told that it does.
static void receipt_reduce(const struct controller *controller, const struct identity *identity,
	struct receipt *receipt)
{
	size_t kept = 0;
	if (!identity_is_scoped(identity))
		return;
	for (size_t i = 0; i < receipt->pending_count; i++) {
		struct receipt_pending *late = &receipt->pending[i];
		if (!carries(controller, identity, late->host))
			continue;
		if (late->failure)
			late->failure = "the host cannot realize it";
		receipt->pending[kept++] = *late;
	}
	receipt->pending_count = kept;
	receipt->required = count_carriers(controller, identity);
	receipt->realized = receipt->required - kept;
}

// The receipt as JSON if it is complete or `partial` will do, else NULL.
static int receipt_json(struct controller *controller, const struct identity *identity,
	uint64_t revision, bool partial, json_t **out)
{
	struct receipt receipt;
	int rc = receipts_get(controller->receipts, revision, controller_revision(controller),
		clock_monotonic_ms(), &receipt);
	if (rc < 0)
		return rc;
	receipt_reduce(controller, identity, &receipt);
	*out = partial || receipt_complete(&receipt) ? receipt_encode(controller, &receipt) : NULL;
	receipt_done(&receipt);
	return 0;
}

// ---- those that wait ----

static void waiter_free(struct waiter *waiter)
{
	DL_DELETE(waiter->controller->waiters, waiter);
	loop_close(waiter->timer);
	free(waiter);
}

static void waiter_left(void *context)
{
	waiter_free(context);
}

// For most it is enough to know one host that is late. The people of a tenant wait for a part of the
// hosts only.
static bool is_late(struct waiter *waiter)
{
	return !identity_is_scoped(&waiter->request->identity) &&
	       !receipt_watch_complete(waiter->controller->receipts, &waiter->watch);
}

static void waiter_check(struct waiter *waiter, bool partial)
{
	json_t *answer;
	if (!partial && is_late(waiter))
		return;
	if (receipt_json(waiter->controller, &waiter->request->identity, waiter->watch.revision,
		    partial, &answer) < 0 ||
		!answer)
		return; // a revision that there was does not become one of the future
	waiter->request->done = NULL;
	request_answer(waiter->request, 200, answer);
	waiter_free(waiter);
}

static void on_deadline(uv_timer_t *timer)
{
	waiter_check(timer->data, true);
}

static void wait_for(struct controller *controller, struct request *request, uint64_t revision,
	uint64_t milliseconds)
{
	struct waiter *waiter = memory_new(sizeof(*waiter));
	waiter->controller = controller;
	waiter->request = request;
	waiter->watch.revision = revision;
	waiter->timer = memory_new(sizeof(*waiter->timer));
	waiter->timer->data = waiter;
	uv_timer_init(controller->loop, waiter->timer);
	uv_timer_start(waiter->timer, on_deadline, milliseconds, 0);
	DL_APPEND(controller->waiters, waiter);
	request_last(request);
	request->done = waiter_left;
	request->done_context = waiter;
	request_park(request);
}

void revisions_progress(struct controller *controller)
{
	struct waiter *waiter, *next;
	DL_FOREACH_SAFE(controller->waiters, waiter, next)
	waiter_check(waiter, false);
}

void revisions_end(struct controller *controller)
{
	struct waiter *waiter, *next;
	DL_FOREACH_SAFE(controller->waiters, waiter, next)
	waiter_check(waiter, true);
}

void handle_revision(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	json_t *answer;
	uint64_t milliseconds = 0;
	const char *wait = request_parameter(request, "wait");
	if (wait && duration_parse(wait, &milliseconds) < 0) {
		error_set(&error, EINVAL, "wait=%s is no time up to an hour: 500ms, 30s, 2m", wait);
		request_refuse(request, &error);
	} else if (receipt_json(controller, &request->identity, target->revision, !milliseconds,
			   &answer) < 0) {
		error_set(&error, ERANGE,
			"revision %" PRIu64 " does not exist yet, the newest is %" PRIu64,
			target->revision, controller_revision(controller));
		request_refuse(request, &error);
	} else if (answer) {
		request_answer(request, 200, answer);
	} else if (allowance_hold(request, &error) < 0) {
		request_refuse(request, &error);
	} else {
		wait_for(controller, request, target->revision, milliseconds);
	}
}
