// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

// The length of the UTF-8 sequence at `text`, 0 if it is none (RFC 3629, section 4; overlong forms
// of two bytes and bytes that cannot begin a sequence are what the first test is for).
static size_t sequence_length(const unsigned char *text)
{
	size_t length = text[0] < 0x80   ? 1
			: text[0] < 0xc2 ? 0
			: text[0] < 0xe0 ? 2
			: text[0] < 0xf0 ? 3
			: text[0] < 0xf5 ? 4
					 : 0;
	for (size_t i = 1; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	bool overlong = (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xf0 && text[1] < 0x90);
	bool beyond = (text[0] == 0xed && text[1] > 0x9f) || (text[0] == 0xf4 && text[1] > 0x8f);
	return overlong || beyond ? 0 : length;
}

// Errors quote what strangers sent and end up in JSON, logs and terminals: what is not UTF-8 (be it
// cut by the size of a buffer) or controls a terminal becomes '?'.
static void make_printable(char *text)
{
	for (size_t length; *text; text += length) {
		length = sequence_length((unsigned char *)text);
		if (!length || (unsigned char)*text < ' ' || *text == 0x7f) {
			*text = '?';
			length = 1;
		}
	}
}

int error_set(struct error *error, int code, const char *format, ...)
{
	if (!error || error->code)
		return -code;
	error->code = code;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	make_printable(error->message);
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
	make_printable(error->object);
}

void error_set_field(struct error *error, const char *format, ...)
{
	if (!error || error->field[0])
		return;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(error->field, sizeof(error->field), format, arguments);
	va_end(arguments);
	make_printable(error->field);
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
	make_printable(error->field);
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
