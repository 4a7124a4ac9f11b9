// SPDX-License-Identifier: Apache-2.0
#include "client.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_endpoints(void **state)
{
	static const struct {
		const char *text, *socket, *base;
	} cases[] = {
		{"unix:/run/weft/weft.sock", "/run/weft/weft.sock", "http://localhost"},
		{"https://10.0.0.1:6640", NULL, "https://10.0.0.1:6640"},
		{"https://10.0.0.1:6640/", NULL, "https://10.0.0.1:6640"},
		{"https://[fd00::1]:6640", NULL, "https://[fd00::1]:6640"},
		{"https://controller.example:443", NULL, "https://controller.example:443"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error error = {0};
		struct endpoint endpoint = {0};
		assert_int_equal(endpoint_parse(cases[i].text, &endpoint, &error), 0);
		if (cases[i].socket)
			assert_string_equal(endpoint.socket, cases[i].socket);
		else
			assert_null(endpoint.socket);
		assert_string_equal(endpoint.base, cases[i].base);
		endpoint_done(&endpoint);
	}
}

static void test_endpoints_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"/run/weft/weft.sock",
		"unix:",
		"unix:weft.sock",
		"unix:/0123456789012345678901234567890123456789012345678901234567890123456789"
		"0123456789012345678901234567890123456789",
		"http://10.0.0.1:6640", // never without TLS
		"https://",
		"https://10.0.0.1",
		"https://10.0.0.1:99999",
		"https://10.0.0.1:6640/v1",
		"https://10.0.0.1:6640?x=1",
		"https://someone@10.0.0.1:6640",
		"ftp://10.0.0.1:21",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error error = {0};
		struct endpoint endpoint = {0};
		assert_int_equal(endpoint_parse(cases[i], &endpoint, &error), -EINVAL);
		assert_true(*error.message);
		assert_null(endpoint.base);
	}
}

static void test_several_endpoints(void **state)
{
	static const char *const refused[] = {"", ",", "https://10.0.0.1:6640,",
		",https://10.0.0.1:6640", "https://10.0.0.1:6640,10.0.0.2:6640"};
	struct endpoint *endpoints;
	size_t count;

	(void)state;
	assert_int_equal(endpoints_parse("https://10.0.0.1:6640,unix:/run/weft/weft.sock",
				 &endpoints, &count, NULL),
		0);
	assert_int_equal(count, 2);
	assert_string_equal(endpoints[0].base, "https://10.0.0.1:6640");
	assert_string_equal(endpoints[1].socket, "/run/weft/weft.sock");
	endpoints_free(endpoints, count);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct error error = {0};
		assert_int_equal(endpoints_parse(refused[i], &endpoints, &count, &error), -EINVAL);
		assert_true(*error.message);
	}
}

static void check_path(
	enum model_kind kind, const char *tenant, const char *name, const char *expected)
{
	char *path = client_path(kind, tenant, name);

	assert_string_equal(path, expected);
	free(path);
}

static void test_paths(void **state)
{
	(void)state;
	check_path(MODEL_PORT, "acme", "web1", "/v1/tenants/acme/ports/web1");
	check_path(MODEL_PORT, "acme", NULL, "/v1/tenants/acme/ports");
	check_path(MODEL_PORT, NULL, NULL, "/v1/ports");
	check_path(MODEL_HOST, NULL, "h1", "/v1/hosts/h1");
	check_path(MODEL_TENANT, NULL, "a/../b c", "/v1/tenants/a%2F..%2Fb%20c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_endpoints_refused),
		cmocka_unit_test(test_several_endpoints),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
