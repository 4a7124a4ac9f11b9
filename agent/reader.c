// SPDX-License-Identifier: Apache-2.0
#include "reader.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "model/digest.h"
#include "model/patch.h"

static void item_done(void *element)
{
	struct batch_item *item = element;
	free(item->tenant);
	free(item->name);
	object_unref(item->object);
}

static const UT_icd item_icd = {sizeof(struct batch_item), NULL, NULL, item_done};

void reader_init(struct reader *reader, reader_batch callback, void *context)
{
	*reader = (struct reader){.callback = callback, .context = context};
	utarray_init(&reader->batch.items, &item_icd);
}

void reader_done(struct reader *reader)
{
	free(reader->line);
	utarray_done(&reader->batch.items);
}

void reader_reset(struct reader *reader, bool resuming)
{
	reader->length = 0;
	reader->begun = resuming;
	reader->batch.snapshot = false;
	utarray_clear(&reader->batch.items);
}

// ---- messages ----

static int read_revision(const json_t *message, uint64_t *out, struct error *error)
{
	const json_t *revision = json_object_get(message, "revision");
	if (!json_is_integer(revision) || json_integer_value(revision) < 0)
		return error_set(error, EPROTO, "the controller sent no revision");
	*out = json_integer_value(revision);
	return 0;
}

// Kind, tenant and name of an object, or of a delete message. Borrowed from `json`.
static int read_identity(const json_t *json, struct batch_item *item, char **tenant, char **name,
	struct error *error)
{
	const char *kind = json_string_value(json_object_get(json, "kind"));
	*tenant = (char *)json_string_value(json_object_get(json, "tenant"));
	*name = (char *)json_string_value(json_object_get(json, "name"));
	if (!kind || !*name)
		return error_set(
			error, EPROTO, "the controller sent an object without kind or name");
	if (model_kind_find(kind, &item->kind))
		return error_set(
			error, EPROTO, "the controller sent an object of unknown kind %s", kind);
	if (model_kind_in_tenant(item->kind) != (*tenant != NULL))
		return error_set(error, EPROTO, "the controller sent %s %s %s tenant", kind, *name,
			*tenant ? "with a" : "without a");
	return 0;
}

// What the object was when this batch began, of just the revision from which it differs.
static int read_patch(struct reader *reader, struct batch_item *item, const char *tenant,
	const char *name, const json_t *message, struct error *error)
{
	char path[OBJECT_PATH_TEXT];
	json_int_t base = json_integer_value(json_object_get(message, "base"));
	const struct object *held =
		reader->find ? reader->find(reader->context, item->kind, tenant, name) : NULL;
	uint64_t revision;
	int result = read_revision(message, &revision, error);
	if (result)
		return result;
	if (!held || base <= 0 || held->revision != (uint64_t)base)
		return error_set(error, EPROTO,
			"the controller sent what differs of %s from a version that is not here",
			object_path_of(item->kind, tenant, name, path));
	return object_patch(
		&item->object, held, json_object_get(message, "patch"), revision, error);
}

enum change { CHANGE_PUT, CHANGE_PATCH, CHANGE_DELETE };

static int read_change(
	struct reader *reader, const json_t *message, enum change change, struct error *error)
{
	struct batch_item item = {0};
	char *tenant, *name;
	if (!reader->begun)
		return error_set(error, EPROTO, "the controller sent a change before a snapshot");
	const json_t *json = change == CHANGE_PUT ? json_object_get(message, "object") : message;
	int result = read_identity(json, &item, &tenant, &name, error);
	if (!result && change == CHANGE_PUT)
		result = object_decode(&item.object, item.kind, tenant, name, json, true, error);
	else if (!result && change == CHANGE_PATCH)
		result = read_patch(reader, &item, tenant, name, message, error);
	if (result)
		return result;
	item.tenant = memory_text(tenant);
	item.name = memory_text(name);
	utarray_push_back(&reader->batch.items, &item);
	return 0;
}

// Inside a batch too: the host was so slow that the controller has no more of the rest.
static int read_snapshot(struct reader *reader, const json_t *message, struct error *error)
{
	const char *history = json_string_value(json_object_get(message, "history"));
	if (history && strlen(history) >= sizeof(reader->batch.history))
		return error_set(error, EPROTO, "the controller sent a history that is none");
	snprintf(
		reader->batch.history, sizeof(reader->batch.history), "%s", history ? history : "");
	utarray_clear(&reader->batch.items);
	reader->begun = true;
	reader->batch.snapshot = true;
	return 0;
}

// A controller of an older version says none.
static int read_claim(struct reader *reader, const json_t *message, struct error *error)
{
	uint64_t digest;
	const json_t *text = json_object_get(message, "digest");
	if (!text)
		return 0;
	if (digest_parse(json_string_value(text), &digest) < 0)
		return error_set(error, EPROTO, "the controller sent a digest that is none");
	if (reader->claim)
		reader->claim(reader->context, digest);
	return 0;
}

static int read_ping(struct reader *reader, const json_t *message, struct error *error)
{
	if (!reader->begun || reader->batch.snapshot || utarray_len(&reader->batch.items))
		return 0;
	return read_claim(reader, message, error);
}

static int read_commit(struct reader *reader, const json_t *message, struct error *error)
{
	int result = read_revision(message, &reader->batch.revision, error);
	if (result)
		return result;
	if (!reader->begun)
		return error_set(error, EPROTO, "the controller sent a commit before a snapshot");
	reader->callback(reader->context, &reader->batch);
	reader->batch.snapshot = false;
	utarray_clear(&reader->batch.items);
	return read_claim(reader, message, error);
}

static int read_message(struct reader *reader, json_t *message, struct error *error)
{
	const char *type = json_string_value(json_object_get(message, "type"));
	if (!type)
		return error_set(error, EPROTO, "the controller sent a line that is no message");
	if (!strcmp(type, "put"))
		return read_change(reader, message, CHANGE_PUT, error);
	if (!strcmp(type, "patch"))
		return read_change(reader, message, CHANGE_PATCH, error);
	if (!strcmp(type, "delete"))
		return read_change(reader, message, CHANGE_DELETE, error);
	if (!strcmp(type, "commit"))
		return read_commit(reader, message, error);
	if (!strcmp(type, "snapshot"))
		return read_snapshot(reader, message, error);
	if (!strcmp(type, "ping"))
		return read_ping(reader, message, error);
	if (reader->message ? !reader->message(reader->context, type, message)
			    : !strcmp(type, "trace"))
		return 0;
	return error_set(error, EPROTO, "the controller sent an unknown message, %s", type);
}

static int read_line(struct reader *reader, const char *line, size_t length, struct error *error)
{
	if (!length)
		return 0;
	json_error_t where;
	json_t *message = json_loadb(line, length, JSON_REJECT_DUPLICATES, &where);
	if (!message)
		return error_set(error, EPROTO, "the controller sent bad JSON: %s", where.text);
	int result = read_message(reader, message, error);
	json_decref(message);
	return result;
}

// ---- lines ----

static int keep(struct reader *reader, const char *data, size_t length, struct error *error)
{
	if (length > READER_LINE_MAX - reader->length)
		return error_set(error, EFBIG, "the controller sent a line of over %d bytes",
			READER_LINE_MAX);
	if (reader->length + length > reader->capacity) {
		reader->capacity = 2 * (reader->length + length);
		reader->line = memory_resize(reader->line, reader->capacity, 1);
	}
	memcpy(reader->line + reader->length, data, length);
	reader->length += length;
	return 0;
}

int reader_feed(struct reader *reader, const char *data, size_t length, struct error *error)
{
	while (length) {
		const char *end = memchr(data, '\n', length);
		size_t part = end ? (size_t)(end - data) : length;
		int result;
		if (!end)
			return keep(reader, data, length, error);
		if (reader->length) {
			result = keep(reader, data, part, error);
			if (!result)
				result = read_line(reader, reader->line, reader->length, error);
			reader->length = 0;
		} else {
			result = read_line(reader, data, part, error);
		}
		if (result)
			return result;
		data += part + 1;
		length -= part + 1;
	}
	return 0;
}
