// SPDX-License-Identifier: Apache-2.0
// weft help and version, and how a command is called: read from the table of commands and their
// options.
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "client.h"
#include "command.h"
#include "option.h"
#include "output.h"
#include "paragraph.h"

enum { OPTION_WIDTH = 28 };

char *command_usage(const struct command *command)
{
	char *text = memory_format("weft %s", command->name);

	for (size_t i = 0; i < COMMAND_WORDS && command->words[i].name; i++) {
		const struct command_word *word = &command->words[i];
		cleanup_free char *before = text;
		text = memory_format(word->optional ? "%s [%s%s]" : "%s %s%s", before, word->name,
			word->many ? "..." : "");
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
	const char *given = option->fallback ? option->fallback : option->implied;
	cleanup_free char *text = memory_format("%s%s%s%s%s%s%s", option->help,
		option->environment ? " (" : "", option->environment ? option->environment : "",
		option->environment ? ")" : "", given ? " [" : "", given ? given : "",
		given ? "]" : "");
	FILE *out = context;
	int column = fprintf(out, "  %s%-*s ", option->letter ? "" : "    ",
		option->letter ? OPTION_WIDTH : OPTION_WIDTH - 4, usage);

	paragraph_print(out, column, OPTION_WIDTH + 3, text, false);
	return 0;
}

static void print_examples(const char *line, FILE *out)
{
	fputs("\nExamples:\n", out);
	for (const char *end; (end = strchr(line, '\n')); line = end + 1)
		fprintf(out, "  %.*s\n", (int)(end - line), line);
}

static void print_options(const char *title, const struct option_spec *const *groups,
	const struct option_spec * not, FILE *out)
{
	fprintf(out, "\n%s:\n", title);
	for (; *groups; groups++) {
		const struct option_spec *const group[] = {*groups, NULL};
		if (*groups != not )
			option_each(group, print_option, out);
	}
}

static bool connects(const struct command *command)
{
	for (size_t i = 0; command->options && command->options[i]; i++)
		if (command->options[i] == client_options)
			return true;
	return false;
}

void command_print_help(const struct command *command, FILE *out)
{
	static const struct option_spec *const none[] = {NULL};
	const struct option_spec *const common[] = {common_options, NULL};
	const struct option_spec *const connection[] = {client_options, NULL};
	cleanup_free char *usage = command_usage(command);

	fprintf(out, "%s\n\nUsage: %s [OPTIONS]\n", command->summary, usage);
	if (command->help) {
		fputc('\n', out);
		paragraph_print(out, 0, 0, command->help, output_coloured(out));
	}
	if (command->examples)
		print_examples(command->examples, out);
	print_options("Options, with the variable that sets them and their default",
		command->options ? command->options : none, client_options, out);
	option_each(common, print_option, out);
	if (connects(command))
		print_options("Where the controller is", connection, NULL, out);
}

static void print_overview(void)
{
	static const char *const titles[COMMAND_GROUP_COUNT] = {
		[COMMAND_WISH] = "Say what you want",
		[COMMAND_LOOK] = "See what is",
		[COMMAND_RUN] = "Run it",
		[COMMAND_LEARN] = "Learn more",
	};
	static const enum command_group order[] = {
		COMMAND_WISH, COMMAND_LOOK, COMMAND_RUN, COMMAND_LEARN};

	puts("weft: virtual networks over any IP network\n\nUsage: weft COMMAND [OPTIONS]");
	for (size_t group = 0; group < array_count(order); group++) {
		printf("\n%s:\n", titles[order[group]]);
		for (size_t i = 0; commands[i]; i++)
			if (commands[i]->group == order[group])
				printf("  %-12s %s\n", commands[i]->name, commands[i]->summary);
	}
	puts("\nweft help COMMAND shows its options and examples, weft explain KIND what an "
	     "object\n"
	     "is made of. Begin with: weft up, and in another terminal weft status.");
}

static int run_help(const char *const *words)
{
	const struct command *command = words[0] ? command_find(words[0]) : NULL;

	if (words[0] && !command)
		return command_unknown(words[0]);
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
	.text = true,
	.group = COMMAND_LEARN,
	.words = {{"COMMAND", true}},
	.run = run_help,
};

const struct command command_version = {
	.name = "version",
	.summary = "Show the version of this program",
	.group = COMMAND_LEARN,
	.run = run_version,
};
