// SPDX-License-Identifier: Apache-2.0
// weft describe: all that is known of one object, desired and discovered.
#include <string.h>
#include <utstring.h>

#include "base/memory.h"
#include "client.h"
#include "command.h"
#include "datapath/datapath.h"
#include "model/schema.h"
#include "output.h"
#include "paragraph.h"
#include "reason.h"
#include "related.h"
#include "table.h"
#include "target.h"

enum { KEY_WIDTH = 20 };

static bool is_word(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && !strncmp(text, word, length);
}

// Words that are abbreviations, as people write them.
static void print_word_of_key(UT_string *out, const char *word, size_t length, bool first)
{
	static const char *const abbreviations[][2] = {{"mac", "MAC"}, {"mtu", "MTU"},
		{"vni", "VNI"}, {"vtep", "VTEP"}, {"dhcp", "DHCP"}, {"dns", "DNS"},
		{"slaac", "SLAAC"}};

	for (size_t i = 0; i < array_count(abbreviations); i++)
		if (is_word(word, length, abbreviations[i][0])) {
			utstring_printf(out, "%s", abbreviations[i][1]);
			return;
		}
	if (first && *word >= 'a' && *word <= 'z')
		utstring_printf(out, "%c%.*s", *word - 32, (int)length - 1, word + 1);
	else
		utstring_printf(out, "%.*s", (int)length, word);
}

// "realized_revision" -> "Realized revision:", "dns_servers" -> "DNS servers:". Owned by the caller
// (free).
static char *key_text(const char *key)
{
	cleanup_free char *text = text_printable(key);
	UT_string out;

	utstring_init(&out);
	for (const char *word = text; *word;) {
		size_t length = strcspn(word, "_");
		print_word_of_key(&out, word, length, word == text);
		word += length;
		if (*word) {
			utstring_printf(&out, " ");
			word++;
		}
	}
	utstring_printf(&out, ":");
	return utstring_body(&out);
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

// Those that have a table of their own are left to it.
static bool has_table(const struct object *object, const struct field *field)
{
	return (object->kind == MODEL_ROUTER || object->kind == MODEL_POLICY) &&
	       field_members(field);
}

// A list of texts is spread over lines, with a blank after each comma.
static void print_field(const struct object *object, const json_t *json, const struct field *field)
{
	const json_t *value = json_object_get(json, field->name);
	cleanup_free char *text = object_field_text(object, field->name);
	UT_string spread;

	if (!json_is_array(value) || field_members(field)) {
		print_line(0, field->name, text);
		return;
	}
	utstring_init(&spread);
	for (const char *at = text; *at; at++)
		utstring_printf(&spread, *at == ',' ? ", " : "%c", *at);
	cleanup_free char *name = key_text(field->name);
	printf("%-*s ", KEY_WIDTH, name);
	paragraph_print(stdout, KEY_WIDTH + 1, KEY_WIDTH + 1, utstring_body(&spread), false);
	utstring_done(&spread);
}

static void print_fields(const struct object *object, const json_t *json)
{
	size_t count;
	const struct field *fields = model_fields(object->kind, &count);

	for (size_t i = 0; i < count; i++)
		if (!has_table(object, &fields[i]))
			print_field(object, json, &fields[i]);
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

// What a host's services have been asked; left out as long as it is nothing.
static void print_services(const json_t *services)
{
	static const char *const counts[] = {"answered", "silent", "malformed", "failed"};
	struct table *table;
	json_int_t total = 0;
	const char *service;
	json_t *counted;

	table_new(&table, output_coloured(stdout));
	table_column(table, "SERVICE");
	table_column(table, "ANSWERED");
	table_column(table, "SILENT");
	table_column(table, "MALFORMED");
	table_column(table, "FAILED");
	json_object_foreach ((json_t *)services, service, counted) {
		table_row(table);
		table_cell(table, service, TABLE_PLAIN);
		for (size_t i = 0; i < array_count(counts); i++) {
			total += json_integer_value(json_object_get(counted, counts[i]));
			print_number_cell(table, counted, counts[i]);
		}
	}
	if (total) {
		print_heading(0, "services");
		table_print(table, stdout);
	} else {
		print_line(0, "services", "nothing was asked");
	}
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
		if (strcmp(key, "drops") && strcmp(key, "services"))
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

static int print_object(
	struct client *client, const struct target *target, const json_t *json, struct error *error)
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
	print_fields(object, json);
	if (status && object->kind != MODEL_POLICY) {
		print_value(0, "status", status);
		if (json_object_get(status, "services"))
			print_services(json_object_get(status, "services"));
		print_drops(json_object_get(status, "drops"));
	}
	return related_print(client, object, json, error);
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
		rc = print_object(client, &target, answer, &error);
	json_decref(answer);
	return rc ? output_error(&error, client, NULL) : EXIT_OK;
}

const struct command command_describe = {
	.name = "describe",
	.summary = "Show all that is known of an object",
	.group = COMMAND_LOOK,
	.help = "Its fields, what the hosts report of it, its counters, what was dropped and why, "
		"and what has to do with it: the ports of a network, host or policy, the policies "
		"of "
		"a port or address set, what a router joins.",
	.examples = "weft describe port acme/web1\n"
		    "weft describe policy web -t acme\n",
	.words = {{"KIND"}, {"NAME"}},
	.options = (const struct option_spec *const[]){target_options, client_options, NULL},
	.run = run,
};
