// SPDX-License-Identifier: Apache-2.0
// A command of the binary: what it is called, what it takes, what it does. main.c holds the table;
// help, completion and the manual read it.
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "option.h"

enum { COMMAND_WORDS = 3 };

struct command_word {
	const char *name; // "KIND", "NAME", "PORT", "COMMAND", ...: completion knows what to offer
	bool optional;
	bool many; // the last word: any number more of it may follow
};

// Where the overview lists a command.
enum command_group { COMMAND_RUN, COMMAND_WISH, COMMAND_LOOK, COMMAND_LEARN, COMMAND_GROUP_COUNT };

struct command {
	const char *name;
	const char *summary;  // one line
	const char *help;     // paragraphs; NULL: the summary says it all
	const char *examples; // lines, each a command line and perhaps "# what for"; NULL: none
	bool text;            // what it prints is a text for people or a shell: it refuses --json
	enum command_group group;
	struct command_word words[COMMAND_WORDS];
	const struct option_spec *const
		*options; // groups, see option.h; NULL: only those of all commands
	// `words` holds COMMAND_WORDS texts, NULL where not given, or, where the last is of many, as
	// many as there are; a NULL follows. Returns an exit code.
	int (*run)(const char *const *words);
};

// --json and --help: every command has them.
extern const struct option_spec common_options[];

// All commands, in the order of the help, NULL-terminated.
extern const struct command *const commands[];
const struct command *command_find(const char *name); // NULL if absent
// There is no such command: say so, and which is perhaps meant. EXIT_USAGE.
int command_unknown(const char *name);

extern const struct command command_apply, command_diff, command_get, command_describe,
	command_delete, command_attach, command_detach, command_trace, command_wait, command_status,
	command_token, command_audit, command_ca, command_host, command_up, command_controller,
	command_agent, command_down, command_relay, command_store, command_simulate,
	command_explain, command_openapi, command_manual, command_completion, command_version,
	command_help;

// Print how a command is called and its options.
void command_print_help(const struct command *command, FILE *out);
// "weft get [KIND] [NAME...]"; "-o, --output FORMAT". Owned by the caller (free).
char *command_usage(const struct command *command);
char *option_usage(const struct option_spec *option);
