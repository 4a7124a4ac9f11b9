// SPDX-License-Identifier: Apache-2.0
#include "http.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/table.h"
#include "loop.h"
#include "listen.h"
#include "shards.h"
#include "tls.h"

enum {
	CONNECTIONS = 16384,           // for the Unix socket, and as many for TLS
	CONNECTIONS_PER_ADDRESS = 256, // over TLS
	HANDSHAKES = 1024,             // of them, connections on which nothing was asked yet
	// Of the request's head and the answer's, and of what goes at once of an answer that has no end: less
	// makes snapshots slower, more is memory twice for every host. Cleared with every request.
	CONNECTION_BYTES = 12 << 10,
	IDLE_SECONDS = 60,     // of a connection that is neither parked nor moving
	DEAD_PEER_MS = 30000,  // unacknowledged data for so long: the peer is gone
	ASSEMBLING_BODIES = 8, // bodies of full size held at once, over all requests
	STOP_MS = 1000,
	DRAIN_MS = 5,
};

// One way in: the Unix socket, or TLS.
struct entrance {
	struct http *http;
	struct shards *shards;
	bool tls;
};

// Whose connections are, as they say with their requests.
struct caller {
	char who[IDENTITY_TEXT];
	size_t connections;
	size_t held; // requests
	UT_hash_handle hh;
};

// What libmicrohttpd keeps for us with a connection.
struct visit {
	struct caller *caller; // NULL: nobody has asked
	struct arrival *arrival;
	char from[64]; // "uid 0", "192.0.2.7"; empty: that is not known
};

struct http {
	uv_loop_t *loop;
	struct http_options options;
	char *unix_socket;
	struct tls_files files;
	struct entrance entrances[2];
	size_t entrance_count;
	struct request *requests; // under way
	struct caller *callers;   // by who they are
	size_t assembling;        // bytes of bodies held
	size_t answering;         // requests neither parked nor done
	int64_t first_expiry; // no lasting request expires before, seconds since 1970; 0: none does
};

static struct visit *visit_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
		->socket_context;
}

// ---- parking ----

static int request_fd(const struct request *request)
{
	return MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD)
		->connect_fd;
}

static void on_left(uv_poll_t *poll, int status, int events)
{
	(void)status, (void)events;
	struct request *request = poll->data;
	uv_poll_stop(poll);
	request->gone = true;
	request_unpark(request);
}

// libmicrohttpd does not look at a connection that is set aside, so the loop does: from the first time
// on, as a stream is set aside after every line.
static void watch_client(struct request *request)
{
	request->poll = memory_new(sizeof(*request->poll));
	uv_poll_init(request->http->loop, request->poll, request_fd(request));
	request->poll->data = request;
	uv_poll_start(request->poll, UV_DISCONNECT, on_left);
}

static void unwatch_client(struct request *request)
{
	if (!request->poll)
		return;
	uv_poll_stop(request->poll);
	loop_close(steal(request->poll));
}

void request_park(struct request *request)
{
	if (request->parked)
		return;
	if (!request->poll)
		watch_client(request);
	request->parked = true;
	MHD_suspend_connection(request->connection);
	request->http->answering--;
}

void request_unpark(struct request *request)
{
	if (!request->parked)
		return;
	request->parked = false;
	MHD_resume_connection(request->connection);
	request->http->answering++;
	shard_resumed(request->shard);
}

void request_break(struct request *request)
{
	request->gone = true;
	shutdown(request_fd(request), SHUT_RDWR);
	request_unpark(request);
}

// ---- answers ----

void request_respond(struct request *request, unsigned status, struct MHD_Response *response)
{
	request->response = response;
	request->status = status;
	request_unpark(request);
}

void request_header(struct request *request, const char *name, const char *value)
{
	MHD_add_response_header(request->response, name, value);
}

static void answer(struct request *request, unsigned status, json_t *body, const char *type)
{
	char *text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	MHD_add_response_header(response, "Content-Type", type);
	request_respond(request, status, response);
}

void request_add(struct request *request, const char *name, json_t *value)
{
	if (!request->addition)
		request->addition = json_object();
	json_object_set_new(request->addition, name, value);
}

void request_answer(struct request *request, unsigned status, json_t *body)
{
	if (request->addition)
		json_object_update(body, request->addition);
	answer(request, status, body, "application/json");
}

void request_refuse_as(struct request *request, enum problem problem, const struct error *error)
{
	if (problem == PROBLEM_INTERNAL)
		log_error("%s %s: %s", request->method, request->path, error->message);
	free(request->refusal);
	request->refusal = memory_format(
		"%s%s%s", error->object, error->object[0] ? ": " : "", error->message);
	answer(request, problem_status(problem), problem_encode(problem, error),
		"application/problem+json");
	if (problem == PROBLEM_RATE) {
		char seconds[16];
		snprintf(seconds, sizeof(seconds), "%u", request->retry_s ? request->retry_s : 1);
		request_header(request, "Retry-After", seconds);
	}
}

void request_refuse(struct request *request, const struct error *error)
{
	request_refuse_as(request, problem_from_error(error, request->understood), error);
}

void request_retract(struct request *request)
{
	MHD_destroy_response(request->response);
	request->response = NULL;
	free(steal(request->refusal));
}

static enum MHD_Result request_send(struct request *request)
{
	char revision[24];
	struct http *http = request->http;
	snprintf(revision, sizeof(revision), "%" PRIu64,
		http->options.revision(http->options.context));
	MHD_add_response_header(request->response, "Weft-Revision", revision);
	if (request->refusal)
		http->options.refused(http->options.context, request);
	enum MHD_Result result =
		MHD_queue_response(request->connection, request->status, request->response);
	MHD_destroy_response(request->response);
	request->response = NULL;
	return result;
}

// ---- requests ----

const char *request_parameter(const struct request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *request_header_of(const struct request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

static void note_expiry(struct http *http, const struct request *request)
{
	int64_t expires = request->identity.expires;
	if (expires && (!http->first_expiry || expires < http->first_expiry))
		http->first_expiry = expires;
}

void request_last(struct request *request)
{
	request->lasting = true;
	note_expiry(request->http, request);
}

static bool has_expired(void *context, const struct request *request)
{
	(void)context;
	return identity_expired(&request->identity);
}

void http_expire(struct http *http)
{
	const struct request *request;
	if (!http->first_expiry || (uint64_t)http->first_expiry * 1000 > clock_realtime_ms())
		return;
	http_break(http, has_expired, NULL);
	http->first_expiry = 0;
	DL_FOREACH (http->requests, request)
		if (request->lasting && !has_expired(NULL, request))
			note_expiry(http, request);
}

void http_break(
	struct http *http, bool (*match)(void *context, const struct request *), void *context)
{
	struct request *request;
	DL_FOREACH (http->requests, request)
		if (request->lasting && match(context, request))
			request_break(request);
}

struct parameter_check {
	const char *const *names;
	struct error *error;
	int rc;
};

static enum MHD_Result check_parameter(
	void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind, (void)value;
	struct parameter_check *check = context;
	for (size_t i = 0; check->names[i]; i++)
		if (!strcmp(check->names[i], name))
			return MHD_YES;
	check->rc = error_set(check->error, EINVAL, "this request has no parameter \"%s\"", name);
	return MHD_NO;
}

int request_parameters_check(
	const struct request *request, const char *const *names, struct error *error)
{
	struct parameter_check check = {names, error, 0};
	MHD_get_connection_values(
		request->connection, MHD_GET_ARGUMENT_KIND, check_parameter, &check);
	return check.rc;
}

int request_json(struct request *request, json_t **out, struct error *error)
{
	json_error_t fault;
	json_t *json = request->body_length ? json_loadb(request->body, request->body_length,
						      JSON_REJECT_DUPLICATES, &fault)
					    : json_object();
	if (!json) {
		error_set(error, EINVAL, "the body is not valid JSON: %s", fault.text);
		error->line = fault.line;
		error->column = fault.column;
		return -EINVAL;
	}
	request->understood = true;
	if (!json_is_object(json)) {
		json_decref(json);
		return error_set(error, EINVAL, "the body must be a JSON object");
	}
	*out = json;
	return 0;
}

json_t *request_json_again(struct request *request)
{
	struct error ignored = {0};
	json_t *json = NULL;
	request_json(request, &json, &ignored);
	return json;
}

// libmicrohttpd 0.9.75 takes no answer while a body arrives. A body that grows too large without
// having announced its length is therefore answered by hand, and the connection closed.
static enum MHD_Result refuse_midway(
	struct request *request, enum problem problem, const struct error *error)
{
	json_t *document = problem_encode(problem, error);
	cleanup_free char *body = json_dumps(document, JSON_COMPACT);
	json_decref(document);
	cleanup_free char *text = memory_format("HTTP/1.1 %u Refused\r\nConnection: close\r\n"
						"Content-Type: application/problem+json\r\n"
						"Content-Length: %zu\r\n\r\n%s",
		problem_status(problem), strlen(body), body);
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	ssize_t sent;
	if (info && info->tls_session)
		sent = gnutls_record_send(info->tls_session, text, strlen(text));
	else
		sent = send(request_fd(request), text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0)
		log_debug("a client that sends too much did not take its answer");
	return MHD_NO;
}

static enum MHD_Result receive(struct request *request, const char *data, size_t length)
{
	struct http *http = request->http;
	size_t limit = http->options.body_limit;
	struct error error = {0};
	if (request->body_length + length > limit) {
		error_set(&error, EFBIG, "the body exceeds %zu bytes", limit);
		return refuse_midway(request, PROBLEM_TOO_LARGE, &error);
	}
	if (request->body_length + length > request->body_capacity) {
		// Most bodies come whole, in one piece.
		size_t capacity = request->body_capacity ? request->body_capacity * 2 : length;
		while (capacity < request->body_length + length)
			capacity *= 2;
		size_t growth = capacity - request->body_capacity;
		if (http->assembling + growth > ASSEMBLING_BODIES * limit) {
			error_set(&error, EAGAIN, "too many large bodies arrive; try again later");
			return refuse_midway(request, PROBLEM_OVERLOADED, &error);
		}
		http->assembling += growth;
		request->body_capacity = capacity;
		request->body_buffer = memory_resize(request->body_buffer, capacity, 1);
	}
	memcpy(request->body_buffer + request->body_length, data, length);
	request->body_length += length;
	return MHD_YES;
}

static struct request *request_new(struct shard *shard, struct MHD_Connection *connection,
	const char *path, const char *method)
{
	const struct entrance *entrance = shard_context(shard);
	struct request *request = memory_new(sizeof(*request));
	request->http = entrance->http;
	request->shard = shard;
	request->connection = connection;
	request->method = memory_text(method);
	request->path = memory_text(path);
	if (entrance->tls)
		request->identity = identity_from_session(
			MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION)
				->tls_session);
	else
		request->identity =
			(struct identity){.role = ROLE_ADMINISTRATOR, .source = SOURCE_SOCKET};
	request->from = visit_of(connection)->from;
	shard_asked(shard, visit_of(connection)->arrival);
	DL_APPEND(request->http->requests, request);
	request->http->answering++;
	return request;
}

// A body that announces itself as too large is refused before it is sent.
static bool announces_too_much(const struct request *request)
{
	const char *length = MHD_lookup_connection_value(
		request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	return length && strtoull(length, NULL, 10) > request->http->options.body_limit;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
	const char *path, const char *method, const char *version, const char *data, size_t *length,
	void **slot)
{
	(void)version;
	struct request *request = *slot;
	if (!request) {
		*slot = request = request_new(context, connection, path, method);
		if (!announces_too_much(request))
			return MHD_YES;
		struct error error = {0};
		error_set(&error, EFBIG, "the body exceeds %zu bytes",
			request->http->options.body_limit);
		request_refuse(request, &error);
		return request_send(request);
	}
	if (*length) {
		enum MHD_Result result = receive(request, data, *length);
		*length = 0;
		return result;
	}
	if (request->gone)
		return MHD_NO;
	if (!request->response) {
		request->body = request->body_buffer;
		request->http->options.handler(request->http->options.context, request);
	}
	if (request->response)
		return request_send(request);
	return request->parked ? MHD_YES : MHD_NO;
}

// ---- who has how much ----

static struct caller *caller_get(struct http *http, const char *who)
{
	struct caller *caller;
	HASH_FIND_STR(http->callers, who, caller);
	if (!caller) {
		caller = memory_new(sizeof(*caller));
		snprintf(caller->who, sizeof(caller->who), "%s", who);
		HASH_ADD_STR(http->callers, who, caller);
	}
	return caller;
}

// One connection or one held request less.
static void caller_release(struct http *http, struct caller *caller, size_t *count)
{
	--*count;
	if (caller->connections || caller->held)
		return;
	HASH_DEL(http->callers, caller);
	free(caller);
}

static void caller_leave(struct http *http, struct caller *caller)
{
	if (caller)
		caller_release(http, caller, &caller->connections);
}

size_t request_hold(struct request *request, const char *who)
{
	if (!request->holder) {
		request->holder = caller_get(request->http, who);
		request->holder->held++;
	}
	return request->holder->held;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **slot,
	enum MHD_RequestTerminationCode code)
{
	(void)context, (void)connection, (void)code;
	struct request *request = *slot;
	if (!request)
		return;
	*slot = NULL;
	if (request->done)
		request->done(request->done_context);
	DL_DELETE(request->http->requests, request);
	if (request->holder)
		caller_release(request->http, request->holder, &request->holder->held);
	request->http->answering--;
	unwatch_client(request);
	if (request->response)
		MHD_destroy_response(request->response);
	request->http->assembling -= request->body_capacity;
	free(request->body_buffer);
	json_decref(request->addition);
	free(request->refusal);
	identity_done(&request->identity);
	free((char *)request->method);
	free((char *)request->path);
	free(request);
}

// ---- connections ----

size_t request_claim_connection(struct request *request, const char *who)
{
	struct http *http = request->http;
	struct visit *visit = visit_of(request->connection);
	struct caller *caller = caller_get(http, who);
	if (caller == visit->caller)
		return 0;
	caller->connections++;
	caller_leave(http, visit->caller);
	visit->caller = caller;
	return caller->connections;
}

static void note_peer(struct visit *visit, int fd, bool tls)
{
	struct ucred peer = {0};
	socklen_t length = sizeof(peer);
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	if (!tls && !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length))
		snprintf(visit->from, sizeof(visit->from), "uid %u", peer.uid);
	else if (tls && !getpeername(fd, (struct sockaddr *)&address, &size))
		getnameinfo((struct sockaddr *)&address, size, visit->from, sizeof(visit->from),
			NULL, 0, NI_NUMERICHOST);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **slot,
	enum MHD_ConnectionNotificationCode code)
{
	struct shard *shard = context;
	const struct entrance *entrance = shard_context(shard);
	if (code != MHD_CONNECTION_NOTIFY_STARTED) {
		const struct visit *visit = *slot;
		shard_disconnected(shard, connection, visit->arrival);
		caller_leave(entrance->http, visit->caller);
		free(steal(*slot));
		return;
	}
	struct visit *visit = memory_new(sizeof(*visit));
	*slot = visit;
	visit->arrival = shard_connected(shard, connection);
	int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	note_peer(visit, fd, entrance->tls);
	if (!entrance->tls)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &(unsigned){DEAD_PEER_MS}, sizeof(unsigned));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &(int){DEAD_PEER_MS / 2000}, sizeof(int));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &(int){DEAD_PEER_MS / 6000}, sizeof(int));
	tls_ask_certificate(MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION)
				    ->tls_session);
}

// Paths and parameters stay as they came: what decodes them must see what was encoded.
static size_t keep_escaped(void *context, struct MHD_Connection *connection, char *text)
{
	(void)context, (void)connection;
	return strlen(text);
}

static void on_log(void *context, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

static void on_log(void *context, const char *format, va_list arguments)
{
	(void)context;
	char text[256];
	// It has something to say of every answer on a Unix socket.
	if (!log_shows(LOG_LEVEL_DEBUG))
		return;
	vsnprintf(text, sizeof(text), format, arguments);
	text[strcspn(text, "\r\n")] = '\0';
	log_debug("http: %s", text);
}

static struct MHD_Daemon *start_server(void *context, struct shard *shard)
{
	const struct entrance *entrance = context;
	const struct tls_files *files = &entrance->http->files;
	struct MHD_OptionItem secure[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, files->certificate},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, files->key},
		{MHD_OPTION_HTTPS_MEM_TRUST, 0, files->authority},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)TLS_PRIORITIES},
		{MHD_OPTION_END, 0, NULL},
	};
	struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
					MHD_USE_NO_LISTEN_SOCKET |
					(entrance->tls ? MHD_USE_TLS : 0),
		0, NULL, NULL, on_request, shard,
		// First, so that what the other options provoke is logged in one way.
		MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
		NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, shard,
		MHD_OPTION_UNESCAPE_CALLBACK, keep_escaped, NULL,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)SHARD_CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_STRICT_FOR_CLIENT,
		1, MHD_OPTION_ARRAY, entrance->tls ? secure : plain, MHD_OPTION_END);
}

static int entrance_open(struct http *http, int fd, bool tls, struct error *error)
{
	struct entrance *entrance = &http->entrances[http->entrance_count];
	*entrance = (struct entrance){.http = http, .tls = tls};
	struct shards_options options = {
		.connections = CONNECTIONS,
		.per_address = tls ? CONNECTIONS_PER_ADDRESS : 0,
		.arriving = tls ? HANDSHAKES : 0,
		.start = start_server,
		.context = entrance,
	};
	int rc = shards_open(&entrance->shards, http->loop, fd, &options, error);
	if (!rc)
		http->entrance_count++;
	return rc;
}

static int open_unix(struct http *http, struct error *error)
{
	int fd = listen_unix(http->options.unix_socket, error);
	if (fd < 0)
		return fd;
	http->unix_socket = memory_text(http->options.unix_socket);
	return entrance_open(http, fd, false, error);
}

static int open_tls(struct http *http, struct error *error)
{
	int rc = tls_files_load(&http->files, http->options.certificate, http->options.key,
		http->options.authority, error);
	if (rc < 0)
		return rc;
	int fd = listen_tcp(http->options.listen, error);
	return fd < 0 ? fd : entrance_open(http, fd, true, error);
}

// Room for the connections, and a few descriptors for each server of them: the usual soft limit of
// 1024 is less than they may be. Whom it leaves no descriptor for is not accepted until there is.
static void raise_descriptor_limit(void)
{
	struct rlimit limit;
	const rlim_t servers = 2 * CONNECTIONS / SHARD_CONNECTIONS;
	const rlim_t wanted = 2 * CONNECTIONS + 4 * servers + 1024;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_debug("the limit of descriptors stays: %s", strerror(errno));
}

int http_start(
	struct http **out, uv_loop_t *loop, const struct http_options *options, struct error *error)
{
	struct http *http = memory_new(sizeof(*http));
	http->loop = loop;
	http->options = *options;
	int rc = 0;
	raise_descriptor_limit();
	if (options->unix_socket)
		rc = open_unix(http, error);
	if (!rc && options->listen)
		rc = open_tls(http, error);
	if (rc < 0) {
		http_stop(http);
		return rc;
	}
	*out = http;
	return 0;
}

// Answers that are on their way get a moment to leave.
static void drain(struct http *http)
{
	uint64_t deadline = clock_monotonic_ms() + STOP_MS;
	while (http->answering && clock_monotonic_ms() < deadline) {
		for (size_t i = 0; i < http->entrance_count; i++)
			shards_run(http->entrances[i].shards);
		poll(NULL, 0, DRAIN_MS);
	}
}

uint64_t http_turned_away(const struct http *http)
{
	uint64_t count = 0;
	for (size_t i = 0; i < http->entrance_count; i++)
		count += shards_turned_away(http->entrances[i].shards);
	return count;
}

void http_stop(struct http *http)
{
	if (!http)
		return;
	// Nobody new: the sockets close first, what was accepted is served.
	for (size_t i = 0; i < http->entrance_count; i++)
		shards_shut(http->entrances[i].shards);
	if (http->unix_socket)
		unlink(http->unix_socket);
	drain(http);
	struct request *request;
	DL_FOREACH (http->requests, request)
		request_break(request);
	for (size_t i = 0; i < http->entrance_count; i++)
		shards_close(http->entrances[i].shards);
	tls_files_done(&http->files);
	free(http->unix_socket);
	free(http);
}
