// SPDX-License-Identifier: Apache-2.0
// Data in etcd that is not what it should be: foreign, newer, damaged, set back.
#include "etcd_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "bytes.h"
#include "store_engines.h"
#include "store_text.h"

// ---- what is in etcd ----

static void test_urls(void **state)
{
	(void)state;
	assert_open_fails("etcd:", EINVAL, "\"\" is no member of etcd");
	assert_open_fails("etcd:127.0.0.1:2379", EINVAL, "is no member of etcd");
	assert_open_fails("etcd:http://127.0.0.1:1?prefix=a/b", EINVAL, "prefix \"a/b\"");
	cleanup_free char *secure =
		memory_format("etcd:https://127.0.0.1:%d?timeout=1", server.port);
	assert_open_fails(secure, EAGAIN, "etcd at https://127.0.0.1");
}

static void test_no_etcd(void **state)
{
	(void)state;
	// The port for peers speaks HTTP too, but not this API.
	cleanup_free char *text = url_at(server.peer_port, "&timeout=1");
	assert_open_fails(text, EPROTO, "no etcd with its version 3 API");
	cleanup_free char *both = memory_format("etcd:http://127.0.0.1:%d,http://127.0.0.1:%d"
						"?prefix=test%d",
		server.peer_port, server.port, place);
	struct store *store = store_must_open(both);
	assert_int_equal(put(store, "a", "1"), 0);
	store_close(store);
}

static void test_foreign_keys(void **state)
{
	(void)state;
	cleanup_free char *text = url();
	put_text("something", "else");
	assert_open_fails(text, EUCLEAN, "not a store of Weft");
	put_text("head", "else");
	assert_open_fails(text, EUCLEAN, "\"else\" is not the head of a store");
	put_text("head", "weft 1 0 0 0");
	assert_open_fails(text, EUCLEAN, "is not the head of a store");
	put_text("head", "weft 1 f708427a99cffe67c2e895f770f1b7e6 0 "
			 "00000000000000000000000000000000\n");
	assert_open_fails(text, EUCLEAN, "is not the head of a store");
	put_text("head", "");
	assert_open_fails(text, EUCLEAN, "is not the head of a store");
	assert_int_equal(count_keys(""), 2);
}

static void test_newer_format(void **state)
{
	(void)state;
	cleanup_free char *text = url();
	struct store *store = open_store();
	struct error error = {0};
	put_text("head", "weft 2 whatever comes then");
	assert_open_fails(text, EPROTO, "format 2, this version of Weft knows formats up to 1");
	assert_int_equal(store_refresh(store, &error), -EPROTO);
	assert_message(&error, EPROTO, "format 2");
	assert_int_equal(put(store, "a", "1"), -EPROTO);
	assert_int_equal(count_keys(""), 1);
	store_close(store);
}

// The value of a key of this test's store.
static void read_key(const char *name, struct bytes *value)
{
	cleanup_free char *key = key_of(name);
	size_t length;
	cleanup_free char *encoded = base64_encode(key, strlen(key), &length);
	cleanup_free char *body = memory_format("{\"key\":\"%s\"}", encoded);
	cleanup_free char *answer = etcd_server_ask(&server, "/v3/kv/range", body);
	char *start = strstr(answer, "\"value\":\"");
	assert_non_null(start);
	start += strlen("\"value\":\"");
	assert_int_equal(base64_decode(value, start, strcspn(start, "\"")), 0);
}

static void write_key(const char *name, const struct bytes *value)
{
	cleanup_free char *key = key_of(name);
	etcd_server_put(&server, key, value->data, value->length);
}

// Every byte of a log entry counts: changed, or cut off, it is refused.
static void test_damaged_log(void **state)
{
	(void)state;
	static const char first[] = "log/0000000000000001";
	cleanup_free char *text = url();
	cleanup_bytes struct bytes good = {0}, bad = {0};
	struct store *store = open_store(), *lagging = open_store();
	assert_int_equal(put(store, "some key", "with a value"), 0);
	assert_int_equal(put(store, "another", "one"), 0);
	store_close(store);
	read_key(first, &good);
	for (size_t i = 0; i < good.length; i += 3) {
		bad.length = 0;
		bytes_append(&bad, good.data, good.length);
		bad.data[i] ^= 0x11;
		write_key(first, &bad);
		int result = store_open(&store, text, NULL);
		assert_true(result == -EUCLEAN || result == -EPROTO);
		bad.length = i;
		write_key(first, &bad);
		assert_open_fails(text, EUCLEAN, "log entry 1");
	}
	assert_int_equal(store_refresh(lagging, NULL), -EUCLEAN);
	assert_int_equal(store_revision(lagging), 0);
	write_key(first, &good);
	assert_int_equal(store_refresh(lagging, NULL), 0);
	assert_int_equal(store_revision(lagging), 2);
	store_close(lagging);
	cleanup_free char *key = key_of(first);
	etcd_server_delete(&server, key);
	assert_open_fails(text, EUCLEAN, "log entry 1: is missing");
	cleanup_free char *second = key_of("log/");
	etcd_server_delete(&server, second);
	assert_open_fails(text, EUCLEAN, "entries up to the head are missing");
}

static void test_damaged_base(void **state)
{
	(void)state;
	cleanup_free char *text = url();
	cleanup_bytes struct bytes good = {0};
	struct store *store = open_store();
	assert_int_equal(put(store, "a", "1"), 0);
	assert_int_equal(store_compact(store, 1, NULL), 0);
	store_close(store);
	read_key("base", &good);
	put_text("base", "{}\n");
	assert_open_fails(text, EUCLEAN, "base: begins with no header");
	put_text("base", "{\"format\": 2}\n");
	assert_open_fails(text, EPROTO, "base: a store of format 2");
	write_key("base", &good);
	cleanup_free char *pieces = key_of("piece/");
	etcd_server_delete(&server, pieces);
	assert_open_fails(text, EUCLEAN, "is not there");
}

// etcd restored from a backup, or another store made in the place of one that is open.
static void test_set_back_and_replaced(void **state)
{
	(void)state;
	static const char *const log[] = {"log/0000000000000001", "log/0000000000000002"};
	cleanup_bytes struct bytes head = {0};
	struct store *store = open_store(), *second;
	struct error error = {0};
	assert_int_equal(put(store, "a", "1"), 0);
	read_key("head", &head);
	assert_int_equal(put(store, "a", "2"), 0);
	write_key("head", &head);
	cleanup_free char *entry = key_of(log[1]);
	etcd_server_delete(&server, entry);
	assert_int_equal(store_refresh(store, &error), -EUCLEAN);
	assert_message(&error, EUCLEAN, "set back");
	assert_int_equal(put(store, "a", "3"), -EUCLEAN);
	// Another revision 2, written by one that came after the backup, and a third.
	second = open_store();
	assert_int_equal(put(second, "a", "other"), 0);
	assert_int_equal(store_refresh(store, NULL), -EUCLEAN);
	assert_int_equal(put(second, "a", "other"), 0);
	assert_int_equal(store_refresh(store, NULL), -EUCLEAN);
	assert_snapshot(store, "", 0, "a=2@2 ");
	store_close(second);
	cleanup_free char *all = key_of("");
	etcd_server_delete(&server, all);
	error = (struct error){0};
	assert_int_equal(store_refresh(store, &error), -EUCLEAN);
	assert_message(&error, EUCLEAN, "head: is gone");
	second = open_store();
	assert_int_equal(put(second, "b", "1"), 0);
	error = (struct error){0};
	assert_int_equal(put(store, "a", "1"), -EUCLEAN);
	assert_int_equal(store_refresh(store, &error), -EUCLEAN);
	assert_message(&error, EUCLEAN, "another store has taken its place");
	assert_int_equal(store_refresh(second, NULL), 0);
	assert_snapshot(second, "", 0, "b=1@1 ");
	store_close(second);
	store_close(store);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ETCD_TEST(test_urls),
		ETCD_TEST(test_no_etcd),
		ETCD_TEST(test_foreign_keys),
		ETCD_TEST(test_newer_format),
		ETCD_TEST(test_damaged_log),
		ETCD_TEST(test_damaged_base),
		ETCD_TEST(test_set_back_and_replaced),
	};
	return ETCD_TEST_MAIN(tests);
}
