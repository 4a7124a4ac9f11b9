// SPDX-License-Identifier: Apache-2.0
// Tables of text, aligned by display width: a cell may hold any UTF-8, wide and combining
// characters too.
//
// Control characters in a cell are shown as "?", so that no text of a tenant can command the
// terminal.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct table;

// TABLE_BLANK is no colour: nothing at all, where a table has cells that say nothing.
enum table_colour { TABLE_PLAIN, TABLE_GOOD, TABLE_WARN, TABLE_BAD, TABLE_FAINT, TABLE_BLANK };

void table_new(struct table **out, bool coloured);
void table_free(struct table *table);

// Columns first, then rows; a row gets its cells one after the other. Texts are copied; NULL is
// "-".
void table_column(struct table *table, const char *name);
void table_row(struct table *table);
void table_cell(struct table *table, const char *text, enum table_colour colour);

size_t table_rows(const struct table *table);

// Print the header (the first time) and the rows since the last print, each row one line without
// trailing blanks. Later rows keep the widths of the first print, grown where they must.
void table_print(struct table *table, FILE *out);

// Columns that the text takes on a terminal.
size_t text_width(const char *text);
// A copy in which control characters and broken UTF-8 are "?". Owned by the caller (free).
char *text_printable(const char *text);
