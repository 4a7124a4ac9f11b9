// SPDX-License-Identifier: Apache-2.0
#include "intake.h"

#include <errno.h>

#include "bulletin.h"
#include "reports.h"
#include "suspicion.h"

int intake_report(
	struct controller *controller, const char *host, const json_t *report, struct error *error)
{
	int rc = reports_accept(controller, host, report, error);
	if (!rc)
		bulletin_report(controller, host, report);
	return rc;
}

void handle_report(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	json_t *json = NULL;
	if (request->body_length > REPORT_BYTES)
		error_set(&error, EFBIG, "a report has %d bytes at most", REPORT_BYTES);
	if (error.code || request_json(request, &json, &error) < 0 ||
		intake_report(controller, target->name, json, &error) < 0)
		request_refuse(request, &error);
	else
		request_answer(request, 200, json_object());
	json_decref(json);
}
