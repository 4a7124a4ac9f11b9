// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// No allocation, no formatting: this must work when there is no memory at all.
static void *checked(void *memory)
{
	if (!memory) {
		fputs("weft: out of memory\n", stderr);
		abort();
	}
	return memory;
}

void *memory_new(size_t size)
{
	return checked(calloc(1, size ? size : 1));
}

void *memory_resize(void *memory, size_t count, size_t size)
{
	// reallocarray(…, 0) may free and return NULL; one spare byte keeps "never NULL" true.
	return checked(count && size ? reallocarray(memory, count, size) : realloc(memory, 1));
}

char *memory_text(const char *text)
{
	return text ? checked(strdup(text)) : NULL;
}

char *memory_format(const char *format, ...)
{
	char *text = NULL;
	va_list arguments;
	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	return checked(length < 0 ? NULL : text);
}
