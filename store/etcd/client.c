// SPDX-License-Identifier: Apache-2.0
#include "client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "../bytes.h"

enum {
	CONNECT_MS = 1000,
	FAULT_TEXT = 200,
	PAUSE_MS = 50, // after all members have failed; doubles up to
	PAUSE_MOST_MS = 400,
};

struct etcd_client {
	const struct etcd_location *location;
	CURL *curl;
	struct curl_slist *headers;
	size_t current; // endpoint
	uint64_t deadline;
};

int etcd_client_new(
	struct etcd_client **out, const struct etcd_location *location, struct error *error)
{
	struct etcd_client *client = memory_new(sizeof(*client));
	client->location = location;
	client->curl = curl_easy_init();
	// No "100 Continue" dance: it costs a large body a second where the server does not play.
	client->headers = curl_slist_append(NULL, "Expect:");
	if (!client->curl || !client->headers) {
		etcd_client_free(client);
		return error_set(error, ENOMEM, "cannot set up the HTTP client");
	}
	*out = client;
	return 0;
}

void etcd_client_free(struct etcd_client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->curl);
	curl_slist_free_all(client->headers);
	free(client);
}

void etcd_client_start(struct etcd_client *client)
{
	client->deadline = clock_monotonic_ms() + client->location->timeout_ms;
}

bool etcd_client_late(const struct etcd_client *client)
{
	return clock_monotonic_ms() >= client->deadline;
}

size_t etcd_client_endpoint(const struct etcd_client *client)
{
	return client->current;
}

void etcd_connect_options(
	CURL *curl, const struct etcd_location *location, size_t endpoint, const char *path)
{
	cleanup_free char *url = memory_format("%s%s", location->endpoints[endpoint], path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	// The address given is the address meant: no proxy of the environment comes between.
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (location->authority) { // and none of those that the system trusts besides
		curl_easy_setopt(curl, CURLOPT_CAINFO, location->authority);
		curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
	if (location->certificate) {
		curl_easy_setopt(curl, CURLOPT_SSLCERT, location->certificate);
		curl_easy_setopt(curl, CURLOPT_SSLKEY, location->key);
	}
}

static size_t collect(char *data, size_t size, size_t count, void *context)
{
	bytes_append(context, data, size * count);
	return size * count;
}

// ---- one attempt ----

static int transfer_fault(
	const struct etcd_client *client, CURLcode code, const char *detail, struct error *fault)
{
	long system = 0, sent = 0; // bytes
	curl_easy_getinfo(client->curl, CURLINFO_REQUEST_SIZE, &sent);
	curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &system);
	const char *cause = code == CURLE_OPERATION_TIMEDOUT ? "no answer in time"
			    : code == CURLE_COULDNT_CONNECT && system
				    ? strerror((int)system)
				    : (*detail ? detail : curl_easy_strerror(code));
	// The code alone does not tell: on a connection that it had, curl may have sent the request,
	// and then failed to connect again.
	return error_set(fault, sent ? ETIMEDOUT : EAGAIN, "%s", cause);
}

// What etcd's refusals mean, by their code in gRPC. Other codes leave open whether it was done.
static int refusal(const json_t *answer, long status, struct error *fault)
{
	const char *message = json_string_value(json_object_get(answer, "message"));
	int code = ETIMEDOUT;
	if (!message)
		return error_set(fault, status < 500 ? EPROTO : ETIMEDOUT,
			"answers with HTTP status %ld: no etcd with its version 3 API", status);
	switch (json_integer_value(json_object_get(answer, "code"))) {
	case 3:  // invalid argument
	case 11: // out of range
		code = EINVAL;
		break;
	case 5: // not found
		code = ENOENT;
		break;
	case 8: // resource exhausted: too many requests, which passes, or no room, which does not
		code = strstr(message, "space") ? ENOSPC : EAGAIN;
		break;
	case 9: // failed precondition
		code = EEXIST;
		break;
	case 7:  // permission denied
	case 16: // unauthenticated
		code = EACCES;
		break;
	}
	return error_set(fault, code, "%s", message);
}

static int attempt(struct etcd_client *client, const char *path, const char *body,
	uint64_t milliseconds, json_t **answer, struct error *fault)
{
	CURL *curl = client->curl;
	char detail[CURL_ERROR_SIZE] = "";
	cleanup_bytes struct bytes received = {0};
	long status = 0;
	curl_easy_reset(curl);
	etcd_connect_options(curl, client->location, client->current, path);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, client->headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &received);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)milliseconds);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
	CURLcode code = curl_easy_perform(curl);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
	if (code != CURLE_OK)
		return transfer_fault(client, code, detail, fault);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	json_t *json = json_loadb((const char *)received.data, received.length, 0, NULL);
	int result = 0;
	if (status != 200)
		result = refusal(json, status, fault);
	else if (!json_is_object(json))
		result = error_set(fault, ETIMEDOUT, "its answer is not JSON");
	if (result || !answer)
		json_decref(json);
	else
		*answer = json;
	return result;
}

// ---- all members ----

struct round {
	unsigned attempts, pause;
	bool unknown;               // an attempt may have been carried out
	char (*faults)[FAULT_TEXT]; // the last of each endpoint
};

// For one member, where there are others to ask.
static uint64_t attempt_limit(const struct etcd_client *client, uint64_t left)
{
	uint64_t limit = client->location->timeout_ms * 3 / 10;
	return client->location->endpoint_count > 1 && left > limit ? limit : left;
}

// Time for another attempt? Waits a little where all members have just failed.
static bool go_on(struct etcd_client *client, struct round *round)
{
	size_t count = client->location->endpoint_count;
	client->current = (client->current + 1) % count;
	if (++round->attempts % count == 0) {
		uint64_t now = clock_monotonic_ms();
		unsigned pause = round->pause;
		if (now + pause >= client->deadline)
			return false;
		nanosleep(&(struct timespec){.tv_nsec = (long)pause * 1000000}, NULL);
		round->pause = pause * 2 < PAUSE_MOST_MS ? pause * 2 : PAUSE_MOST_MS;
	}
	return !etcd_client_late(client);
}

// What is no etcd stays none; but there may be others.
static bool is_worth_another(int result, const struct round *round, size_t count)
{
	return result == -EAGAIN || result == -ETIMEDOUT ||
	       (result == -EPROTO && round->attempts + 1 < count);
}

static int give_up(const struct etcd_client *client, const struct round *round, struct error *error)
{
	cleanup_bytes struct bytes text = {0};
	for (size_t i = 0; i < client->location->endpoint_count; i++) {
		if (!round->faults[i][0])
			continue;
		if (text.length)
			bytes_append(&text, "; ", 2);
		bytes_append(&text, round->faults[i], strlen(round->faults[i]));
	}
	return error_set(error, round->unknown ? ETIMEDOUT : EAGAIN, "%.*s", (int)text.length,
		(const char *)text.data);
}

static int call(struct etcd_client *client, const char *path, const char *body, json_t **answer,
	struct error *error)
{
	size_t count = client->location->endpoint_count;
	struct round round = {.pause = PAUSE_MS};
	round.faults = memory_new(count * sizeof(*round.faults));
	int result;
	do {
		uint64_t now = clock_monotonic_ms();
		uint64_t left = client->deadline > now ? client->deadline - now : 1;
		struct error fault = {0};
		result = attempt(client, path, body, attempt_limit(client, left), answer, &fault);
		if (result == 0)
			break;
		snprintf(round.faults[client->current], FAULT_TEXT, "etcd at %s: %.*s",
			client->location->endpoints[client->current], FAULT_TEXT / 2,
			fault.message);
		round.unknown |= result == -ETIMEDOUT;
	} while (is_worth_another(result, &round, count) && go_on(client, &round));
	// A refusal says nothing of an earlier attempt, unless it is about what that one left.
	bool about_it = result == -ENOENT || result == -EEXIST;
	if (result == -EAGAIN || result == -ETIMEDOUT || result == -ENOSPC ||
		(result && round.unknown && !about_it))
		result = give_up(client, &round, error);
	else if (result)
		error_set(error, -result, "%s", round.faults[client->current]);
	free(round.faults);
	return result;
}

int etcd_call(struct etcd_client *client, const char *path, json_t *request, json_t **answer,
	struct error *error)
{
	cleanup_free char *body = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	return call(client, path, body, answer, error);
}

int etcd_settle(int result, struct error *error)
{
	if (result != -ETIMEDOUT)
		return result;
	if (error)
		error->code = EAGAIN;
	return -EAGAIN;
}
