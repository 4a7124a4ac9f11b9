// SPDX-License-Identifier: Apache-2.0
#include "writer.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { FIRST_BYTES = 1024 };

static char *room(struct writer *writer, size_t length)
{
	if (writer->length + length > writer->capacity) {
		size_t capacity = writer->capacity ? 2 * writer->capacity : FIRST_BYTES;
		while (capacity < writer->length + length)
			capacity *= 2;
		writer->text = memory_resize(writer->text, capacity, 1);
		writer->capacity = capacity;
	}
	return writer->text + writer->length;
}

void writer_append(struct writer *writer, const char *text, size_t length)
{
	if (!length)
		return;
	memcpy(room(writer, length), text, length);
	writer->length += length;
}

static int append(const char *text, size_t length, void *context)
{
	writer_append(context, text, length);
	return 0;
}

void writer_json(struct writer *writer, const json_t *json)
{
	json_dump_callback(json, append, writer, JSON_COMPACT | JSON_ENCODE_ANY);
}

void writer_done(struct writer *writer)
{
	free(writer->text);
	*writer = (struct writer){0};
}
