// SPDX-License-Identifier: Apache-2.0
#include "record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { LINE = 80, KEY_LIMIT = 1 << 16 };
#define VALUE_LIMIT ((size_t)1 << 31)

void record_append(struct bytes *out, const struct store_entry *entry)
{
	char line[LINE];
	size_t key = strlen(entry->key), value = entry->value ? entry->length : 0;
	int length = snprintf(line, sizeof(line), "%s %zu %zu %" PRIu64 "\n",
		entry->value ? "put" : "del", key, value, entry->revision);
	bytes_append(out, line, (size_t)length);
	bytes_append(out, entry->key, key);
	bytes_append(out, entry->value, value);
	bytes_append(out, "\n", 1);
}

struct line {
	bool put;
	size_t length, key, value;
	uint64_t revision;
};

// A decimal number and the character after it, at most `limit`.
static const char *parse_number(const char *text, char end, uint64_t limit, uint64_t *number)
{
	uint64_t value = 0;
	const char *start = text;
	for (; *text >= '0' && *text <= '9'; text++) {
		uint64_t next = value * 10 + (uint64_t)(*text - '0');
		if (next / 10 != value || next > limit)
			return NULL;
		value = next;
	}
	if (text == start || *text != end)
		return NULL;
	*number = value;
	return text + 1;
}

// 1: the line is whole; 0: its end has not come yet.
static int parse_line(const struct bytes *pending, struct line *line)
{
	char text[LINE];
	size_t length = pending->length < LINE - 1 ? pending->length : LINE - 1;
	const unsigned char *end = length ? memchr(pending->data, '\n', length) : NULL;
	if (!end)
		return length < LINE - 1 ? 0 : -EUCLEAN;
	line->length = (size_t)(end - pending->data) + 1;
	memcpy(text, pending->data, line->length);
	text[line->length] = '\0';
	line->put = strncmp(text, "put ", 4) == 0;
	if (!line->put && strncmp(text, "del ", 4) != 0)
		return -EUCLEAN;
	uint64_t key, value;
	const char *rest = parse_number(text + 4, ' ', KEY_LIMIT, &key);
	if (rest)
		rest = parse_number(rest, ' ', line->put ? VALUE_LIMIT : 0, &value);
	if (rest)
		rest = parse_number(rest, '\n', INT64_MAX, &line->revision);
	if (!rest || *rest || key == 0)
		return -EUCLEAN;
	line->key = (size_t)key;
	line->value = (size_t)value;
	return 1;
}

int record_read(struct record_reader *reader, const void *data, size_t length, store_visit visit,
	void *context)
{
	struct bytes *pending = &reader->pending;
	struct line line;
	size_t used = 0;
	int result;
	bytes_append(pending, data, length);
	struct bytes rest = *pending;
	while ((result = parse_line(&rest, &line)) > 0) {
		size_t whole = line.length + line.key + line.value + 1;
		if (rest.length < whole) {
			result = 0;
			break;
		}
		reader->key.length = 0;
		bytes_append(&reader->key, rest.data + line.length, line.key);
		bytes_append(&reader->key, "", 1);
		struct store_entry entry = {
			.key = (const char *)reader->key.data,
			.value = line.put ? rest.data + line.length + line.key : NULL,
			.length = line.value,
			.revision = line.revision,
		};
		if (rest.data[whole - 1] != '\n' || strlen(entry.key) != line.key)
			return -EUCLEAN;
		reader->count++;
		result = visit(context, &entry);
		if (result)
			return result;
		used += whole;
		rest.data += whole;
		rest.length -= whole;
	}
	bytes_drop(pending, used);
	return result;
}

void record_reader_done(struct record_reader *reader)
{
	bytes_done(&reader->pending);
	bytes_done(&reader->key);
}
