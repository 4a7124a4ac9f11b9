// SPDX-License-Identifier: Apache-2.0
#include "problem.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

// The statuses that docs/design/api.md promises.
static void test_status(void **state)
{
	(void)state;
	static const struct {
		int code;
		bool understood;
		unsigned status;
	} cases[] = {{EINVAL, false, 400}, {EINVAL, true, 422}, {EACCES, true, 403},
		{ENOENT, true, 404}, {EEXIST, true, 409}, {EBUSY, true, 409}, {ESTALE, true, 409},
		{EFBIG, false, 413}, {ENODATA, false, 410}, {ERANGE, false, 404}, {EIO, true, 500},
		{ENOMEM, true, 500}};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct error error = {.code = cases[i].code};
		assert_int_equal(problem_status(problem_from_error(&error, cases[i].understood)),
			cases[i].status);
	}
}

static const char *text(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

static void test_document(void **state)
{
	(void)state;
	struct error error = {.line = 3, .column = 7};
	error_set(&error, EBUSY, "port %s refers to it", "web1");
	error_set_object(&error, "acme/networks/web");
	error_set_field(&error, "network");
	json_t *json = problem_encode(PROBLEM_IN_USE, &error);
	assert_string_equal(text(json, "type"), "urn:weft:problem:in-use");
	assert_string_equal(text(json, "detail"), "port web1 refers to it");
	assert_string_equal(text(json, "object"), "acme/networks/web");
	assert_string_equal(text(json, "field"), "network");
	assert_string_equal(text(json, "code"), "EBUSY");
	assert_int_equal(json_integer_value(json_object_get(json, "status")), 409);
	assert_int_equal(json_integer_value(json_object_get(json, "line")), 3);
	assert_int_equal(json_integer_value(json_object_get(json, "column")), 7);
	json_decref(json);
}

static void test_unknown_is_absent(void **state)
{
	(void)state;
	struct error error = {0};
	error_set(&error, ENOENT, "there is nothing");
	json_t *json = problem_encode(PROBLEM_NOT_FOUND, &error);
	static const char *const absent[] = {"object", "field", "line", "column"};
	for (size_t i = 0; i < array_count(absent); i++)
		assert_null(json_object_get(json, absent[i]));
	json_decref(json);
}

// Every problem has a type, a title and an error status.
static void test_table(void **state)
{
	(void)state;
	struct error error = {.code = EINVAL, .message = "x"};
	for (enum problem problem = 0; problem < PROBLEM_COUNT; problem++) {
		json_t *json = problem_encode(problem, &error);
		assert_non_null(json);
		assert_true(strlen(text(json, "type")) > strlen("urn:weft:problem:"));
		assert_true(*text(json, "title"));
		assert_in_range(problem_status(problem), 400, 599);
		json_decref(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_unknown_is_absent),
		cmocka_unit_test(test_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
