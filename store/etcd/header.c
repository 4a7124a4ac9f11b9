// SPDX-License-Identifier: Apache-2.0
#include "header.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/memory.h"

void etcd_id_draw(char id[ETCD_ID])
{
	unsigned char bytes[(ETCD_ID - 1) / 2];
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		abort(); // cannot happen for so few bytes
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(id + 2 * i, 3, "%02x", bytes[i]);
}

static bool is_id(const char *text)
{
	return text && strlen(text) == ETCD_ID - 1 &&
	       strspn(text, "0123456789abcdef") == ETCD_ID - 1;
}

static int newer(uint64_t format, struct error *error)
{
	return error_set(error, EPROTO,
		"a store of format %" PRIu64 ", this version of Weft knows formats up to %d",
		format, (int)ETCD_FORMAT);
}

char *etcd_head_format(const struct etcd_head *head, char text[ETCD_HEAD])
{
	snprintf(text, ETCD_HEAD, "weft %d %s %" PRIu64 " %s", (int)ETCD_FORMAT, head->store,
		head->revision, head->entry);
	return text;
}

int etcd_head_parse(struct etcd_head *out, const struct bytes *value, struct error *error)
{
	char text[ETCD_HEAD], again[ETCD_HEAD];
	unsigned format = 0;
	struct etcd_head head = {0};
	size_t length = value->length < ETCD_HEAD - 1 ? value->length : ETCD_HEAD - 1;
	if (length)
		memcpy(text, value->data, length);
	text[length] = '\0';
	if (sscanf(text, "weft %u", &format) == 1 && format > ETCD_FORMAT)
		return newer(format, error);
	if (sscanf(text, "weft %u %32s %" SCNu64 " %32s", &format, head.store, &head.revision,
		    head.entry) != 4 ||
		!is_id(head.store) || !is_id(head.entry) || head.revision > INT64_MAX ||
		strcmp(etcd_head_format(&head, again), text) != 0 || strlen(text) != value->length)
		return error_set(error, EUCLEAN, "\"%s\" is not the head of a store", text);
	*out = head;
	return 0;
}

void etcd_header_append(struct bytes *out, const struct etcd_header *header)
{
	cleanup_free char *line = memory_format("{\"format\": %d, \"revision\": %" PRIu64
						", \"id\": \"%s\", \"after\": \"%s\", "
						"\"records\": %" PRIu64 ", \"size\": %" PRIu64
						", \"check\": %" PRIu32 ", \"pieces\": %u}\n",
		(int)ETCD_FORMAT, header->revision, header->id, header->after, header->records,
		header->size, header->check, header->pieces);
	bytes_append(out, line, strlen(line));
}

static bool take_number(const json_t *json, const char *name, uint64_t limit, uint64_t *number)
{
	const json_t *member = json_object_get(json, name);
	if (!json_is_integer(member) || json_integer_value(member) < 0 ||
		(uint64_t)json_integer_value(member) > limit)
		return false;
	*number = (uint64_t)json_integer_value(member);
	return true;
}

static bool take_id(const json_t *json, const char *name, char id[ETCD_ID])
{
	const char *text = json_string_value(json_object_get(json, name));
	if (is_id(text))
		memcpy(id, text, ETCD_ID);
	return is_id(text);
}

static int take_header(struct etcd_header *out, const json_t *json, struct error *error)
{
	struct etcd_header header;
	uint64_t format = 0, check, pieces;
	if (take_number(json, "format", INT64_MAX, &format) && format > ETCD_FORMAT)
		return newer(format, error);
	if (format != ETCD_FORMAT || !take_number(json, "revision", INT64_MAX, &header.revision) ||
		!take_id(json, "id", header.id) || !take_id(json, "after", header.after) ||
		!take_number(json, "records", INT64_MAX, &header.records) ||
		!take_number(json, "size", INT64_MAX, &header.size) ||
		!take_number(json, "check", UINT32_MAX, &check) ||
		!take_number(json, "pieces", INT32_MAX, &pieces))
		return error_set(error, EUCLEAN, "begins with no header");
	header.check = (uint32_t)check;
	header.pieces = (unsigned)pieces;
	*out = header;
	return 0;
}

int etcd_header_parse(
	struct etcd_header *out, const struct bytes *value, size_t *used, struct error *error)
{
	const unsigned char *end = value->length ? memchr(value->data, '\n', value->length) : NULL;
	if (!end)
		return error_set(error, EUCLEAN, "begins with no header");
	*used = (size_t)(end - value->data) + 1;
	json_t *json = json_loadb((const char *)value->data, *used, 0, NULL);
	int result = take_header(out, json, error);
	json_decref(json);
	return result;
}
