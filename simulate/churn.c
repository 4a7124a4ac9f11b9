// SPDX-License-Identifier: Apache-2.0
// Several changes at any time, of all sorts, each timed from its call to its receipt.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "meter.h"
#include "simulation.h"

enum { AT_A_TIME = 8, TURNS = 4, ANSWER_SECONDS = 60, FAULT_TEXT = 400 };

struct churn {
	struct simulation *simulation;
	struct meter meter;
	size_t turn, all, finished;
	char fault[FAULT_TEXT]; // of the first that failed
};

// One that makes changes, one after the other: each, then what takes it back.
struct maker {
	struct churn *churn;
	struct http_request *request; // NULL: none is under way
	json_t *undo;
	uint64_t start;
	char answer[FAULT_TEXT]; // the beginning: the revision comes first
	size_t length;
};

static void next(struct maker *maker);

static int take(void *context, const char *data, size_t length)
{
	struct maker *maker = context;
	size_t room = sizeof(maker->answer) - 1 - maker->length;
	size_t part = length < room ? length : room;
	memcpy(maker->answer + maker->length, data, part);
	maker->length += part;
	maker->answer[maker->length] = '\0';
	return 0;
}

static bool failed(struct maker *maker, long status, const char *text)
{
	struct churn *churn = maker->churn;
	maker->request = NULL;
	if (status >= 200 && status < 300)
		return false;
	if (!*churn->fault)
		snprintf(churn->fault, sizeof(churn->fault), "status %ld: %.300s", status, text);
	churn->turn = churn->all;
	next(maker);
	return true;
}

static void realized(void *context, long status, const char *text)
{
	struct maker *maker = context;
	if (failed(maker, status, text))
		return;
	meter_add(&maker->churn->meter, (double)(clock_monotonic_ns() - maker->start) / 1e6);
	next(maker);
}

static void send_call(struct maker *maker, const char *method, const char *path, const char *body,
	void (*done)(void *context, long status, const char *text))
{
	struct http_call call = {.method = method,
		.path = path,
		.body = body,
		.silence_seconds = ANSWER_SECONDS,
		.data = take,
		.done = done,
		.context = maker};
	maker->length = 0;
	maker->request = http_client_send(maker->churn->simulation->caller.http, &call);
}

static void committed(void *context, long status, const char *text)
{
	struct maker *maker = context;
	char path[80];
	uint64_t revision = 0;
	if (failed(maker, status, text))
		return;
	sscanf(maker->answer, "{\"revision\":%" SCNu64, &revision);
	snprintf(path, sizeof(path), "/v1/revisions/%" PRIu64 "?wait=%ds", revision,
		ANSWER_SECONDS - 1);
	send_call(maker, "GET", path, NULL, realized);
}

static json_t *draw_operation(struct maker *maker)
{
	static const change_make makes[] = {change_port_added, change_label, change_port_moved};
	struct churn *churn = maker->churn;
	struct change change = {0};
	if (maker->undo)
		return steal(maker->undo);
	if (churn->turn == churn->all)
		return NULL;
	size_t turn = churn->turn++;
	makes[turn % array_count(makes)](churn->simulation, turn, &change);
	maker->undo = change.undo;
	return change.operation;
}

static void next(struct maker *maker)
{
	struct churn *churn = maker->churn;
	json_t *operation = draw_operation(maker);
	if (!operation) {
		churn->finished++;
		return;
	}
	json_t *body = json_pack("{s:[o]}", "operations", operation);
	cleanup_free char *text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	maker->start = clock_monotonic_ns();
	send_call(maker, "POST", "/v1/transactions", text, committed);
}

static void tell(void *context, size_t finished)
{
	struct churn *churn = context;
	(void)finished;
	simulation_tell(churn->simulation, "churn", churn->turn, churn->all);
}

int scenario_churn(struct simulation *simulation, json_t **out, struct error *error)
{
	struct churn churn = {simulation, .all = TURNS * simulation->options->repeat};
	struct maker makers[AT_A_TIME] = {0};
	int rc = 0;
	meter_init(&churn.meter, simulation);
	meter_start(&churn.meter);
	uint64_t start = clock_monotonic_ns();
	for (size_t i = 0; i < AT_A_TIME; i++) {
		makers[i].churn = &churn;
		next(&makers[i]);
	}
	if (caller_run(&simulation->caller, &churn.finished, AT_A_TIME, 600, tell, &churn))
		rc = error_set(error, ETIMEDOUT, "changes are not realized after ten minutes");
	else if (*churn.fault)
		rc = error_set(error, EPROTO, "a change failed: %s", churn.fault);
	if (!rc) {
		*out = meter_encode(&churn.meter);
		json_object_set_new(*out, "changes_per_s",
			json_real((double)churn.meter.count * 1e9 /
				  (double)(clock_monotonic_ns() - start)));
	}
	for (size_t i = 0; i < AT_A_TIME; i++) { // what was not waited for
		http_client_cancel(makers[i].request);
		json_decref(makers[i].undo);
	}
	meter_done(&churn.meter);
	return rc;
}
