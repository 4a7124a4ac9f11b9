// SPDX-License-Identifier: Apache-2.0
// Objects in tables: which fields are columns, and a value as the text of a cell.
#include "model/object.h"

#include <jansson.h>
#include <utstring.h>

#include "base/memory.h"
#include "base/table.h"
#include "model/schema.h"

enum { COLUMNS_MAXIMUM = 32 };

const char *const *model_columns(enum model_kind kind, bool wide)
{
	static const char *columns[MODEL_KIND_COUNT][2][COLUMNS_MAXIMUM + 1];
	const char **out = columns[kind][wide];
	if (out[0])
		return out;
	size_t count, used = 0;
	const struct field *fields = model_fields(kind, &count);
	for (size_t i = 0; i < count && used < COLUMNS_MAXIMUM; i++)
		if (fields[i].flags & (wide ? FIELD_COLUMN | FIELD_WIDE : FIELD_COLUMN))
			out[used++] = fields[i].name;
	return out;
}

// Lists join with commas, objects are name=value; a list of objects separates them with "; ".
static void append_value(UT_string *text, const json_t *value)
{
	const char *name, *separator = "";
	size_t index;
	json_t *item;
	switch (json_typeof(value)) {
	case JSON_STRING:
		utstring_printf(text, "%s", json_string_value(value));
		break;
	case JSON_INTEGER:
		utstring_printf(text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		utstring_printf(text, "%s", json_is_true(value) ? "true" : "false");
		break;
	case JSON_ARRAY:
		json_array_foreach ((json_t *)value, index, item) {
			utstring_printf(text, "%s", separator);
			append_value(text, item);
			separator = json_is_object(item) ? "; " : ",";
		}
		break;
	case JSON_OBJECT:
		json_object_foreach ((json_t *)value, name, item) {
			utstring_printf(text, "%s%s=", separator, name);
			append_value(text, item);
			separator = " ";
		}
		break;
	case JSON_REAL: // no field has one
	case JSON_NULL:
		break;
	}
}

char *model_field_text(const json_t *object, const char *field)
{
	UT_string text;
	utstring_init(&text);
	const json_t *value = json_object_get(object, field);
	if (value)
		append_value(&text, value);
	if (!utstring_len(&text))
		utstring_printf(&text, "-");
	return utstring_body(&text);
}

char *object_field_text(const struct object *object, const char *field)
{
	json_t *json = object_encode(object);
	char *text = model_field_text(json, field);
	json_decref(json);
	return text;
}
