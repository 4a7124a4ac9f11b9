// SPDX-License-Identifier: Apache-2.0
#include "location.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

static struct etcd_location *parse(const char *text)
{
	struct etcd_location *location = NULL;
	struct error error = {0};
	if (etcd_location_parse(&location, text, &error))
		fail_msg("%s: %s", text, error.message);
	return location;
}

static void test_plain(void **state)
{
	(void)state;
	struct etcd_location *location = parse("http://10.0.0.1:2379");
	assert_int_equal(location->endpoint_count, 1);
	assert_string_equal(location->endpoints[0], "http://10.0.0.1:2379");
	assert_string_equal(location->prefix, "weft");
	assert_int_equal(location->timeout_ms, 5000);
	assert_null(location->authority);
	assert_null(location->certificate);
	etcd_location_free(location);
	location = parse("http://[2001:db8::1]:2379/,http://db.example:2379?prefix=site-a");
	assert_int_equal(location->endpoint_count, 2);
	assert_string_equal(location->endpoints[0], "http://[2001:db8::1]:2379");
	assert_string_equal(location->endpoints[1], "http://db.example:2379");
	assert_string_equal(location->prefix, "site-a");
	etcd_location_free(location);
}

static void test_secure(void **state)
{
	(void)state;
	struct etcd_location *location = parse("https://a:1,https://b:2?ca=/etc/ca%26b.pem&"
					       "cert=c.pem&key=k.pem&timeout=60");
	assert_int_equal(location->endpoint_count, 2);
	assert_string_equal(location->authority, "/etc/ca&b.pem");
	assert_string_equal(location->certificate, "c.pem");
	assert_string_equal(location->key, "k.pem");
	assert_int_equal(location->timeout_ms, 60000);
	etcd_location_free(location);
}

static void test_refused(void **state)
{
	(void)state;
	static const char *const texts[][2] = {
		{"", "is no member"},
		{"10.0.0.1:2379", "is no member"},
		{"ftp://a:1", "is no member"},
		{"http://a:1,", "is no member"},
		{"http://a", "has no port"},
		{"http://a:99999", "is no member"},
		{"http://a:1/path", "nothing more"},
		{"http://user@a:1", "nothing more"},
		{"http://a:1#x", "nothing more"},
		{"http://a:1,https://b:1", "all http or all https"},
		{"http://a:1?", "option \"\""},
		{"http://a:1?prefix", "option \"prefix\""},
		{"http://a:1?prefix=", "option \"prefix=\""},
		{"http://a:1?pre=x", "option \"pre=x\""},
		{"http://a:1?prefixes=x", "option \"prefixes=x\""},
		{"http://a:1?prefix=x&prefix=y", "prefix of a store on etcd is given twice"},
		{"http://a:1?prefix=a/b", "without /"},
		{"http://a:1?prefix=a%20b", "without /"},
		{"http://a:1?prefix=0123456789012345678901234567890123456789012345678901234567890"
		 "1234",
			"at most 64"},
		{"http://a:1?ca=x", "for https only"},
		{"https://a:1?cert=x", "belong together"},
		{"https://a:1?key=x", "belong together"},
		{"http://a:1?timeout=0", "timeout \"0\""},
		{"http://a:1?timeout=61", "timeout \"61\""},
		{"http://a:1?timeout=5s", "timeout \"5s\""},
		{"http://a:1?timeout=-1", "timeout \"-1\""},
	};
	for (size_t i = 0; i < array_count(texts); i++) {
		struct etcd_location *location = NULL;
		struct error error = {0};
		assert_int_equal(etcd_location_parse(&location, texts[i][0], &error), -EINVAL);
		assert_null(location);
		if (!strstr(error.message, texts[i][1]))
			fail_msg("%s: \"%s\" does not say \"%s\"", texts[i][0], error.message,
				texts[i][1]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_secure),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
