// SPDX-License-Identifier: Apache-2.0
// weft help and version, and how a command is called: read from the table of commands and their
// options.
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "command.h"
#include "option.h"
#include "output.h"

enum { OPTION_WIDTH = 28 };

char *command_usage(const struct command *command)
{
	char *text = memory_format("weft %s", command->name);

	for (size_t i = 0; i < COMMAND_WORDS && command->words[i].name; i++) {
		const struct command_word *word = &command->words[i];
		cleanup_free char *before = text;
		text = memory_format(word->optional ? "%s [%s]" : "%s %s", before, word->name);
	}
	return text;
}

char *option_usage(const struct option_spec *option)
{
	char letter[5] = "";

	if (option->letter)
		snprintf(letter, sizeof(letter), "-%c, ", option->letter);
	if (!option->argument)
		return memory_format("%s--%s", letter, option->name);
	return memory_format(option->implied ? "%s--%s[=%s]" : "%s--%s %s", letter, option->name,
		option->argument);
}

static int print_option(void *context, const struct option_spec *option)
{
	cleanup_free char *usage = option_usage(option);
	FILE *out = context;

	fprintf(out, "  %s%-*s %s", option->letter ? "" : "    ",
		option->letter ? OPTION_WIDTH : OPTION_WIDTH - 4, usage, option->help);
	if (option->environment)
		fprintf(out, " (%s)", option->environment);
	if (option->fallback)
		fprintf(out, " [%s]", option->fallback);
	if (option->implied)
		fprintf(out, " [%s]", option->implied);
	fputc('\n', out);
	return 0;
}

void command_print_help(const struct command *command, FILE *out)
{
	const struct option_spec *const common[] = {common_options, NULL};
	cleanup_free char *usage = command_usage(command);

	fprintf(out, "%s: %s\n\nUsage: %s [OPTIONS]\n", command->name, command->summary, usage);
	if (command->help)
		fprintf(out, "\n%s\n", command->help);
	fputs("\nOptions (with the variable that sets them, and their default):\n", out);
	if (command->options)
		option_each(command->options, print_option, out);
	option_each(common, print_option, out);
}

static void print_overview(void)
{
	puts("weft: virtual networks over any IP network\n\nUsage: weft COMMAND "
	     "[OPTIONS]\n\nCommands:");
	for (size_t i = 0; commands[i]; i++)
		printf("  %-12s %s\n", commands[i]->name, commands[i]->summary);
	puts("\nweft help COMMAND tells the options of a command; weft explain KIND what an object "
	     "holds.");
}

static int run_help(const char *const *words)
{
	const struct command *command = words[0] ? command_find(words[0]) : NULL;

	if (words[0] && !command)
		return output_usage_error(NULL, "there is no command \"%s\"", words[0]);
	if (command)
		command_print_help(command, stdout);
	else
		print_overview();
	return EXIT_OK;
}

static int run_version(const char *const *words)
{
	(void)words;
	if (output_json) {
		json_t *version = json_pack("{s:s}", "version", WEFT_VERSION);
		output_print_json(version, stdout);
		json_decref(version);
	} else {
		puts("weft " WEFT_VERSION);
	}
	return EXIT_OK;
}

const struct command command_help = {
	.name = "help",
	.summary = "Show the commands, or the options of one",
	.words = {{"COMMAND", true}},
	.run = run_help,
};

const struct command command_version = {
	.name = "version",
	.summary = "Show the version of this program",
	.run = run_version,
};
