// SPDX-License-Identifier: Apache-2.0
// weft: one binary in every role. Finds the command, parses its options, runs it.
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "command.h"
#include "output.h"

static bool help;

const struct option_spec common_options[] = {
	{.name = "json",
		.type = OPTION_FLAG,
		.target = &output_json,
		.help = "results as JSON, errors as problem documents (RFC 9457)"},
	{.name = "help", .letter = 'h', .type = OPTION_FLAG, .target = &help, .help = "show this"},
	{0},
};

const struct command *const commands[] = {
	&command_apply,
	&command_get,
	&command_describe,
	&command_delete,
	&command_attach,
	&command_detach,
	&command_trace,
	&command_wait,
	&command_status,
	&command_up,
	&command_controller,
	&command_agent,
	&command_simulate,
	&command_explain,
	&command_openapi,
	&command_manual,
	&command_completion,
	&command_version,
	&command_help,
	NULL,
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

// Its options and those of all commands, as one array of groups.
static const struct option_spec *const *command_groups(const struct command *command)
{
	static const struct option_spec *groups[8];
	size_t count = 0;

	for (; command->options && command->options[count]; count++)
		groups[count] = command->options[count];
	groups[count] = common_options;
	return groups;
}

// The order of the command line is not known before it is parsed; how to report an error in it is
// needed at once.
static bool json_asked_for(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--json"))
			return true;
	return false;
}

static int run(const struct command *command, int argc, char **argv)
{
	const char *words[COMMAND_WORDS + 1] = {NULL};
	struct error error = {0};
	int first, count = 0;

	if (option_parse(command_groups(command), argc, argv, &first, &error))
		return output_usage_error(command->name, "%s", error.message);
	if (help) {
		command_print_help(command, stdout);
		return EXIT_OK;
	}
	for (; first < argc; first++, count++) {
		if (count == COMMAND_WORDS || !command->words[count].name)
			return output_usage_error(
				command->name, "\"%s\" is one word too many", argv[first]);
		words[count] = argv[first];
	}
	for (; count < COMMAND_WORDS && command->words[count].name; count++)
		if (!command->words[count].optional)
			return output_usage_error(
				command->name, "%s is missing", command->words[count].name);
	return command->run(words);
}

int main(int argc, char **argv)
{
	const struct command *command;

	// Texts are UTF-8 whatever the environment says: display widths depend on it.
	setlocale(LC_CTYPE, "C.UTF-8");
	signal(SIGPIPE, SIG_IGN);
	output_json = json_asked_for(argc, argv);
	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return argc < 2 ? (command_help.run((const char *const[]){NULL}), EXIT_USAGE)
				: command_help.run((const char *const[]){NULL});
	if (!strcmp(argv[1], "--version"))
		return command_version.run(NULL);
	command = command_find(argv[1]);
	if (!command)
		return output_usage_error(NULL, "there is no command \"%s\"", argv[1]);
	return run(command, argc - 1, argv + 1);
}
