// SPDX-License-Identifier: Apache-2.0
#include "paragraph.h"

#include <string.h>

#include "base/memory.h"
#include "table.h"

enum { PARAGRAPH_WIDTH = 80 };

#define BLANKS " \n"

// The columns of a word, whose backticks are not shown.
static int word_width(const char *word, size_t length)
{
	cleanup_free char *text = strndup(word, length);
	char *to = text;

	for (const char *from = text; *from; from++)
		if (*from != '`')
			*to++ = *from;
	*to = '\0';
	return (int)text_width(text);
}

static void print_word(FILE *out, const char *word, size_t length, bool *code, bool coloured)
{
	for (; length; length--, word++) {
		if (*word != '`') {
			fputc(*word, out);
			continue;
		}
		*code = !*code;
		if (coloured)
			fputs(*code ? "\033[1m" : "\033[0m", out);
	}
}

void paragraph_print(FILE *out, int column, int indent, const char *text, bool coloured)
{
	bool begun = false, code = false; // has this line a word; are we between backticks

	while (*(text += strspn(text, BLANKS))) {
		size_t length = strcspn(text, BLANKS);
		int width = word_width(text, length);
		if (begun && column + 1 + width > PARAGRAPH_WIDTH) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
		} else if (begun) {
			fputc(' ', out);
			column++;
		}
		print_word(out, text, length, &code, coloured);
		column += width;
		begun = true;
		text += length;
	}
	fputc('\n', out);
}
