// SPDX-License-Identifier: Apache-2.0
// Records, and base64, which carries them.
#include "record.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

static const struct store_entry entries[] = {
	{"a", "1", 1, 0},
	{"objects/acme/ports/\xff", "line\nline\n", 10, 7},
	{"empty", "", 0, INT64_MAX},
	{"gone", NULL, 0, 0},
	{"zero", "\0\0put 1 1 0\n", 12, 12345},
};

static int expect_next(void *context, const struct store_entry *entry)
{
	size_t *next = context;
	assert_true(*next < array_count(entries));
	const struct store_entry *expected = &entries[(*next)++];
	assert_string_equal(entry->key, expected->key);
	assert_int_equal(!entry->value, !expected->value);
	assert_int_equal(entry->length, expected->length);
	assert_int_equal(entry->revision, expected->revision);
	if (entry->length)
		assert_memory_equal(entry->value, expected->value, entry->length);
	return 0;
}

// What is written is read, in whatever parts it comes.
static void test_round_trip(void **state)
{
	(void)state;
	cleanup_bytes struct bytes bytes = {0};
	for (size_t i = 0; i < array_count(entries); i++)
		record_append(&bytes, &entries[i]);
	for (size_t part = 1; part <= bytes.length; part++) {
		struct record_reader reader = {0};
		size_t next = 0;
		for (size_t at = 0; at < bytes.length; at += part) {
			size_t left = bytes.length - at;
			assert_int_equal(record_read(&reader, bytes.data + at,
						 left < part ? left : part, expect_next, &next),
				0);
		}
		assert_int_equal(next, array_count(entries));
		assert_int_equal(reader.count, array_count(entries));
		assert_int_equal(reader.pending.length, 0);
		record_reader_done(&reader);
	}
}

static int stop(void *context, const struct store_entry *entry)
{
	(void)context;
	(void)entry;
	return -ECANCELED;
}

static int read_text(const char *text, size_t length)
{
	struct record_reader reader = {0};
	int result = record_read(&reader, text, length, stop, NULL);
	record_reader_done(&reader);
	return result;
}

static void test_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"\n",
		"get 1 1 0\nab\n",
		"put\n",
		"put 1 1\nab\n",
		"put 1 1 0 \nab\n",
		"put  1 1 0\nab\n",
		"put -1 1 0\nab\n",
		"put 0 1 0\na\n",
		"put 1 1 0\nabc\n",
		"del 1 1 0\nab\n",
		"put 65537 1 0\n",
		"put 1 2147483649 0\n",
		"put 1 1 9223372036854775808\n",
		"put 99999999999999999999999999 1 0\n",
	};
	for (size_t i = 0; i < array_count(texts); i++)
		if (read_text(texts[i], strlen(texts[i])) != -EUCLEAN)
			fail_msg("%s", texts[i]);
	assert_int_equal(read_text("put 2 1 0\na\0b\n", 14), -EUCLEAN); // a key with an end in it
	assert_int_equal(read_text("put 1\0 1 0\nab\n", 14), -EUCLEAN);
	assert_int_equal(read_text("put 1 1 0\nab\n", 13), -ECANCELED);
	assert_int_equal(read_text("put 1 1 0\nab", 12), 0); // not whole yet
	char endless[200];
	memset(endless, '1', sizeof(endless));
	memcpy(endless, "put ", 4);
	assert_int_equal(read_text(endless, sizeof(endless)), -EUCLEAN);
}

static void assert_base64(const char *plain, const char *text)
{
	size_t length;
	cleanup_free char *encoded = base64_encode(plain, strlen(plain), &length);
	assert_string_equal(encoded, text);
	assert_int_equal(length, strlen(text));
	cleanup_bytes struct bytes decoded = {0};
	assert_int_equal(base64_decode(&decoded, text, strlen(text)), 0);
	assert_int_equal(decoded.length, strlen(plain));
	if (decoded.length)
		assert_memory_equal(decoded.data, plain, decoded.length);
}

// RFC 4648, section 10.
static void test_base64(void **state)
{
	(void)state;
	static const char *const refused[] = {
		"Z", "Zg", "Zg=", "Zg==Zg==", "Z===", "====", "Zm9*", "Zm9\n", "=m9v", "Z=9v"};
	assert_base64("", "");
	assert_base64("f", "Zg==");
	assert_base64("fo", "Zm8=");
	assert_base64("foo", "Zm9v");
	assert_base64("foob", "Zm9vYg==");
	assert_base64("fooba", "Zm9vYmE=");
	assert_base64("foobar", "Zm9vYmFy");
	assert_base64("\xff\xfe\xfb\xef", "//777w==");
	cleanup_bytes struct bytes bytes = {0};
	bytes_append(&bytes, "kept", 4);
	for (size_t i = 0; i < array_count(refused); i++) {
		assert_int_equal(base64_decode(&bytes, refused[i], strlen(refused[i])), -EINVAL);
		assert_int_equal(bytes.length, 4);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_base64),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
