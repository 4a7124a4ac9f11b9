// SPDX-License-Identifier: Apache-2.0
// The reference manual, from the schema.
#include <utstring.h>

#include "base/memory.h"
#include "model/object.h"
#include "model/schema.h"
#include "model/warning.h"

static void append_notes(UT_string *text, const struct field *field)
{
	cleanup_free char *fallback = field_default_text(field);
	const char *separator = "";
	static const struct {
		unsigned flag;
		const char *note;
	} notes[] = {
		{FIELD_REQUIRED, "required"},
		{FIELD_CONSTANT, "cannot change"},
		{FIELD_STICKY, "kept when a replacement leaves it out"},
		{FIELD_SERVER, "read only"},
	};
	for (size_t i = 0; i < array_count(notes); i++)
		if (field->flags & notes[i].flag) {
			utstring_printf(text, "%s%s", separator, notes[i].note);
			separator = ", ";
		}
	if (field->minimum) {
		utstring_printf(text, "%s%u to %u", separator, field->minimum, field->maximum);
		separator = ", ";
	}
	if (fallback)
		utstring_printf(text, "%sdefault `%s`", separator, fallback);
}

static void append_field(UT_string *text, const struct field *field)
{
	utstring_printf(text, "| `%s` | ", field->name);
	const char *const *choices = field_choices(field);
	for (size_t i = 0; choices && choices[i]; i++)
		utstring_printf(text, "%s`%s`", i ? ", " : "", choices[i]);
	if (!choices)
		utstring_printf(text, "%s", field_type_name(field));
	utstring_printf(text, " | %s | ", field->help);
	append_notes(text, field);
	utstring_printf(text, " |\n");
}

// The members of those fields that are lists of objects, and how to write what has no plain value.
static void append_values(UT_string *text, enum model_kind kind)
{
	size_t count;
	const struct field *fields = model_fields(kind, &count);
	for (size_t i = 0; i < count; i++) {
		const struct field_member *member = field_members(&fields[i]);
		const char *help = field_type_help(&fields[i]);
		if (fields[i].flags & FIELD_SERVER || !help)
			continue;
		utstring_printf(text, "\n`%s`: %s\n", fields[i].name, help);
		if (!member)
			continue;
		utstring_printf(text, "\n| member | what |\n| --- | --- |\n");
		for (; member->name; member++)
			utstring_printf(text, "| `%s` | %s |\n", member->name, member->help);
	}
}

static void append_kind(UT_string *text, enum model_kind kind)
{
	size_t count;
	const struct field *fields = model_fields(kind, &count);
	utstring_printf(text, "## %s\n\n%s.\n\n", model_kind_name(kind), model_kind_help(kind));
	if (model_kind_in_tenant(kind))
		utstring_printf(text, "Path: `/v1/tenants/{tenant}/%s/{name}`\n\n",
			model_kind_plural(kind));
	else
		utstring_printf(text, "Path: `/v1/%s/{name}`\n\n", model_kind_plural(kind));
	utstring_printf(text, "| field | type | what | |\n| --- | --- | --- | --- |\n");
	for (size_t i = 0; i < count; i++)
		append_field(text, &fields[i]);
	append_values(text, kind);
	utstring_printf(text, "\n```yaml\n%s```\n", model_kind_example(kind));
}

static void append_warnings(UT_string *text)
{
	utstring_printf(text, "\n# Warnings\n\n"
			      "What is accepted and yet hardly meant. The answer to a write names "
			      "them.\n\n"
			      "| warning | what |\n| --- | --- |\n");
	for (int i = 0; i < MODEL_WARNING_COUNT; i++)
		utstring_printf(text, "| `%s` | %s |\n", model_warning_name((enum model_warning)i),
			model_warning_help((enum model_warning)i));
}

char *model_manual(enum model_kind kind)
{
	UT_string text;
	utstring_init(&text);
	if (kind != MODEL_KIND_COUNT) {
		append_kind(&text, kind);
		return utstring_body(&text);
	}
	utstring_printf(&text, "# Objects\n\n"
			       "Generated from the schema. Every object also has `kind`, `name`, "
			       "`revision` (of its "
			       "last change), and `tenant` where it lives in one.\n");
	for (int each = 0; each < MODEL_KIND_COUNT; each++) {
		utstring_printf(&text, "\n");
		append_kind(&text, (enum model_kind)each);
	}
	append_warnings(&text);
	return utstring_body(&text);
}
