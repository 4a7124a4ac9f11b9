// SPDX-License-Identifier: Apache-2.0
#include "client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/memory.h"
#include "buffer.h"

// After the deadline, for the answers of those who were asked to wait until then.
enum { GRACE_MS = 2000 };

struct client_settings client_settings;

const struct option_spec client_options[] = {
	{.name = "controller",
		.type = OPTION_TEXT,
		.target = &client_settings.controller,
		.argument = "ADDRESS",
		.environment = "WEFT_CONTROLLER",
		.fallback = "unix:/run/weft/weft.sock",
		.help = "the controller: unix:/PATH or https://HOST:PORT; of several, with commas "
			"between, one that answers"},
	{.name = "token-file",
		.type = OPTION_TEXT,
		.target = &client_settings.token_file,
		.argument = "FILE",
		.environment = "WEFT_TOKEN_FILE",
		.help = "file with the token to show"},
	{.name = "cert",
		.type = OPTION_TEXT,
		.target = &client_settings.certificate,
		.argument = "FILE",
		.environment = "WEFT_CERT",
		.help = "client certificate (PEM), for https"},
	{.name = "key",
		.type = OPTION_TEXT,
		.target = &client_settings.key,
		.argument = "FILE",
		.environment = "WEFT_KEY",
		.help = "key of the certificate (PEM)"},
	{.name = "ca",
		.type = OPTION_TEXT,
		.target = &client_settings.authority,
		.argument = "FILE",
		.environment = "WEFT_CA",
		.help = "authority that signed the controller's certificate (PEM)"},
	{0},
};

struct client {
	CURL *curl;
	struct endpoint *endpoints;
	size_t endpoint_count, current;
	struct curl_slist *headers;
	uint64_t deadline; // monotonic milliseconds; 0: none
	json_t *problem;
	char detail[CURL_ERROR_SIZE]; // what curl says of the last failure
};

static int endpoint_parse_url(const char *text, struct endpoint *out, struct error *error)
{
	CURLU *url = curl_url();
	char *host = NULL, *port = NULL, *path = NULL, *user = NULL, *query = NULL;
	int rc = 0;

	if (!url || curl_url_set(url, CURLUPART_URL, text, 0) ||
		curl_url_get(url, CURLUPART_HOST, &host, 0)) {
		rc = error_set(error, EINVAL, "controller \"%s\" is not a URL", text);
		goto out;
	}
	curl_url_get(url, CURLUPART_PATH, &path, 0);
	if ((path && strcmp(path, "/")) || !curl_url_get(url, CURLUPART_USER, &user, 0) ||
		!curl_url_get(url, CURLUPART_QUERY, &query, 0)) {
		rc = error_set(error, EINVAL,
			"controller \"%s\" must be https://HOST:PORT and nothing more", text);
		goto out;
	}
	if (curl_url_get(url, CURLUPART_PORT, &port, 0)) {
		rc = error_set(error, EINVAL, "controller \"%s\" has no port", text);
		goto out;
	}
	*out = (struct endpoint){.base = memory_format("https://%s:%s", host, port)};
out:
	curl_free(host);
	curl_free(port);
	curl_free(path);
	curl_free(user);
	curl_free(query);
	curl_url_cleanup(url);
	return rc;
}

int endpoint_parse(const char *text, struct endpoint *out, struct error *error)
{
	if (!strncmp(text, "unix:", 5)) {
		const char *path = text + 5;
		if (*path != '/')
			return error_set(error, EINVAL,
				"controller \"%s\": the path of a socket begins with /", text);
		if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
			return error_set(
				error, EINVAL, "controller \"%s\": the path is too long", text);
		*out = (struct endpoint){memory_text(path), memory_text("http://localhost")};
		return 0;
	}
	if (!strncmp(text, "https://", 8))
		return endpoint_parse_url(text, out, error);
	return error_set(
		error, EINVAL, "controller \"%s\" must be unix:/PATH or https://HOST:PORT", text);
}

void endpoint_done(struct endpoint *endpoint)
{
	free(endpoint->socket);
	free(endpoint->base);
	*endpoint = (struct endpoint){0};
}

int endpoints_parse(const char *text, struct endpoint **out, size_t *count, struct error *error)
{
	struct endpoint *endpoints = NULL;
	size_t used = 0;
	int rc = 0;

	do {
		size_t length = strcspn(text, ",");
		cleanup_free char *part = memory_format("%.*s", (int)length, text);
		endpoints = memory_resize(endpoints, used + 1, sizeof(*endpoints));
		endpoints[used] = (struct endpoint){0};
		rc = endpoint_parse(part, &endpoints[used++], error);
		text += length;
	} while (!rc && *text++);
	if (rc) {
		endpoints_free(endpoints, used);
		return rc;
	}
	*out = endpoints;
	*count = used;
	return 0;
}

void endpoints_free(struct endpoint *endpoints, size_t count)
{
	for (size_t i = 0; i < count; i++)
		endpoint_done(&endpoints[i]);
	free(endpoints);
}

// The token of a file as the header that shows it; NULL without a file. A token is one word.
static int read_token(char **header, struct error *error)
{
	const char *path = client_settings.token_file;
	char text[512];
	*header = NULL;
	if (!path)
		return 0;
	FILE *file = fopen(path, "re");
	if (!file)
		return error_set(
			error, errno, "cannot read the token in %s: %s", path, strerror(errno));
	size_t length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	bool good = *text && length < sizeof(text) - 1 && !strpbrk(text, " \t");
	if (good)
		*header = memory_format("Authorization: Bearer %s", text);
	explicit_bzero(text, sizeof(text));
	return good ? 0 : error_set(error, EINVAL, "the file %s holds no token", path);
}

static void forget(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

int client_open(struct client **out, struct error *error)
{
	struct endpoint *endpoints;
	struct client *client;
	char *token = NULL;
	size_t count;
	int rc = endpoints_parse(client_settings.controller, &endpoints, &count, error);

	if (rc)
		return rc;
	rc = read_token(&token, error);
	if (rc)
		endpoints_free(endpoints, count);

	if (rc)
		return rc;
	client = memory_new(sizeof(*client));
	client->endpoints = endpoints;
	client->endpoint_count = count;
	client->current = arc4random_uniform((uint32_t)count);
	client->curl = curl_easy_init();
	client->headers = curl_slist_append(NULL, "Content-Type: application/json");
	// No "100 Continue" dance: it costs a large body a second where the server does not play.
	client->headers = curl_slist_append(client->headers, "Expect:");
	if (token)
		client->headers = curl_slist_append(client->headers, token);
	forget(token);
	if (!client->curl || !client->headers) {
		client_close(client);
		return error_set(error, ENOMEM, "cannot set up the HTTP client");
	}
	*out = client;
	return 0;
}

void client_close(struct client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->curl);
	for (struct curl_slist *header = client->headers; header; header = header->next)
		explicit_bzero(header->data, strlen(header->data));
	curl_slist_free_all(client->headers);
	endpoints_free(client->endpoints, client->endpoint_count);
	json_decref(client->problem);
	free(client);
}

void client_close_pointer(struct client **client)
{
	client_close(*client);
}

void client_set_deadline(struct client *client, uint64_t deadline)
{
	client->deadline = deadline;
}

const json_t *client_problem(const struct client *client)
{
	return client->problem;
}

bool client_answered(const struct client *client)
{
	long status = 0;

	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

// Everything that request and stream have in common.
static void client_prepare(struct client *client, const char *method, const char *path,
	curl_write_callback write, void *context)
{
	CURL *curl = client->curl;
	const struct endpoint *endpoint = &client->endpoints[client->current];
	cleanup_free char *url = memory_format("%s%s", endpoint->base, path);

	json_decref(client->problem);
	client->problem = NULL;
	curl_easy_reset(curl);
	*client->detail = '\0';
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->detail);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, client->headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, write);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, context);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(
		curl, CURLOPT_CONNECTTIMEOUT_MS, client->endpoint_count > 1 ? 3000L : 10000L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "weft/" WEFT_VERSION);
	// The address given is the address meant: no proxy of the environment comes between.
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	if (endpoint->socket) {
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, endpoint->socket);
		return;
	}
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (client_settings.certificate)
		curl_easy_setopt(curl, CURLOPT_SSLCERT, client_settings.certificate);
	if (client_settings.key)
		curl_easy_setopt(curl, CURLOPT_SSLKEY, client_settings.key);
	if (client_settings.authority) { // and none of those that the system trusts besides
		curl_easy_setopt(curl, CURLOPT_CAINFO, client_settings.authority);
		curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
}

static int status_to_errno(long status)
{
	switch (status) {
	case 400:
	case 422:
		return EINVAL;
	case 401:
	case 403:
		return EACCES;
	case 404:
		return ENOENT;
	case 409:
		return EEXIST;
	case 410:
		return ENODATA;
	case 429:
		return EAGAIN;
	case 413:
		return EFBIG;
	default:
		return EIO;
	}
}

static const char *member_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

// A refusal: keep the problem document, and say the same as a struct error.
static int client_refused(struct client *client, json_t *problem, struct error *error)
{
	long status = 0;
	const char *detail;
	int rc;

	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	if (!json_is_object(problem)) {
		json_decref(problem);
		return error_set(error, status_to_errno(status),
			"the controller answered with HTTP status %ld", status);
	}
	detail = member_text(problem, "detail");
	rc = error_set(error, status_to_errno(status), "%s",
		*detail ? detail : member_text(problem, "title"));
	if (*member_text(problem, "object"))
		error_set_object(error, "%s", member_text(problem, "object"));
	if (*member_text(problem, "field"))
		error_set_field(error, "%s", member_text(problem, "field"));
	client->problem = problem;
	return rc;
}

// What is likely to be the matter, for those who hear of certificates for the first time.
static const char *client_hint(CURLcode code)
{
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
		return client_settings.authority
			       ? "; is --ca the authority that signed its certificate?"
			       : "; --ca says which authority has signed its certificate";
	case CURLE_SSL_CACERT_BADFILE:
		return "; can the file of --ca be read?";
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CONNECT_ERROR:
		return client_settings.certificate ? "; can the files of --cert and --key be read, "
						     "and do they belong together?"
						   : "";
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		return client_settings.certificate
			       ? "; has its authority signed the certificate of --cert?"
			       : "";
	default:
		return "";
	}
}

static int client_failed(const struct client *client, CURLcode code, struct error *error)
{
	const char *where = client_settings.controller;
	long os_error = 0, status = 0;

	curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &os_error);
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return error_set(error, ETIMEDOUT, "controller %s does not answer", where);
	if (code == CURLE_COULDNT_CONNECT && os_error)
		return error_set(error, ECONNREFUSED, "cannot reach controller %s: %s", where,
			strerror((int)os_error));
	return error_set(error, EIO, "cannot talk to controller %s: %s%s", where,
		*client->detail ? client->detail : curl_easy_strerror(code),
		status ? ""
		       : client_hint(code)); // who has answered, has agreed to the certificates
}

static size_t collect(char *data, size_t size, size_t count, void *context)
{
	UT_string *text = context;

	count *= size;
	buffer_append(text, data, count);
	return count;
}

// The controller cannot reach its store, and has changed nothing.
static bool is_unavailable(const char *answer)
{
	return strstr(answer, "urn:weft:problem:unavailable");
}

// Go on to the next controller, up to the one that was `first`: if nothing was sent, or what was sent
// may be sent again.
static bool try_next(struct client *client, size_t first, bool repeatable)
{
	curl_off_t connected = 0;

	curl_easy_getinfo(client->curl, CURLINFO_PRETRANSFER_TIME_T, &connected);
	if (connected && !repeatable)
		return false;
	client->current = (client->current + 1) % client->endpoint_count;
	return client->current != first;
}

struct call {
	const char *method, *path, *body; // no body: NULL
	uint64_t timeout_ms;              // of each controller that is asked
	bool waits;                       // the server is to wait for what is asked for
	uint64_t wait_ms;                 // then, at most so long
};

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t until(uint64_t time)
{
	uint64_t now = clock_monotonic_ms();
	return now < time ? time - now : 0;
}

// How long the next request may take; 0: the time is over.
static uint64_t time_left(const struct client *client, uint64_t timeout_ms)
{
	return client->deadline ? least(timeout_ms, until(client->deadline + GRACE_MS))
				: timeout_ms;
}

// Another controller is asked to wait for what is left.
static char *call_path(const struct client *client, const struct call *call)
{
	if (!call->waits)
		return memory_text(call->path);
	uint64_t wait =
		client->deadline ? least(call->wait_ms, until(client->deadline)) : call->wait_ms;
	return memory_format("%s%cwait=%llums", call->path, strchr(call->path, '?') ? '&' : '?',
		(unsigned long long)wait);
}

static CURLcode ask(struct client *client, const struct call *call, UT_string *received)
{
	cleanup_free char *path = call_path(client, call);
	uint64_t timeout = time_left(client, call->timeout_ms);

	utstring_clear(received);
	client_prepare(client, call->method, path, collect, received);
	if (!timeout)
		return CURLE_OPERATION_TIMEDOUT;
	curl_easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, (long)timeout);
	if (call->body) {
		curl_easy_setopt(
			client->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(call->body));
		curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, call->body);
	}
	return curl_easy_perform(client->curl);
}

static CURLcode exchange(struct client *client, const struct call *call, UT_string *received)
{
	size_t first = client->current;
	bool unavailable;
	CURLcode code;
	long status = 0;

	do {
		code = ask(client, call, received);
		curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
		unavailable = !code && status == 503 && is_unavailable(utstring_body(received));
	} while ((code || unavailable) &&
		 try_next(client, first, unavailable || !strcmp(call->method, "GET")));
	return code;
}

static int request_once(
	struct client *client, const struct call *call, json_t **answer, struct error *error)
{
	UT_string received;
	json_t *json;
	CURLcode code;
	long status = 0;

	utstring_init(&received);
	code = exchange(client, call, &received);
	json = json_loadb(utstring_body(&received), utstring_len(&received), JSON_DECODE_ANY, NULL);
	utstring_done(&received);
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	// A server that refuses a body may close before it read it all: its answer counts, not the
	// broken pipe.
	if (status >= 400 && (code == CURLE_OK || code == CURLE_SEND_ERROR))
		return client_refused(client, json, error);
	if (code != CURLE_OK) {
		json_decref(json);
		return client_failed(client, code, error);
	}
	if (!json)
		return error_set(error, EIO, "the controller's answer is not JSON");
	if (answer)
		*answer = json;
	else
		json_decref(json);
	return 0;
}

static int request(
	struct client *client, const struct call *call, json_t **answer, struct error *error)
{
	struct error fault = {0};
	int rc = request_once(client, call, answer, &fault);

	// What the controller knows may be behind what others have written; it is what there is.
	if (rc && !strcmp(call->method, "GET") && client->problem &&
		is_unavailable(member_text(client->problem, "type"))) {
		cleanup_free char *path = memory_format(
			"%s%cconsistency=local", call->path, strchr(call->path, '?') ? '&' : '?');
		struct call local = *call;
		local.path = path;
		fprintf(stderr, "the store cannot be reached, so this may not be the newest\n");
		fault = (struct error){0};
		rc = request_once(client, &local, answer, &fault);
	}
	if (rc && error)
		*error = fault;
	return rc;
}

int client_request(struct client *client, const char *method, const char *path, const json_t *body,
	uint64_t timeout_ms, json_t **answer, struct error *error)
{
	cleanup_free char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	const struct call call = {
		.method = method, .path = path, .body = text, .timeout_ms = timeout_ms};
	return request(client, &call, answer, error);
}

int client_wait(struct client *client, const char *path, uint64_t wait_ms, uint64_t timeout_ms,
	json_t **answer, struct error *error)
{
	const struct call call = {
		.method = "GET",
		.path = path,
		.timeout_ms = wait_ms + timeout_ms,
		.waits = true,
		.wait_ms = wait_ms,
	};
	return request(client, &call, answer, error);
}

struct stream {
	struct client *client;
	UT_string pending; // a line that is not whole yet
	client_visit visit;
	void *context;
	int result;
};

static size_t stream_receive(char *data, size_t size, size_t count, void *context)
{
	struct stream *stream = context;
	long status = 0;
	char *line, *end;

	count *= size;
	buffer_append(&stream->pending, data, count);
	curl_easy_getinfo(stream->client->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return count; // a problem document, of any number of lines
	line = utstring_body(&stream->pending);
	while ((end = strchr(line, '\n'))) {
		json_t *json = json_loadb(line, (size_t)(end - line), 0, NULL);
		stream->result = json ? stream->visit(stream->context, json) : -EPROTO;
		json_decref(json);
		line = end + 1;
		if (stream->result)
			return 0; // ends the transfer
	}
	cleanup_free char *rest = memory_text(line);
	utstring_clear(&stream->pending);
	utstring_bincpy(&stream->pending, rest, strlen(rest));
	return count;
}

int client_stream(struct client *client, const char *path, client_visit visit, void *context,
	struct error *error)
{
	struct stream stream = {.client = client, .visit = visit, .context = context};
	size_t first = client->current;
	CURLcode code;
	long status = 0;
	int rc = 0;

	utstring_init(&stream.pending);
	do {
		client_prepare(client, "GET", path, stream_receive, &stream);
		// There may be nothing to hear for long, so that a machine that died must be noticed.
		curl_easy_setopt(client->curl, CURLOPT_TCP_KEEPALIVE, 1L);
		code = curl_easy_perform(client->curl);
		curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	} while (code && !status && try_next(client, first, true));
	if (stream.result == -EPROTO)
		rc = error_set(
			error, EPROTO, "the controller's stream holds a line that is not JSON");
	else if (stream.result)
		rc = stream.result;
	else if (code != CURLE_OK)
		rc = client_failed(client, code, error);
	else if (status >= 400)
		rc = client_refused(client,
			json_loadb(utstring_body(&stream.pending), utstring_len(&stream.pending), 0,
				NULL),
			error);
	utstring_done(&stream.pending);
	return rc;
}

char *client_path(enum model_kind kind, const char *tenant, const char *name)
{
	char *tenant_part = tenant ? curl_easy_escape(NULL, tenant, 0) : NULL;
	char *name_part = name ? curl_easy_escape(NULL, name, 0) : NULL;
	char *path = memory_format("/v1%s%s/%s%s%s", tenant_part ? "/tenants/" : "",
		tenant_part ? tenant_part : "", model_kind_plural(kind), name_part ? "/" : "",
		name_part ? name_part : "");

	curl_free(tenant_part);
	curl_free(name_part);
	return path;
}

json_t *client_find(
	struct client *client, enum model_kind kind, const char *tenant, const char *name)
{
	cleanup_free char *path = client_path(kind, tenant, name);
	struct error ignored = {0};
	json_t *answer = NULL;

	client_request(client, "GET", path, NULL, CLIENT_TIMEOUT_MS, &answer, &ignored);
	return answer;
}
