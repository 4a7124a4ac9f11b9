// SPDX-License-Identifier: Apache-2.0
// What reports say (docs/design/api.md, "The stream to an agent").
#pragma once

#include <jansson.h>

#include "compile/compile.h"
#include "counters.h"
#include "links.h"

// One element of "interfaces" and of "ports"; new references. `role`, `problem` and `counters` may
// be NULL.
json_t *content_interface(const struct link *link, const char *role);
json_t *content_port(const struct compiler_port *port, const char *problem,
	const struct port_counters *counters);

// Why this link cannot be a port, whatever is desired; NULL if it can. Loopback, tun and tunnels carry
// no Ethernet frames, and have no MAC; NULL, no link, is fine.
const char *content_link_problem(const struct link *link);

// A report with these members (enum report_member); `agent` is a struct agent. New reference.
json_t *content_build(void *agent, unsigned members);
