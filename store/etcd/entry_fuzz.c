// SPDX-License-Identifier: Apache-2.0
// Fuzzing what stands in etcd: a log entry, records by themselves, and base64.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static int touch(void *context, const struct store_entry *entry)
{
	uint64_t *sum = context;
	*sum += strlen(entry->key) + entry->length;
	for (size_t i = 0; entry->value && i < entry->length; i++)
		*sum += ((const unsigned char *)entry->value)[i];
	return 0;
}

static void read_entry(const struct bytes *value)
{
	struct etcd_header header;
	struct error error = {0};
	size_t used;
	uint64_t sum = 0;
	if (etcd_header_parse(&header, value, &used, &error)) {
		must(error.code && error.message[0]);
		return;
	}
	must(used <= value->length);
	if (header.pieces)
		return; // they would be asked for
	int result = body_read(NULL, "weft", &header, value->data + used, value->length - used,
		touch, &sum, &error);
	must(error.code == -result);
}

// In two parts as in one.
static void read_records(const uint8_t *data, size_t size)
{
	struct record_reader whole = {0}, parts = {0};
	uint64_t sum = 0, sum_of_parts = 0;
	size_t first = size ? data[0] % size : 0;
	int result = record_read(&whole, data, size, touch, &sum);
	int result_of_parts = record_read(&parts, data, first, touch, &sum_of_parts);
	if (result_of_parts == 0)
		result_of_parts =
			record_read(&parts, data + first, size - first, touch, &sum_of_parts);
	must(result == result_of_parts && sum == sum_of_parts && whole.count == parts.count);
	record_reader_done(&whole);
	record_reader_done(&parts);
}

static void read_base64(const uint8_t *data, size_t size)
{
	cleanup_bytes struct bytes decoded = {0};
	if (base64_decode(&decoded, (const char *)data, size))
		return;
	size_t length;
	cleanup_free char *text = base64_encode(decoded.data, decoded.length, &length);
	must(text && length == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct etcd_head head;
	cleanup_bytes struct bytes value = {0};
	bytes_append(&value, data, size);
	etcd_head_parse(&head, &value, NULL);
	struct bytes line = {value.data, size ? size - 1 : 0, 0}; // a file has an end of line
	etcd_head_parse(&head, &line, NULL);
	read_entry(&value);
	read_records(data, size);
	read_base64(data, size);
	return 0;
}
