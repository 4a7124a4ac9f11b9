// SPDX-License-Identifier: Apache-2.0
// Discovered state: what the agents report of their hosts. In memory only; after a restart of the
// controller the agents report anew.
#pragma once

#include "state.h"

void reports_start(struct controller *controller);
void reports_free(struct controller *controller);
// Take what the host's agent says. On failure nothing of it is taken.
int reports_accept(
	struct controller *controller, const char *host, const json_t *report, struct error *error);
void reports_forget(struct controller *controller, const char *host);
// What the host's agent has posted at another controller.
void reports_hear(struct controller *controller, const char *host, const json_t *report);
// The host has come to be known, and may have reported already.
void reports_introduce(struct controller *controller, const char *host);
// All that is known, as the agent would post it: a new reference, NULL if it has not reported.
json_t *reports_encode(const struct controller *controller, const char *host);

// NULL if the host has not reported such a thing. New references:
json_t *reports_interface(
	const struct controller *controller, const char *host, const char *device);
json_t *reports_port(const struct controller *controller, const char *host, const char *tenant,
	const char *name);
// Borrowed until the next report:
const json_t *reports_agent(const struct controller *controller, const char *host);
const json_t *reports_drops(const struct controller *controller, const char *host);
// What each host has counted by the rules of a policy: members policy, revision, name, index,
// packets, bytes, and of rules that are logged "log".
typedef void (*reports_visit)(void *context, const char *host, const json_t *item);
void reports_rules(const struct controller *controller, const struct object *policy,
	reports_visit visit, void *context);
// The newest revision that the host has realized; 0: none.
// How often the host told of ports that are placed on others.
uint64_t reports_foreign_ports(const struct controller *controller, const char *host);
uint64_t reports_realized(const struct controller *controller, const char *host);
