// SPDX-License-Identifier: Apache-2.0
#include "watch.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <utlist.h>

#include "base/memory.h"
#include "channel.h"
#include "history.h"
#include "number.h"

struct watch {
	struct controller *controller;
	struct target list;
	struct channel *channel;
	struct watch *prev, *next;
};

static struct bytes *line_put(const struct object *object, uint64_t revision)
{
	return bytes_line(json_pack("{s:s, s:I, s:o}", "type", "put", "revision",
		(json_int_t)revision, "object", object_encode(object)));
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

// Lines are collected before the channel opens: history that is compacted or damaged is refused
// with a status.
struct replay {
	const struct target *list;
	struct bytes **lines;
	size_t count, capacity;
	struct error *error;
};

static int replay_visit(void *context, const struct store_entry *entry)
{
	struct replay *replay = context;
	char tenant[64], name[64];
	struct bytes *line;
	if (!history_match(replay->list, entry->key, tenant, name))
		return 0;
	if (entry->value) {
		struct object *object;
		int rc = history_decode(entry, &object, replay->error);
		if (rc < 0)
			return rc;
		line = line_put(object, entry->revision);
		object_unref(object);
	} else {
		line = line_delete(replay->list->kind, tenant, name, entry->revision);
	}
	if (replay->count == replay->capacity) {
		replay->capacity = replay->capacity ? replay->capacity * 2 : 64;
		replay->lines =
			memory_resize(replay->lines, replay->capacity, sizeof(*replay->lines));
	}
	replay->lines[replay->count++] = line;
	return 0;
}

static int replay_since(struct controller *controller, const char *since, struct replay *replay)
{
	uint64_t revision, newest = controller_revision(controller);
	char prefix[HISTORY_KEY_TEXT];
	if (number_parse(since, &revision) < 0)
		return error_set(replay->error, EINVAL, "since=%s is no revision", since);
	if (revision > newest)
		return error_set(replay->error, ERANGE,
			"revision %" PRIu64 " does not exist yet, the newest is %" PRIu64, revision,
			newest);
	return store_changes(controller->store, history_prefix(replay->list, prefix), revision,
		replay_visit, replay, replay->error);
}

// ---- what is ----

static void watch_closed(void *context)
{
	struct watch *watch = context;
	DL_DELETE(watch->controller->watches, watch);
	free(watch);
}

void handle_watch(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	struct replay replay = {.list = target, .error = &error};
	const char *since = request_parameter(request, "since");
	if (since && replay_since(controller, since, &replay) < 0) {
		request_refuse(request, &error);
	} else {
		struct watch *watch = memory_new(sizeof(*watch));
		watch->controller = controller;
		watch->list = *target;
		watch->channel = channel_open(request, watch_closed, watch);
		DL_APPEND(controller->watches, watch);
		for (size_t i = 0; i < replay.count; i++)
			channel_push(watch->channel, replay.lines[i]);
	}
	for (size_t i = 0; i < replay.count; i++)
		bytes_unref(replay.lines[i]);
	free(replay.lines);
}

static bool watch_wants(const struct watch *watch, const struct object *object)
{
	return watch->list.kind == object->kind &&
	       (!watch->list.tenant[0] || !strcmp(watch->list.tenant, object->tenant));
}

static void publish_change(
	struct controller *controller, const struct topology_change *change, uint64_t revision)
{
	const struct object *object = change->after ? change->after : change->before;
	struct bytes *line = NULL;
	struct watch *watch;
	DL_FOREACH (controller->watches, watch) {
		if (!watch_wants(watch, object))
			continue;
		if (!line)
			line = change->after ? line_put(object, revision)
					     : line_delete(object->kind, object->tenant,
						       object->name, revision);
		channel_push(watch->channel, line);
	}
	bytes_unref(line);
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
