// SPDX-License-Identifier: Apache-2.0
// Request-response on one connection, and with a connection for each request.
#include "load.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SAMPLES = 1 << 20, CONNECTIONS = 1024 };

struct samples {
	size_t count; // those beyond SAMPLES are not kept
	uint32_t ns[SAMPLES];
};

static struct samples samples;

static void samples_add(uint64_t ns)
{
	if (samples.count < SAMPLES)
		samples.ns[samples.count++] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

static int samples_compare(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

// The whole distribution, as quantiles. `more`: further members of the object.
static void samples_print(uint64_t count, double seconds, const char *more)
{
	static const double quantiles[] = {0, 0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4,
		0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.97, 0.98,
		0.985, 0.99, 0.9925, 0.995, 0.998, 0.999};
	const char *comma = "";

	if (samples.count == 0) {
		errno = ETIMEDOUT;
		fail("no answer");
	}
	qsort(samples.ns, samples.count, sizeof(samples.ns[0]), samples_compare);
	printf("{\"per_second\": %.2f, \"seconds\": %.4f, %s\"quantiles_us\": [",
		(double)count / seconds, seconds, more);
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
		size_t at = (size_t)(quantiles[i] * (double)(samples.count - 1) + 0.5);
		printf("%s[%g, %.3f]", comma, quantiles[i], samples.ns[at] / 1e3);
		comma = ", ";
	}
	puts("]}");
}

// Segments of this connection that were sent once more: a loss, or what TCP took for one.
static unsigned retransmitted(int fd)
{
	struct tcp_info info;
	socklen_t length = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0)
		fail("TCP_INFO");
	return info.tcpi_total_retrans;
}

int request_run(const struct load *load)
{
	int fd = request_open(&load->to, REQUEST_ECHO);
	uint64_t count = 0, start, end, then;
	char byte, more[64];

	if (read(fd, &byte, 1) != 1)
		fail("read");
	start = then = now_ns();
	end = start + nanoseconds(load->seconds);
	while (then < end) {
		uint64_t now;
		if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
			fail("request");
		now = now_ns();
		samples_add(now - then);
		then = now;
		count++;
	}
	snprintf(more, sizeof(more), "\"retransmitted\": %u, ", retransmitted(fd));
	samples_print(count, (double)(then - start) / 1e9, more);
	return 0;
}

// ---- connect-request-close ----

struct connection {
	int fd;
	bool asked;
	uint64_t start_ns;
};

struct round {
	const struct load *load;
	int epoll;
	uint64_t closed, end_ns;
};

static void connection_start(struct round *round, struct connection *connection)
{
	*connection = (struct connection){.fd = socket_new(SOCK_STREAM), .start_ns = now_ns()};
	struct epoll_event event = {.events = EPOLLOUT, .data.ptr = connection};
	const struct sockaddr *to = (const struct sockaddr *)&round->load->to;

	if (connect(connection->fd, to, sizeof(round->load->to)) < 0 && errno != EINPROGRESS)
		fail("connect");
	if (epoll_ctl(round->epoll, EPOLL_CTL_ADD, connection->fd, &event) < 0)
		fail("epoll_ctl");
}

static void connection_ask(struct round *round, struct connection *connection)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
	char byte = REQUEST_ONCE;

	if (write(connection->fd, &byte, 1) != 1)
		fail("request");
	connection->asked = true;
	epoll_ctl(round->epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

// Until the server has answered and closed.
static void connection_end(struct round *round, struct connection *connection)
{
	char byte;
	ssize_t size;

	while ((size = read(connection->fd, &byte, 1)) > 0)
		;
	if (size < 0 && errno == EAGAIN)
		return;
	if (size < 0)
		fail("answer");
	close(connection->fd);
	uint64_t now = now_ns();
	samples_add(now - connection->start_ns);
	round->closed++;
	if (now < round->end_ns)
		connection_start(round, connection);
}

int connect_run(const struct load *load)
{
	static struct connection connections[CONNECTIONS];
	struct epoll_event events[64];
	struct round round = {.load = load, .epoll = epoll_create1(0)};
	unsigned parallel = load->parallel < CONNECTIONS ? load->parallel : CONNECTIONS;
	uint64_t start = now_ns(), now = start;

	round.end_ns = start + nanoseconds(load->seconds);
	for (unsigned i = 0; i < parallel; i++)
		connection_start(&round, &connections[i]);
	while (now < round.end_ns) {
		int count = epoll_wait(round.epoll, events, 64, 10);
		for (int i = 0; i < count; i++) {
			struct connection *connection = events[i].data.ptr;
			if (connection->asked)
				connection_end(&round, connection);
			else
				connection_ask(&round, connection);
		}
		now = now_ns();
	}
	samples_print(round.closed, (double)(now - start) / 1e9, "");
	return 0;
}
