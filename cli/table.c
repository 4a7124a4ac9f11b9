// SPDX-License-Identifier: Apache-2.0
#include "table.h"

#include <string.h>
#include <utarray.h>
#include <wchar.h>

#include "base/memory.h"

// The longest UTF-8 character.
enum { UTF8_MAX = 4 };

struct cell {
	char *text;
	enum table_colour colour;
};

struct table {
	bool coloured, header_printed;
	UT_array *names;  // of char *
	UT_array *widths; // of size_t
	UT_array *cells;  // of struct cell, row after row
	size_t rows, printed;
};

static void cell_copy(void *target, const void *source)
{
	const struct cell *from = source;
	*(struct cell *)target = (struct cell){memory_text(from->text), from->colour};
}

static void cell_done(void *cell)
{
	free(((struct cell *)cell)->text);
}

static const UT_icd cell_icd = {sizeof(struct cell), NULL, cell_copy, cell_done};
static const UT_icd width_icd = {sizeof(size_t), NULL, NULL, NULL};

// Decode one character. Returns its bytes; a byte that begins no valid character counts as one '?'.
static size_t character_decode(const char *text, wchar_t *out)
{
	mbstate_t state = {0};
	size_t length = mbrtowc(out, text, UTF8_MAX, &state);

	if (length == 0 || length > UTF8_MAX || wcwidth(*out) < 0) {
		*out = L'?';
		// A control character is skipped whole, a broken byte alone.
		return length && length <= UTF8_MAX ? length : 1;
	}
	return length;
}

size_t text_width(const char *text)
{
	size_t width = 0;

	while (*text) {
		wchar_t character;
		text += character_decode(text, &character);
		width += (size_t)wcwidth(character);
	}
	return width;
}

char *text_printable(const char *text)
{
	char *out = memory_new(strlen(text) + 1), *at = out;

	while (*text) {
		wchar_t character;
		size_t length = character_decode(text, &character);
		if (character == L'?')
			*at++ = '?';
		else
			at = mempcpy(at, text, length);
		text += length;
	}
	return out;
}

void table_new(struct table **out, bool coloured)
{
	struct table *table = memory_new(sizeof(*table));

	table->coloured = coloured;
	utarray_new(table->names, &ut_str_icd);
	utarray_new(table->widths, &width_icd);
	utarray_new(table->cells, &cell_icd);
	*out = table;
}

void table_free(struct table *table)
{
	if (!table)
		return;
	utarray_free(table->names);
	utarray_free(table->widths);
	utarray_free(table->cells);
	free(table);
}

void table_column(struct table *table, const char *name)
{
	size_t width = text_width(name);

	utarray_push_back(table->names, &name);
	utarray_push_back(table->widths, &width);
}

void table_row(struct table *table)
{
	table->rows++;
}

void table_cell(struct table *table, const char *text, enum table_colour colour)
{
	size_t columns = utarray_len(table->names);
	cleanup_free char *printable = text_printable(colour == TABLE_BLANK ? ""
						      : text && *text       ? text
									    : "-");
	size_t *width = (size_t *)utarray_eltptr(
		table->widths, utarray_len(table->cells) - (table->rows - 1) * columns);
	struct cell cell = {printable, colour};

	if (text_width(printable) > *width)
		*width = text_width(printable);
	utarray_push_back(table->cells, &cell);
}

size_t table_rows(const struct table *table)
{
	return table->rows;
}

static void cell_print(const struct table *table, const char *text, const char *escape,
	size_t column, bool last, FILE *out)
{
	size_t width = *(size_t *)utarray_eltptr(table->widths, column);

	if (table->coloured && *escape)
		fprintf(out, "%s%s\033[0m", escape, text);
	else
		fputs(text, out);
	if (last)
		fputc('\n', out);
	else
		fprintf(out, "%*s", (int)(width - text_width(text) + 2), "");
}

static void row_print(const struct table *table, const struct cell *cells, FILE *out)
{
	static const char *const escapes[] = {
		[TABLE_PLAIN] = "",
		[TABLE_GOOD] = "\033[32m",
		[TABLE_WARN] = "\033[33m",
		[TABLE_BAD] = "\033[31m",
		[TABLE_FAINT] = "\033[2m",
		[TABLE_BLANK] = "",
	};
	size_t columns = utarray_len(table->names);

	while (columns > 1 && !*cells[columns - 1].text)
		columns--;
	for (size_t i = 0; i < columns; i++)
		cell_print(
			table, cells[i].text, escapes[cells[i].colour], i, i + 1 == columns, out);
}

void table_print(struct table *table, FILE *out)
{
	size_t columns = utarray_len(table->names);

	for (size_t i = 0; i < columns && !table->header_printed; i++)
		cell_print(table, *(char **)utarray_eltptr(table->names, i), "\033[1m", i,
			i + 1 == columns, out);
	table->header_printed = true;
	for (; table->printed < table->rows; table->printed++)
		row_print(table,
			(const struct cell *)utarray_eltptr(table->cells, table->printed * columns),
			out);
	fflush(out);
}
