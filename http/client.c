// SPDX-License-Identifier: Apache-2.0
#include "http/client.h"

#include <curl/curl.h>
#include <jansson.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/memory.h"

// Where requests wait for a connection, that time counts as connecting.
enum { CONNECT_SECONDS = 5, PATIENCE_SECONDS = 60, QUEUE_SECONDS = 600, TEXT_BYTES = 1024 };

struct server {
	char *name;   // as the options have it
	char *base;   // of URLs: "https://10.0.0.1:6640"
	char *socket; // path; NULL: TCP
};

struct http_client {
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t *timeout;
	uv_timer_t *
		silence; // when the first of those that are under way may have been silent for too long
	struct http_request *under_way; // list: who is connected, and waits for bytes
	struct server *servers;
	size_t server_count, current;
	char *certificate, *key, *authority, *source;
	uint64_t received, sent;
	bool queues;                        // requests wait for one of a few connections
	unsigned connect_seconds, patience; // for a connection: as the options say, and at present
	uint64_t renewed;                   // monotonic milliseconds; 0: never
};

struct http_request {
	struct http_client *client;
	const struct server *server;
	CURL *easy;
	struct curl_slist *headers;
	struct http_call call;
	char curl_error[CURL_ERROR_SIZE];
	char text[TEXT_BYTES]; // the beginning of the body, terminated
	size_t length;
	uint64_t heard_ms; // when bytes went or came last, monotonic
	curl_off_t sent;
	bool is_under_way;
	struct http_request *prev, *next;
};

// A socket of libcurl's, watched for it.
struct watch {
	uv_poll_t handle; // first: closing frees the whole
	struct http_client *client;
	curl_socket_t socket;
};

// ---- libcurl on libuv ----

static void request_free(struct http_request *request)
{
	if (request->is_under_way)
		DL_DELETE(request->client->under_way, request);
	curl_multi_remove_handle(request->client->multi, request->easy);
	curl_easy_cleanup(request->easy);
	curl_slist_free_all(request->headers);
	free(request);
}

// libcurl names the host and port of the URL, which say nothing where a Unix socket is meant.
static void explain_connect(const struct http_request *request, char *text, size_t size)
{
	long code = 0;
	curl_easy_getinfo(request->easy, CURLINFO_OS_ERRNO, &code);
	snprintf(text, size, "cannot reach %s: %s", request->server->name,
		code ? strerror((int)code) : "connection refused");
}

// What a person wants of a problem document (RFC 9457) is its detail.
static void explain_answer(const struct http_request *request, char *text, size_t size)
{
	json_t *problem = json_loads(request->text, 0, NULL);
	const char *detail = json_string_value(json_object_get(problem, "detail"));
	snprintf(text, size, "%s", detail ? detail : request->text);
	json_decref(problem);
}

static bool succeeded(long status)
{
	return status >= 200 && status < 300;
}

// A server that takes connections and does not get to the handshake has too much to do: where
// thousands come at once, and each begins anew before its turn, it gets to nobody.
static void note_patience(struct http_request *request, CURLcode code, long status)
{
	struct http_client *client = request->client;
	const char *reached = NULL; // the address
	curl_off_t agreed = 0;
	if (status)
		client->patience = client->connect_seconds;
	if (status || code != CURLE_OPERATION_TIMEDOUT || request->server->socket)
		return;
	curl_easy_getinfo(request->easy, CURLINFO_PRIMARY_IP, &reached);
	curl_easy_getinfo(request->easy, CURLINFO_APPCONNECT_TIME_T, &agreed);
	if (!reached || !*reached || agreed)
		return;
	client->patience *= 2;
	if (client->patience > PATIENCE_SECONDS)
		client->patience = PATIENCE_SECONDS;
}

static void finish(struct http_request *request, CURLcode code)
{
	struct http_call call = request->call;
	char text[TEXT_BYTES];
	long status = 0;
	curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
	note_patience(request, code, status);
	bool streamed = succeeded(status) && call.data;
	if (code != CURLE_OK && !streamed)
		status = 0;
	if (code == CURLE_COULDNT_CONNECT)
		explain_connect(request, text, sizeof(text));
	else if (code != CURLE_OK)
		snprintf(text, sizeof(text), "%s",
			*request->curl_error ? request->curl_error : curl_easy_strerror(code));
	else if (streamed)
		snprintf(text, sizeof(text), "the controller ended it");
	else
		explain_answer(request, text, sizeof(text));
	request_free(request);
	call.done(call.context, status, text);
}

static void take_finished(struct http_client *client)
{
	CURLMsg *message;
	int left;
	while ((message = curl_multi_info_read(client->multi, &left))) {
		struct http_request *request;
		if (message->msg != CURLMSG_DONE)
			continue;
		CURLcode code = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&request);
		finish(request, code);
	}
}

static void socket_ready(uv_poll_t *handle, int status, int events)
{
	struct watch *watch = (struct watch *)handle;
	struct http_client *client = watch->client;
	int running, flags = status < 0 ? CURL_CSELECT_ERR : 0;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(client->multi, watch->socket, flags, &running);
	take_finished(client);
}

static void timed_out(uv_timer_t *timer)
{
	struct http_client *client = timer->data;
	int running;
	curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	take_finished(client);
}

static void handle_closed(uv_handle_t *handle)
{
	free(handle);
}

static int watch_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *assigned)
{
	(void)easy;
	struct http_client *client = context;
	struct watch *watch = assigned;
	if (what == CURL_POLL_REMOVE) {
		if (watch)
			uv_close((uv_handle_t *)&watch->handle, handle_closed);
		curl_multi_assign(client->multi, socket, NULL);
		return 0;
	}
	if (!watch) {
		watch = memory_new(sizeof(*watch));
		watch->client = client;
		watch->socket = socket;
		uv_poll_init_socket(client->loop, &watch->handle, socket);
		curl_multi_assign(client->multi, socket, watch);
	}
	int events = 0;
	if (what != CURL_POLL_OUT)
		events |= UV_READABLE;
	if (what != CURL_POLL_IN)
		events |= UV_WRITABLE;
	uv_poll_start(&watch->handle, events, socket_ready);
	return 0;
}

// libuv counts from the loop's idea of now, which is old after a long callback.
static void set_timeout(struct http_client *client, uint64_t after_ms)
{
	uv_update_time(client->loop);
	uv_timer_start(client->timeout, timed_out, after_ms, 0);
}

static int watch_time(CURLM *multi, long after_ms, void *context)
{
	(void)multi;
	struct http_client *client = context;
	if (after_ms < 0)
		uv_timer_stop(client->timeout);
	else
		set_timeout(client, (uint64_t)after_ms);
	return 0;
}

// ---- silence ----

// libcurl would look at each transfer each second, which of ten thousand streams takes more than what
// comes on them. Here one timer waits for the first that may be due.

static uint64_t deadline_of(const struct http_request *request)
{
	return request->heard_ms + request->call.silence_seconds * UINT64_C(1000);
}

// Has the body moved on since it was looked at last?
static bool has_sent(struct http_request *request)
{
	curl_off_t sent = 0;
	curl_easy_getinfo(request->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	bool more = sent != request->sent;
	request->sent = sent;
	return more;
}

static void watch_silence(struct http_client *client);

static void look_for_silence(uv_timer_t *timer)
{
	struct http_client *client = timer->data;
	struct http_request *request;
	uint64_t now = clock_monotonic_ms();
	DL_FOREACH (client->under_way, request) {
		if (deadline_of(request) > now)
			continue;
		if (has_sent(request)) {
			request->heard_ms = now;
			continue;
		}
		snprintf(request->curl_error, sizeof(request->curl_error), "nothing came for %u s",
			request->call.silence_seconds);
		finish(request, CURLE_OPERATION_TIMEDOUT);
		uv_timer_start(timer, look_for_silence, 0, 0); // what the list is now
		return;
	}
	watch_silence(client);
}

static void watch_silence(struct http_client *client)
{
	const struct http_request *request;
	uint64_t now = clock_monotonic_ms(), first = UINT64_MAX;
	DL_FOREACH (client->under_way, request) {
		if (deadline_of(request) < first)
			first = deadline_of(request);
	}
	uv_timer_stop(client->silence);
	uv_update_time(client->loop);
	if (client->under_way)
		uv_timer_start(client->silence, look_for_silence, first > now ? first - now : 0, 0);
}

// Connected, and about to be sent.
static int under_way(void *context, char *to, char *from, int to_port, int from_port)
{
	struct http_request *request = context;
	struct http_client *client = request->client;
	(void)to, (void)from, (void)to_port, (void)from_port;
	request->heard_ms = clock_monotonic_ms();
	if (request->is_under_way)
		return CURL_PREREQFUNC_OK;
	request->is_under_way = true;
	DL_APPEND(client->under_way, request);
	uint64_t after = deadline_of(request) - request->heard_ms;
	uv_update_time(client->loop);
	if (!uv_is_active((const uv_handle_t *)client->silence) ||
		uv_timer_get_due_in(client->silence) > after)
		uv_timer_start(client->silence, look_for_silence, after, 0);
	return CURL_PREREQFUNC_OK;
}

// ---- requests ----

// libcurl's own sockets would go to whatever program this process starts, which would hold them
// open as long as it runs.
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)context, (void)purpose;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t receive(char *data, size_t size, size_t count, void *context)
{
	struct http_request *request = context;
	size_t length = size * count;
	long status = 0;
	curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
	request->client->received += length;
	request->heard_ms = clock_monotonic_ms();
	if (succeeded(status) && request->call.data) {
		if (request->call.data(request->call.context, data, length))
			return CURL_WRITEFUNC_ERROR;
		return length;
	}
	size_t room = sizeof(request->text) - 1 - request->length;
	size_t part = length < room ? length : room;
	memcpy(request->text + request->length, data, part);
	request->length += part;
	return length;
}

static void set_server(struct http_request *request, const char *path)
{
	const struct http_client *client = request->client;
	CURL *easy = request->easy;
	cleanup_free char *url = memory_format("%s%s", request->server->base, path);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request->server->socket);
	if (client->certificate)
		curl_easy_setopt(easy, CURLOPT_SSLCERT, client->certificate);
	if (client->key)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, client->key);
	if (client->authority) { // and none of those that the system trusts besides
		curl_easy_setopt(easy, CURLOPT_CAINFO, client->authority);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	if (client->source)
		curl_easy_setopt(easy, CURLOPT_INTERFACE, client->source);
	if (client->renewed) {
		// libcurl does not look into the file: a connection older than it is too old.
		long age = (long)((clock_monotonic_ms() - client->renewed) / 1000);
		curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, age ? age : 1L);
	}
}

void http_client_renew(struct http_client *client)
{
	client->renewed = clock_monotonic_ms();
}

struct http_request *http_client_send(struct http_client *client, const struct http_call *call)
{
	struct http_request *request = memory_new(sizeof(*request));
	CURL *easy = curl_easy_init();
	request->client = client;
	request->server = &client->servers[client->current];
	request->easy = easy;
	request->call = *call;
	set_server(request, call->path);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->curl_error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT,
		(long)(client->queues ? QUEUE_SECONDS : client->patience));
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, request);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, under_way);
	if (call->body) {
		request->headers =
			curl_slist_append(request->headers, "Content-Type: application/json");
		// No round trip to ask whether a long body is welcome.
		request->headers = curl_slist_append(request->headers, "Expect:");
		curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
		curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, call->body);
		client->sent += strlen(call->body);
	}
	curl_multi_add_handle(client->multi, easy);
	return request;
}

uint64_t http_client_received(const struct http_client *client)
{
	return client->received;
}

uint64_t http_client_sent(const struct http_client *client)
{
	return client->sent;
}

void http_client_cancel(struct http_request *request)
{
	if (request)
		request_free(request);
}

// ---- servers ----

static void add_server(struct http_client *client, const char *name, size_t length)
{
	static const char unix_prefix[] = "unix:";
	client->servers =
		memory_resize(client->servers, client->server_count + 1, sizeof(*client->servers));
	struct server *server = &client->servers[client->server_count++];
	server->name = memory_format("%.*s", (int)length, name);
	bool is_socket = !strncmp(server->name, unix_prefix, strlen(unix_prefix));
	server->base = memory_text(is_socket ? "http://controller" : server->name);
	server->socket = is_socket ? memory_text(server->name + strlen(unix_prefix)) : NULL;
}

// "URL,URL": empty parts are none.
static void add_servers(struct http_client *client, const char *names)
{
	while (*names) {
		size_t length = strcspn(names, ",");
		if (length)
			add_server(client, names, length);
		names += length + (names[length] == ',');
	}
	if (!client->server_count)
		add_server(client, "", 0);
}

// Any spread will do, as long as a name always comes out the same (FNV-1a).
static uint32_t hash(const char *text)
{
	uint32_t value = 2166136261;
	while (text && *text)
		value = (value ^ (unsigned char)*text++) * 16777619;
	return value;
}

const char *http_client_server(const struct http_client *client)
{
	return client->servers[client->current].name;
}

bool http_client_next(struct http_client *client)
{
	client->current = (client->current + 1) % client->server_count;
	return client->server_count > 1;
}

// ---- life ----

void http_client_new(
	struct http_client **out, uv_loop_t *loop, const struct http_client_options *options)
{
	struct http_client *client = memory_new(sizeof(*client));
	client->loop = loop;
	add_servers(client, options->servers);
	client->current = hash(options->seed) % client->server_count;
	client->certificate = memory_text(options->certificate);
	client->key = memory_text(options->key);
	client->authority = memory_text(options->authority);
	client->source = memory_text(options->source);
	client->connect_seconds =
		options->connect_seconds ? options->connect_seconds : CONNECT_SECONDS;
	client->patience = client->connect_seconds;
	client->timeout = memory_new(sizeof(*client->timeout));
	client->timeout->data = client;
	uv_timer_init(loop, client->timeout);
	client->silence = memory_new(sizeof(*client->silence));
	client->silence->data = client;
	uv_timer_init(loop, client->silence);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	client->multi = curl_multi_init();
	client->queues = options->connections;
	curl_multi_setopt(
		client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)options->connections);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, watch_time);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	*out = client;
}

void http_client_free(struct http_client *client)
{
	if (!client)
		return;
	curl_multi_cleanup(client->multi);
	uv_close((uv_handle_t *)client->timeout, handle_closed);
	uv_close((uv_handle_t *)client->silence, handle_closed);
	for (size_t i = 0; i < client->server_count; i++) {
		free(client->servers[i].name);
		free(client->servers[i].base);
		free(client->servers[i].socket);
	}
	free(client->servers);
	free(client->certificate);
	free(client->key);
	free(client->authority);
	free(client->source);
	free(client);
}
