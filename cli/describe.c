// SPDX-License-Identifier: Apache-2.0
// weft describe: all that is known of one object, desired and discovered.
#include <string.h>

#include "base/memory.h"
#include "client.h"
#include "command.h"
#include "datapath/datapath.h"
#include "model/schema.h"
#include "output.h"
#include "reason.h"
#include "table.h"
#include "target.h"

enum { KEY_WIDTH = 20 };

// "realized_revision" -> "Realized revision:". Owned by the caller (free).
static char *key_text(const char *key)
{
	cleanup_free char *text = text_printable(key);

	for (char *at = text; *at; at++)
		if (*at == '_')
			*at = ' ';
	if (*text >= 'a' && *text <= 'z')
		*text = (char)(*text - 32);
	return memory_format("%s:", text);
}

static void print_heading(int indent, const char *key)
{
	cleanup_free char *text = key_text(key);

	printf("%*s%s\n", indent, "", text);
}

static void print_line(int indent, const char *key, const char *value)
{
	cleanup_free char *name = key_text(key);
	cleanup_free char *text = text_printable(value ? value : "-");

	printf("%*s%-*s %s\n", indent, "", KEY_WIDTH - indent, name, text);
}

static void print_fields(const struct object *object)
{
	size_t count;
	const struct field *fields = model_fields(object->kind, &count);

	for (size_t i = 0; i < count; i++) {
		cleanup_free char *text = object_field_text(object, fields[i].name);
		print_line(0, fields[i].name, text);
	}
}

static void print_number_cell(struct table *table, const json_t *json, const char *name)
{
	cleanup_free char *text = memory_format(
		"%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(json, name)));

	table_cell(table, text, TABLE_PLAIN);
}

static void print_drops(const json_t *drops)
{
	struct table *table;
	const char *reason;
	json_t *count;

	if (!json_object_size(drops)) {
		print_line(0, "drops", "none");
		return;
	}
	print_heading(0, "drops");
	table_new(&table, output_coloured(stdout));
	table_column(table, "REASON");
	table_column(table, "PACKETS");
	table_column(table, "BYTES");
	table_column(table, "WHY");
	json_object_foreach ((json_t *)drops, reason, count) {
		table_row(table);
		table_cell(table, reason, TABLE_WARN);
		print_number_cell(table, count, "packets");
		print_number_cell(table, count, "bytes");
		table_cell(table, reason_help(reason), TABLE_PLAIN);
	}
	table_print(table, stdout);
	table_free(table);
}

// A rule without a name is called by its place.
static void print_rules(const json_t *rules)
{
	struct table *table;
	size_t index;
	json_t *rule;

	print_heading(0, "rules");
	table_new(&table, output_coloured(stdout));
	table_column(table, "RULE");
	table_column(table, "DIRECTION");
	table_column(table, "ACTION");
	table_column(table, "PACKETS");
	table_column(table, "BYTES");
	json_array_foreach ((json_t *)rules, index, rule) {
		const char *name = json_string_value(json_object_get(rule, "name"));
		const char *direction = json_string_value(json_object_get(rule, "direction"));
		const char *action = json_string_value(json_object_get(rule, "action"));
		cleanup_free char *place = memory_format("rules[%zu]", index);
		table_row(table);
		table_cell(table, name ? name : place, TABLE_PLAIN);
		table_cell(table, direction ? direction : "-", TABLE_PLAIN);
		table_cell(table, action ? action : "-", TABLE_PLAIN);
		print_number_cell(table, rule, "packets");
		print_number_cell(table, rule, "bytes");
	}
	table_print(table, stdout);
	table_free(table);
}

// "since_ms": 5210 -> "Since: 5.2 s".
static bool print_milliseconds(int indent, const char *key, const json_t *value)
{
	size_t length = strlen(key);

	if (length <= 3 || strcmp(key + length - 3, "_ms") || !json_is_integer(value))
		return false;
	cleanup_free char *name = strndup(key, length - 3);
	cleanup_free char *text = memory_format("%.1f s", json_number_value(value) / 1000);
	print_line(indent, name, text);
	return true;
}

static void print_value(int indent, const char *key, const json_t *value);

static void print_members(int indent, const json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)object, key, value)
		if (strcmp(key, "drops") && strcmp(key, "rules"))
			print_value(indent, key, value);
}

static void print_value(int indent, const char *key, const json_t *value)
{
	size_t index;
	json_t *item;

	if (json_is_object(value)) {
		print_heading(indent, key);
		print_members(indent + 2, value);
	} else if (json_is_array(value)) {
		json_array_foreach ((json_t *)value, index, item)
			print_value(indent, key, item);
	} else if (json_is_string(value)) {
		print_line(indent, key, json_string_value(value));
	} else if (!json_is_null(value) && !print_milliseconds(indent, key, value)) {
		cleanup_free char *text = json_dumps(value, JSON_ENCODE_ANY);
		print_line(indent, key, text);
	}
}

static int print_object(const struct target *target, const json_t *json, struct error *error)
{
	const json_t *status = json_object_get(json, "status");
	cleanup_object struct object *object = NULL;
	cleanup_free char *revision = NULL;
	int rc = object_decode(
		&object, target->kind, target->tenant, target->name, json, true, error);

	// Not all of it is shown to everybody: then what is shown, as it came.
	if (rc) {
		*error = (struct error){0};
		print_members(0, json);
		return 0;
	}
	revision = memory_format("%llu", (unsigned long long)object->revision);
	print_line(0, "kind", model_kind_name(object->kind));
	if (object->tenant)
		print_line(0, "tenant", object->tenant);
	print_line(0, "name", object->name);
	print_line(0, "revision", revision);
	print_fields(object);
	if (status && object->kind == MODEL_POLICY) {
		print_rules(json_object_get(status, "rules"));
	} else if (status) {
		print_value(0, "status", status);
		print_drops(json_object_get(status, "drops"));
	}
	return 0;
}

static int run(const char *const *words)
{
	cleanup_client struct client *client = NULL;
	cleanup_target struct target target = {0};
	struct error error = {0};
	enum model_kind kind;
	json_t *answer = NULL;
	int rc;

	if (target_kind(words[0], &kind, &error))
		return output_usage_error("describe", "%s", error.message);
	rc = client_open(&client, &error);
	if (!rc)
		rc = target_resolve(client, kind, words[1], &target, &error);
	if (!rc) {
		cleanup_free char *path = client_path(kind, target.tenant, target.name);
		rc = client_request(client, "GET", path, NULL, CLIENT_TIMEOUT_MS, &answer, &error);
	}
	if (!rc && output_json)
		output_print_json(answer, stdout);
	else if (!rc)
		rc = print_object(&target, answer, &error);
	json_decref(answer);
	return rc ? output_error(&error, client, NULL) : EXIT_OK;
}

const struct command command_describe = {
	.name = "describe",
	.summary = "Show all that is known of an object",
	.group = COMMAND_LOOK,
	.help = "Its fields, what the hosts report of it, its counters, and what was dropped and "
		"why.",
	.words = {{"KIND"}, {"NAME"}},
	.options = (const struct option_spec *const[]){target_options, client_options, NULL},
	.run = run,
};
