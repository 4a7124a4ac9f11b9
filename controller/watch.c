// SPDX-License-Identifier: Apache-2.0
#include "watch.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <utlist.h>

#include "access.h"
#include "base/memory.h"
#include "channel.h"
#include "history.h"
#include "allowance.h"
#include "number.h"
#include "stored.h"

struct watch {
	struct controller *controller;
	const struct identity *identity; // the request's, which lasts as long as the channel
	struct target list;
	struct channel *channel;
	struct watch *prev, *next;
};

static struct bytes *line_put(
	const struct identity *identity, const struct object *object, uint64_t revision)
{
	json_t *json = object_encode(object);
	access_reduce(identity, object->kind, json);
	return bytes_line(json_pack("{s:s, s:I, s:o}", "type", "put", "revision",
		(json_int_t)revision, "object", json));
}

static struct bytes *line_delete(
	enum model_kind kind, const char *tenant, const char *name, uint64_t revision)
{
	json_t *object = json_pack("{s:s}", "kind", model_kind_name(kind));
	if (model_kind_in_tenant(kind))
		json_object_set_new(object, "tenant", json_string(tenant));
	json_object_set_new(object, "name", json_string(name));
	return bytes_line(json_pack("{s:s, s:I, s:o}", "type", "delete", "revision",
		(json_int_t)revision, "object", object));
}

// ---- what was ----

// The line of an entry of the past, NULL if the list does not want it, or the client not see it.
static int line_of(const struct identity *identity, const struct target *list,
	const struct store_entry *entry, struct bytes **line, struct error *error)
{
	char tenant[64], name[64];
	struct object *object;
	*line = NULL;
	if (!history_match(list, entry->key, tenant, name) ||
		!access_sees(identity, list->kind, tenant, name))
		return 0;
	if (!entry->value) {
		*line = line_delete(list->kind, tenant, name, entry->revision);
		return 0;
	}
	int rc = stored_decode(entry, &object, error);
	if (rc < 0)
		return rc;
	*line = line_put(identity, object, entry->revision);
	object_unref(object);
	return 0;
}

// Lines are collected before the channel opens: history that is damaged is refused with a status.
// What the store's thread has seen already and this controller has not taken in yet comes later, as
// to everybody.
static int replay(const struct identity *identity, const struct target *list,
	const struct entries *entries, uint64_t until, struct bytes **lines, struct error *error)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < entries->count && entries->items[i].revision <= until; i++)
		rc = line_of(identity, list, &entries->items[i], &lines[i], error);
	return rc;
}

// ---- what is ----

static void watch_closed(void *context)
{
	struct watch *watch = context;
	DL_DELETE(watch->controller->watches, watch);
	free(watch);
}

static struct watch *watch_open(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct watch *watch = memory_new(sizeof(*watch));
	watch->controller = controller;
	watch->identity = &request->identity;
	watch->list = *target;
	const struct channel_events events = {.closed = watch_closed, .context = watch};
	watch->channel = channel_open(request, &events);
	DL_APPEND(controller->watches, watch);
	return watch;
}

static void changes_found(struct controller *controller, struct request *request,
	const struct target *target, uint64_t revision, const struct entries *entries)
{
	(void)revision;
	struct error error = {0};
	struct bytes **lines = memory_new((entries->count + 1) * sizeof(struct bytes *));
	if (replay(&request->identity, target, entries, controller_revision(controller), lines,
		    &error) < 0) {
		request_refuse(request, &error);
	} else {
		struct watch *watch = watch_open(controller, request, target);
		for (size_t i = 0; i < entries->count; i++)
			if (lines[i])
				channel_push(watch->channel, lines[i]);
	}
	for (size_t i = 0; i < entries->count; i++)
		bytes_unref(lines[i]);
	free(lines);
}

void handle_watch(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	uint64_t revision, newest = controller_revision(controller);
	const char *since = request_parameter(request, "since");
	if (allowance_hold(request, &error) < 0) {
		request_refuse(request, &error);
		return;
	}
	if (!since) {
		watch_open(controller, request, target);
		return;
	}
	if (number_parse(since, &revision) < 0)
		error_set(&error, EINVAL, "since=%s is no revision", since);
	else if (revision > newest)
		error_set(&error, ERANGE,
			"revision %" PRIu64 " does not exist yet, the newest is %" PRIu64, revision,
			newest);
	if (error.code)
		request_refuse(request, &error);
	else
		history_read(controller, request, target, HISTORY_CHANGES, revision, changes_found);
}

static bool watch_wants(const struct watch *watch, const struct object *object)
{
	return watch->list.kind == object->kind &&
	       (!watch->list.tenant[0] || !strcmp(watch->list.tenant, object->tenant)) &&
	       access_sees(watch->identity, object->kind, object->tenant, object->name);
}

static void publish_change(
	struct controller *controller, const struct topology_change *change, uint64_t revision)
{
	const struct object *object = change->after ? change->after : change->before;
	struct bytes *lines[2] = {NULL, NULL}; // whole, and as tenants see it
	struct watch *watch;
	DL_FOREACH (controller->watches, watch) {
		if (!watch_wants(watch, object))
			continue;
		struct bytes **line = &lines[identity_is_scoped(watch->identity)];
		if (!*line)
			*line = change->after ? line_put(watch->identity, object, revision)
					      : line_delete(object->kind, object->tenant,
							object->name, revision);
		channel_push(watch->channel, *line);
	}
	bytes_unref(lines[0]);
	bytes_unref(lines[1]);
}

void watch_publish(struct controller *controller, const struct topology_change *changes,
	size_t count, uint64_t revision)
{
	struct watch *watch;
	DL_FOREACH (controller->watches, watch)
		if (channel_overdue(watch->channel))
			channel_drop(watch->channel);
	for (size_t i = 0; i < count; i++)
		publish_change(controller, &changes[i], revision);
}

void watch_end(struct controller *controller)
{
	struct watch *watch;
	DL_FOREACH (controller->watches, watch)
		channel_end(watch->channel);
}
