// SPDX-License-Identifier: Apache-2.0
#include "resolvers.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char path[] = "/tmp/weft-resolvers-XXXXXX";

static int setup(void **state)
{
	(void)state;
	int fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

// As if written at this time: the clock of the file system may be coarse.
static void write_file(const char *text, long second)
{
	FILE *file = fopen(path, "w");
	struct timespec times[2] = {{second, 0}, {second, 0}};
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void assert_server(const struct resolvers *resolvers, size_t index, const char *expected)
{
	char text[ADDRESS_TEXT];
	assert_string_equal(address_format(&resolvers->items[index], text), expected);
}

static void the_file_is_read_when_it_changes(void **state)
{
	(void)state;
	struct resolvers resolvers = {0};
	write_file("# nameserver 192.0.2.1\nsearch example\nnameserver 192.0.2.2\n"
		   "  nameserver\t2001:db8::3\nnameserver nobody\nnameserver 300.0.0.1\n"
		   "options ndots:1\nnameserver 192.0.2.4",
		1000);
	resolvers_refresh(&resolvers, path);
	assert_int_equal(resolvers.count, 3);
	assert_server(&resolvers, 0, "192.0.2.2");
	assert_server(&resolvers, 1, "2001:db8::3");
	assert_server(&resolvers, 2, "192.0.2.4");

	write_file("nameserver 192.0.2.5\n", 1001);
	resolvers_refresh(&resolvers, path);
	assert_int_equal(resolvers.count, 1);
	assert_server(&resolvers, 0, "192.0.2.5");

	write_file("nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n"
		   "nameserver 192.0.2.4\n",
		1002);
	resolvers_refresh(&resolvers, path);
	assert_int_equal(resolvers.count, RESOLVERS);

	resolvers_refresh(&resolvers, "/nonexistent/resolv.conf");
	assert_int_equal(resolvers.count, 0);
	// And back again.
	resolvers_refresh(&resolvers, path);
	assert_int_equal(resolvers.count, RESOLVERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_file_is_read_when_it_changes, setup, teardown),
	};
	return cmocka_run_group_tests_name("resolvers", tests, NULL, NULL);
}
