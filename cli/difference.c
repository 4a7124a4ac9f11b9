// SPDX-License-Identifier: Apache-2.0
#include "difference.h"

#include <string.h>

#include "base/memory.h"
#include "model/schema.h"
#include "output.h"
#include "table.h"

static void print_sign(char sign, int indent, FILE *out)
{
	const char *colour = sign == '+' ? "\033[32m" : sign == '-' ? "\033[31m" : "\033[33m";

	if (output_coloured(out))
		fprintf(out, "%*s%s%c\033[0m ", indent, "", colour, sign);
	else
		fprintf(out, "%*s%c ", indent, "", sign);
}

static void print_value(char sign, const char *field, const json_t *value, FILE *out)
{
	cleanup_free char *dump = json_is_string(value) ? memory_text(json_string_value(value))
							: json_dumps(value, JSON_ENCODE_ANY);
	cleanup_free char *text = text_printable(dump);

	print_sign(sign, 4, out);
	fprintf(out, "%s: %s\n", field, text);
}

static bool holds(const json_t *list, const json_t *value)
{
	size_t index;
	json_t *item;

	json_array_foreach ((json_t *)list, index, item)
		if (json_equal(item, value))
			return true;
	return false;
}

// The items of `list` that `other` has not, each with the sign.
static size_t print_items(
	char sign, const char *field, const json_t *list, const json_t *other, FILE *out)
{
	size_t index, count = 0;
	json_t *item;

	json_array_foreach ((json_t *)list, index, item)
		if (!holds(other, item)) {
			print_value(sign, field, item, out);
			count++;
		}
	return count;
}

static void print_field(const char *field, const json_t *before, const json_t *after, FILE *out)
{
	if (json_equal(before, after))
		return;
	if (json_is_array(before) && json_is_array(after)) {
		if (!(print_items('-', field, before, after, out) +
			    print_items('+', field, after, before, out))) {
			print_sign('~', 4, out);
			fprintf(out, "%s: in another order\n", field);
		}
		return;
	}
	if (before)
		print_value('-', field, before, out);
	if (after)
		print_value('+', field, after, out);
}

static void print_change(const json_t *before, const json_t *after, FILE *out)
{
	const json_t *object = json_is_object(after) ? after : before;
	const char *kind_name = json_string_value(json_object_get(object, "kind"));
	const char *tenant = json_string_value(json_object_get(object, "tenant"));
	const char *name = json_string_value(json_object_get(object, "name"));
	char path[OBJECT_PATH_TEXT];
	enum model_kind kind;
	size_t count;

	if (!kind_name || !name || model_kind_find(kind_name, &kind))
		return;
	print_sign(json_is_null(before) ? '+' : json_is_null(after) ? '-' : '~', 0, out);
	fprintf(out, "%s\n", object_path_of(kind, tenant, name, path));
	const struct field *fields = model_fields(kind, &count);
	for (size_t i = 0; i < count && !json_is_null(after); i++)
		if (!(fields[i].flags & FIELD_SERVER))
			print_field(fields[i].name, json_object_get(before, fields[i].name),
				json_object_get(after, fields[i].name), out);
}

void difference_print(const json_t *changes, FILE *out)
{
	const json_t *change;
	size_t index;

	json_array_foreach ((json_t *)changes, index, change)
		print_change(
			json_object_get(change, "before"), json_object_get(change, "after"), out);
}
