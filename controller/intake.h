// SPDX-License-Identifier: Apache-2.0
// What agents say comes in: it is taken into the reports, and told to the other controllers.
#pragma once

#include "handler.h"

// On failure nothing of it is taken.
int intake_report(
	struct controller *controller, const char *host, const json_t *report, struct error *error);
