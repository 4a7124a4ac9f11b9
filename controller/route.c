// SPDX-License-Identifier: Apache-2.0
#include "route.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "access.h"
#include "allowance.h"
#include "base/memory.h"
#include "feed.h"
#include "number.h"
#include "reads.h"
#include "writes.h"

static void handle_openapi(struct controller *, struct request *, const struct target *);

enum {
	ADMINISTRATOR = ROLE_BIT(ROLE_ADMINISTRATOR),
	READERS = ADMINISTRATOR | ROLE_BIT(ROLE_READER) | ROLE_BIT(ROLE_TENANT_ADMINISTRATOR) |
		  ROLE_BIT(ROLE_TENANT_READER),
	WRITERS = ADMINISTRATOR | ROLE_BIT(ROLE_TENANT_ADMINISTRATOR),
	// Of a host, its own agent only; a relay for those that are connected through it.
	AGENTS = ADMINISTRATOR | ROLE_BIT(ROLE_HOST),
	SPEAKERS = AGENTS | ROLE_BIT(ROLE_RELAY),
	RELAYS = ADMINISTRATOR | ROLE_BIT(ROLE_RELAY), // each for itself
	CONTROLLERS = ADMINISTRATOR | ROLE_BIT(ROLE_CONTROLLER),
	ANYBODY = (1u << ROLE_COUNT) - 1,
	BY_KIND = 0,
};

// Where several patterns match, the first counts. ":global" is the plural of a kind in no tenant,
// ":kind" of one in a tenant; ":host", ":token" and ":enrolment" are names of which the kind is
// known from the pattern.
static const struct http_route routes[] = {
	{"GET", "status", handle_status, READERS, {0}, "Version, revision, and how much there is",
		TIMING_AT_ONCE},
	{"GET", "openapi.json", handle_openapi, READERS, {0}, "This document", TIMING_AT_ONCE},
	{"POST", "transactions", handle_transaction, WRITERS, {0},
		"Many writes, all or nothing, as one revision"},
	{"GET", "audit", handle_audit, READERS, {"since", "until", "tenant", "consistency"},
		"Who wrote what, by revision, and what was refused of late"},
	{"GET", "revisions/:revision", handle_revision, READERS, {"wait", "consistency"},
		"The receipt: which hosts have realized the revision", TIMING_IF_KNOWN},
	{"GET", "hosts/:host/stream", handle_stream, AGENTS,
		{"since", "digest", "history", "attempt", "patches"},
		"What the host needs, and every change of it, one JSON object a line",
		TIMING_IF_KNOWN},
	{"POST", "hosts/:host/report", handle_report, AGENTS, {0},
		"What the agent of the host sees", TIMING_AT_ONCE},
	{"POST", "hosts/:host/answers/:question", handle_answer, SPEAKERS, {0},
		"What the agent of the host was asked over its stream", TIMING_AT_ONCE},
	{"GET", "hosts/:host/interfaces", handle_interfaces, READERS, {0},
		"The interfaces that the host reports", TIMING_AT_ONCE},
	{"GET", "relays/:relay/stream", handle_relay_stream, RELAYS,
		{"since", "digest", "history", "attempt", "patches"},
		"What the hosts behind the relay need, each object once", TIMING_IF_KNOWN},
	{"PUT", "relays/:relay/hosts", handle_relay_hosts, RELAYS, {0}, NULL, TIMING_AT_ONCE},
	{"POST", "relays/:relay/hosts", handle_relay_change, RELAYS, {0},
		"Which hosts have come to the relay and which have left it", TIMING_AT_ONCE},
	{"POST", "relays/:relay/reports", handle_relay_reports, RELAYS, {0},
		"What the agents behind the relay see", TIMING_AT_ONCE},
	{"GET", "peers/bulletin", handle_bulletin, CONTROLLERS, {0},
		"What this controller tells others of the hosts that are connected to it",
		TIMING_IF_FRESH},
	{"POST", "peers/hosts/:host/question", handle_question, CONTROLLERS, {0},
		"What another controller asks a host that is connected to this one",
		TIMING_AT_ONCE},
	{"POST", "hosts/:host/certificate", handle_renew, SPEAKERS, {0},
		"Another certificate for the agent of the host, which joined by invitation",
		TIMING_AT_ONCE},
	{"POST", "enrolments/:enrolment/invite", handle_invite, ADMINISTRATOR, {0},
		"Invite a host to join, with a code that is shown this once"},
	{"POST", "enrolments/:enrolment/join", handle_join, ANYBODY, {0},
		"Join by invitation: a certificate for the host's key"},
	{"POST", "tokens/:token/issue", handle_issue, ADMINISTRATOR, {0},
		"Make a token, or another secret for one, and show it this once"},
	{"GET", ":global", handle_list, BY_KIND, {"at", "watch", "since", "consistency"}},
	{"GET", ":kind", handle_list, BY_KIND, {"at", "watch", "since", "consistency"}},
	{"GET", "tenants/:tenant/:kind", handle_list, BY_KIND,
		{"at", "watch", "since", "consistency"}},
	{"GET", ":global/:name", handle_get, BY_KIND, {"at", "consistency"}},
	{"PUT", ":global/:name", handle_put, BY_KIND, {0}},
	{"PATCH", ":global/:name", handle_patch, BY_KIND, {0}},
	{"DELETE", ":global/:name", handle_delete, BY_KIND, {0}},
	{"GET", "tenants/:tenant/:kind/:name", handle_get, BY_KIND, {"at", "consistency"}},
	{"PUT", "tenants/:tenant/:kind/:name", handle_put, BY_KIND, {0}},
	{"PATCH", "tenants/:tenant/:kind/:name", handle_patch, BY_KIND, {0}},
	{"DELETE", "tenants/:tenant/:kind/:name", handle_delete, BY_KIND, {0}},
	{"POST", "tenants/:tenant/ports/:name/attach", handle_attach, WRITERS, {0},
		"Make an interface of a host this port"},
	{"POST", "tenants/:tenant/ports/:name/detach", handle_detach, WRITERS, {0},
		"Take the port off its interface"},
	{"POST", "tenants/:tenant/trace", handle_trace, READERS, {0},
		"What would become of a packet that a port sends", TIMING_AT_ONCE},
};

enum { SEGMENTS = 5, SEGMENT_TEXT = 256 };

struct segments {
	size_t count;
	char text[SEGMENTS][SEGMENT_TEXT];
};

static int hex(char digit)
{
	static const char digits[] = "0123456789abcdef";
	if (!isxdigit((unsigned char)digit))
		return -1;
	return (int)(strchr(digits, tolower((unsigned char)digit)) - digits);
}

// Names are ASCII, so nothing else is let through: no zero byte, no control, no slash that would
// make one segment look like two, and no byte that might be half a character.
static int decode_segment(const char *text, size_t length, char *out, struct error *error)
{
	size_t used = 0;
	for (size_t i = 0; i < length; i++) {
		int byte = (unsigned char)text[i];
		if (byte == '%') {
			int high = i + 2 < length ? hex(text[i + 1]) : -1;
			int low = high < 0 ? -1 : hex(text[i + 2]);
			if (low < 0)
				return error_set(error, EINVAL,
					"the path has a %% without two hexadecimal digits after "
					"it");
			byte = high << 4 | low;
			i += 2;
		}
		if (byte < 0x20 || byte >= 0x7f || byte == '/')
			return error_set(
				error, EINVAL, "the path has the byte 0x%02x in a name", byte);
		if (used + 1 == SEGMENT_TEXT)
			return error_set(error, EINVAL, "a name in the path is too long");
		out[used++] = (char)byte;
	}
	out[used] = '\0';
	return 0;
}

// The segments after /v1/. More than any route has: -ENOENT.
static int split(const char *path, struct segments *segments, struct error *error)
{
	static const char root[] = "/v1/";
	if (strncmp(path, root, strlen(root)))
		return -ENOENT;
	path += strlen(root);
	for (segments->count = 0; segments->count < SEGMENTS;) {
		size_t length = strcspn(path, "/");
		int rc = decode_segment(path, length, segments->text[segments->count++], error);
		if (rc < 0)
			return rc;
		if (!path[length])
			return 0;
		path += length + 1;
	}
	return -ENOENT;
}

static bool match_kind(const char *text, bool in_tenant, struct target *target)
{
	enum model_kind kind;
	if (model_kind_find(text, &kind) < 0 || strcmp(model_kind_plural(kind), text) ||
		model_kind_in_tenant(kind) != in_tenant)
		return false;
	target->kind = kind;
	return true;
}

static void take_name(const char *text, char *out, struct error *error)
{
	if (!model_name_check(text, error))
		snprintf(out, 64, "%s", text);
}

// Whether the segment of a pattern, `length` bytes, is this word.
static bool is(const char *segment, size_t length, const char *word)
{
	return !strncmp(segment, word, length) && !word[length];
}

// A name that is no name is a match all the same, with `error` set, so that it is called by what is
// wrong with it.
static bool match_segment(const char *pattern, size_t length, const char *text,
	struct target *target, struct error *error)
{
	if (*pattern != ':')
		return is(pattern, length, text);
	if (is(pattern, length, ":global"))
		return match_kind(text, false, target);
	if (is(pattern, length, ":kind"))
		return match_kind(text, true, target);
	if (is(pattern, length, ":tenant")) {
		take_name(text, target->tenant, error);
	} else if (is(pattern, length, ":revision")) {
		if (number_parse(text, &target->revision) < 0)
			error_set(error, EINVAL, "\"%s\" is no revision", text);
	} else if (is(pattern, length, ":question")) {
		if (number_parse(text, &target->question) < 0 || !target->question)
			error_set(error, EINVAL, "\"%s\" is no question", text);
	} else {
		if (is(pattern, length, ":host"))
			target->kind = MODEL_HOST;
		if (is(pattern, length, ":token"))
			target->kind = MODEL_TOKEN;
		if (is(pattern, length, ":enrolment"))
			target->kind = MODEL_ENROLMENT;
		take_name(text, target->name, error);
	}
	return true;
}

static bool match(const char *pattern, const struct segments *segments, struct target *target,
	struct error *error)
{
	*target = (struct target){.kind = MODEL_PORT};
	for (size_t i = 0; i < segments->count; i++) {
		size_t length = strcspn(pattern, "/");
		if (!length || !match_segment(pattern, length, segments->text[i], target, error))
			return false;
		pattern += length + (pattern[length] == '/');
	}
	return !*pattern;
}

// Methods come in the order of the table; one that two patterns have is named once.
static void allow_add(char *allow, const char *method)
{
	size_t used = strlen(allow);
	if (!strstr(allow, method))
		snprintf(allow + used, ROUTE_ALLOW_TEXT - used, "%s%s", used ? ", " : "", method);
}

int route_find(const char *method, const char *path, const struct http_route **route,
	struct target *target, char *allow, struct error *error)
{
	struct segments segments;
	*allow = '\0';
	int rc = split(path, &segments, error);
	for (size_t i = 0; !rc && i < array_count(routes); i++) {
		struct error fault = {0};
		if (!match(routes[i].pattern, &segments, target, &fault))
			continue;
		if (strcmp(routes[i].method, method)) {
			allow_add(allow, routes[i].method);
			continue;
		}
		if (fault.code)
			*error = fault;
		*route = &routes[i];
		return -fault.code;
	}
	if (rc && rc != -ENOENT)
		return rc;
	if (*allow)
		return error_set(error, ENOTSUP, "%s is not possible here, only %s", method, allow);
	return error_set(error, ENOENT, "there is nothing at %s", path);
}

// ---- who may call them ----

static enum verb verb_of(const struct http_route *route)
{
	return !strcmp(route->method, "GET")      ? VERB_READ
	       : !strcmp(route->method, "DELETE") ? VERB_DELETE
						  : VERB_WRITE;
}

unsigned route_roles(const struct http_route *route, const struct target *target)
{
	return route->roles == BY_KIND ? access_roles(target->kind, verb_of(route)) : route->roles;
}

const struct http_route *route_at(size_t index)
{
	return index < array_count(routes) ? &routes[index] : NULL;
}

// Agents, and strangers, do not learn what there is: whatever else would be wrong, they are told
// that it is not for them.
static bool is_person(const struct identity *identity)
{
	return identity->role == ROLE_ADMINISTRATOR || identity->role == ROLE_READER ||
	       identity_is_scoped(identity);
}

static const char *or_null(const char *text)
{
	return *text ? text : NULL;
}

static int may(const struct feed *feed, const struct request *request,
	const struct http_route *route, const struct target *target, struct error *error)
{
	const struct identity *identity = &request->identity;
	// What is in a tenant that is not theirs, is not there.
	if (identity_is_scoped(identity) && target->tenant[0] &&
		!identity_sees_tenant(identity, target->tenant))
		return access_check(
			identity, verb_of(route), MODEL_PORT, target->tenant, NULL, error);
	if (route->roles == BY_KIND)
		return access_check(identity, verb_of(route), target->kind, or_null(target->tenant),
			or_null(target->name), error);
	if (route->roles == ANYBODY)
		return 0;
	bool own = identity->role != ROLE_HOST || identity_is_host(identity, target->name);
	if (identity->role == ROLE_RELAY)
		own = !strncmp(route->pattern, "relays/", strlen("relays/"))
			      ? !strcmp(identity->name, target->name)
			      : feed_is_behind(feed, target->name, identity->name);
	if (route->roles & ROLE_BIT(identity->role) && own)
		return 0;
	return error_set(error, EACCES, "the role %s may not %s %s", role_name(identity->role),
		request->method, request->path);
}

static void refuse_stranger(struct request *request)
{
	struct error error = {0};
	bool known = request->identity.source != SOURCE_NOTHING;
	error_set(&error, EACCES,
		known ? "this certificate does not allow %s %s"
		      : "%s %s needs a token, or a client certificate",
		request->method, request->path);
	if (known) {
		request_refuse(request, &error);
		return;
	}
	request_refuse_as(request, PROBLEM_UNAUTHENTICATED, &error);
	request_header(request, "WWW-Authenticate", "Bearer realm=\"weft\"");
}

// A connection whose certificate is over must not be used again: a new one may bring a new
// certificate.
static void refuse_credentials(struct request *request, const struct error *error)
{
	request_refuse_as(request, PROBLEM_UNAUTHENTICATED, error);
	request_header(
		request, "WWW-Authenticate", "Bearer realm=\"weft\", error=\"invalid_token\"");
	request_header(request, "Connection", "close");
}

static void refuse_for_now(struct request *request, unsigned retry_s, const struct error *error)
{
	request->retry_s = retry_s;
	request_refuse(request, error);
	request_header(request, "Connection", "close");
}

static void handle_in_time(struct controller *controller, struct request *request,
	const struct http_route *route, const struct target *target)
{
	if (route->timing == TIMING_AT_ONCE ||
		(route->timing == TIMING_IF_KNOWN && reads_know(controller, request, target)))
		route->handle(controller, request, target);
	else if (route->timing == TIMING_IF_FRESH)
		reads_handle_anyway(controller, request, route->handle, target);
	else if (!strcmp(route->method, "GET"))
		reads_handle(controller, request, route->handle, target);
	else
		writes_handle(controller, request, route->handle, target);
}

// `newest`: what others have written is taken in, so that a token that is not known is none.
static void dispatch(struct controller *controller, struct request *request, bool newest);

static void dispatch_with_news(
	struct controller *controller, struct request *request, const struct target *target)
{
	(void)target;
	dispatch(controller, request, true);
}

void route_dispatch(void *context, struct request *request)
{
	dispatch(context, request, controller_alone(context));
}

static void dispatch(struct controller *controller, struct request *request, bool newest)
{
	const struct target nothing = {0};
	const struct http_route *route = NULL;
	struct target target;
	char allow[ROUTE_ALLOW_TEXT];
	struct error error = {0}, refusal = {0};
	unsigned retry_s;
	if (access_authenticate(controller, request, &refusal) < 0) {
		struct error busy = {0};
		if (!newest)
			reads_handle_anyway(controller, request, dispatch_with_news, &nothing);
		else if (allowance_admit_stranger(controller, request, &retry_s, &busy) < 0)
			refuse_for_now(request, retry_s, &busy);
		else
			refuse_credentials(request, &refusal);
		return;
	}
	if (allowance_admit(controller, request, &retry_s, &refusal) < 0) {
		refuse_for_now(request, retry_s, &refusal);
		return;
	}
	int rc = route_find(request->method, request->path, &route, &target, allow, &error);
	int allowed = rc ? 0 : may(controller->feed, request, route, &target, &refusal);
	if (!is_person(&request->identity) && (rc || allowed < 0)) {
		refuse_stranger(request);
	} else if (allowed < 0) {
		request_refuse(request, &refusal);
	} else if (rc == -ENOTSUP) {
		request_refuse_as(request, PROBLEM_METHOD, &error);
		request_header(request, "Allow", allow);
	} else if (rc || request_parameters_check(request, route->parameters, &error)) {
		request_refuse(request, &error);
	} else {
		handle_in_time(controller, request, route, &target);
	}
}

// ---- the routes, described ----

static bool is_number(const char *name)
{
	return !strcmp(name, "revision") || !strcmp(name, "question");
}

// "revisions/:revision" becomes "/v1/revisions/{revision}", and its names path parameters.
static char *describe_path(const char *pattern, json_t *parameters)
{
	char *path = memory_text("/v1");
	while (*pattern) {
		char name[16];
		size_t length = strcspn(pattern, "/");
		bool placeholder = *pattern == ':';
		snprintf(name, sizeof(name), "%.*s", (int)length - placeholder,
			pattern + placeholder);
		// As the schema calls it.
		if (placeholder && (!strcmp(name, "host") || !strcmp(name, "token") ||
					   !strcmp(name, "enrolment")))
			strcpy(name, "name");
		char *longer = memory_format(
			"%s/%s%s%s", path, placeholder ? "{" : "", name, placeholder ? "}" : "");
		free(path);
		path = longer;
		if (placeholder)
			json_array_append_new(
				parameters, json_pack("{s:s, s:s, s:b, s:{s:s}}", "name", name,
						    "in", "path", "required", 1, "schema", "type",
						    is_number(name) ? "integer" : "string"));
		pattern += length + (pattern[length] == '/');
	}
	return path;
}

static json_t *describe_operation(const struct http_route *route, json_t *parameters)
{
	for (size_t i = 0; route->parameters[i]; i++)
		json_array_append_new(
			parameters, json_pack("{s:s, s:s, s:{s:s}}", "name", route->parameters[i],
					    "in", "query", "schema", "type", "string"));
	json_t *operation = json_pack("{s:s, s:o, s:{s:{s:s}, s:{s:s, s:{s:{s:{s:s}}}}}}",
		"summary", route->summary, "parameters", parameters, "responses", "200",
		"description", "Done", "default", "description", "A problem", "content",
		"application/problem+json", "schema", "$ref", "#/components/schemas/Problem");
	if (!strcmp(route->method, "POST"))
		json_object_set_new(operation, "requestBody",
			json_pack("{s:{s:{s:{s:s}}}}", "content", "application/json", "schema",
				"type", "object"));
	return operation;
}

// "/v1/tenants/{tenant}/ports/{name}" with names that any would do for.
static char *example_path(const char *template)
{
	char *path = memory_text(template), *end = path;
	for (const char *at = template; *at; at++) {
		if (*at == '{') {
			*end++ = '1';
			at += strcspn(at, "}");
		} else {
			*end++ = *at;
		}
	}
	*end = '\0';
	return path;
}

// Each operation says which roles may call it, by the tables that decide it.
static void describe_roles(json_t *paths)
{
	static const char *const methods[] = {"get", "put", "post", "patch", "delete"};
	const char *template;
	json_t *item;
	json_object_foreach (paths, template, item) {
		cleanup_free char *path = example_path(template);
		for (size_t i = 0; i < array_count(methods); i++) {
			json_t *operation = json_object_get(item, methods[i]);
			const struct http_route *route;
			struct target target;
			char allow[ROUTE_ALLOW_TEXT], method[8];
			if (!operation)
				continue;
			for (size_t j = 0; j <= strlen(methods[i]); j++)
				method[j] = (char)toupper((unsigned char)methods[i][j]);
			json_t *roles = json_array();
			if (!route_find(method, path, &route, &target, allow, NULL))
				for (int role = 0; role < ROLE_COUNT; role++)
					if (route_roles(route, &target) & ROLE_BIT(role))
						json_array_append_new(roles,
							json_string(role_name((enum role)role)));
			json_object_set_new(operation, "x-weft-roles", roles);
		}
	}
}

// The model describes the objects; what else there is, this table knows.
static void handle_openapi(
	struct controller *controller, struct request *request, const struct target *target)
{
	(void)controller, (void)target;
	json_t *document = model_openapi();
	json_t *paths = json_object_get(document, "paths");
	for (size_t i = 0; i < array_count(routes); i++) {
		if (!routes[i].summary)
			continue;
		json_t *parameters = json_array();
		cleanup_free char *path = describe_path(routes[i].pattern, parameters);
		if (!json_object_get(paths, path))
			json_object_set_new(paths, path, json_object());
		json_object_set_new(json_object_get(paths, path),
			strcmp(routes[i].method, "GET") ? "post" : "get",
			describe_operation(&routes[i], parameters));
	}
	describe_roles(paths);
	request_answer(request, 200, document);
}
