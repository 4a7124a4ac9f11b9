// SPDX-License-Identifier: Apache-2.0
#include "intake.h"

#include <errno.h>

#include "bulletin.h"
#include "follow.h"
#include "reads.h"
#include "reports.h"
#include "suspicion.h"

bool intake_ahead(const struct controller *controller, const json_t *report)
{
	json_int_t realized = json_integer_value(json_object_get(report, "realized"));
	return realized > 0 && (uint64_t)realized > controller_revision(controller);
}

// Of what is yet to come nobody can say that it is done: it would count for all that comes.
static int check_past(
	const struct controller *controller, const json_t *report, struct error *error)
{
	json_int_t realized = json_integer_value(json_object_get(report, "realized"));
	if (!intake_ahead(controller, report))
		return 0;
	error_set_field(error, "realized");
	if (controller_alone(controller) || follow_reaches(controller, NULL))
		return error_set(
			error, EINVAL, "there is no revision %" JSON_INTEGER_FORMAT, realized);
	return error_set(error, EAGAIN,
		"revision %" JSON_INTEGER_FORMAT
		" is not known here, and the store cannot be asked for it",
		realized);
}

int intake_report(
	struct controller *controller, const char *host, const json_t *report, struct error *error)
{
	int rc = check_past(controller, report, error);
	if (!rc)
		rc = reports_accept(controller, host, report, error);
	if (!rc)
		bulletin_report(controller, host, report);
	return rc;
}

static void judge(struct controller *controller, struct request *request,
	const struct target *target, const json_t *json)
{
	struct error error = {0};
	if (intake_report(controller, target->name, json, &error) < 0)
		request_refuse(request, &error);
	else
		request_answer(request, 200, json_object());
}

static void judge_anew(
	struct controller *controller, struct request *request, const struct target *target)
{
	json_t *json = request_json_again(request);
	judge(controller, request, target, json);
	json_decref(json);
}

void handle_report(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	json_t *json = NULL;
	if (request->body_length > REPORT_BYTES)
		error_set(&error, EFBIG, "a report has %d bytes at most", REPORT_BYTES);
	if (error.code || request_json(request, &json, &error) < 0)
		request_refuse(request, &error);
	else if (intake_ahead(controller, json))
		reads_handle_anyway(controller, request, judge_anew, target);
	else
		judge(controller, request, target, json);
	json_decref(json);
}
