// SPDX-License-Identifier: Apache-2.0
#include "forwarder.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/random.h>
#include <utlist.h>

#include "base/memory.h"
#include "resolvers.h"

static const char resolv_conf[] = "/etc/resolv.conf";

// Replies that are not the right one, before a server is given up: nobody shall guess for long.
enum { WRONG_MAXIMUM = 8 };

struct question {
	struct forwarder *forwarder;
	char *tenant;
	uint32_t port, ifindex;
	size_t mtu;
	struct dns_request request;
	size_t server_count;
	struct address servers[FORWARDER_ATTEMPTS];
	unsigned attempt, wrong;
	uv_udp_t *socket; // NULL: none is open
	uv_timer_t *timer;
	struct question *prev, *next;
};

struct forwarder {
	uv_loop_t *loop;
	forwarder_done done;
	void *context;
	struct resolvers resolvers;
	struct question *questions; // list
	char room[FRAME_BYTES];
};

void forwarder_new(struct forwarder **out, uv_loop_t *loop, forwarder_done done, void *context)
{
	struct forwarder *forwarder = memory_new(sizeof(*forwarder));
	forwarder->loop = loop;
	forwarder->done = done;
	forwarder->context = context;
	*out = forwarder;
}

// ---- how many ----

static bool may_open(const struct forwarder *forwarder, const struct forwarder_asker *asker)
{
	unsigned all = 0, of_tenant = 0, of_port = 0;
	const struct question *question;
	DL_FOREACH (forwarder->questions, question) {
		all++;
		of_tenant += !strcmp(question->tenant, asker->tenant);
		of_port += question->port == asker->port;
	}
	return of_tenant + all < FORWARDER_OPEN && of_port < FORWARDER_PORT_OPEN;
}

// ---- a question ----

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void close_socket(struct question *question)
{
	if (question->socket)
		uv_close((uv_handle_t *)question->socket, free_handle);
	question->socket = NULL;
}

static void question_free(struct question *question)
{
	close_socket(question);
	uv_close((uv_handle_t *)question->timer, free_handle);
	DL_DELETE(question->forwarder->questions, question);
	free(question->tenant);
	free(question);
}

static void finish(struct question *question, const struct answer *answer)
{
	struct forwarder *forwarder = question->forwarder;
	forwarder->done(
		forwarder->context, question->port, question->ifindex, question->mtu, answer);
	question_free(question);
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	const struct question *question = handle->data;
	(void)suggested;
	*out = uv_buf_init(question->forwarder->room, sizeof(question->forwarder->room));
}

static void next_server(struct question *question);

static void received(uv_udp_t *socket, ssize_t length, const uv_buf_t *buffer,
	const struct sockaddr *from, unsigned flags)
{
	struct question *question = socket->data;
	const uint8_t *bytes = (const uint8_t *)buffer->base;
	struct answer answer;
	if (length == 0 && !from)
		return;   // nothing more for now
	if (length < 0) { // nobody listens there
		next_server(question);
		return;
	}
	if ((flags & UV_UDP_PARTIAL) ||
		!dns_accept(&question->request, bytes, (size_t)length, &answer)) {
		if (++question->wrong > WRONG_MAXIMUM)
			next_server(question);
		return;
	}
	if (dns_failed(bytes, (size_t)length) && question->attempt + 1 < question->server_count)
		next_server(question);
	else
		finish(question, &answer);
}

static void timed_out(uv_timer_t *timer)
{
	next_server(timer->data);
}

// 0 or a libuv error. The socket is connected: what others send does not come in.
static int ask(struct question *question, const struct address *server)
{
	struct sockaddr_storage to = {0};
	char text[ADDRESS_TEXT];
	address_format(server, text);
	int result = address_is_ipv4(server)
			     ? uv_ip4_addr(text, DNS_PORT, (struct sockaddr_in *)&to)
			     : uv_ip6_addr(text, DNS_PORT, (struct sockaddr_in6 *)&to);
	uint8_t *query = question->request.query;
	if (!result && getrandom(query, 2, GRND_NONBLOCK) != 2)
		result = UV_EAGAIN;
	question->socket = memory_new(sizeof(*question->socket));
	question->socket->data = question;
	int opening = uv_udp_init(question->forwarder->loop, question->socket);
	if (opening) { // no handle, nothing to close
		free(steal(question->socket));
		return opening;
	}
	uv_buf_t buffer = uv_buf_init((char *)query, (unsigned)question->request.length);
	if (!result)
		result = uv_udp_connect(question->socket, (struct sockaddr *)&to);
	if (!result)
		result = uv_udp_recv_start(question->socket, give_room, received);
	if (!result)
		result = uv_udp_try_send(question->socket, &buffer, 1, NULL);
	return result < 0 ? result : 0;
}

static void try_servers(struct question *question)
{
	for (; question->attempt < question->server_count; question->attempt++) {
		question->wrong = 0;
		if (!ask(question, &question->servers[question->attempt])) {
			uv_timer_start(question->timer, timed_out, FORWARDER_PATIENCE_MS, 0);
			return;
		}
		close_socket(question);
	}
	struct answer answer;
	dns_fail(&question->request, &answer);
	finish(question, &answer);
}

static void next_server(struct question *question)
{
	close_socket(question);
	question->attempt++;
	try_servers(question);
}

// ---- in ----

// A server that is alone is asked twice.
static void choose_servers(struct question *question, const struct address_list *servers)
{
	struct resolvers *resolvers = &question->forwarder->resolvers;
	struct address_list own = {RESOLVERS, resolvers->items};
	if (!servers->items) {
		resolvers_refresh(resolvers, resolv_conf);
		own.count = resolvers->count;
		servers = &own;
	}
	size_t attempts = servers->count == 1 ? 2 : servers->count;
	if (attempts > FORWARDER_ATTEMPTS)
		attempts = FORWARDER_ATTEMPTS;
	for (size_t i = 0; i < attempts; i++)
		question->servers[i] = servers->items[i % servers->count];
	question->server_count = attempts;
}

void forwarder_ask(struct forwarder *forwarder, const struct forwarder_asker *asker,
	const struct dns_request *request)
{
	struct answer answer;
	if (!may_open(forwarder, asker)) {
		dns_fail(request, &answer);
		forwarder->done(
			forwarder->context, asker->port, asker->ifindex, asker->mtu, &answer);
		return;
	}
	struct question *question = memory_new(sizeof(*question));
	question->forwarder = forwarder;
	question->tenant = memory_text(asker->tenant);
	question->port = asker->port;
	question->ifindex = asker->ifindex;
	question->mtu = asker->mtu;
	question->request = *request;
	question->timer = memory_new(sizeof(*question->timer));
	question->timer->data = question;
	uv_timer_init(forwarder->loop, question->timer);
	DL_APPEND(forwarder->questions, question);
	choose_servers(question, asker->servers);
	if (question->server_count) {
		try_servers(question);
		return;
	}
	dns_refuse(request, &answer);
	finish(question, &answer);
}

void forwarder_free(struct forwarder *forwarder)
{
	if (!forwarder)
		return;
	while (forwarder->questions)
		question_free(forwarder->questions);
	free(forwarder);
}
