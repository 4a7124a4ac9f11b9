// SPDX-License-Identifier: Apache-2.0
// What runs inside the workloads of the laboratory, containers and guests alike: answers with its own name, and asks
// others for theirs. Linked statically, so that a guest needs nothing else.
//
//   workload serve NAME PORT
//       answer every UDP datagram and TCP request with "NAME <what was sent>"
//   workload probe PORT TIMEOUT_MS DUE SETTLE_MS (ADDRESS TOKEN)...
//       ask by UDP; print "TOKEN NAME" for each answer
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TEXT = 256, CLIENTS = 64 };

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

// IPv4 is spoken as IPv4-mapped IPv6, so that one socket serves both.
static struct sockaddr_in6 endpoint(const char *address, const char *port)
{
	struct sockaddr_in6 result = {
		.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)atoi(port))};
	char mapped[TEXT];

	snprintf(mapped, sizeof(mapped), strchr(address, ':') ? "%s" : "::ffff:%s", address);
	if (inet_pton(AF_INET6, mapped, &result.sin6_addr) != 1) {
		fprintf(stderr, "%s is not an address\n", address);
		exit(2);
	}
	return result;
}

static int open_socket(int type)
{
	int zero = 0, one = 1, fd = socket(AF_INET6, type, 0);

	if (fd < 0)
		fail("socket");
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void answer_datagram(int fd, const char *name)
{
	struct sockaddr_in6 from;
	socklen_t length = sizeof(from);
	char request[TEXT], reply[2 * TEXT];
	ssize_t size =
		recvfrom(fd, request, sizeof(request) - 1, 0, (struct sockaddr *)&from, &length);

	if (size < 0)
		return;
	request[size] = 0;
	size = snprintf(reply, sizeof(reply), "%s %s", name, request);
	sendto(fd, reply, (size_t)size, 0, (struct sockaddr *)&from, length);
}

// False when the client left.
static int answer_request(int fd, const char *name)
{
	char request[TEXT], reply[2 * TEXT];
	ssize_t size = read(fd, request, sizeof(request) - 1);

	if (size <= 0)
		return 0;
	request[size] = 0;
	size = snprintf(reply, sizeof(reply), "%s %s", name, request);
	return write(fd, reply, (size_t)size) == size;
}

static _Noreturn void serve(const char *name, const char *port)
{
	struct sockaddr_in6 any = endpoint("::", port);
	struct pollfd polls[CLIENTS + 2] = {{.events = POLLIN}, {.events = POLLIN}};
	nfds_t count = 2;

	polls[0].fd = open_socket(SOCK_DGRAM);
	polls[1].fd = open_socket(SOCK_STREAM);
	for (int i = 0; i < 2; i++)
		if (bind(polls[i].fd, (struct sockaddr *)&any, sizeof(any)) < 0)
			fail("bind");
	if (listen(polls[1].fd, CLIENTS) < 0)
		fail("listen");
	puts("serving");
	for (;;) {
		if (poll(polls, count, -1) < 0)
			fail("poll");
		if (polls[0].revents)
			answer_datagram(polls[0].fd, name);
		for (nfds_t i = count - 1; i >= 2; i--) {
			if (polls[i].revents && !answer_request(polls[i].fd, name)) {
				close(polls[i].fd);
				polls[i] = polls[--count];
			}
		}
		// With no room left the next client waits in the listen queue.
		polls[1].events = count < CLIENTS + 2 ? POLLIN : 0;
		if (polls[1].revents & POLLIN) {
			int client = accept(polls[1].fd, NULL, NULL);

			if (client >= 0)
				polls[count++] = (struct pollfd){.fd = client, .events = POLLIN};
		}
	}
}

// So many answers as are `due` are waited for, and whatever else there is a while longer.
static int probe(const char *port, int timeout_ms, int due, int settle_ms, int count, char **pairs)
{
	struct pollfd wait = {.fd = open_socket(SOCK_DGRAM), .events = POLLIN};
	uint64_t deadline;
	int answers = 0;

	for (int i = 0; i < count; i += 2) {
		struct sockaddr_in6 to = endpoint(pairs[i], port);

		// A refusal (no route, say) is an answer that does not come.
		sendto(wait.fd, pairs[i + 1], strlen(pairs[i + 1]), 0, (struct sockaddr *)&to,
			sizeof(to));
	}
	deadline = now_ns() + (uint64_t)(due ? timeout_ms : settle_ms) * 1000000u;
	while (now_ns() < deadline) {
		char reply[TEXT], name[TEXT], token[TEXT];
		ssize_t size;

		if (poll(&wait, 1, (int)((deadline - now_ns()) / 1000000u) + 1) <= 0)
			continue;
		size = recv(wait.fd, reply, sizeof(reply) - 1, 0);
		if (size <= 0)
			continue;
		reply[size] = 0;
		if (sscanf(reply, "%255s %255s", name, token) != 2)
			continue;
		printf("%s %s\n", token, name);
		if (++answers == due)
			deadline = now_ns() + (uint64_t)settle_ms * 1000000u;
	}
	return 0;
}

int main(int count, char **words)
{
	const char *command = count > 1 ? words[1] : "";

	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (strcmp(command, "serve") == 0 && count == 4)
		serve(words[2], words[3]);
	if (strcmp(command, "probe") == 0 && count >= 8 && count % 2 == 0)
		return probe(words[2], atoi(words[3]), atoi(words[4]), atoi(words[5]), count - 6,
			words + 6);
	fprintf(stderr, "usage: workload serve|probe ...\n");
	return 2;
}
