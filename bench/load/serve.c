// SPDX-License-Identifier: Apache-2.0
// One thread, level-triggered: a turn takes at most one batch of each socket, so that a flood of
// one kind does not hold up the answers to another.
//
// While bulk arrives it does not sleep, if it has a processor to itself: whether it fell asleep
// between two packets would decide the throughput by a factor of two, and not the path to it.
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, BATCH = 256, BYTES = 1 << 18, RECEIVE_BUFFER = 16 << 20, BACKLOG = 4096 };
enum { AWAKE_NS = 2000000 };
enum { LISTENER = 1, DATAGRAMS }; // beside enum request

struct end {
	int fd, kind; // kind 0: the first byte has not come yet
};

struct datagrams {
	char bytes[BATCH][64];
	struct sockaddr_in from[BATCH];
	struct iovec parts[BATCH];
	struct mmsghdr messages[BATCH];
};

struct server {
	int epoll;
	bool alone;        // on its processor
	uint64_t awake_ns; // until then it does not sleep
	struct datagrams datagrams;
	struct count count;
	char bytes[BYTES];
};

static struct end *end_add(struct server *server, int fd, int kind)
{
	struct end *end = malloc(sizeof(*end));

	if (!end)
		fail("malloc");
	*end = (struct end){.fd = fd, .kind = kind};
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = end};
	if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		fail("epoll_ctl");
	return end;
}

static void end_remove(struct end *end)
{
	close(end->fd);
	free(end);
}

static void take_connections(struct server *server, const struct end *listener)
{
	for (int i = 0; i < BATCH; i++) {
		int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		end_add(server, fd, 0);
	}
}

static void answer_datagram(int fd, const struct msghdr *message)
{
	sendto(fd, message->msg_iov->iov_base, 1, 0, message->msg_name, message->msg_namelen);
}

static void take_datagrams(struct server *server, const struct end *end)
{
	struct datagrams *in = &server->datagrams;
	int taken = recvmmsg(end->fd, in->messages, BATCH, MSG_DONTWAIT, NULL);

	for (int i = 0; i < taken; i++) {
		if (in->bytes[i][0] == REQUEST_ECHO)
			answer_datagram(end->fd, &in->messages[i].msg_hdr);
		in->messages[i].msg_hdr.msg_namelen = sizeof(in->from[i]);
	}
	if (taken > 0)
		server->count.datagrams += (uint64_t)taken;
}

static void datagrams_init(struct datagrams *in)
{
	for (int i = 0; i < BATCH; i++) {
		in->parts[i] = (struct iovec){in->bytes[i], sizeof(in->bytes[i])};
		in->messages[i].msg_hdr = (struct msghdr){.msg_iov = &in->parts[i],
			.msg_iovlen = 1,
			.msg_name = &in->from[i],
			.msg_namelen = sizeof(in->from[i])};
	}
}

static ssize_t answer_counts(struct server *server, const struct end *end, ssize_t requests)
{
	server->count.time_ns = now_ns();
	for (ssize_t i = 0; i < requests; i++)
		if (write(end->fd, &server->count, sizeof(server->count)) < 0)
			return -1;
	return requests;
}

// False: the connection is over.
static bool take_bytes(struct server *server, struct end *end)
{
	ssize_t size = read(end->fd, server->bytes, sizeof(server->bytes));

	if (size < 0)
		return errno == EAGAIN;
	if (size == 0)
		return false;
	if (end->kind == 0)
		end->kind = server->bytes[0];
	switch (end->kind) {
	case REQUEST_ECHO:
		return write(end->fd, server->bytes, (size_t)size) == size;
	case REQUEST_SINK:
		server->count.bytes += (uint64_t)size;
		if (server->alone)
			server->awake_ns = now_ns() + AWAKE_NS;
		return true;
	case REQUEST_COUNT:
		return answer_counts(server, end, size) == size;
	case REQUEST_ONCE:
		// Who closes first keeps the connection in TIME_WAIT: not the client, whose ports
		// would run out.
		(void)!write(end->fd, server->bytes, 1);
		return false;
	}
	return false;
}

static void take(struct server *server, struct end *end)
{
	if (end->kind == LISTENER)
		take_connections(server, end);
	else if (end->kind == DATAGRAMS)
		take_datagrams(server, end);
	else if (!take_bytes(server, end))
		end_remove(end);
}

static int bound(int type, uint16_t port)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket_new(type), size = RECEIVE_BUFFER;

	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0)
		fail("bind");
	if (type == SOCK_STREAM && listen(fd, BACKLOG) < 0)
		fail("listen");
	if (type == SOCK_DGRAM)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

int serve(uint16_t port)
{
	static struct server server;
	static struct epoll_event events[EVENTS];

	server.alone = sysconf(_SC_NPROCESSORS_ONLN) > 1;
	datagrams_init(&server.datagrams);
	server.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (server.epoll < 0)
		fail("epoll_create1");
	end_add(&server, bound(SOCK_STREAM, port), LISTENER);
	for (uint16_t i = 0; i < DATAGRAM_PORTS; i++)
		end_add(&server, bound(SOCK_DGRAM, (uint16_t)(port + i)), DATAGRAMS);
	puts("ready");
	fflush(stdout);
	for (;;) {
		bool awake = server.awake_ns > 0 && now_ns() < server.awake_ns;
		int count = epoll_wait(server.epoll, events, EVENTS, awake ? 0 : -1);
		if (count < 0 && errno != EINTR)
			fail("epoll_wait");
		for (int i = 0; i < count; i++)
			take(&server, events[i].data.ptr);
	}
}
