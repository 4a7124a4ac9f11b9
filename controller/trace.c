// SPDX-License-Identifier: Apache-2.0
// Traces: what would become of a packet, host by host. The agent of the port's host says what happens there; for what goes to the
// underlay, the agent of the host that it arrives on is asked next. docs/design/api.md, "Tracing".
#include "handler.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/memory.h"
#include "allowance.h"
#include "questions.h"
#include "trace_sight.h"
#include "verdict.h"

enum { DEADLINE_MS = 5000, HOSTS = 16 };
enum { ICMP_ECHO_REQUEST = 8, ICMPV6_ECHO_REQUEST = 128 };

// An outer packet on its way to a host.
struct arrival {
	char *host;
	char *frame;
	struct arrival *prev, *next;
};

struct trace {
	struct controller *controller;
	struct request *request;
	json_t *answer; // what the client gets
	json_t *hosts;  // in it; borrowed
	uint64_t deadline;
	char *asked; // host
	struct question *question;
	struct arrival *arrivals;
};

// ---- life ----

static void arrival_free(struct trace *trace, struct arrival *arrival)
{
	DL_DELETE(trace->arrivals, arrival);
	free(arrival->host);
	free(arrival->frame);
	free(arrival);
}

static void trace_free(struct trace *trace)
{
	while (trace->arrivals)
		arrival_free(trace, trace->arrivals);
	question_cancel(trace->question);
	json_decref(trace->answer);
	free(trace->asked);
	free(trace);
}

// The client has left.
static void trace_left(void *context)
{
	trace_free(context);
}

static void trace_finish(struct trace *trace)
{
	trace_reduce(&trace->request->identity, trace->hosts);
	verdict_add(trace->answer);
	trace->request->done = NULL;
	request_answer(trace->request, 200, json_incref(trace->answer));
	trace_free(trace);
}

// ---- host after host ----

static void note_host(struct trace *trace, const char *host, const char *problem)
{
	json_array_append_new(trace->hosts, json_pack("{s:s, s:s, s:[], s:[]}", "host", host,
						    "problem", problem, "stages", "outputs"));
}

static void follow(struct trace *trace, const json_t *answer)
{
	size_t index;
	json_t *output;
	if (verdict_answers(answer))
		return;
	json_array_foreach (json_object_get(answer, "outputs"), index, output) {
		const char *host = json_string_value(json_object_get(output, "host"));
		const char *frame = json_string_value(json_object_get(output, "frame"));
		if (!json_is_true(json_object_get(output, "underlay")) || !host || !frame)
			continue;
		struct arrival *arrival = memory_new(sizeof(*arrival));
		arrival->host = memory_text(host);
		arrival->frame = memory_text(frame);
		DL_APPEND(trace->arrivals, arrival);
	}
}

static bool trace_step(struct trace *trace);

static void host_answered(void *context, const json_t *answer)
{
	struct trace *trace = context;
	trace->question = NULL;
	if (answer) {
		json_t *copy = json_copy((json_t *)answer);
		json_object_set_new(copy, "host", json_string(trace->asked));
		json_array_append_new(trace->hosts, copy);
		follow(trace, answer);
	} else {
		note_host(trace, trace->asked, "its agent did not answer");
	}
	if (trace_step(trace))
		trace_finish(trace);
}

// Ask a host. False: it cannot be asked, which is noted.
static bool ask(struct trace *trace, const char *host, json_t *message)
{
	struct controller *controller = trace->controller;
	const struct host *object =
		(const struct host *)catalog_find(controller->catalog, MODEL_HOST, NULL, host);
	uint64_t now = clock_monotonic_ms();
	const char *problem = NULL;
	if (object && !object->managed)
		problem = "it runs no agent that could be asked";
	else if (json_array_size(trace->hosts) == HOSTS || now >= trace->deadline)
		problem = "it was not asked any more";
	if (problem) {
		json_decref(message);
		note_host(trace, host, problem);
		return false;
	}
	free(trace->asked);
	trace->asked = memory_text(host);
	trace->question = question_ask(
		controller, host, message, trace->deadline - now, host_answered, trace);
	if (!trace->question)
		note_host(trace, host, "it is not connected");
	return trace->question;
}

// Ask the next host. True: there is none.
static bool trace_step(struct trace *trace)
{
	while (trace->arrivals) {
		struct arrival *arrival = trace->arrivals;
		cleanup_free char *host = steal(arrival->host);
		json_t *message = json_pack("{s:s, s:s}", "type", "trace", "frame", arrival->frame);
		arrival_free(trace, arrival);
		if (ask(trace, host, message))
			return false;
	}
	return true;
}

// ---- what is asked ----

struct asker {
	const struct controller *controller;
	const struct identity *identity;
	const char *tenant; // of the path
};

struct subject {
	const struct port *from, *to; // `to` NULL: an address that was given
	struct address destination;
	struct service service;
	const char *protocol;              // as it was given
	json_int_t source_port, ttl, size; // -1: not given
};

// What is wrong, `result` from error_set, is wrong with this field.
static int at(struct error *error, const char *field, int result)
{
	error_set_field(error, "%s", field);
	return result;
}

static int check_members(const json_t *json, struct error *error)
{
	static const char *const known[] = {
		"from", "to", "protocol", "source_port", "ttl", "family", "size"};
	const char *name;
	json_t *value;
	json_object_foreach ((json_t *)json, name, value) {
		bool found = false;
		for (size_t i = 0; i < array_count(known); i++)
			found = found || !strcmp(known[i], name);
		if (found)
			continue;
		return at(error, name, error_set(error, EINVAL, "there is no such field here"));
	}
	return 0;
}

static int get_text(const json_t *json, const char *name, const char *fallback, const char **out,
	struct error *error)
{
	const json_t *value = json_object_get(json, name);
	*out = value ? json_string_value(value) : fallback;
	if (*out)
		return 0;
	return at(
		error, name, error_set(error, EINVAL, value ? "must be a text" : "must be given"));
}

static int get_number(const json_t *json, const char *name, json_int_t least, json_int_t most,
	json_int_t *out, struct error *error)
{
	const json_t *value = json_object_get(json, name);
	*out = -1;
	if (!value)
		return 0;
	*out = json_integer_value(value);
	if (json_is_integer(value) && *out >= least && *out <= most)
		return 0;
	return at(error, name,
		error_set(error, EINVAL,
			"must be a number, %" JSON_INTEGER_FORMAT " to %" JSON_INTEGER_FORMAT,
			least, most));
}

// "web1", or "acme/web1"; NULL if there is no such port that the client sees.
static const struct port *find_port(const struct asker *asker, const char *text)
{
	const char *slash = strchr(text, '/');
	cleanup_free char *other = slash ? strndup(text, (size_t)(slash - text)) : NULL;
	if (slash && !identity_sees_tenant(asker->identity, other))
		return NULL;
	return (const struct port *)catalog_find(asker->controller->catalog, MODEL_PORT,
		slash ? other : asker->tenant, slash ? slash + 1 : text);
}

static const struct address *address_of(const struct port *port, bool four)
{
	for (size_t i = 0; i < port->addresses.count; i++)
		if (address_is_ipv4(&port->addresses.items[i]) == four)
			return &port->addresses.items[i];
	return NULL;
}

// An address of `to` in a family that both ports have: that one which is asked for, or else IPv4.
static int choose_destination(struct subject *subject, json_int_t family, struct error *error)
{
	for (int i = 0; i < 2; i++) {
		bool four = i == 0;
		const struct address *address = address_of(subject->to, four);
		if ((family < 0 || four == (family == 4)) && address &&
			address_of(subject->from, four)) {
			subject->destination = *address;
			return 0;
		}
	}
	const char *of = family < 0 ? "" : family == 4 ? "IPv4 " : "IPv6 ";
	return at(error, "to",
		error_set(error, EINVAL, "ports %s and %s have no %saddresses of one family",
			subject->from->object.name, subject->to->object.name, of));
}

static int get_destination(
	const struct asker *asker, const json_t *json, struct subject *subject, struct error *error)
{
	const char *to;
	json_int_t family;
	int rc = get_text(json, "to", NULL, &to, error);
	if (!rc)
		rc = get_number(json, "family", 4, 6, &family, error);
	if (!rc && family == 5)
		rc = at(error, "family", error_set(error, EINVAL, "must be 4 or 6"));
	if (rc)
		return rc;
	subject->to = find_port(asker, to);
	if (subject->to)
		return choose_destination(subject, family, error);
	if (address_parse(to, &subject->destination))
		return at(error, "to",
			error_set(error, ENOENT, "there is no port %s, and it is no address", to));
	bool four = address_is_ipv4(&subject->destination);
	if (family > 0 && four != (family == 4))
		return at(error, "to",
			error_set(error, EINVAL, "%s is no IPv%d address", to, (int)family));
	if (!address_of(subject->from, four) && !address_is_link_local(&subject->destination))
		return at(error, "from",
			error_set(error, EINVAL, "port %s has no IPv%d address to send from",
				subject->from->object.name, four ? 4 : 6));
	return 0;
}

static int get_source(
	const struct asker *asker, const json_t *json, struct subject *subject, struct error *error)
{
	const char *from;
	int rc = get_text(json, "from", NULL, &from, error);
	if (rc)
		return rc;
	subject->from = find_port(asker, from);
	if (!subject->from || strcmp(subject->from->object.tenant, asker->tenant))
		return at(error, "from",
			error_set(error, ENOENT, "there is no port %s in tenant %s", from,
				asker->tenant));
	if (subject->from->host && subject->from->device)
		return 0;
	error_set_object(error, "%s/ports/%s", asker->tenant, subject->from->object.name);
	return at(error, "from",
		error_set(error, EINVAL, "port %s is attached to no interface, so it sends nothing",
			subject->from->object.name));
}

// One packet: of a protocol with ports, to one of them; ICMP without a type is an echo request.
static int get_service(const json_t *json, struct subject *subject, struct error *error)
{
	bool four = address_is_ipv4(&subject->destination);
	struct service *service = &subject->service;
	int rc = get_text(json, "protocol", four ? "icmp" : "icmpv6", &subject->protocol, error);
	if (!rc)
		rc = service_parse(service, subject->protocol, error);
	if (rc)
		return at(error, "protocol", rc);
	bool icmp = service->protocol == IPPROTO_ICMP || service->protocol == IPPROTO_ICMPV6;
	bool whole = service->low == 0 && service->high == 0xffff;
	if (icmp && whole) {
		service->protocol = four ? IPPROTO_ICMP : IPPROTO_ICMPV6;
		service->low = (four ? ICMP_ECHO_REQUEST : ICMPV6_ECHO_REQUEST) << 8;
		return 0;
	}
	if (icmp && (service->protocol == IPPROTO_ICMP) != four)
		return at(error, "protocol",
			error_set(error, EINVAL, "%s is not of IPv%d", subject->protocol,
				four ? 4 : 6));
	if (protocol_has_ports(service->protocol) && service->low != service->high)
		return at(error, "protocol",
			error_set(error, EINVAL, "%s: one port, as in tcp/80", subject->protocol));
	return 0;
}

static int subject_get(
	const struct asker *asker, const json_t *json, struct subject *out, struct error *error)
{
	int rc = check_members(json, error);
	if (!rc)
		rc = get_source(asker, json, out, error);
	if (!rc)
		rc = get_destination(asker, json, out, error);
	if (!rc)
		rc = get_service(json, out, error);
	if (!rc)
		rc = get_number(json, "source_port", 0, 65535, &out->source_port, error);
	if (!rc)
		rc = get_number(json, "ttl", 1, 255, &out->ttl, error);
	if (!rc)
		rc = get_number(json, "size", 0, 65535, &out->size, error);
	return rc;
}

static void set_number(json_t *json, const char *name, json_int_t value)
{
	if (value >= 0)
		json_object_set_new(json, name, json_integer(value));
}

static json_t *first_question(const struct subject *subject)
{
	char destination[ADDRESS_TEXT];
	json_t *message = json_pack("{s:s, s:s, s:s, s:s, s:i, s:i}", "type", "trace", "tenant",
		subject->from->object.tenant, "port", subject->from->object.name, "destination",
		address_format(&subject->destination, destination), "protocol",
		subject->service.protocol, "destination_port", subject->service.low);
	set_number(message, "source_port", subject->source_port);
	set_number(message, "ttl", subject->ttl);
	set_number(message, "size", subject->size);
	return message;
}

static json_t *path_json(const struct port *port)
{
	char path[OBJECT_PATH_TEXT];
	return port ? json_string(object_path(&port->object, path)) : json_null();
}

static struct trace *trace_new(
	struct controller *controller, struct request *request, const struct subject *subject)
{
	char destination[ADDRESS_TEXT];
	struct trace *trace = memory_new(sizeof(*trace));
	trace->controller = controller;
	trace->request = request;
	trace->deadline = clock_monotonic_ms() + DEADLINE_MS;
	trace->answer = json_pack("{s:o, s:o, s:s, s:s, s:[]}", "from", path_json(subject->from),
		"to", path_json(subject->to), "destination",
		address_format(&subject->destination, destination), "protocol", subject->protocol,
		"hosts");
	trace->hosts = json_object_get(trace->answer, "hosts");
	return trace;
}

void handle_trace(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	struct subject subject = {0};
	struct asker asker = {controller, &request->identity, target->tenant};
	json_t *json = NULL;
	if (allowance_hold(request, &error) < 0 || request_json(request, &json, &error) < 0 ||
		subject_get(&asker, json, &subject, &error) < 0) {
		request_refuse(request, &error);
		json_decref(json);
		return;
	}
	struct trace *trace = trace_new(controller, request, &subject);
	if (ask(trace, subject.from->host, first_question(&subject))) {
		request_last(request);
		request->done = trace_left;
		request->done_context = trace;
		request_park(request);
	} else {
		trace_finish(trace);
	}
	json_decref(json);
}
