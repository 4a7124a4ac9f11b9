// SPDX-License-Identifier: Apache-2.0
#include "credentials/credentials.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/memory.h"

static const struct credentials_subject host = {
	.name = "weft-host:h1", .enrolment = "0123456789abcdef", .seconds = 3600};

static void test_sign(void **state)
{
	(void)state;
	struct authority *authority, *again;
	char *authority_key, *key, *request, *certificate;
	struct credentials_certificate read;
	assert_int_equal(authority_make(&authority, &authority_key, NULL), 0);
	assert_int_equal(credentials_key(&key, NULL), 0);
	assert_int_equal(credentials_request(key, "weft-admin", &request, NULL), 0);
	assert_int_equal(authority_sign(authority, request, &host, &certificate, NULL), 0);
	assert_int_equal(credentials_read(certificate, &read, NULL), 0);
	assert_true(read.enrolled);
	assert_true(read.from <= time(NULL) && read.from > time(NULL) - 10 &&
		    read.until > time(NULL) + 3500 && read.until < time(NULL) + 3700);
	free(certificate);
	struct credentials_subject plain = {.name = "weft-admin", .seconds = 10};
	assert_int_equal(authority_sign(authority, request, &plain, &certificate, NULL), 0);
	assert_int_equal(credentials_read(certificate, &read, NULL), 0);
	assert_false(read.enrolled);

	cleanup_free char *text = authority_certificate(authority);
	assert_int_equal(authority_open(&again, text, authority_key, NULL), 0);
	authority_close(again);
	struct error error = {0};
	assert_int_equal(authority_open(&again, text, key, &error), -EINVAL);
	assert_non_null(strstr(error.message, "another"));
	error = (struct error){0};
	assert_int_equal(authority_open(&again, certificate, key, &error), -EINVAL);
	assert_non_null(strstr(error.message, "not for signing"));
	authority_close(authority);
	credentials_forget(authority_key);
	credentials_forget(key);
	free(request);
	free(certificate);
}

// What is not a request, or was altered after it was signed.
static void test_bad_requests(void **state)
{
	(void)state;
	struct authority *authority;
	char *authority_key, *key, *request, *certificate = NULL;
	assert_int_equal(authority_make(&authority, &authority_key, NULL), 0);
	assert_int_equal(credentials_key(&key, NULL), 0);
	assert_int_equal(credentials_request(key, "x", &request, NULL), 0);
	static const char *const bad[] = {"", "x", "-----BEGIN CERTIFICATE REQUEST-----\n",
		"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"};
	for (size_t i = 0; i < array_count(bad); i++)
		assert_int_equal(
			authority_sign(authority, bad[i], &host, &certificate, NULL), -EINVAL);
	assert_int_equal(authority_sign(authority, key, &host, &certificate, NULL), -EINVAL);
	size_t refused = 0, end = strlen(request) - strlen("-----END CERTIFICATE REQUEST-----\n");
	for (size_t i = strlen("-----BEGIN CERTIFICATE REQUEST-----\n"); i < end; i += 7) {
		char before = request[i];
		if (before == '\n')
			continue;
		request[i] = before == 'A' ? 'B' : 'A';
		if (authority_sign(authority, request, &host, &certificate, NULL) == 0)
			free(steal(certificate));
		else
			refused++;
		request[i] = before;
	}
	assert_true(refused > 20);
	authority_close(authority);
	credentials_forget(authority_key);
	credentials_forget(key);
	free(request);
}

static void test_fingerprints(void **state)
{
	(void)state;
	struct authority *authority;
	char *key, first[FINGERPRINT_TEXT], second[FINGERPRINT_TEXT];
	for (int i = 0; i < 2; i++) {
		assert_int_equal(authority_make(&authority, &key, NULL), 0);
		cleanup_free char *text = authority_certificate(authority);
		assert_int_equal(credentials_fingerprint(text, i ? second : first, NULL), 0);
		authority_close(authority);
		credentials_forget(key);
	}
	assert_int_equal(strlen(first), FINGERPRINT_TEXT - 1);
	assert_string_not_equal(first, second);
	assert_int_equal(credentials_fingerprint("x", first, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sign),
		cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_fingerprints),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
