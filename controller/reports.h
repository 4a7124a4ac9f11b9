// SPDX-License-Identifier: Apache-2.0
// Discovered state: what the agents report of their hosts. In memory only; after a restart of the
// controller the agents report anew.
#pragma once

#include "state.h"

void reports_start(struct controller *controller);
void reports_free(struct controller *controller);
void reports_forget(struct controller *controller, const char *host);

// All borrowed until the next report, and NULL if the host has not reported such a thing.
const json_t *reports_interfaces(const struct controller *controller, const char *host);
const json_t *reports_interface(
	const struct controller *controller, const char *host, const char *device);
const json_t *reports_port(const struct controller *controller, const char *host,
	const char *tenant, const char *name);
const json_t *reports_agent(const struct controller *controller, const char *host);
const json_t *reports_drops(const struct controller *controller, const char *host);
// The newest revision that the host has realized; 0: none.
uint64_t reports_realized(const struct controller *controller, const char *host);
