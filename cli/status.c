// SPDX-License-Identifier: Apache-2.0
// weft status: controllers, store, hosts, and who is late or gone, since when.
#include "age.h"
#include "base/memory.h"
#include "client.h"
#include "command.h"
#include "output.h"
#include "table.h"

static unsigned long long member_number(const json_t *json, const char *name)
{
	return (unsigned long long)json_integer_value(json_object_get(json, name));
}

static bool member_true(const json_t *json, const char *name)
{
	return json_is_true(json_object_get(json, name));
}

static void print_line(const char *name, const char *text)
{
	printf("%-13s%s\n", name, text);
}

static void print_store(const json_t *store)
{
	char age[AGE_TEXT];
	age_format(member_number(store, "since_ms"), age);
	cleanup_free char *text =
		member_true(store, "shared")
			? memory_format("shared, %s for %s",
				  member_true(store, "answers") ? "answers" : "does not answer",
				  age)
			: memory_text("of this controller alone");
	print_line("Store:", text);
}

static void print_hosts(const json_t *hosts)
{
	unsigned long long managed = member_number(hosts, "managed");
	unsigned long long outstanding = member_number(hosts, "outstanding");
	cleanup_free char *text = memory_format("%llu of %llu connected, %llu late",
		member_number(hosts, "connected"), managed, member_number(hosts, "late"));
	cleanup_free char *receipts = outstanding ? memory_format("%llu outstanding", outstanding)
						  : memory_text("complete");
	print_line("Hosts:", text);
	print_line("Receipts:", receipts);
}

static void print_objects(const json_t *objects)
{
	const char *kind;
	json_t *count;
	const char *separator = "";

	printf("%-13s", "Objects:");
	json_object_foreach ((json_t *)objects, kind, count) {
		printf("%s%s %" JSON_INTEGER_FORMAT, separator, kind, json_integer_value(count));
		separator = ", ";
	}
	putchar('\n');
}

// Of the controller that was asked, which is the first.
static void print_turned_away(const json_t *controllers)
{
	unsigned long long count = member_number(json_array_get(controllers, 0), "turned_away");
	cleanup_free char *text = memory_format("%llu connections since it began", count);
	if (count)
		print_line("Turned away:", text);
}

static void print_controllers(const json_t *controllers)
{
	struct table *table;
	size_t index;
	json_t *controller;

	if (json_array_size(controllers) < 2)
		return;
	table_new(&table, output_coloured(stdout));
	table_column(table, "CONTROLLER");
	table_column(table, "STATE");
	table_column(table, "SINCE");
	table_column(table, "HOSTS");
	json_array_foreach (controllers, index, controller) {
		bool self = member_true(controller, "self");
		bool connected = member_true(controller, "connected");
		const char *url = json_string_value(json_object_get(controller, "url"));
		char age[AGE_TEXT];
		cleanup_free char *hosts =
			memory_format("%llu", member_number(controller, "hosts"));
		table_row(table);
		table_cell(table, url ? url : "without an address", TABLE_PLAIN);
		table_cell(table,
			self        ? "answers"
			: connected ? "connected"
				    : "not connected",
			connected ? TABLE_GOOD : TABLE_BAD);
		table_cell(
			table, age_format(member_number(controller, "since_ms"), age), TABLE_PLAIN);
		table_cell(table, hosts, TABLE_PLAIN);
	}
	putchar('\n');
	table_print(table, stdout);
	table_free(table);
}

// The first hundred, as the controller lists them.
static void print_attention(const json_t *hosts)
{
	struct table *table;
	size_t index;
	json_t *host;
	const json_t *attention = json_object_get(hosts, "attention");

	if (!json_array_size(attention))
		return;
	table_new(&table, output_coloured(stdout));
	table_column(table, "HOST");
	table_column(table, "STATE");
	table_column(table, "SINCE");
	table_column(table, "REALIZED");
	table_column(table, "WHY");
	json_array_foreach (attention, index, host) {
		bool connected = member_true(host, "connected");
		char age[AGE_TEXT];
		cleanup_free char *realized =
			memory_format("%llu", member_number(host, "realized"));
		table_row(table);
		table_cell(table, json_string_value(json_object_get(host, "host")), TABLE_PLAIN);
		table_cell(table, connected ? "late" : "not connected",
			connected ? TABLE_WARN : TABLE_BAD);
		table_cell(table, age_format(member_number(host, "since_ms"), age), TABLE_PLAIN);
		table_cell(table, realized, TABLE_PLAIN);
		table_cell(table, json_string_value(json_object_get(host, "failure")), TABLE_PLAIN);
	}
	putchar('\n');
	table_print(table, stdout);
	table_free(table);
}

static void print_status(const json_t *status)
{
	const char *version = json_string_value(json_object_get(status, "version"));
	const json_t *hosts = json_object_get(status, "hosts");
	cleanup_free char *revision = memory_format("%llu", member_number(status, "revision"));

	print_line("Controller:", client_settings.controller);
	print_line("Version:", version ? version : "-");
	print_line("Revision:", revision);
	// The people of a tenant are told less.
	if (hosts) {
		print_store(json_object_get(status, "store"));
		print_hosts(hosts);
	}
	print_objects(json_object_get(status, "objects"));
	print_turned_away(json_object_get(status, "controllers"));
	print_controllers(json_object_get(status, "controllers"));
	print_attention(hosts);
}

static int run_status(const char *const *words)
{
	cleanup_client struct client *client = NULL;
	struct error error = {0};
	json_t *status;
	int rc = client_open(&client, &error);

	(void)words;
	if (!rc)
		rc = client_request(
			client, "GET", "/v1/status", NULL, CLIENT_TIMEOUT_MS, &status, &error);
	if (rc)
		return output_error(&error, client, NULL);
	if (output_json)
		output_print_json(status, stdout);
	else
		print_status(status);
	json_decref(status);
	return EXIT_OK;
}

const struct command command_status = {
	.name = "status",
	.summary = "Show controllers, store and hosts, and who is late or gone since when",
	.group = COMMAND_LOOK,
	.options = (const struct option_spec *const[]){client_options, NULL},
	.run = run_status,
};
