// SPDX-License-Identifier: Apache-2.0
#include "store_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

int put(struct store *store, const char *key, const char *value)
{
	struct store_operation operation = {key, value, value ? strlen(value) : 0};
	return store_commit(store, NULL, 0, &operation, 1, NULL, NULL);
}

int put_if(struct store *store, const char *key, const char *value, const char *compared,
	uint64_t revision)
{
	struct store_operation operation = {key, value, value ? strlen(value) : 0};
	struct store_compare compare = {compared, revision};
	struct error error = {0};
	int result = store_commit(store, &compare, 1, &operation, 1, NULL, &error);
	if (result)
		assert_non_null(strstr(error.message, compared));
	return result;
}

int compact(struct store *store, uint64_t revision)
{
	int result;
	do
		result = store_compact(store, revision, NULL);
	while (result > 0);
	return result;
}

int write_entry(void *context, const struct store_entry *entry)
{
	struct text *text = context;
	char *end = text->bytes + text->length;
	size_t room = sizeof(text->bytes) - text->length;
	text->length +=
		(size_t)(entry->value ? snprintf(end, room, "%s=%.*s@%d ", entry->key,
						(int)entry->length, (const char *)entry->value,
						(int)entry->revision)
				      : snprintf(end, room, "%s!@%d ", entry->key,
						(int)entry->revision));
	assert_true(text->length < sizeof(text->bytes));
	return 0;
}

void assert_get(struct store *store, const char *key, uint64_t at, const char *expected)
{
	struct text text = {0};
	assert_int_equal(store_get(store, key, at, write_entry, &text, NULL), 0);
	assert_string_equal(text.bytes, expected);
}

void assert_snapshot(struct store *store, const char *prefix, uint64_t at, const char *expected)
{
	struct text text = {0};
	assert_int_equal(store_snapshot(store, prefix, at, write_entry, &text, NULL), 0);
	assert_string_equal(text.bytes, expected);
}

void assert_changes(struct store *store, const char *prefix, uint64_t since, const char *expected)
{
	struct text text = {0};
	assert_int_equal(store_changes(store, prefix, since, write_entry, &text, NULL), 0);
	assert_string_equal(text.bytes, expected);
}

int get_result(struct store *store, const char *key, uint64_t at)
{
	struct text text = {0};
	struct error error = {0};
	int result = store_get(store, key, at, write_entry, &text, &error);
	assert_int_equal(text.length > 0, result == 0);
	assert_int_equal(error.code, -result);
	return result;
}
