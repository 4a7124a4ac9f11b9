// SPDX-License-Identifier: Apache-2.0
#include "line.h"

#include <inttypes.h>
#include <stdio.h>

#include "model/digest.h"

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

struct bytes *line_delete(const struct object *object)
{
	json_t *json =
		json_pack("{s:s, s:s}", "type", "delete", "kind", model_kind_name(object->kind));
	if (object->tenant)
		json_object_set_new(json, "tenant", json_string(object->tenant));
	json_object_set_new(json, "name", json_string(object->name));
	return bytes_line(json);
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
