// SPDX-License-Identifier: Apache-2.0
#include "http/client.h"

#include <fcntl.h>
#include <netinet/in.h>
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

#include "base/clock.h"
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

// One listens at a socket, and a client of it.
struct fixture {
	char folder[sizeof("/tmp/weft-client-XXXXXX")];
	struct sockaddr_un address;
	int listener;
	uv_loop_t loop;
	uv_poll_t poll;
	struct http_client *client;
};

static void fixture_init(struct fixture *fixture)
{
	*fixture = (struct fixture){.folder = "/tmp/weft-client-XXXXXX"};
	struct sockaddr_un *address = &fixture->address;
	assert_non_null(mkdtemp(fixture->folder));
	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof(address->sun_path), "%s/socket", fixture->folder);
	fixture->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(
		bind(fixture->listener, (const struct sockaddr *)address, sizeof(*address)), 0);
	assert_int_equal(listen(fixture->listener, 8), 0);
	uv_loop_init(&fixture->loop);
	uv_poll_init(&fixture->loop, &fixture->poll, fixture->listener);
	uv_poll_start(&fixture->poll, UV_READABLE, accepted);
	cleanup_free char *server = memory_format("unix:%s", address->sun_path);
	struct http_client_options options = {.servers = server};
	http_client_new(&fixture->client, &fixture->loop, &options);
}

static int fixture_accept(struct fixture *fixture)
{
	uv_run(&fixture->loop, UV_RUN_DEFAULT);
	int peer = accept4(fixture->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(peer >= 0);
	return peer;
}

static void fixture_done(struct fixture *fixture)
{
	http_client_free(fixture->client);
	uv_close((uv_handle_t *)&fixture->poll, NULL);
	uv_run(&fixture->loop, UV_RUN_DEFAULT);
	uv_loop_close(&fixture->loop);
	close(fixture->listener);
	unlink(fixture->address.sun_path);
	rmdir(fixture->folder);
}

// Nobody answers; who sends a request is connected meanwhile.
static void keep_connections_from_programs_that_are_started(void **state)
{
	struct fixture fixture;
	struct http_call call = {
		.method = "GET", .path = "/v1/hosts", .silence_seconds = 600, .done = answered};
	(void)state;
	fixture_init(&fixture);
	size_t before = count_inheritable(); // libcurl has a pair to wake itself
	struct http_request *request = http_client_send(fixture.client, &call);
	int peer = fixture_accept(&fixture);
	assert_int_equal(count_inheritable(), before);
	http_client_cancel(request);
	close(peer);
	fixture_done(&fixture);
}

struct ending {
	uv_loop_t *loop;
	long status;
	char text[100];
};

static void ended(void *context, long status, const char *text)
{
	struct ending *ending = context;
	ending->status = status;
	snprintf(ending->text, sizeof(ending->text), "%s", text);
	uv_stop(ending->loop);
}

static int take(void *context, const char *data, size_t length)
{
	(void)context, (void)data, (void)length;
	return 0;
}

// Of two that are under way one may be silent for longer; and one that has answered in part and says
// no more has ended.
static void silence_ends_a_request(void **state)
{
	struct fixture fixture;
	static const char part[] =
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nline\r\n";
	(void)state;
	fixture_init(&fixture);
	struct ending ending = {&fixture.loop, -1, ""};
	struct http_call patient = {
		.method = "GET", .path = "/v1/hosts", .silence_seconds = 600, .done = answered};
	struct http_call call = {.method = "GET",
		.path = "/v1/hosts",
		.silence_seconds = 1,
		.done = ended,
		.context = &ending};
	struct http_request *other = http_client_send(fixture.client, &patient);
	int first = fixture_accept(&fixture);
	http_client_send(fixture.client, &call);
	int second = fixture_accept(&fixture);
	uv_run(&fixture.loop, UV_RUN_DEFAULT);
	assert_int_equal(ending.status, 0);
	assert_string_equal(ending.text, "nothing came for 1 s");

	call.data = take;
	http_client_send(fixture.client, &call);
	int third = fixture_accept(&fixture);
	assert_int_equal(write(third, part, sizeof(part) - 1), sizeof(part) - 1);
	uv_run(&fixture.loop, UV_RUN_DEFAULT);
	assert_int_equal(ending.status, 200);
	assert_string_equal(ending.text, "nothing came for 1 s");
	http_client_cancel(other);
	close(first);
	close(second);
	close(third);
	fixture_done(&fixture);
}

// A server that takes connections and is too busy for a handshake is given more time by and by.
static void a_busy_server_is_given_time(void **state)
{
	struct sockaddr_in address = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {0}};
	socklen_t length = sizeof(address);
	uv_loop_t loop;
	struct http_client *client;
	(void)state;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (const struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	cleanup_free char *server =
		memory_format("https://127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
	struct http_client_options options = {.servers = server, .connect_seconds = 1};
	uv_loop_init(&loop);
	http_client_new(&client, &loop, &options);
	struct ending ending = {&loop, -1, ""};
	struct http_call call = {.method = "GET",
		.path = "/v1/hosts",
		.silence_seconds = 600,
		.done = ended,
		.context = &ending};
	for (uint64_t seconds = 1; seconds <= 2; seconds++) {
		uint64_t began = clock_monotonic_ms();
		http_client_send(client, &call);
		uv_run(&loop, UV_RUN_DEFAULT);
		assert_int_equal(ending.status, 0);
		assert_true(clock_monotonic_ms() - began >= seconds * 1000 - 100);
	}
	http_client_free(client);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keep_connections_from_programs_that_are_started),
		cmocka_unit_test(silence_ends_a_request),
		cmocka_unit_test(a_busy_server_is_given_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
