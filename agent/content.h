// SPDX-License-Identifier: Apache-2.0
// What reports say (docs/design/api.md, "The stream to an agent").
#pragma once

#include <jansson.h>

#include "compile/compile.h"
#include "counters.h"
#include "links.h"
#include "told.h"

// One element of "interfaces" and of "ports"; new references. `role`, `problem` and `counters` may
// be NULL.
json_t *content_interface(const struct link *link, const char *role);
json_t *content_port(const struct compiler_port *port, const char *problem,
	const struct port_counters *counters);

// What the host itself uses the link for: "carries addresses of the host", "belongs to a bridge, bond or
// VRF"; NULL if for nothing. Who makes it a port cuts the host off.
const char *content_link_use(const struct link *link);
// Why this link cannot be a port, whatever is desired; NULL if it can. Loopback, tun and tunnels carry
// no Ethernet frames, and have no MAC. What is `held` as a port already stays one when the host
// begins to use it. NULL, no link, is fine.
const char *content_link_problem(const struct link *link, bool held);

// A list of them as a report has it: whole, under its name, or what changed and what is gone since
// the last that was built, under NAME_changed and NAME_gone.
struct content_list {
	struct told *told;
	bool whole;
	json_t *items, *gone;
};
void content_list_begin(struct content_list *list, struct told *told, bool whole);
void content_list_interface(struct content_list *list, const struct link *link, const char *role);
void content_list_port(struct content_list *list, const struct compiler_port *port,
	const char *problem, const struct port_counters *counters);
void content_list_end(struct content_list *list, const char *name, json_t *report);

// A report with these members (enum report_member); `agent` is a struct agent, and `whole` as
// report_build says. New reference.
json_t *content_build(void *agent, unsigned members, bool whole);
