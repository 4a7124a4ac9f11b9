// SPDX-License-Identifier: Apache-2.0
// What commands print: JSON, YAML, errors.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "client.h"

enum exit_code { EXIT_OK = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

// --json: results as JSON on stdout, errors as problem documents on stderr.
extern bool output_json;

// Colour is for people: only on a terminal, and not where NO_COLOR is set.
bool output_coloured(FILE *out);

// Indented, with a final newline.
void output_print_json(const json_t *json, FILE *out);
void output_print_yaml(const json_t *json, FILE *out);

// Print the error and return EXIT_REFUSED. `client`, where a request was refused, has the server's
// problem document for --json; `text` is what was read from the file that the error names, so that
// its line can be shown. Both may be NULL.
int output_error(const struct error *error, const struct client *client, const char *text);
// Print what was accepted and yet hardly meant, with the name of the warning.
void output_warning(const char *warning, const struct error *what);
// The command was called wrongly: print why, and return EXIT_USAGE.
int output_usage_error(const char *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
