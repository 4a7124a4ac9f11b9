// SPDX-License-Identifier: Apache-2.0
#include "writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { FIRST_BYTES = 1024, NUMBER_TEXT = 40 };

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

static void put(struct writer *writer, char letter)
{
	*room(writer, 1) = letter;
	writer->length++;
}

// RFC 8259, section 7.
static void write_escaped(struct writer *writer, char letter)
{
	static const char letters[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
	const char *found = letter ? strchr(letters, letter) : NULL;
	char text[8];
	if (found)
		snprintf(text, sizeof(text), "\\%c", names[found - letters]);
	else
		snprintf(text, sizeof(text), "\\u%04X", (unsigned)letter);
	writer_append(writer, text, strlen(text));
}

// Most strings need no escape, and are copied as they are.
static void write_string(struct writer *writer, const char *text, size_t length)
{
	size_t plain = 0;
	put(writer, '"');
	for (size_t i = 0; i < length; i++) {
		unsigned char letter = (unsigned char)text[i];
		if (letter >= 0x20 && letter != '"' && letter != '\\')
			continue;
		writer_append(writer, text + plain, i - plain);
		write_escaped(writer, text[i]);
		plain = i + 1;
	}
	writer_append(writer, text + plain, length - plain);
	put(writer, '"');
}

static void write_integer(struct writer *writer, json_int_t value)
{
	char text[NUMBER_TEXT], *start = text + sizeof(text);
	unsigned long long rest =
		value < 0 ? 0 - (unsigned long long)value : (unsigned long long)value;
	do
		*--start = (char)('0' + rest % 10);
	while (rest /= 10);
	if (value < 0)
		*--start = '-';
	writer_append(writer, start, (size_t)(text + sizeof(text) - start));
}

static void write_real(struct writer *writer, const json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
	writer_append(writer, text, strlen(text));
	free(text);
}

static void write_object(struct writer *writer, const json_t *json)
{
	const char *key;
	json_t *value;
	char before = '{';
	if (!json_object_size(json))
		put(writer, before);
	json_object_foreach ((json_t *)json, key, value) {
		put(writer, before);
		write_string(writer, key, strlen(key));
		put(writer, ':');
		writer_json(writer, value);
		before = ',';
	}
	put(writer, '}');
}

static void write_array(struct writer *writer, const json_t *json)
{
	put(writer, '[');
	for (size_t i = 0; i < json_array_size(json); i++) {
		if (i)
			put(writer, ',');
		writer_json(writer, json_array_get(json, i));
	}
	put(writer, ']');
}

void writer_json(struct writer *writer, const json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		write_object(writer, json);
		break;
	case JSON_ARRAY:
		write_array(writer, json);
		break;
	case JSON_STRING:
		write_string(writer, json_string_value(json), json_string_length(json));
		break;
	case JSON_INTEGER:
		write_integer(writer, json_integer_value(json));
		break;
	case JSON_REAL:
		write_real(writer, json);
		break;
	case JSON_TRUE:
		writer_append(writer, "true", 4);
		break;
	case JSON_FALSE:
		writer_append(writer, "false", 5);
		break;
	case JSON_NULL:
		writer_append(writer, "null", 4);
		break;
	}
}

void writer_done(struct writer *writer)
{
	free(writer->text);
	*writer = (struct writer){0};
}
