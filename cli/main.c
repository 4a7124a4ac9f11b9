// SPDX-License-Identifier: Apache-2.0
// weft: one binary in every role. Finds the command, parses its options, runs it.
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/suggest.h"
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
	&command_diff,
	&command_get,
	&command_describe,
	&command_delete,
	&command_attach,
	&command_detach,
	&command_trace,
	&command_wait,
	&command_status,
	&command_host,
	&command_token,
	&command_audit,
	&command_ca,
	&command_up,
	&command_controller,
	&command_agent,
	&command_down,
	&command_relay,
	&command_store,
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

// The words that are no options, checked against what the command takes; NULL, after telling why,
// if they are not what it takes. Owned by the caller (free).
static const char **take_words(const struct command *command, char **given, int count)
{
	const char **words = memory_new(((size_t)count + COMMAND_WORDS + 1) * sizeof(*words));
	const struct command_word *takes = command->words;
	int place = 0;

	for (int i = 0; i < count; i++) {
		if (place == COMMAND_WORDS || !takes[place].name) {
			output_usage_error(command->name, "\"%s\" is one word too many", given[i]);
			free(words);
			return NULL;
		}
		words[i] = given[i];
		place += !takes[place].many;
	}
	if (count < COMMAND_WORDS && takes[count].name && !takes[count].optional) {
		output_usage_error(command->name, "%s is missing", takes[count].name);
		free(words);
		return NULL;
	}
	return words;
}

static int run(const struct command *command, int argc, char **argv)
{
	struct error error = {0};
	const char **words;
	int first, code;

	if (option_parse(command_groups(command), argc, argv, &first, &error))
		return output_usage_error(command->name, "%s", error.message);
	if (help) {
		command_print_help(command, stdout);
		return EXIT_OK;
	}
	if (output_json && command->text)
		return output_usage_error(
			command->name, "--json: what it prints is a text, and has no other form");
	words = take_words(command, argv + first, argc - first);
	if (!words)
		return EXIT_USAGE;
	code = command->run(words);
	free(words);
	return code;
}

// What was printed must have arrived: a full disk is a failure. A reader that has left, as head does,
// has what it wanted.
static int finish(int code)
{
	struct pollfd out = {.fd = STDOUT_FILENO};
	struct error error = {0};

	if (!fflush(stdout) && !ferror(stdout))
		return code;
	if (poll(&out, 1, 0) > 0 && out.revents & POLLERR)
		return code;
	error_set(&error, EIO, "cannot write all to standard output");
	return output_error(&error, NULL, NULL);
}

static const char *command_name_at(void *context, size_t index)
{
	(void)context;
	return commands[index]->name;
}

int command_unknown(const char *name)
{
	const char *near = suggest(name, array_count(commands) - 1, command_name_at, NULL);

	if (near)
		return output_usage_error(
			NULL, "there is no command \"%s\", did you mean \"%s\"?", name, near);
	return output_usage_error(NULL, "there is no command \"%s\"", name);
}

int main(int argc, char **argv)
{
	static const char *const nothing[] = {NULL};
	const struct command *command;

	// Texts are UTF-8 whatever the environment says: display widths depend on it.
	setlocale(LC_CTYPE, "C.UTF-8");
	signal(SIGPIPE, SIG_IGN);
	output_json = json_asked_for(argc, argv);
	if (argc < 2) {
		command_help.run(nothing);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return finish(command_help.run(nothing));
	if (!strcmp(argv[1], "--version"))
		return finish(command_version.run(nothing));
	command = command_find(argv[1]);
	return command ? finish(run(command, argc - 1, argv + 1)) : command_unknown(argv[1]);
}
