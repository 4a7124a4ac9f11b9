// SPDX-License-Identifier: Apache-2.0
#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/memory.h"

struct place {
	char folder[64];
	char path[96];
};

static int set_up(void **state)
{
	struct place *place = memory_new(sizeof(*place));
	strcpy(place->folder, "/tmp/weft-listen-XXXXXX");
	if (!mkdtemp(place->folder))
		return -1;
	snprintf(place->path, sizeof(place->path), "%s/socket", place->folder);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	unlink(place->path);
	rmdir(place->folder);
	free(place);
	return 0;
}

static void test_mode(void **state)
{
	struct place *place = *state;
	struct stat status;
	int fd = listen_unix(place->path, NULL);
	assert_true(fd >= 0);
	assert_int_equal(stat(place->path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0660);
	close(fd);
}

static void test_alive_is_left(void **state)
{
	struct place *place = *state;
	struct error error = {0};
	int fd = listen_unix(place->path, NULL);
	assert_int_equal(listen_unix(place->path, &error), -EADDRINUSE);
	assert_non_null(strstr(error.message, place->path));
	assert_int_equal(access(place->path, F_OK), 0);
	close(fd);
}

static void test_stale_is_replaced(void **state)
{
	struct place *place = *state;
	close(listen_unix(place->path, NULL));
	assert_int_equal(access(place->path, F_OK), 0);
	int fd = listen_unix(place->path, NULL);
	assert_true(fd >= 0);
	close(fd);
}

static void test_file_is_left(void **state)
{
	struct place *place = *state;
	struct error error = {0};
	close(open(place->path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(listen_unix(place->path, &error), -EEXIST);
	assert_int_equal(access(place->path, F_OK), 0);
}

static void test_addresses(void **state)
{
	(void)state;
	static const char *const right[] = {"127.0.0.1:0", "[::1]:0"};
	static const char *const wrong[] = {"", "127.0.0.1", ":6640", "127.0.0.1:", "::1:6640",
		"[::1]6640", "[::1:6640", "localhost:6640", "127.0.0.1:http", "127.0.0.1:99999"};
	for (size_t i = 0; i < array_count(right); i++) {
		int fd = listen_tcp(right[i], NULL);
		assert_true(fd >= 0);
		close(fd);
	}
	for (size_t i = 0; i < array_count(wrong); i++)
		assert_int_equal(listen_tcp(wrong[i], NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mode, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_alive_is_left, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stale_is_replaced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_file_is_left, set_up, tear_down),
		cmocka_unit_test(test_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
