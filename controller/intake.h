// SPDX-License-Identifier: Apache-2.0
// What agents say comes in: it is taken into the reports, and told to the other controllers.
#pragma once

#include "handler.h"

// Whether it tells of a revision that is not known here. Another controller may have told the host more
// than this one knows; then this one first takes in what it lacks (reads.h), and judges the report after that.
bool intake_ahead(const struct controller *controller, const json_t *report);
// On failure nothing of it is taken: -EINVAL also of one that has realized a revision that there is not,
// -EAGAIN where the store cannot be asked whether there is.
int intake_report(
	struct controller *controller, const char *host, const json_t *report, struct error *error);
