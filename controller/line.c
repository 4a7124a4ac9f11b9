// SPDX-License-Identifier: Apache-2.0
#include "line.h"

#include <inttypes.h>
#include <stdio.h>

#include "model/digest.h"
#include "model/patch.h"

void line_put_to(struct writer *writer, const struct object *object)
{
	static const char before[] = "{\"type\":\"put\",\"object\":", after[] = "}\n";
	json_t *json = object_encode(object);
	writer_append(writer, before, sizeof(before) - 1);
	writer_json(writer, json);
	writer_append(writer, after, sizeof(after) - 1);
	json_decref(json);
}

struct bytes *line_put(const struct object *object)
{
	struct writer writer = {0};
	line_put_to(&writer, object);
	struct bytes *bytes = bytes_copy(writer.text, writer.length);
	writer_done(&writer);
	return bytes;
}

static json_t *about(const char *type, const struct object *object)
{
	return json_pack("{s:s, s:s, s:s*, s:s}", "type", type, "kind",
		model_kind_name(object->kind), "tenant", object->tenant, "name", object->name);
}

struct bytes *line_patch(const struct object *before, const struct object *after)
{
	json_t *json = about("patch", after);
	json_object_set_new(json, "base", json_integer((json_int_t)before->revision));
	json_object_set_new(json, "revision", json_integer((json_int_t)after->revision));
	json_object_set_new(json, "patch", object_difference(before, after));
	return bytes_line(json);
}

struct bytes *line_delete(const struct object *object)
{
	return bytes_line(about("delete", object));
}

struct bytes *line_snapshot(uint64_t revision, const char *history)
{
	return bytes_line(json_pack("{s:s, s:I, s:s}", "type", "snapshot", "revision",
		(json_int_t)revision, "history", history));
}

// These two go to every host by itself, with nothing in them that needs escaping.

struct bytes *line_commit(uint64_t revision, uint64_t digest)
{
	char text[100];
	int length = snprintf(text, sizeof(text),
		"{\"type\":\"commit\",\"revision\":%" PRIu64 ",\"digest\":\"%016" PRIx64 "\"}\n",
		revision, digest);
	return bytes_copy(text, (size_t)length);
}

struct bytes *line_ping(uint64_t digest)
{
	char text[60];
	int length = snprintf(
		text, sizeof(text), "{\"type\":\"ping\",\"digest\":\"%016" PRIx64 "\"}\n", digest);
	return bytes_copy(text, (size_t)length);
}
