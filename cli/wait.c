// SPDX-License-Identifier: Apache-2.0
// weft wait: until the hosts are as far.
#include "base/clock.h"
#include "client.h"
#include "command.h"
#include "output.h"
#include "receipt.h"
#include "remarks.h"

static uint64_t revision, timeout_ms;

static const struct option_spec wait_options[] = {
	{.name = "revision",
		.letter = 'r',
		.type = OPTION_NUMBER,
		.target = &revision,
		.argument = "REVISION",
		.help = "the revision; the newest where not given"},
	{.name = "timeout",
		.type = OPTION_DURATION,
		.target = &timeout_ms,
		.argument = "TIME",
		.fallback = "30s",
		.help = "how long to wait at most (30s)"},
	{0},
};

static int get_status(struct client *client, json_t **status, struct error *error)
{
	return client_request(client, "GET", "/v1/status", NULL, CLIENT_TIMEOUT_MS, status, error);
}

static int run_wait(const char *const *words)
{
	cleanup_client struct client *client = NULL;
	struct error error = {0};
	json_t *status, *receipt, *remarks;
	uint64_t deadline = clock_monotonic_ms() + timeout_ms;
	int rc = client_open(&client, &error), code;

	(void)words;
	if (!rc)
		client_set_deadline(client, deadline);
	if (!rc && !revision) {
		rc = get_status(client, &status, &error);
		if (!rc) {
			revision =
				(uint64_t)json_integer_value(json_object_get(status, "revision"));
			json_decref(status);
		}
	}
	if (!rc)
		rc = receipt_wait(client, revision, deadline, &receipt, &error);
	if (rc)
		return output_error(&error, client, NULL);
	remarks = remarks_of_revision(client, revision);
	json_object_set_new(receipt, "remarks", remarks);
	if (output_json)
		output_print_json(receipt, stdout);
	code = receipt_report(receipt);
	fflush(stdout);
	if (!output_json)
		remarks_print(remarks);
	json_decref(receipt);
	return code;
}

const struct command command_wait = {
	.name = "wait",
	.summary = "Wait until the hosts have realized a revision",
	.help = "Exit status 0 when every host that the revision concerns has realized it; 1 when "
		"the time is over, and\n"
		"then the hosts that are late are listed, and why. It ends at its time whatever "
		"controllers do; two\n"
		"seconds later where one does not answer.",
	.examples = "weft wait --timeout 1m\n",
	.group = COMMAND_LOOK,
	.options = (const struct option_spec *const[]){wait_options, client_options, NULL},
	.run = run_wait,
};
