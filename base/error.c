// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *error, int code, const char *format, ...)
{
	if (!error || error->code)
		return -code;
	error->code = code;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	return -code;
}

void error_set_object(struct error *error, const char *format, ...)
{
	if (!error || error->object[0])
		return;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(error->object, sizeof(error->object), format, arguments);
	va_end(arguments);
}

void error_set_field(struct error *error, const char *format, ...)
{
	if (!error || error->field[0])
		return;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(error->field, sizeof(error->field), format, arguments);
	va_end(arguments);
}

void error_prefix_field(struct error *error, const char *format, ...)
{
	if (!error)
		return;
	char inner[sizeof(error->field)];
	memcpy(inner, error->field, sizeof(inner));
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(error->field, sizeof(error->field), format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= sizeof(error->field) || !inner[0])
		return;
	// An index binds to what stands before it: "security" and "[0]" make "security[0]".
	snprintf(error->field + length, sizeof(error->field) - (size_t)length, "%s%s",
		inner[0] == '[' ? "" : ".", inner);
}

// Appends at `*used`, never past `size`; `*used` stays at the terminator.
__attribute__((format(printf, 4, 5))) static void append(
	char *text, size_t size, size_t *used, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(text + *used, size - *used, format, arguments);
	va_end(arguments);
	if (length > 0)
		*used = (size_t)length < size - *used ? *used + (size_t)length : size - 1;
}

char *error_format(const struct error *error, char *text, size_t size)
{
	if (!size)
		return text;
	size_t used = 0;
	text[0] = '\0';
	if (error->file[0] && error->line && error->column)
		append(text, size, &used, "%s:%d:%d: ", error->file, error->line, error->column);
	else if (error->file[0] && error->line)
		append(text, size, &used, "%s:%d: ", error->file, error->line);
	else if (error->file[0])
		append(text, size, &used, "%s: ", error->file);
	else if (error->line)
		append(text, size, &used, "line %d, column %d: ", error->line, error->column);
	if (error->object[0])
		append(text, size, &used, "%s: ", error->object);
	if (error->field[0])
		append(text, size, &used, "%s: ", error->field);
	append(text, size, &used, "%s", error->message);
	return text;
}
