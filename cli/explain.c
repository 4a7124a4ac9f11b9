// SPDX-License-Identifier: Apache-2.0
// weft explain, openapi and manual: what the schema, the datapath and the table of commands say,
// for people and programs.
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "command.h"
#include "datapath/datapath.h"
#include "model/object.h"
#include "model/schema.h"
#include "output.h"
#include "paragraph.h"
#include "target.h"

enum { MEMBER_WIDTH = 13 };

// ---- explain ----

// What limits a field, each with ", " before it.
static void print_constraints(const struct field *field)
{
	static const struct {
		unsigned flag;
		const char *text;
	} flags[] = {
		{FIELD_REQUIRED, "required"},
		{FIELD_SERVER, "set by the controller"},
		{FIELD_STICKY, "stays where not given"},
		{FIELD_CONSTANT, "cannot change"},
	};
	const char *const *choices = field_choices(field);
	cleanup_free char *fallback = field_default_text(field);

	for (size_t i = 0; choices && choices[i]; i++)
		printf("%s%s", i ? " | " : ": ", choices[i]);
	for (size_t i = 0; i < array_count(flags); i++)
		if (field->flags & flags[i].flag)
			printf(", %s", flags[i].text);
	if (field->maximum && field->minimum)
		printf(", %u to %u", field->minimum, field->maximum);
	else if (field->maximum)
		printf(", at most %u", field->maximum);
	if (fallback)
		printf(", default %s", fallback);
}

// "name  help", as one of a list.
static void print_member(const struct field_member *member)
{
	int column = printf("      %-*s ", MEMBER_WIDTH, member->name);

	paragraph_print(stdout, column, MEMBER_WIDTH + 7, member->help, output_coloured(stdout));
}

static void explain_field(const struct field *field)
{
	const struct field_member *member = field_members(field);
	const char *type = field_type_help(field);
	cleanup_free char *help =
		memory_format("%s.%s%s", field->help, type ? " " : "", type ? type : "");

	printf(output_coloured(stdout) ? "\033[1m%s\033[0m  (%s" : "%s  (%s", field->name,
		field_type_name(field));
	print_constraints(field);
	printf(")\n    ");
	paragraph_print(stdout, 4, 4, help, output_coloured(stdout));
	for (; member && member->name; member++)
		print_member(member);
}

static void explain_kind(enum model_kind kind)
{
	size_t count;
	const struct field *fields = model_fields(kind, &count);
	const char *line = model_kind_example(kind);

	printf("%s: %s.\n\n", model_kind_name(kind), model_kind_help(kind));
	for (size_t i = 0; i < count; i++)
		explain_field(&fields[i]);
	puts("\nExample:");
	for (const char *end; (end = strchr(line, '\n')); line = end + 1)
		printf("    %.*s\n", (int)(end - line), line);
}

static json_t *field_json(const struct field *field)
{
	const struct field_member *member = field_members(field);
	const char *type = field_type_help(field);
	json_t *json = json_pack("{s:s, s:s, s:s, s:b, s:b}", "name", field->name, "type",
		field_type_name(field), "help", field->help, "required",
		(field->flags & FIELD_REQUIRED) != 0, "read_only",
		(field->flags & FIELD_SERVER) != 0);

	if (type)
		json_object_set_new(json, "written", json_string(type));
	if (member)
		json_object_set_new(json, "members", json_array());
	for (; member && member->name; member++)
		json_array_append_new(json_object_get(json, "members"),
			json_pack("{s:s, s:s}", "name", member->name, "help", member->help));
	return json;
}

static json_t *kind_json(enum model_kind kind)
{
	json_t *fields = json_array();
	size_t count;
	const struct field *all = model_fields(kind, &count);

	for (size_t i = 0; i < count; i++)
		json_array_append_new(fields, field_json(&all[i]));
	return json_pack("{s:s, s:s, s:o, s:s}", "kind", model_kind_name(kind), "help",
		model_kind_help(kind), "fields", fields, "example", model_kind_example(kind));
}

static void explain_all(void)
{
	for (enum model_kind kind = 0; kind < MODEL_KIND_COUNT; kind++)
		printf("%-12s %s\n", model_kind_name(kind), model_kind_help(kind));
	puts("\nweft explain KIND tells the fields of one, with an example.");
}

static json_t *kinds_json(void)
{
	json_t *kinds = json_array();

	for (enum model_kind kind = 0; kind < MODEL_KIND_COUNT; kind++)
		json_array_append_new(kinds, json_pack("{s:s, s:s}", "kind", model_kind_name(kind),
						     "help", model_kind_help(kind)));
	return json_pack("{s:o}", "kinds", kinds);
}

static void print_and_release(json_t *json)
{
	output_print_json(json, stdout);
	json_decref(json);
}

static int run_explain(const char *const *words)
{
	cleanup_free char *kind_word = words[0] ? strndup(words[0], strcspn(words[0], ".")) : NULL;
	const char *field_word = words[0] ? strchr(words[0], '.') : NULL;
	const struct field *field = NULL;
	struct error error = {0};
	enum model_kind kind;

	if (!words[0] && output_json)
		print_and_release(kinds_json());
	else if (!words[0])
		explain_all();
	if (!words[0])
		return EXIT_OK;
	if (target_kind(kind_word, &kind, &error))
		return output_usage_error("explain", "%s", error.message);
	if (field_word && !(field = model_field_find(kind, field_word + 1))) {
		const char *near = model_field_suggest(kind, field_word + 1);
		return output_usage_error("explain", "a %s has no field \"%s\"%s%s%s",
			model_kind_name(kind), field_word + 1, near ? ", did you mean \"" : "",
			near ? near : "", near ? "\"?" : "");
	}
	if (output_json)
		print_and_release(field ? field_json(field) : kind_json(kind));
	else if (field)
		explain_field(field);
	else
		explain_kind(kind);
	return EXIT_OK;
}

// ---- openapi ----

static int run_openapi(const char *const *words)
{
	json_t *json = model_openapi();

	(void)words;
	output_print_json(json, stdout);
	json_decref(json);
	return EXIT_OK;
}

// ---- manual ----

static int print_option_row(void *context, const struct option_spec *option)
{
	cleanup_free char *usage = option_usage(option);

	(void)context;
	printf("| `%s` | %s | %s%s%s | %s%s%s |\n", usage, option->help,
		option->environment ? "`" : "", option->environment ? option->environment : "",
		option->environment ? "`" : "", option->fallback ? "`" : "",
		option->fallback ? option->fallback : "", option->fallback ? "`" : "");
	return 0;
}

static void print_command(const struct command *command)
{
	cleanup_free char *usage = command_usage(command);

	printf("\n## %s\n\n`%s`\n\n%s.\n", command->name, usage, command->summary);
	if (command->help)
		printf("%s\n", command->help);
	if (command->examples)
		printf("\n```sh\n%s```\n", command->examples);
	if (!command->options)
		return;
	puts("\n| option | meaning | variable | default |\n| --- | --- | --- | --- |");
	option_each(command->options, print_option_row, NULL);
}

static void print_reasons(void)
{
	const char *name;

	puts("# Why packets are dropped\n\nEach drop is counted for the port that it happened at; "
	     "`weft describe port NAME` shows the counts.\n\n| reason | meaning |\n| --- | --- |");
	for (uint32_t reason = 1; (name = datapath_reason_name(reason)); reason++)
		printf("| `%s` | %s |\n", name, datapath_reason_help(reason));
}

static int run_manual(const char *const *words)
{
	const struct option_spec *const common[] = {common_options, NULL};
	cleanup_free char *objects = model_manual(MODEL_KIND_COUNT);

	(void)words;
	puts("<!-- Generated by `weft manual`: change the schema, the commands or "
	     "the "
	     "reasons, not this file. -->\n");
	fputs(objects, stdout);
	putchar('\n');
	print_reasons();
	puts("\n# Commands\n\nExit status: 0 done, 1 refused or not complete, 2 called "
	     "wrongly.\n\n"
	     "All commands take:\n\n| option | meaning | variable | default |\n| --- | --- | --- | "
	     "--- |");
	option_each(common, print_option_row, NULL);
	for (size_t i = 0; commands[i]; i++)
		print_command(commands[i]);
	return EXIT_OK;
}

const struct command command_explain = {
	.name = "explain",
	.summary = "Show the kinds of objects, or the fields of one and an example",
	.help = "KIND.FIELD shows one field, with its members.",
	.examples = "weft explain policy          # with an example that can be applied\n"
		    "weft explain policy.rules    # how a rule is written\n",
	.group = COMMAND_LEARN,
	.words = {{"KIND", true}},
	.run = run_explain,
};

const struct command command_openapi = {
	.name = "openapi",
	.summary = "Print the OpenAPI document of the API",
	.group = COMMAND_LEARN,
	.run = run_openapi,
};

const struct command command_manual = {
	.name = "manual",
	.summary = "Print the reference manual as Markdown",
	.text = true,
	.group = COMMAND_LEARN,
	.run = run_manual,
};
