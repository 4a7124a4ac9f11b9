// SPDX-License-Identifier: Apache-2.0
#include "receipt.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "age.h"
#include "base/clock.h"
#include "base/memory.h"
#include "output.h"
#include "remarks.h"
#include "table.h"

enum {
	PROGRESS_MS = 250, // how often the progress line is renewed
	WAIT_MS =
		2000, // the longest that one request waits: a controller that hangs must be noticed
	PATIENCE_MS = 2000, // for the answer to it; twice as long each time that it is too short
};

// Given no --wait, nothing waits; --wait=0s asks once.
#define NO_WAIT UINT64_MAX

static uint64_t wait_ms = NO_WAIT;

const struct option_spec receipt_options[] = {
	{.name = "wait",
		.type = OPTION_DURATION,
		.target = &wait_ms,
		.argument = "TIME",
		.implied = "30s",
		.help = "until all hosts have realized it, at most so long"},
	{0},
};

static unsigned long long member_number(const json_t *json, const char *name)
{
	return (unsigned long long)json_integer_value(json_object_get(json, name));
}

static bool is_complete(const json_t *receipt)
{
	return json_is_true(json_object_get(receipt, "complete"));
}

static void show_progress(const json_t *receipt)
{
	fprintf(stderr, "\r\033[Khosts realized: %llu/%llu", member_number(receipt, "realized"),
		member_number(receipt, "required"));
}

int receipt_wait(struct client *client, uint64_t revision, uint64_t deadline, json_t **receipt,
	struct error *error)
{
	cleanup_free char *path = memory_format("/v1/revisions/%llu", (unsigned long long)revision);
	bool progress = isatty(STDERR_FILENO) && !output_json;
	uint64_t patience = PATIENCE_MS, most = progress ? PROGRESS_MS : WAIT_MS;
	json_t *last = NULL;
	int rc;

	client_set_deadline(client, deadline);
	while (true) {
		uint64_t began = clock_monotonic_ms();
		json_decref(last);
		last = NULL;
		rc = client_wait(client, path, most, patience, &last, error);
		bool over = clock_monotonic_ms() >= deadline;
		if (rc == -ETIMEDOUT && !over) {
			patience *= 2;
			continue;
		}
		if (rc || is_complete(last) || over)
			break;
		if (progress)
			show_progress(last);
		// A server that answers early must not be asked in a tight loop.
		if (clock_monotonic_ms() < began + most / 2)
			usleep(PROGRESS_MS * 1000 / 5);
	}
	if (progress)
		fputs("\r\033[K", stderr);
	if (!rc)
		*receipt = last;
	return rc;
}

static void print_late(const json_t *receipt)
{
	struct table *table;
	size_t index;
	json_t *host;

	table_new(&table, output_coloured(stderr));
	table_column(table, "HOST");
	table_column(table, "REALIZED");
	table_column(table, "LATE");
	table_column(table, "WHY");
	json_array_foreach (json_object_get(receipt, "pending"), index, host) {
		const char *failure = json_string_value(json_object_get(host, "failure"));
		bool connected = json_is_true(json_object_get(host, "connected"));
		unsigned long long late = member_number(host, "since_ms");
		cleanup_free char *realized =
			memory_format("%llu", member_number(host, "realized"));
		char since[AGE_TEXT], offline[AGE_TEXT];
		age_format(late, since);
		age_format(member_number(host, "offline_ms"), offline);
		cleanup_free char *gone = memory_format("not connected for %s", offline);
		table_row(table);
		table_cell(table, json_string_value(json_object_get(host, "host")), TABLE_PLAIN);
		table_cell(table, realized, TABLE_PLAIN);
		table_cell(table, since, TABLE_PLAIN);
		table_cell(table,
			failure     ? failure
			: connected ? "has not answered yet"
				    : gone,
			TABLE_BAD);
	}
	table_print(table, stderr);
	table_free(table);
}

int receipt_report(const json_t *receipt)
{
	unsigned long long required = member_number(receipt, "required");

	if (!output_json && is_complete(receipt)) {
		if (required)
			printf("revision %llu: realized by %llu of %llu host%s\n",
				member_number(receipt, "revision"),
				member_number(receipt, "realized"), required,
				required == 1 ? "" : "s");
		else
			printf("revision %llu: concerns no host\n",
				member_number(receipt, "revision"));
	} else if (!output_json) {
		fprintf(stderr, "not complete: revision %llu is realized by %llu of %llu host%s\n",
			member_number(receipt, "revision"), member_number(receipt, "realized"),
			required, required == 1 ? "" : "s");
		print_late(receipt);
	}
	return is_complete(receipt) ? EXIT_OK : EXIT_REFUSED;
}

static int follow(struct client *client, json_t *answer)
{
	struct error error = {0};
	json_t *receipt, *remarks;
	int code;

	if (receipt_wait(client, member_number(answer, "revision"), clock_monotonic_ms() + wait_ms,
		    &receipt, &error))
		return output_error(&error, client, NULL);
	remarks = remarks_collect(client, answer);
	json_object_set_new(answer, "receipt", receipt);
	json_object_set_new(answer, "remarks", remarks);
	code = receipt_report(receipt);
	fflush(stdout);
	if (!output_json)
		remarks_print(remarks);
	return code;
}

int receipt_finish(struct client *client, json_t *answer)
{
	int code = EXIT_OK;

	fflush(stdout);
	if (wait_ms != NO_WAIT)
		code = follow(client, answer);
	if (output_json)
		output_print_json(answer, stdout);
	return code;
}
