// SPDX-License-Identifier: Apache-2.0
// Running text for a terminal: filled to lines of 80 columns.
#pragma once

#include <stdbool.h>
#include <stdio.h>

// Print `text`, its words, between blanks and newlines, filled into lines, with a final newline. The first line continues one
// that has `column` columns already; the others begin with `indent` blanks. What stands between
// `backticks`, as Markdown marks code, is shown without them: bold where `coloured`.
void paragraph_print(FILE *out, int column, int indent, const char *text, bool coloured);
