// SPDX-License-Identifier: Apache-2.0
#include "http/client.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"

enum { FILES = 256 }; // more than this test has

// Open sockets of this process that a program it starts would inherit.
static size_t count_inheritable(void)
{
	size_t count = 0;
	for (int fd = 3; fd < FILES; fd++) {
		int flags = fcntl(fd, F_GETFD), type;
		socklen_t length = sizeof(type);
		if (flags >= 0 && !(flags & FD_CLOEXEC) &&
			!getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length))
			count++;
	}
	return count;
}

static void accepted(uv_poll_t *poll, int status, int events)
{
	(void)status, (void)events;
	uv_stop(poll->loop);
}

static void answered(void *context, long status, const char *text)
{
	(void)context, (void)status, (void)text;
	fail_msg("nobody has answered");
}

// One listens at a socket and does not answer; who sends a request there is connected meanwhile.
static void keep_connections_from_programs_that_are_started(void **state)
{
	(void)state;
	char folder[] = "/tmp/weft-client-XXXXXX";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	assert_non_null(mkdtemp(folder));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder);
	cleanup_free char *server = memory_format("unix:%s", address.sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);

	uv_loop_t loop;
	uv_poll_t poll;
	uv_loop_init(&loop);
	uv_poll_init(&loop, &poll, fd);
	uv_poll_start(&poll, UV_READABLE, accepted);
	struct http_client *client;
	struct http_client_options options = {.servers = server};
	struct http_call call = {
		.method = "GET", .path = "/v1/hosts", .silence_seconds = 600, .done = answered};
	http_client_new(&client, &loop, &options);
	size_t before = count_inheritable(); // libcurl has a pair to wake itself
	struct http_request *request = http_client_send(client, &call);
	uv_run(&loop, UV_RUN_DEFAULT);
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(peer >= 0);
	assert_int_equal(count_inheritable(), before);

	http_client_cancel(request);
	http_client_free(client);
	uv_close((uv_handle_t *)&poll, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	close(peer);
	close(fd);
	unlink(address.sun_path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keep_connections_from_programs_that_are_started),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
