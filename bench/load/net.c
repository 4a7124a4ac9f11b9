// SPDX-License-Identifier: Apache-2.0
#include "load.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void fail(const char *what)
{
	fflush(stdout);
	fprintf(stderr, "weft-load: ");
	perror(what);
	exit(1);
}

uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

uint64_t nanoseconds(double seconds)
{
	return (uint64_t)(seconds * 1e9);
}

// What Debian's kernels use unless told otherwise. Another one of the machine's choosing (BBR paces by a timer of its own)
// would be measured in the path's place.
static const char CONGESTION_CONTROL[] = "cubic";

int socket_new(int type)
{
	int one = 1, fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fail("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (type != SOCK_STREAM)
		return fd;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, CONGESTION_CONTROL,
		    sizeof(CONGESTION_CONTROL) - 1) < 0)
		fail(CONGESTION_CONTROL);
	return fd;
}

void set_blocking(int fd)
{
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) < 0)
		fail("fcntl");
}

int request_open(const struct sockaddr_in *to, enum request request)
{
	int fd = socket_new(SOCK_STREAM);
	char byte = (char)request;

	set_blocking(fd);
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
		fail("connect");
	if (write(fd, &byte, 1) != 1)
		fail("write");
	return fd;
}
