// SPDX-License-Identifier: Apache-2.0
// weft audit: who wrote what.
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "client.h"
#include "command.h"
#include "output.h"
#include "table.h"

// So many objects stand in a row of the table; of more, how many more.
enum { OBJECTS_SHOWN = 3 };

static uint64_t since, until;
static const char *tenant;
static bool refused;

static const struct option_spec audit_options[] = {
	{.name = "since",
		.type = OPTION_NUMBER,
		.target = &since,
		.argument = "REVISION",
		.help = "after this revision; not given: the last thousand"},
	{.name = "until",
		.type = OPTION_NUMBER,
		.target = &until,
		.argument = "REVISION",
		.help = "up to this revision"},
	{.name = "tenant",
		.letter = 't',
		.type = OPTION_TEXT,
		.target = &tenant,
		.argument = "TENANT",
		.help = "only what was written in this tenant"},
	{.name = "refused",
		.type = OPTION_FLAG,
		.target = &refused,
		.help = "what this controller has refused of late instead"},
	{0},
};

static char *query(void)
{
	cleanup_free char *until_part =
		until ? memory_format("&until=%llu", (unsigned long long)until) : memory_text("");
	cleanup_free char *tenant_part =
		tenant ? memory_format("&tenant=%s", tenant) : memory_text("");
	cleanup_free char *since_part =
		since ? memory_format("&since=%llu", (unsigned long long)since) : memory_text("");
	char *path = memory_format("/v1/audit?%s%s%s", since_part, until_part, tenant_part);
	// "?&" is "?", and "?" alone nothing.
	char *mark = strchr(path, '?');
	if (mark[1] == '&')
		memmove(mark + 1, mark + 2, strlen(mark + 2) + 1);
	if (!mark[1])
		*mark = '\0';
	return path;
}

static const char *text_of(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));
	return text ? text : "-";
}

// "create acme/ports/web1, delete acme/ports/web2, +7"
static char *objects_of(const json_t *record)
{
	const json_t *operations = json_object_get(record, "operations");
	size_t count = json_array_size(operations);
	json_int_t more = json_integer_value(json_object_get(record, "more"));
	char *text = memory_text("");
	for (size_t i = 0; i < count && i < OBJECTS_SHOWN; i++) {
		const json_t *operation = json_array_get(operations, i);
		cleanup_free char *before = text;
		text = memory_format("%s%s%s %s", before, i ? ", " : "", text_of(operation, "op"),
			text_of(operation, "object"));
	}
	if (count > OBJECTS_SHOWN)
		more += (json_int_t)(count - OBJECTS_SHOWN);
	if (more) {
		cleanup_free char *before = text;
		text = memory_format("%s, +%" JSON_INTEGER_FORMAT, before, more);
	}
	return text;
}

static void print_table(const json_t *items)
{
	static const char *const columns[] = {"TIME", "WHO", "FROM", "REQUEST", NULL};
	struct table *table;
	size_t index;
	json_t *item;
	table_new(&table, output_coloured(stdout));
	table_column(table, refused ? "STATUS" : "REVISION");
	for (size_t i = 0; columns[i]; i++)
		table_column(table, columns[i]);
	table_column(table, refused ? "REASON" : "OBJECTS");
	json_array_foreach ((json_t *)items, index, item) {
		static const char *const members[] = {"time", "who", "from", "request", NULL};
		cleanup_free char *number = model_field_text(item, refused ? "status" : "revision");
		cleanup_free char *objects = refused ? NULL : objects_of(item);
		table_row(table);
		table_cell(table, number, refused ? TABLE_BAD : TABLE_PLAIN);
		for (size_t i = 0; members[i]; i++)
			table_cell(table, text_of(item, members[i]), TABLE_PLAIN);
		table_cell(table, refused ? text_of(item, "detail") : objects, TABLE_PLAIN);
	}
	if (table_rows(table))
		table_print(table, stdout);
	table_free(table);
}

static int run(const char *const *words)
{
	cleanup_client struct client *client = NULL;
	cleanup_free char *path = query();
	struct error error = {0};
	json_t *answer;
	int rc = client_open(&client, &error);

	(void)words;
	if (!rc && tenant && model_name_check(tenant, &error))
		rc = -error.code;
	if (!rc)
		rc = client_request(client, "GET", path, NULL, CLIENT_TIMEOUT_MS, &answer, &error);
	if (rc)
		return output_error(&error, client, NULL);
	if (output_json)
		output_print_json(answer, stdout);
	else
		print_table(json_object_get(answer, refused ? "refused" : "items"));
	json_decref(answer);
	return EXIT_OK;
}

const struct command command_audit = {
	.name = "audit",
	.summary = "Show who wrote what, and when",
	.help = "Each row is a revision. What was refused is kept in the memory of each "
		"controller, and in "
		"its log.",
	.options = (const struct option_spec *const[]){audit_options, client_options, NULL},
	.run = run,
};
