// SPDX-License-Identifier: Apache-2.0
#include "renewal.h"

#include <jansson.h>
#include <string.h>
#include <utstring.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "credentials/credentials.h"
#include "timer.h"

enum {
	LOOK_MS =
		3600000, // a clock that jumped, or a file that somebody replaced, is found by then
	SOONEST_MS = 500,
	RETRY_MS = 60000,
	SILENCE_SECONDS = 30,
	ANSWER_BYTES = 64 << 10,
};

struct renewal {
	struct http_client *http;
	struct http_request *request;
	struct timer *timer;
	const char *certificate, *key;
	char *host, *path;
	UT_string answer;
};

static void wait(struct renewal *renewal, uint64_t milliseconds)
{
	agent_timer_start(renewal->timer, milliseconds, 0);
}

// ---- asking ----

static int receive(void *context, const char *data, size_t length)
{
	struct renewal *renewal = context;
	if (utstring_len(&renewal->answer) + length > ANSWER_BYTES)
		return -1;
	utstring_bincpy(&renewal->answer, data, length);
	return 0;
}

// What is written is a certificate of ours, or nothing is.
static int keep(struct renewal *renewal, struct error *error)
{
	struct credentials_certificate read;
	json_t *json = json_loads(utstring_body(&renewal->answer), 0, NULL);
	const char *text = json_string_value(json_object_get(json, "certificate"));
	int rc = credentials_read(text ? text : "", &read, error);
	if (!rc)
		rc = credentials_save(renewal->certificate, text, 0644, false, error);
	json_decref(json);
	return rc;
}

static void answered(void *context, long status, const char *text)
{
	struct renewal *renewal = context;
	struct error error = {0};
	renewal->request = NULL;
	if (status != 200) {
		log_warning("the certificate is not renewed: %s", text);
	} else if (keep(renewal, &error)) {
		log_warning("the certificate is not renewed: %s", error.message);
	} else {
		log_info("the certificate is renewed");
		http_client_renew(renewal->http);
		wait(renewal, SOONEST_MS);
		return;
	}
	wait(renewal, RETRY_MS);
}

static int ask(struct renewal *renewal, struct error *error)
{
	char *key, *request;
	int rc = credentials_load(renewal->key, &key, error);
	if (rc)
		return rc;
	rc = credentials_request(key, renewal->host, &request, error);
	credentials_forget(key);
	if (rc)
		return rc;
	json_t *body = json_pack("{s:s}", "request", request);
	cleanup_free char *text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	free(request);
	struct http_call call = {
		.method = "POST",
		.path = renewal->path,
		.body = text,
		.silence_seconds = SILENCE_SECONDS,
		.data = receive,
		.done = answered,
		.context = renewal,
	};
	utstring_clear(&renewal->answer);
	renewal->request = http_client_send(renewal->http, &call);
	return 0;
}

// ---- when ----

static int read_certificate(
	const struct renewal *renewal, struct credentials_certificate *out, struct error *error)
{
	char *text;
	int rc = credentials_load(renewal->certificate, &text, error);
	if (rc)
		return rc;
	rc = credentials_read(text, out, error);
	free(text);
	return rc;
}

static void look(void *context)
{
	struct renewal *renewal = context;
	struct credentials_certificate read;
	struct error error = {0};
	int64_t now = (int64_t)clock_realtime_ms();
	if (renewal->request)
		return;
	if (read_certificate(renewal, &read, &error)) {
		log_warning("%s", error.message);
		wait(renewal, LOOK_MS);
		return;
	}
	int64_t due = (read.from + 2 * read.until) * 1000 / 3;
	if (!read.enrolled) {
		wait(renewal, LOOK_MS);
	} else if (due <= now) {
		if (ask(renewal, &error)) {
			log_warning("the certificate is not renewed: %s", error.message);
			wait(renewal, RETRY_MS);
		}
	} else {
		uint64_t left = (uint64_t)(due - now);
		wait(renewal, left < SOONEST_MS ? SOONEST_MS : left > LOOK_MS ? LOOK_MS : left);
	}
}

void agent_renewal_new(struct renewal **out, uv_loop_t *loop, struct http_client *http,
	const char *host, const char *certificate, const char *key)
{
	*out = NULL;
	if (!certificate || !key)
		return;
	struct renewal *renewal = memory_new(sizeof(*renewal));
	renewal->http = http;
	renewal->certificate = certificate;
	renewal->key = key;
	renewal->host = memory_text(host);
	renewal->path = memory_format("/v1/hosts/%s/certificate", host);
	utstring_init(&renewal->answer);
	agent_timer_new(&renewal->timer, loop, look, renewal);
	look(renewal);
	*out = renewal;
}

void agent_renewal_free(struct renewal *renewal)
{
	if (!renewal)
		return;
	if (renewal->request)
		http_client_cancel(renewal->request);
	agent_timer_free(&renewal->timer);
	utstring_done(&renewal->answer);
	free(renewal->host);
	free(renewal->path);
	free(renewal);
}
