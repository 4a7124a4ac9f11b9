// SPDX-License-Identifier: Apache-2.0
#include "bytes.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "writer.h"

struct bytes *bytes_line(json_t *json)
{
	struct writer writer = {0};
	writer_json(&writer, json);
	writer_append(&writer, "\n", 1);
	json_decref(json);
	struct bytes *bytes = bytes_copy(writer.text, writer.length);
	writer_done(&writer);
	return bytes;
}

struct bytes *bytes_copy(const char *text, size_t length)
{
	struct bytes *bytes = memory_new(sizeof(*bytes) + length);
	bytes->references = 1;
	bytes->length = length;
	memcpy(bytes->data, text, length);
	return bytes;
}

struct bytes *bytes_ref(struct bytes *bytes)
{
	bytes->references++;
	return bytes;
}

void bytes_unref(struct bytes *bytes)
{
	if (bytes && --bytes->references == 0)
		free(bytes);
}
