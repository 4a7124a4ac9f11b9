// SPDX-License-Identifier: Apache-2.0
#include "relay/relay.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "bundles.h"
#include "forward.h"
#include "members.h"
#include "parts.h"
#include "place.h"

enum { REPORT_LIMIT = 32 << 20 };

// ---- what the controller says ----

static void publish(void *context, const struct topology_change *changes, size_t count)
{
	struct relay *relay = context;
	const char **hosts;
	feed_publish(relay->feed, changes, count, relay->mirror.revision, &hosts);
	free(hosts);
	for (size_t i = 0; i < count; i++) {
		const struct object *before = changes[i].before;
		if (changes[i].after || before->kind != MODEL_HOST)
			continue;
		members_forget(relay, before->name);
		feed_forget(relay->feed, before->name);
	}
}

static void take_batch(void *context, const struct batch *batch)
{
	struct relay *relay = context;
	mirror_apply(&relay->mirror, batch, publish, relay);
	if (relay->up)
		return;
	// The controller may be another, or have forgotten: agents acknowledge and report anew.
	relay->up = true;
	feed_confirm(relay->feed, json_pack("{s:s}", "type", "report"));
	members_changed(relay);
}

static void stream_lost(void *context)
{
	struct relay *relay = context;
	relay->up = false;
}

static int take_message(void *context, const char *type, json_t *message)
{
	struct relay *relay = context;
	const char *host = json_string_value(json_object_get(message, "host"));
	json_t *question = json_object_get(message, "message");
	json_int_t attempt = json_integer_value(json_object_get(message, "attempt"));
	if (!host)
		return -EPROTO;
	if (!strcmp(type, "joined"))
		members_joined(relay, host);
	else if (!strcmp(type, "yield") && attempt > 0)
		members_yield(relay, host, (uint64_t)attempt);
	else if (!strcmp(type, "ask") && json_is_object(question))
		feed_tell(relay->feed, host, json_incref(question));
	else
		return -EPROTO;
	return 0;
}

static void tell_what_is_held(void *context, uint64_t *revision, uint64_t *digest)
{
	const struct relay *relay = context;
	*revision = relay->mirror.revision;
	*digest = relay->mirror.digest;
}

static const struct object *find_held(
	void *context, enum model_kind kind, const char *tenant, const char *name)
{
	const struct relay *relay = context;
	return mirror_find(&relay->mirror, kind, tenant, name);
}

static void diverged(void *context)
{
	const struct relay *relay = context;
	log_warning("relay %s did not hold what the controller believed", relay->name);
}

static void prepare(void *context, uint64_t attempt)
{
	struct relay *relay = context;
	relay->attempt = attempt;
	members_announce(relay);
}

// ---- what the feed asks ----

static void host_connected(void *context, const char *host, bool connected, uint64_t since)
{
	(void)since;
	members_connected(context, host, connected);
}

static uint64_t current_revision(void *context)
{
	return ((const struct relay *)context)->mirror.revision;
}

static const char *current_history(void *context)
{
	return ((const struct relay *)context)->mirror.history;
}

// ---- what agents ask ----

static void refuse(struct request *request, int code, const char *why)
{
	struct error error = {0};
	error_set(&error, code, "%s", why);
	request_refuse(request, &error);
}

// "/v1/hosts/h1/report": the host, and what follows; false: it is not of a host.
static bool split(const char *path, char *host /* 64 */, const char **rest)
{
	static const char root[] = "/v1/hosts/";
	if (strncmp(path, root, strlen(root)))
		return false;
	path += strlen(root);
	size_t length = strcspn(path, "/");
	snprintf(host, 64, "%.*s", (int)length, path);
	*rest = path[length] ? path + length + 1 : "";
	return length < 64 && !model_name_check(host, NULL);
}

static void open_stream(struct relay *relay, const char *host, struct request *request)
{
	struct place place = {0};
	struct error error = {0};
	if (place_read(request, &place, &error) < 0)
		request_refuse(request, &error);
	else
		members_open(relay, host, request, &place);
}

static void handle_request(void *context, struct request *request)
{
	struct relay *relay = context;
	char host[64];
	const char *rest;
	if (!split(request->path, host, &rest)) {
		refuse(request, ENOENT, "a relay answers nothing but agents, at /v1/hosts/{host}");
	} else if (request->identity.role != ROLE_ADMINISTRATOR &&
		   !identity_is_host(&request->identity, host)) {
		refuse(request, EACCES, "this certificate is not that of the host");
	} else if (!strcmp(request->method, "GET") && !strcmp(rest, "stream")) {
		open_stream(relay, host, request);
	} else if (!strcmp(request->method, "POST") && !strcmp(rest, "report")) {
		bundles_add(relay, host, request);
	} else if (!*rest || !strcmp(rest, "certificate") ||
		   !strncmp(rest, "answers/", strlen("answers/"))) {
		forward(relay, request);
	} else {
		refuse(request, ENOENT, "a relay does not know this request");
	}
}

static uint64_t header_revision(void *context)
{
	return current_revision(context);
}

static void note_refusal(void *context, const struct request *request)
{
	(void)context;
	log_debug("%s %s: %s", request->method, request->path, request->refusal);
}

static int listen_for_agents(
	struct relay *relay, const struct relay_options *options, struct error *error)
{
	const struct http_options http = {
		.unix_socket = options->unix_socket,
		.listen = options->listen,
		.certificate = options->certificate,
		.key = options->key,
		.authority = options->authority,
		.body_limit = REPORT_LIMIT,
		.handler = handle_request,
		.revision = header_revision,
		.refused = note_refusal,
		.context = relay,
	};
	return http_start(&relay->http, relay->loop, &http, error);
}

// ---- life ----

static void start_upstream(struct relay *relay, const struct relay_options *options)
{
	const struct http_client_options client = {
		.servers = options->controllers,
		.certificate = options->certificate,
		.key = options->key,
		.authority = options->authority,
		.seed = options->name,
	};
	const struct stream_events events = {
		.batch = take_batch,
		.lost = stream_lost,
		.message = take_message,
		.context = relay,
		.holds = tell_what_is_held,
		.find = find_held,
		.diverged = diverged,
		.prepare = prepare,
	};
	http_client_new(&relay->upstream, relay->loop, &client);
	agent_stream_new(&relay->stream, relay->loop, relay->upstream, relay->path, NULL, &events);
}

int relay_start(struct relay **out, uv_loop_t *loop, const struct relay_options *options,
	struct error *error)
{
	int rc = model_name_check(options->name, error);
	if (rc < 0)
		return rc;
	struct relay *relay = memory_new(sizeof(*relay));
	struct feed_options feed = feed_defaults;
	const struct feed_events events = {
		host_connected, current_revision, current_history, relay};
	feed.introduced_only = true;
	relay->loop = loop;
	relay->name = memory_text(options->name);
	relay->path = memory_format("/v1/relays/%s", options->name);
	topology_new(&relay->topology);
	feed_new(&relay->feed, loop, relay->topology, &feed, &events);
	members_new(relay);
	bundles_new(relay);
	start_upstream(relay, options);
	rc = listen_for_agents(relay, options, error);
	if (rc < 0) {
		relay_stop(relay);
		return rc;
	}
	*out = relay;
	return 0;
}

void relay_stop(struct relay *relay)
{
	if (!relay)
		return;
	agent_stream_free(steal(relay->stream));
	feed_end(relay->feed);
	http_stop(relay->http);
	forward_end(relay);
	bundles_free(relay);
	members_free(relay);
	http_client_free(relay->upstream);
	feed_free(relay->feed);
	topology_free(relay->topology);
	mirror_done(&relay->mirror);
	free(relay->path);
	free(relay->name);
	free(relay);
}
