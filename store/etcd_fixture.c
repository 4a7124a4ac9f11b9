// SPDX-License-Identifier: Apache-2.0
#include "etcd_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "store_engines.h"

struct etcd_server server;
int place;

char *url_at(unsigned short port, const char *options)
{
	return memory_format("etcd:http://127.0.0.1:%d?prefix=test%d%s", port, place, options);
}

char *url(void)
{
	return url_at(server.port, "");
}

struct store *open_store(void)
{
	cleanup_free char *text = url();
	return store_must_open(text);
}

char *key_of(const char *name)
{
	return memory_format("test%d/%s", place, name);
}

int count_keys(const char *name)
{
	cleanup_free char *key = key_of(name);
	return etcd_server_count(&server, key);
}

void put_text(const char *name, const char *text)
{
	cleanup_free char *key = key_of(name);
	etcd_server_put(&server, key, text, strlen(text));
}

int etcd_fixture_setup(void **state)
{
	(void)state;
	place++;
	return 0;
}

int etcd_fixture_teardown(void **state)
{
	(void)state;
	cleanup_free char *prefix = key_of("");
	etcd_server_delete(&server, prefix);
	return 0;
}

void assert_message(const struct error *error, int code, const char *part)
{
	assert_int_equal(error->code, code);
	if (!strstr(error->message, part))
		fail_msg("\"%s\" does not say \"%s\"", error->message, part);
}

void assert_open_fails(const char *text, int code, const char *part)
{
	struct store *store = NULL;
	struct error error = {0};
	assert_int_equal(store_open(&store, text, &error), -code);
	assert_null(store);
	assert_message(&error, code, part);
}

int commit_large(struct store *store, const struct store_compare *compare, unsigned char *values,
	struct error *error)
{
	char keys[LARGE][16];
	struct store_operation operations[LARGE];
	for (int i = 0; i < LARGE; i++) {
		snprintf(keys[i], sizeof(keys[i]), "large/%03d", i);
		operations[i] =
			(struct store_operation){keys[i], values + i * LARGE_VALUE, LARGE_VALUE};
	}
	return store_commit(store, compare, compare ? 1 : 0, operations, LARGE, NULL, error);
}

unsigned char *random_values(void)
{
	unsigned char *values = memory_new(LARGE * LARGE_VALUE);
	for (size_t i = 0; i < LARGE * LARGE_VALUE; i++)
		values[i] = (unsigned char)(rand() >> 7);
	return values;
}

struct large {
	const unsigned char *values;
	int count;
};

static int check_large(void *context, const struct store_entry *entry)
{
	struct large *large = context;
	if (entry->length != LARGE_VALUE ||
		memcmp(entry->value, large->values + large->count * LARGE_VALUE, LARGE_VALUE) != 0)
		return -EINVAL;
	large->count++;
	return 0;
}

void assert_large(struct store *store, const unsigned char *values)
{
	struct large large = {.values = values};
	assert_int_equal(store_snapshot(store, "large/", 0, check_large, &large, NULL), 0);
	assert_int_equal(large.count, LARGE);
}
