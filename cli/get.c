// SPDX-License-Identifier: Apache-2.0
// weft get: objects as a table, JSON or YAML, now, in the past, or as they change.
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "client.h"
#include "command.h"
#include "output.h"
#include "table.h"
#include "target.h"

static const char *const formats[] = {"table", "wide", "json", "yaml", "name", NULL};

static const char *format;
static bool all_tenants, watch;
static uint64_t at;

static const struct option_spec get_options[] = {
	{.name = "all-tenants",
		.letter = 'A',
		.type = OPTION_FLAG,
		.target = &all_tenants,
		.help = "of all tenants, whatever WEFT_TENANT says"},
	{.name = "output",
		.letter = 'o',
		.type = OPTION_CHOICE,
		.target = &format,
		.argument = "FORMAT",
		.fallback = "table",
		.choices = formats,
		.help = "table, wide (more columns), json, yaml, or name"},
	{.name = "at",
		.type = OPTION_NUMBER,
		.target = &at,
		.argument = "REVISION",
		.help = "as of a past revision"},
	{.name = "watch",
		.letter = 'w',
		.type = OPTION_FLAG,
		.target = &watch,
		.help = "go on and print each change"},
	{0},
};

// What is being shown, and how.
struct view {
	enum model_kind kind;
	const char *name; // only this object; NULL: all
	bool tenants;     // show the column TENANT
	bool states;      // show the column STATE
	struct table *table;
};

// What the controller has discovered about an object, in a word; NULL if nothing.
static const char *state_text(const json_t *item)
{
	const json_t *status = json_object_get(item, "status");
	const json_t *connected = json_object_get(status, "connected");

	if (connected)
		return json_is_true(connected) ? "connected" : "offline";
	return json_string_value(json_object_get(status, "state"));
}

static enum table_colour state_colour(const char *state)
{
	if (!state || !strcmp(state, "unplaced") || !strcmp(state, "unmanaged"))
		return TABLE_FAINT;
	if (!strcmp(state, "realized") || !strcmp(state, "connected"))
		return TABLE_GOOD;
	return strcmp(state, "pending") ? TABLE_BAD : TABLE_WARN;
}

static bool is_wide(void)
{
	return !strcmp(format, "wide");
}

// "unknown_unicast" -> "UNKNOWN-UNICAST": a header of one word, so that other programs can split
// it.
static void add_column(struct table *table, const char *field)
{
	cleanup_free char *name = memory_text(field);

	for (char *at_character = name; *at_character; at_character++)
		*at_character = *at_character == '_'
					? '-'
					: (char)(*at_character >= 'a' && *at_character <= 'z'
							  ? *at_character - 32
							  : *at_character);
	table_column(table, name);
}

static void add_columns(struct view *view)
{
	table_new(&view->table, output_coloured(stdout));
	if (watch)
		add_column(view->table, "event");
	if (view->tenants)
		add_column(view->table, "tenant");
	add_column(view->table, "name");
	for (const char *const *column = model_columns(view->kind, is_wide()); *column; column++)
		add_column(view->table, *column);
	if (view->states)
		add_column(view->table, "state");
	if (is_wide())
		add_column(view->table, "revision");
}

static int add_row(struct view *view, const char *event, const json_t *item, struct error *error)
{
	const char *tenant = json_string_value(json_object_get(item, "tenant"));
	const char *name = json_string_value(json_object_get(item, "name"));
	cleanup_object struct object *object = NULL;
	int rc = object_decode(&object, view->kind, tenant, name ? name : "", item, true, error);

	if (rc)
		return rc;
	table_row(view->table);
	if (watch)
		table_cell(view->table, event, strcmp(event, "delete") ? TABLE_PLAIN : TABLE_BAD);
	if (view->tenants)
		table_cell(view->table, object->tenant, TABLE_PLAIN);
	table_cell(view->table, object->name, TABLE_PLAIN);
	for (const char *const *column = model_columns(view->kind, is_wide()); *column; column++) {
		cleanup_free char *text = object_field_text(object, *column);
		table_cell(view->table, text, TABLE_PLAIN);
	}
	if (view->states)
		table_cell(view->table, state_text(item), state_colour(state_text(item)));
	if (is_wide()) {
		cleanup_free char *revision =
			memory_format("%llu", (unsigned long long)object->revision);
		table_cell(view->table, revision, TABLE_PLAIN);
	}
	return 0;
}

static void print_name(const struct view *view, const json_t *item)
{
	const char *tenant = json_string_value(json_object_get(item, "tenant"));
	const char *name = json_string_value(json_object_get(item, "name"));

	if (view->tenants && tenant)
		printf("%s/", tenant);
	puts(name ? name : "");
}

static int print_table(struct view *view, const json_t *items, struct error *error)
{
	size_t index;
	json_t *item;
	int rc;

	json_array_foreach ((json_t *)items, index, item)
		view->states = view->states || state_text(item);
	add_columns(view);
	json_array_foreach ((json_t *)items, index, item) {
		rc = add_row(view, "put", item, error);
		if (rc)
			return rc;
	}
	if (table_rows(view->table) || watch)
		table_print(view->table, stdout);
	return 0;
}

// One line, the same for what is there and for what changes, so that a program needs to read one
// form only.
static void print_event(const char *type, json_int_t revision, json_t *object)
{
	json_t *event =
		json_pack("{s:s, s:I, s:O}", "type", type, "revision", revision, "object", object);

	json_dumpf(event, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(event);
}

static int print_items(
	struct view *view, const json_t *items, json_int_t revision, struct error *error)
{
	size_t index;
	json_t *item;

	if (!strcmp(format, "table") || is_wide())
		return print_table(view, items, error);
	if (!strcmp(format, "name")) {
		json_array_foreach ((json_t *)items, index, item)
			print_name(view, item);
	} else if (watch && !strcmp(format, "json")) {
		json_array_foreach ((json_t *)items, index, item)
			print_event("put", revision, item);
	} else {
		const json_t *shown = view->name ? json_array_get(items, 0) : items;
		if (!strcmp(format, "json"))
			output_print_json(shown, stdout);
		else
			output_print_yaml(shown, stdout);
	}
	return 0;
}

struct watching {
	struct view *view;
	struct error *error;
};

static int print_change(void *context, json_t *event)
{
	struct watching *watching = context;
	struct view *view = watching->view;
	json_t *object = json_object_get(event, "object");
	const char *type = json_string_value(json_object_get(event, "type"));
	const char *name = json_string_value(json_object_get(object, "name"));
	int rc = 0;

	if (!type || !name || (view->name && strcmp(view->name, name)))
		return 0;
	if (view->table) {
		rc = add_row(view, type, object, watching->error);
		table_print(view->table, stdout);
	} else if (!strcmp(format, "json")) {
		print_event(type, json_integer_value(json_object_get(event, "revision")), object);
	} else if (!strcmp(format, "yaml")) {
		puts("---");
		output_print_yaml(event, stdout);
	} else {
		print_name(view, object);
	}
	return rc;
}

// Read once; then, if asked, follow. `tenant` NULL: all.
static int show(struct client *client, struct view *view, const char *tenant, struct error *error)
{
	cleanup_free char *path = client_path(view->kind, tenant, view->name);
	cleanup_free char *query =
		at ? memory_format("%s?at=%llu", path, (unsigned long long)at) : memory_text(path);
	json_t *answer = NULL, *items;
	json_int_t revision;
	int rc = client_request(client, "GET", query, NULL, CLIENT_TIMEOUT_MS, &answer, error);

	if (rc)
		return rc;
	revision = json_integer_value(json_object_get(answer, "revision"));
	items = view->name ? json_pack("[O]", answer)
			   : json_incref(json_object_get(answer, "items"));
	rc = print_items(view, items, revision, error);
	if (!rc && !json_array_size(items) && !output_json && !watch)
		fprintf(stderr, "no %s%s%s\n", model_kind_plural(view->kind),
			tenant ? " in tenant " : "", tenant ? tenant : "");
	json_decref(items);
	json_decref(answer);
	if (!rc && watch) {
		cleanup_free char *list = client_path(view->kind, tenant, NULL);
		cleanup_free char *follow =
			memory_format("%s?watch=1&since=%lld", list, (long long)revision);
		struct watching watching = {view, error};
		rc = client_stream(client, follow, print_change, &watching, error);
		if (!rc)
			rc = error_set(error, EPIPE, "the controller ended the watch");
	}
	return rc;
}

static int run(const char *const *words)
{
	cleanup_client struct client *client = NULL;
	cleanup_target struct target target = {0};
	struct error error = {0};
	struct view view = {0};
	const char *tenant = all_tenants ? NULL : target_tenant;
	int rc;

	if (output_json)
		format = "json";
	output_json = !strcmp(format, "json");
	rc = target_kind(words[0], &view.kind, &error);
	if (rc)
		return output_usage_error("get", "%s", error.message);
	if (watch && at)
		return output_usage_error(
			"get", "--watch follows the present, --at reads the past");
	if (!model_kind_in_tenant(view.kind))
		tenant = NULL;
	else
		view.tenants = !tenant;
	rc = client_open(&client, &error);
	if (!rc && words[1]) {
		target_tenant = tenant;
		rc = target_resolve(client, view.kind, words[1], &target, &error);
		tenant = target.tenant;
		view.name = target.name;
	}
	if (!rc)
		rc = show(client, &view, tenant, &error);
	table_free(view.table);
	return rc ? output_error(&error, client, NULL) : EXIT_OK;
}

const struct command command_get = {
	.name = "get",
	.summary = "Show objects",
	.help = "Lists the objects of a kind, or shows one. Without a tenant (-t or WEFT_TENANT): "
		"those of all\n"
		"tenants. With --watch and JSON, each object and each change is one line.",
	.words = {{"KIND"}, {"NAME", true}},
	.options = (const struct option_spec *const[]){get_options, target_options, client_options,
		NULL},
	.run = run,
};
