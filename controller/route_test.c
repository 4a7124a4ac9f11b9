// SPDX-License-Identifier: Apache-2.0
#include "route.h"

#include "access.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

enum {
	ADMINISTRATOR = ROLE_BIT(ROLE_ADMINISTRATOR),
	PEOPLE = ADMINISTRATOR | ROLE_BIT(ROLE_READER) | ROLE_BIT(ROLE_TENANT_ADMINISTRATOR) |
		 ROLE_BIT(ROLE_TENANT_READER),
	KEEPERS = ADMINISTRATOR | ROLE_BIT(ROLE_READER),
	WRITERS = ADMINISTRATOR | ROLE_BIT(ROLE_TENANT_ADMINISTRATOR),
	RELAYS = ADMINISTRATOR | ROLE_BIT(ROLE_RELAY),
	AGENTS = ADMINISTRATOR | ROLE_BIT(ROLE_HOST),
	SPEAKERS = AGENTS | RELAYS,
};

static const struct {
	const char *method, *path;
	handler handle;
	unsigned roles;
	enum model_kind kind;
	const char *tenant, *name;
} found[] = {
	{"GET", "/v1/status", handle_status, PEOPLE, MODEL_PORT, "", ""},
	{"GET", "/v1/tenants", handle_list, PEOPLE, MODEL_TENANT, "", ""},
	{"GET", "/v1/hosts", handle_list, PEOPLE, MODEL_HOST, "", ""},
	{"GET", "/v1/networks", handle_list, PEOPLE, MODEL_NETWORK, "", ""},
	{"GET", "/v1/tenants/a/ports", handle_list, PEOPLE, MODEL_PORT, "a", ""},
	{"GET", "/v1/tenants/a", handle_get, PEOPLE, MODEL_TENANT, "", "a"},
	{"GET", "/v1/hosts/h1", handle_get, PEOPLE, MODEL_HOST, "", "h1"},
	{"PUT", "/v1/hosts/h1", handle_put, SPEAKERS, MODEL_HOST, "", "h1"},
	{"PATCH", "/v1/hosts/h1", handle_patch, SPEAKERS, MODEL_HOST, "", "h1"},
	{"DELETE", "/v1/hosts/h1", handle_delete, ADMINISTRATOR, MODEL_HOST, "", "h1"},
	{"PUT", "/v1/tenants/h1", handle_put, WRITERS, MODEL_TENANT, "", "h1"},
	{"GET", "/v1/tenants/a/ports/p", handle_get, PEOPLE, MODEL_PORT, "a", "p"},
	{"GET", "/v1/tenants/%61/ports/w%2Eb", handle_get, PEOPLE, MODEL_PORT, "a", "w.b"},
	{"POST", "/v1/tenants/a/ports/p/attach", handle_attach, WRITERS, MODEL_PORT, "a", "p"},
	{"GET", "/v1/hosts/h1/stream", handle_stream, AGENTS, MODEL_HOST, "", "h1"},
	{"GET", "/v1/relays/r1/stream", handle_relay_stream, RELAYS, MODEL_PORT, "", "r1"},
	{"PUT", "/v1/relays/r1/hosts", handle_relay_hosts, RELAYS, MODEL_PORT, "", "r1"},
	{"POST", "/v1/relays/r1/hosts", handle_relay_change, RELAYS, MODEL_PORT, "", "r1"},
	{"POST", "/v1/relays/r1/reports", handle_relay_reports, RELAYS, MODEL_PORT, "", "r1"},
	{"POST", "/v1/hosts/h1/report", handle_report, AGENTS, MODEL_HOST, "", "h1"},
	{"POST", "/v1/hosts/h1/answers/7", handle_answer, SPEAKERS, MODEL_HOST, "", "h1"},
	{"POST", "/v1/tenants/a/trace", handle_trace, PEOPLE, MODEL_PORT, "a", ""},
	{"GET", "/v1/tokens", handle_list, KEEPERS, MODEL_TOKEN, "", ""},
	{"PUT", "/v1/tokens/ci", handle_put, ADMINISTRATOR, MODEL_TOKEN, "", "ci"},
	{"POST", "/v1/tokens/ci/issue", handle_issue, ADMINISTRATOR, MODEL_TOKEN, "", "ci"},
	{"GET", "/v1/hosts/h1/interfaces", handle_interfaces, PEOPLE, MODEL_HOST, "", "h1"},
};

static void test_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_count(found); i++) {
		const struct http_route *route;
		struct target target;
		char allow[ROUTE_ALLOW_TEXT];
		struct error error = {0};
		assert_int_equal(
			route_find(found[i].method, found[i].path, &route, &target, allow, &error),
			0);
		assert_ptr_equal(route->handle, found[i].handle);
		assert_int_equal(route_roles(route, &target), found[i].roles);
		assert_int_equal(target.kind, found[i].kind);
		assert_string_equal(target.tenant, found[i].tenant);
		assert_string_equal(target.name, found[i].name);
	}
}

// Whoever adds a route or a kind has to say who may use it.
static void test_decided(void **state)
{
	(void)state;
	for (int kind = 0; kind < MODEL_KIND_COUNT; kind++)
		for (int verb = VERB_READ; verb <= VERB_DELETE; verb++) {
			unsigned roles = access_roles((enum model_kind)kind, (enum verb)verb);
			assert_true(roles & ADMINISTRATOR);
			assert_false(roles & ROLE_BIT(ROLE_NONE));
		}
	const struct http_route *route;
	for (size_t i = 0; (route = route_at(i)); i++) {
		struct target target = {.kind = MODEL_PORT};
		assert_true(route_roles(route, &target) & ADMINISTRATOR);
	}
}

static int find(const char *method, const char *path, char *allow)
{
	const struct http_route *route = NULL;
	struct target target;
	struct error error = {0};
	int rc = route_find(method, path, &route, &target, allow, &error);
	assert_int_equal(error.code, -rc);
	return rc;
}

static void test_revision(void **state)
{
	(void)state;
	const struct http_route *route;
	struct target target;
	char allow[ROUTE_ALLOW_TEXT];
	struct error error = {0};
	assert_int_equal(route_find("GET", "/v1/revisions/42", &route, &target, allow, &error), 0);
	assert_int_equal(target.revision, 42);
	assert_int_equal(find("GET", "/v1/revisions/x", allow), -EINVAL);
	assert_int_equal(find("GET", "/v1/revisions/-1", allow), -EINVAL);
}

static void test_absent(void **state)
{
	(void)state;
	static const char *const paths[] = {"/", "", "/v1", "/v1/", "/v2/tenants", "/v1/tenants/",
		"/v1//tenants", "/v1/tenant", "/v1/nothing", "/v1/tenants/a/hosts",
		"/v1/networks/web", "/v1/tenants/a/ports/p/x", "/v1/tenants/a/ports/p/attach/x",
		"/v1/tenants/a/networks/w/attach", "v1/tenants", "/v1/hosts/h1/ports"};
	char allow[ROUTE_ALLOW_TEXT];
	for (size_t i = 0; i < array_count(paths); i++) {
		int rc = find("GET", paths[i], allow);
		// An empty name is no name, wherever one could stand.
		if (strcmp(paths[i], "/v1/tenants/"))
			assert_int_equal(rc, -ENOENT);
		else
			assert_int_equal(rc, -EINVAL);
	}
}

static void test_not_with_this_method(void **state)
{
	(void)state;
	char allow[ROUTE_ALLOW_TEXT];
	assert_int_equal(find("POST", "/v1/tenants", allow), -ENOTSUP);
	assert_string_equal(allow, "GET");
	assert_int_equal(find("POST", "/v1/hosts/h1", allow), -ENOTSUP);
	assert_string_equal(allow, "GET, PUT, PATCH, DELETE");
	assert_int_equal(find("GET", "/v1/transactions", allow), -ENOTSUP);
	assert_string_equal(allow, "POST");
	assert_int_equal(find("HEAD", "/v1/status", allow), -ENOTSUP);
}

static void test_bad_names(void **state)
{
	(void)state;
	static const char *const names[] = {"a%00", "%00", "a%2fb", "a%2Fb", "%ff", "%C3%A4", "%",
		"%4", "%zz", "%\x16\x11", "a%0a", "UPPER", "-a", "a-", "a b", "a%20b", "..", ".",
		"\xc3\xa4", "a\x01",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	char allow[ROUTE_ALLOW_TEXT];
	for (size_t i = 0; i < array_count(names); i++) {
		cleanup_free char *path = memory_format("/v1/tenants/a/ports/%s", names[i]);
		cleanup_free char *tenant = memory_format("/v1/tenants/%s/ports", names[i]);
		assert_int_equal(find("PUT", path, allow), -EINVAL);
		assert_int_equal(find("GET", tenant, allow), -EINVAL);
	}
	char path[2000] = "/v1/tenants/";
	memset(path + strlen(path), 'a', 1900);
	assert_int_equal(find("GET", path, allow), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_decided),
		cmocka_unit_test(test_revision),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_not_with_this_method),
		cmocka_unit_test(test_bad_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
