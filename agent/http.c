// SPDX-License-Identifier: Apache-2.0
#include "http.h"

#include <curl/curl.h>
#include <jansson.h>
#include <string.h>

#include "base/memory.h"
#include "timer.h"

enum { CONNECT_SECONDS = 5, TEXT_BYTES = 1024 };

struct http {
	uv_loop_t *loop;
	CURLM *multi;
	struct timer *timeout;
	char *controller; // as the options name it
	char *base;       // of URLs: "https://10.0.0.1:6640"
	char *socket;     // path; NULL: TCP
	char *certificate, *key, *authority;
	uint64_t received, sent;
};

struct http_request {
	struct http *http;
	CURL *easy;
	struct curl_slist *headers;
	struct http_call call;
	char curl_error[CURL_ERROR_SIZE];
	char text[TEXT_BYTES]; // the beginning of the body, terminated
	size_t length;
};

// A socket of libcurl's, watched for it.
struct watch {
	uv_poll_t handle; // first: closing frees the whole
	struct http *http;
	curl_socket_t socket;
};

// ---- libcurl on libuv ----

static void request_free(struct http_request *request)
{
	curl_multi_remove_handle(request->http->multi, request->easy);
	curl_easy_cleanup(request->easy);
	curl_slist_free_all(request->headers);
	free(request);
}

// libcurl names the host and port of the URL, which say nothing where a Unix socket is meant.
static void explain_connect(const struct http_request *request, char *text, size_t size)
{
	long code = 0;
	curl_easy_getinfo(request->easy, CURLINFO_OS_ERRNO, &code);
	snprintf(text, size, "cannot reach %s: %s", request->http->controller,
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

static void finish(struct http_request *request, CURLcode code)
{
	struct http_call call = request->call;
	char text[TEXT_BYTES];
	long status = 0;
	curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
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

static void take_finished(struct http *http)
{
	CURLMsg *message;
	int left;
	while ((message = curl_multi_info_read(http->multi, &left))) {
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
	struct http *http = watch->http;
	int running, flags = status < 0 ? CURL_CSELECT_ERR : 0;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(http->multi, watch->socket, flags, &running);
	take_finished(http);
}

static void timed_out(void *context)
{
	struct http *http = context;
	int running;
	curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	take_finished(http);
}

static void watch_closed(uv_handle_t *handle)
{
	free(handle);
}

static int watch_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *assigned)
{
	(void)easy;
	struct http *http = context;
	struct watch *watch = assigned;
	if (what == CURL_POLL_REMOVE) {
		if (watch)
			uv_close((uv_handle_t *)&watch->handle, watch_closed);
		curl_multi_assign(http->multi, socket, NULL);
		return 0;
	}
	if (!watch) {
		watch = memory_new(sizeof(*watch));
		watch->http = http;
		watch->socket = socket;
		uv_poll_init_socket(http->loop, &watch->handle, socket);
		curl_multi_assign(http->multi, socket, watch);
	}
	int events = 0;
	if (what != CURL_POLL_OUT)
		events |= UV_READABLE;
	if (what != CURL_POLL_IN)
		events |= UV_WRITABLE;
	uv_poll_start(&watch->handle, events, socket_ready);
	return 0;
}

static int watch_time(CURLM *multi, long after_ms, void *context)
{
	(void)multi;
	struct http *http = context;
	if (after_ms < 0)
		agent_timer_stop(http->timeout);
	else
		agent_timer_start(http->timeout, after_ms, 0);
	return 0;
}

// ---- requests ----

static size_t receive(char *data, size_t size, size_t count, void *context)
{
	struct http_request *request = context;
	size_t length = size * count;
	long status = 0;
	curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
	request->http->received += length;
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

static void set_controller(struct http *http, CURL *easy, const char *path)
{
	cleanup_free char *url = memory_format("%s%s", http->base, path);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, http->socket);
	if (http->certificate)
		curl_easy_setopt(easy, CURLOPT_SSLCERT, http->certificate);
	if (http->key)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, http->key);
	if (http->authority)
		curl_easy_setopt(easy, CURLOPT_CAINFO, http->authority);
}

struct http_request *agent_http_send(struct http *http, const struct http_call *call)
{
	struct http_request *request = memory_new(sizeof(*request));
	CURL *easy = curl_easy_init();
	request->http = http;
	request->easy = easy;
	request->call = *call;
	set_controller(http, easy, call->path);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->curl_error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)call->silence_seconds);
	if (call->body) {
		request->headers =
			curl_slist_append(request->headers, "Content-Type: application/json");
		// No round trip to ask whether a long body is welcome.
		request->headers = curl_slist_append(request->headers, "Expect:");
		curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
		curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, call->body);
		http->sent += strlen(call->body);
	}
	curl_multi_add_handle(http->multi, easy);
	return request;
}

uint64_t agent_http_received(const struct http *http)
{
	return http->received;
}

uint64_t agent_http_sent(const struct http *http)
{
	return http->sent;
}

void agent_http_cancel(struct http_request *request)
{
	if (request)
		request_free(request);
}

void agent_http_new(struct http **out, uv_loop_t *loop, const struct http_options *options)
{
	struct http *http = memory_new(sizeof(*http));
	const char *unix_prefix = "unix:";
	http->loop = loop;
	http->controller = memory_text(options->controller);
	if (!strncmp(options->controller, unix_prefix, strlen(unix_prefix))) {
		http->base = memory_text("http://controller");
		http->socket = memory_text(options->controller + strlen(unix_prefix));
	} else {
		http->base = memory_text(options->controller);
	}
	http->certificate = memory_text(options->certificate);
	http->key = memory_text(options->key);
	http->authority = memory_text(options->authority);
	agent_timer_new(&http->timeout, loop, timed_out, http);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	http->multi = curl_multi_init();
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, watch_time);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	*out = http;
}

void agent_http_free(struct http *http)
{
	if (!http)
		return;
	curl_multi_cleanup(http->multi);
	agent_timer_free(&http->timeout);
	free(http->controller);
	free(http->base);
	free(http->socket);
	free(http->certificate);
	free(http->key);
	free(http->authority);
	free(http);
}
