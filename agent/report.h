// SPDX-License-Identifier: Apache-2.0
// Reports to the controller: coalesced, one in flight, each member again until it has arrived.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "http/client.h"

// What a report has to say; its members as docs/design/api.md names them.
enum report_member {
	REPORT_REALIZED = 1 << 0, // "realized" and "failure"
	REPORT_AGENT = 1 << 1,
	REPORT_INTERFACES = 1 << 2,
	REPORT_PORTS = 1 << 3,
	REPORT_DROPS = 1 << 4,
	REPORT_RULES = 1 << 5,
	REPORT_ALL = (1 << 6) - 1,
	REPORT_LISTS = REPORT_INTERFACES | REPORT_PORTS, // of which only differences are told
};

struct report;
// A JSON object with these members, as of now. `whole`: the controller may know nothing of what was
// built before; else lists need say only what differs from then. New reference.
typedef json_t *(*report_build)(void *context, unsigned members, bool whole);

void agent_report_new(struct report **out, uv_loop_t *loop, struct http_client *http,
	const char *host, report_build build, void *context);
void agent_report_free(struct report *report);
// These members are not as the controller has heard them. Sent at once if nothing is in flight.
void agent_report_note(struct report *report, unsigned members);
// While it is not online nothing is sent. Going online, if it was not, makes every member new.
void agent_report_online(struct report *report, bool online);
