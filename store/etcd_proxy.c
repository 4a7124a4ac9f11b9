// SPDX-License-Identifier: Apache-2.0
#include "etcd_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/memory.h"

enum { CONNECTIONS = 4096, POLL_MS = 50 };

struct connection {
	struct etcd_proxy *proxy;
	pthread_t thread;
	int client;
};

struct etcd_proxy {
	int listener;
	unsigned short port, target;
	pthread_t thread;
	atomic_bool stopping, refusing;
	atomic_int cuts, swallows, losses; // the last in percent
	struct connection connections[CONNECTIONS];
	size_t count;
};

static int connect_to(unsigned short port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

// Half of what is to be lost is lost before it is carried out, half after.
static bool take_one(struct etcd_proxy *proxy, atomic_int *counter)
{
	if (rand() % 200 < atomic_load(&proxy->losses))
		return true;
	int left = atomic_load(counter);
	while (left > 0)
		if (atomic_compare_exchange_weak(counter, &left, left - 1))
			return true;
	return false;
}

// Pass on what has come; false: the connection is at its end.
static bool pass(int from, int to)
{
	char bytes[65536];
	ssize_t got = read(from, bytes, sizeof(bytes));
	for (ssize_t sent = 0; sent < got;) {
		ssize_t more = send(to, bytes + sent, (size_t)(got - sent), MSG_NOSIGNAL);
		if (more <= 0)
			return false;
		sent += more;
	}
	return got > 0;
}

static bool is_watch(int client)
{
	static const char watch[] = "POST /v3/watch";
	char start[sizeof(watch) - 1] = "";
	return recv(client, start, sizeof(start), MSG_PEEK | MSG_WAITALL) == sizeof(start) &&
	       memcmp(start, watch, sizeof(start)) == 0;
}

static void *serve(void *context)
{
	struct connection *connection = context;
	struct etcd_proxy *proxy = connection->proxy;
	int server = connect_to(proxy->target);
	bool watch = is_watch(connection->client), open = server >= 0, asked = false;
	while (open && !atomic_load(&proxy->stopping)) {
		struct pollfd ends[] = {{connection->client, POLLIN, 0}, {server, POLLIN, 0}};
		if (poll(ends, 2, POLL_MS) <= 0)
			continue;
		if (ends[0].revents) {
			open = (asked || watch || !take_one(proxy, &proxy->swallows)) &&
			       pass(connection->client, server);
			asked = true;
		} else {
			open = (!asked || watch || !take_one(proxy, &proxy->cuts)) &&
			       pass(server, connection->client);
			asked = false;
		}
	}
	close(connection->client);
	close(server);
	return NULL;
}

static void *run(void *context)
{
	struct etcd_proxy *proxy = context;
	struct pollfd end = {proxy->listener, POLLIN, 0};
	while (!atomic_load(&proxy->refusing)) {
		if (poll(&end, 1, POLL_MS) <= 0)
			continue;
		assert_true(proxy->count < CONNECTIONS);
		struct connection *connection = &proxy->connections[proxy->count++];
		connection->proxy = proxy;
		connection->client = accept(proxy->listener, NULL, NULL);
		assert_int_equal(pthread_create(&connection->thread, NULL, serve, connection), 0);
	}
	close(proxy->listener);
	return NULL;
}

void etcd_proxy_start(struct etcd_proxy **out, unsigned short target)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	struct etcd_proxy *proxy = memory_new(sizeof(*proxy));
	proxy->target = target;
	proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(proxy->listener, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(proxy->listener, 8), 0);
	assert_int_equal(getsockname(proxy->listener, (struct sockaddr *)&address, &length), 0);
	proxy->port = ntohs(address.sin_port);
	assert_int_equal(pthread_create(&proxy->thread, NULL, run, proxy), 0);
	*out = proxy;
}

void etcd_proxy_stop(struct etcd_proxy *proxy)
{
	atomic_store(&proxy->stopping, true);
	etcd_proxy_refuse(proxy);
	for (size_t i = 0; i < proxy->count; i++)
		pthread_join(proxy->connections[i].thread, NULL);
	free(proxy);
}

unsigned short etcd_proxy_port(const struct etcd_proxy *proxy)
{
	return proxy->port;
}

void etcd_proxy_cut(struct etcd_proxy *proxy, int count)
{
	atomic_store(&proxy->cuts, count);
}

void etcd_proxy_swallow(struct etcd_proxy *proxy, int count)
{
	atomic_store(&proxy->swallows, count);
}

void etcd_proxy_refuse(struct etcd_proxy *proxy)
{
	if (!atomic_exchange(&proxy->refusing, true))
		pthread_join(proxy->thread, NULL);
}

void etcd_proxy_lose(struct etcd_proxy *proxy, int percent)
{
	atomic_store(&proxy->losses, percent);
}
