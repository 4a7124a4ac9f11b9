// SPDX-License-Identifier: Apache-2.0
#include "members.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/table.h"
#include "timer.h"

enum { ANSWER_SECONDS = 30, OK = 200, ANSWER_LIMIT = 1 << 20 };

struct member {
	char host[64];
	bool here;             // it has a stream, or waits for one
	uint64_t attempt;      // the newest of its streams that is known (base/attempt.h)
	bool told;             // the controller was told that it is here, and not that it left
	uint64_t told_attempt; // by that attempt
	bool joined;           // what it needs is in the mirror
	// Of the certificate that it has shown, as the controller judges it.
	char enrolment[ENROLMENT_TEXT];
	int64_t expires;
	// The request for its stream, while it waits.
	struct waiting *waiting;
	UT_hash_handle hh;
};

struct waiting {
	struct relay *relay;
	struct member *member; // NULL: it is no more
	struct request *request;
	char history[40];
	struct place place;
};

struct members {
	struct member *by_host;
	struct timer *soon;           // hosts come and go in bursts
	struct http_request *request; // that tells the controller
	bool all;                     // it tells all that there are
	char *answer;
	size_t length;
};

static struct member *find(struct relay *relay, const char *host)
{
	struct member *member;
	HASH_FIND_STR(relay->members->by_host, host, member);
	return member;
}

static struct member *get(struct relay *relay, const char *host)
{
	struct member *member = find(relay, host);
	if (!member) {
		member = memory_new(sizeof(*member));
		snprintf(member->host, sizeof(member->host), "%s", host);
		HASH_ADD_STR(relay->members->by_host, host, member);
	}
	return member;
}

// ---- those that wait ----

static struct request *stop_waiting(struct member *member)
{
	struct waiting *waiting = steal(member->waiting);
	struct request *request = waiting->request;
	request->done = NULL;
	free(waiting);
	return request;
}

static void waiting_left(void *context)
{
	struct waiting *waiting = context;
	waiting->member->waiting = NULL;
	members_connected(waiting->relay, waiting->member->host, false);
	free(waiting);
}

static void wait_for_controller(struct relay *relay, struct member *member, struct request *request,
	const struct place *place)
{
	struct waiting *waiting = memory_new(sizeof(*waiting));
	waiting->relay = relay;
	waiting->member = member;
	waiting->request = request;
	waiting->place = *place;
	if (place->history) {
		snprintf(waiting->history, sizeof(waiting->history), "%s", place->history);
		waiting->place.history = waiting->history;
	}
	member->waiting = waiting;
	request->done = waiting_left;
	request->done_context = waiting;
	request->lasting = true;
	request_park(request);
}

// It has a newer stream than the one that it waits for.
static void end_waiting(struct member *member)
{
	if (member->waiting)
		feed_refuse(stop_waiting(member), member->attempt);
}

static void refuse_waiting(struct member *member, int code, const char *why)
{
	struct error error = {0};
	if (!member->waiting)
		return;
	error_set(&error, code, "%s", why);
	error_set_object(&error, "hosts/%s", member->host);
	request_refuse(stop_waiting(member), &error);
}

void members_open(
	struct relay *relay, const char *host, struct request *request, const struct place *place)
{
	struct member *member = get(relay, host);
	struct place numbered = *place;
	if (!numbered.attempt)
		numbered.attempt = attempt_next(member->attempt);
	if (attempt_number_newer(member->attempt, numbered.attempt)) {
		feed_refuse(request, member->attempt);
		return;
	}
	member->attempt = numbered.attempt;
	end_waiting(member);
	bool same = !strcmp(member->enrolment, request->identity.enrolment) &&
		    member->expires == request->identity.expires;
	memcpy(member->enrolment, request->identity.enrolment, sizeof(member->enrolment));
	member->expires = request->identity.expires;
	// With another certificate it has to be judged anew.
	member->told = member->told && same;
	member->joined = member->joined && same;
	member->here = true;
	if (member->joined)
		feed_open(relay->feed, host, request, &numbered);
	else
		wait_for_controller(relay, member, request, &numbered);
	members_changed(relay);
}

void members_connected(struct relay *relay, const char *host, bool connected)
{
	struct member *member = find(relay, host);
	if (!member || connected)
		return;
	member->here = member->waiting;
	members_changed(relay);
}

void members_joined(struct relay *relay, const char *host)
{
	struct member *member = find(relay, host);
	if (!member || !member->told)
		return;
	member->joined = true;
	feed_introduce(relay->feed, host);
	if (!member->waiting)
		return;
	struct place place = member->waiting->place;
	char history[40];
	snprintf(history, sizeof(history), "%s", member->waiting->history);
	if (place.history)
		place.history = history;
	feed_open(relay->feed, host, stop_waiting(member), &place);
}

void members_yield(struct relay *relay, const char *host, uint64_t elsewhere)
{
	struct member *member = find(relay, host);
	if (!member || attempt_number_newer(member->attempt, elsewhere))
		return;
	member->attempt = elsewhere;
	end_waiting(member);
	member->here = member->joined = member->told = false;
	feed_yield(relay->feed, host, (struct attempt){elsewhere, 0});
}

void members_forget(struct relay *relay, const char *host)
{
	struct member *member = find(relay, host);
	if (!member)
		return;
	refuse_waiting(member, ENOENT, "there is no such host");
	member->here = member->joined = member->told = false;
}

// ---- telling the controller ----

static int take_answer(void *context, const char *data, size_t length)
{
	struct members *members = ((struct relay *)context)->members;
	if (members->length + length > ANSWER_LIMIT)
		return -EFBIG;
	members->answer = memory_resize(members->answer, members->length + length, 1);
	memcpy(members->answer + members->length, data, length);
	members->length += length;
	return 0;
}

static void refuse_member(struct relay *relay, const char *host)
{
	struct member *member = find(relay, host);
	if (!member)
		return;
	refuse_waiting(member, EKEYREJECTED, "the certificate of the host does not hold");
	member->here = member->joined = member->told = false;
	feed_drop(relay->feed, host);
}

static void yield_member(struct relay *relay, const json_t *older)
{
	const char *host = json_string_value(json_object_get(older, "host"));
	json_int_t attempt = json_integer_value(json_object_get(older, "attempt"));
	if (host && attempt > 0)
		members_yield(relay, host, (uint64_t)attempt);
}

static void take_refusals(struct relay *relay)
{
	struct members *members = relay->members;
	json_t *json = json_loadb(members->answer, members->length, 0, NULL), *host;
	size_t index;
	json_array_foreach (json_object_get(json, "unknown"), index, host)
		if (json_is_string(host))
			members_forget(relay, json_string_value(host));
	json_array_foreach (json_object_get(json, "refused"), index, host)
		if (json_is_string(host))
			refuse_member(relay, json_string_value(host));
	json_array_foreach (json_object_get(json, "older"), index, host)
		yield_member(relay, host);
	json_decref(json);
}

static void told(void *context, long status, const char *text)
{
	struct relay *relay = context;
	struct members *members = relay->members;
	bool all = members->all;
	members->request = NULL;
	if (status == OK)
		take_refusals(relay);
	free(steal(members->answer));
	members->length = 0;
	if (all) {
		agent_stream_go_on(relay->stream, status, text);
	} else if (status != OK) {
		// The next session tells all.
		log_warning("cannot tell the controller which hosts are here: %s", text);
		agent_stream_break(relay->stream, text);
	}
	members_changed(relay);
}

static void send_lists(struct relay *relay, const char *method, json_t *lists)
{
	cleanup_free char *path = memory_format("%s/hosts", relay->path);
	cleanup_free char *body = json_dumps(lists, JSON_COMPACT);
	struct http_call call = {
		.method = method,
		.path = path,
		.body = body,
		.silence_seconds = ANSWER_SECONDS,
		.data = take_answer,
		.done = told,
		.context = relay,
	};
	json_decref(lists);
	relay->members->all = !strcmp(method, "PUT");
	relay->members->request = http_client_send(relay->upstream, &call);
}

static json_t *describe(const struct member *member)
{
	json_t *json = json_pack(
		"{s:s, s:I}", "host", member->host, "attempt", (json_int_t)member->attempt);
	if (*member->enrolment || member->expires) {
		json_object_set_new(json, "enrolment", json_string(member->enrolment));
		json_object_set_new(json, "expires", json_integer((json_int_t)member->expires));
	}
	return json;
}

static bool is_news(const struct member *member)
{
	return member->here != member->told ||
	       (member->here && member->attempt != member->told_attempt);
}

static void note_told(struct member *member)
{
	member->told = member->here;
	member->told_attempt = member->attempt;
	member->joined = member->joined && member->here;
}

// What has changed since the controller was told.
static void tell_changes(void *context)
{
	struct relay *relay = context;
	struct members *members = relay->members;
	struct member *member, *next;
	if (!relay->up || members->request)
		return;
	json_t *joined = json_array(), *left = json_array();
	HASH_ITER (hh, members->by_host, member, next) {
		if (!is_news(member))
			continue;
		json_array_append_new(member->here ? joined : left, describe(member));
		note_told(member);
	}
	json_t *lists = json_pack("{s:I, s:o, s:o}", "attempt", (json_int_t)relay->attempt,
		"joined", joined, "left", left);
	if (json_array_size(joined) || json_array_size(left))
		send_lists(relay, "POST", lists);
	else
		json_decref(lists);
}

void members_changed(struct relay *relay)
{
	agent_timer_start(relay->members->soon, 0, 0);
}

void members_announce(struct relay *relay)
{
	struct members *members = relay->members;
	struct member *member, *next;
	http_client_cancel(steal(members->request));
	free(steal(members->answer));
	members->length = 0;
	json_t *hosts = json_array();
	HASH_ITER (hh, members->by_host, member, next) {
		note_told(member);
		if (member->here)
			json_array_append_new(hosts, describe(member));
	}
	send_lists(relay, "PUT",
		json_pack("{s:I, s:o}", "attempt", (json_int_t)relay->attempt, "hosts", hosts));
}

// ---- life ----

void members_new(struct relay *relay)
{
	relay->members = memory_new(sizeof(*relay->members));
	agent_timer_new(&relay->members->soon, relay->loop, tell_changes, relay);
}

void members_free(struct relay *relay)
{
	struct members *members = relay->members;
	struct member *member, *next;
	HASH_ITER (hh, members->by_host, member, next) {
		HASH_DEL(members->by_host, member);
		free(member);
	}
	http_client_cancel(members->request);
	agent_timer_free(&members->soon);
	free(members->answer);
	free(steal(relay->members));
}
