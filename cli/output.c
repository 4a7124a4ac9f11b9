// SPDX-License-Identifier: Apache-2.0
#include "output.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "base/memory.h"
#include "table.h"

bool output_json;

bool output_coloured(FILE *out)
{
	const char *no_colour = getenv("NO_COLOR");

	return isatty(fileno(out)) && !(no_colour && *no_colour);
}

void output_print_json(const json_t *json, FILE *out)
{
	json_dumpf(json, out, JSON_INDENT(2) | JSON_ENCODE_ANY);
	fputc('\n', out);
	fflush(out);
}

// ---- YAML ----

// Would a plain scalar of this text be read as something else than text? Quoting too often harms
// nothing.
static bool yaml_needs_quotes(const char *text)
{
	static const char *const words[] = {
		"true", "false", "yes", "no", "on", "off", "null", "~", "y", "n"};

	for (size_t i = 0; i < array_count(words); i++)
		if (!strcasecmp(text, words[i]))
			return true;
	return !*text || strchr("0123456789+-.=<", *text) || strchr(text, ':');
}

static void yaml_scalar(yaml_emitter_t *emitter, const char *text, bool quoted)
{
	yaml_event_t event;

	yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
		(int)strlen(text), true, true,
		quoted ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE);
	yaml_emitter_emit(emitter, &event);
}

static void yaml_value(yaml_emitter_t *emitter, const json_t *json)
{
	yaml_event_t event;
	const char *key;
	json_t *value;
	size_t index;

	if (json_is_object(json)) {
		yaml_mapping_start_event_initialize(
			&event, NULL, NULL, true, YAML_BLOCK_MAPPING_STYLE);
		yaml_emitter_emit(emitter, &event);
		json_object_foreach ((json_t *)json, key, value) {
			yaml_scalar(emitter, key, yaml_needs_quotes(key));
			yaml_value(emitter, value);
		}
		yaml_mapping_end_event_initialize(&event);
		yaml_emitter_emit(emitter, &event);
	} else if (json_is_array(json)) {
		bool flow = true; // a list of plain values fits one line
		json_array_foreach (json, index, value)
			flow = flow && !json_is_object(value) && !json_is_array(value);
		yaml_sequence_start_event_initialize(&event, NULL, NULL, true,
			flow ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE);
		yaml_emitter_emit(emitter, &event);
		json_array_foreach (json, index, value)
			yaml_value(emitter, value);
		yaml_sequence_end_event_initialize(&event);
		yaml_emitter_emit(emitter, &event);
	} else if (json_is_string(json)) {
		yaml_scalar(emitter, json_string_value(json),
			yaml_needs_quotes(json_string_value(json)));
	} else {
		cleanup_free char *text = json_dumps(json, JSON_ENCODE_ANY);
		yaml_scalar(emitter, text, false);
	}
}

void output_print_yaml(const json_t *json, FILE *out)
{
	yaml_emitter_t emitter;
	yaml_event_t event;

	yaml_emitter_initialize(&emitter);
	yaml_emitter_set_output_file(&emitter, out);
	yaml_emitter_set_unicode(&emitter, true);
	yaml_emitter_set_width(&emitter, 100);
	yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING);
	yaml_emitter_emit(&emitter, &event);
	yaml_document_start_event_initialize(&event, NULL, NULL, NULL, true);
	yaml_emitter_emit(&emitter, &event);
	yaml_value(&emitter, json);
	yaml_document_end_event_initialize(&event, true);
	yaml_emitter_emit(&emitter, &event);
	yaml_stream_end_event_initialize(&event);
	yaml_emitter_emit(&emitter, &event);
	yaml_emitter_delete(&emitter);
	fflush(out);
}

// ---- errors ----

// The line of the file that the error names, with a caret under the column.
static void print_caret(const struct error *error, const char *text)
{
	size_t width = 0, column = error->column > 0 ? (size_t)error->column - 1 : 0;

	for (int line = 1; line < error->line && text; line++) {
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	if (!text || !*text || *text == '\n')
		return;
	cleanup_free char *raw = strndup(text, strcspn(text, "\r\n"));
	for (char *tab = raw; (tab = strchr(tab, '\t'));)
		*tab = ' ';
	cleanup_free char *line = text_printable(raw);
	// Columns count characters; those before the caret may be wide.
	for (const char *at = line; *at && column; column--) {
		size_t length = 1;
		while ((at[length] & 0xc0) == 0x80)
			length++;
		cleanup_free char *character = strndup(at, length);
		width += text_width(character);
		at += length;
	}
	fprintf(stderr, "    %s\n", line);
	if (error->column > 0)
		fprintf(stderr, "    %*s^\n", (int)width, "");
}

static json_t *error_problem(const struct error *error)
{
	const char *code = strerrorname_np(error->code);
	json_t *problem = json_pack("{s:s, s:s, s:s, s:s}", "type", "about:blank", "title",
		strerror(error->code), "detail", error->message, "code", code ? code : "EIO");

	if (*error->object)
		json_object_set_new(problem, "object", json_string(error->object));
	if (*error->field)
		json_object_set_new(problem, "field", json_string(error->field));
	return problem;
}

int output_error(const struct error *error, const struct client *client, const char *text)
{
	char line[2048];

	if (output_json) {
		const json_t *refusal = client ? client_problem(client) : NULL;
		json_t *problem = refusal ? json_copy((json_t *)refusal) : error_problem(error);

		if (*error->file)
			json_object_set_new(problem, "file", json_string(error->file));
		if (error->line)
			json_object_set_new(problem, "line", json_integer(error->line));
		if (error->column)
			json_object_set_new(problem, "column", json_integer(error->column));
		output_print_json(problem, stderr);
		json_decref(problem);
		return EXIT_REFUSED;
	}
	cleanup_free char *printable = text_printable(error_format(error, line, sizeof(line)));
	fprintf(stderr, output_coloured(stderr) ? "\033[1;31merror:\033[0m %s\n" : "error: %s\n",
		printable);
	if (text && *error->file && error->line)
		print_caret(error, text);
	return EXIT_REFUSED;
}

void output_warning(const char *warning, const struct error *what)
{
	char line[2048];
	cleanup_free char *printable = text_printable(error_format(what, line, sizeof(line)));
	cleanup_free char *name = text_printable(warning);

	fprintf(stderr,
		output_coloured(stderr) ? "\033[1;33mwarning:\033[0m %s [%s]\n"
					: "warning: %s [%s]\n",
		printable, name);
}

int output_usage_error(const char *command, const char *format, ...)
{
	struct error error = {.code = EINVAL};
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error.message, sizeof(error.message), format, arguments);
	va_end(arguments);
	output_error(&error, NULL, NULL);
	if (!output_json)
		fprintf(stderr, command ? "try: weft help %s\n" : "try: weft help\n", command);
	return EXIT_USAGE;
}
