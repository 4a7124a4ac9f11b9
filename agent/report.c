// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include "base/backoff.h"
#include "base/log.h"
#include "base/memory.h"
#include "timer.h"

// A burst of changes makes a report at once and then one a pause, not one after the other.
enum { ANSWER_SECONDS = 30, PAUSE_MS = 10 };

struct report {
	struct http_client *http;
	char *path;
	report_build build;
	void *context;
	struct http_request *request;
	struct timer
		*soon; // at the loop's next turn, so that what happens in one turn is one report
	struct backoff backoff;
	unsigned noted, sent;
	bool online;
	bool whole; // what was told before may not have arrived, or not at this controller
};

static void ended(void *context, long status, const char *text)
{
	struct report *report = context;
	report->request = NULL;
	if (status >= 200 && status < 300) {
		backoff_reset(&report->backoff);
		report->sent = 0;
		agent_timer_start(report->soon, PAUSE_MS, 0);
		return;
	}
	report->noted |= report->sent | REPORT_LISTS;
	report->sent = 0;
	report->whole = true;
	if (status)
		log_warning("the controller refused a report: status %ld: %.600s", status, text);
	else
		log_debug("a report did not arrive: %s", text);
	agent_timer_start(report->soon, backoff_ms(&report->backoff), 0);
}

static void send_now(void *context)
{
	struct report *report = context;
	if (!report->online || report->request || !report->noted)
		return;
	json_t *json = report->build(report->context, report->noted, report->whole);
	cleanup_free char *body = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	report->sent = report->noted;
	report->noted = 0;
	report->whole = false;
	struct http_call call = {
		.method = "POST",
		.path = report->path,
		.body = body,
		.silence_seconds = ANSWER_SECONDS,
		.done = ended,
		.context = report,
	};
	report->request = http_client_send(report->http, &call);
}

void agent_report_note(struct report *report, unsigned members)
{
	report->noted |= members;
	if (report->online && !report->request && !agent_timer_active(report->soon))
		agent_timer_start(report->soon, 0, 0);
}

void agent_report_online(struct report *report, bool online)
{
	bool news = online && !report->online;
	report->online = online;
	if (!news)
		return;
	report->whole = true;
	agent_report_note(report, REPORT_ALL);
}

void agent_report_new(struct report **out, uv_loop_t *loop, struct http_client *http,
	const char *host, report_build build, void *context)
{
	struct report *report = memory_new(sizeof(*report));
	report->http = http;
	report->path = memory_format("/v1/hosts/%s/report", host);
	report->build = build;
	report->context = context;
	agent_timer_new(&report->soon, loop, send_now, report);
	*out = report;
}

void agent_report_free(struct report *report)
{
	if (!report)
		return;
	http_client_cancel(report->request);
	agent_timer_free(&report->soon);
	free(report->path);
	free(report);
}
