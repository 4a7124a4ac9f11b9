// SPDX-License-Identifier: Apache-2.0
// weft completion: a shell script made from the commands, their options and the schema. What a word
// stands for decides what is offered: KIND the kinds, the name of a kind ("PORT", "TENANT") the
// objects there are, FILE files.
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "command.h"
#include "model/object.h"
#include "output.h"

// Shell code that fills COMPREPLY for words of this name; `$cur` is what is typed so far.
static void print_candidates(const char *name, const char *const *choices)
{
	enum model_kind kind;
	cleanup_free char *lower = memory_text(name);

	for (char *at = lower; *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at + 32);
	if (choices) {
		fputs("_weft_words '", stdout);
		for (size_t i = 0; choices[i]; i++)
			printf("%s%s", i ? " " : "", choices[i]);
		puts("';;");
	} else if (!strcmp(name, "KIND")) {
		fputs("_weft_words '", stdout);
		for (kind = 0; kind < MODEL_KIND_COUNT; kind++)
			printf("%s%s", kind ? " " : "", model_kind_plural(kind));
		puts("';;");
	} else if (!strcmp(name, "COMMAND")) {
		puts("_weft_words \"$_weft_commands\";;");
	} else if (!strcmp(name, "ACTION")) {
		puts("_weft_words 'compact export import';;");
	} else if (!strcmp(name, "SHELL")) {
		puts("_weft_words bash;;");
	} else if (!strcmp(name, "NAME")) {
		puts("_weft_names \"$kind\";;");
	} else if (!strcmp(name, "FILE") || !strcmp(name, "PATH") || !strcmp(name, "DIRECTORY")) {
		puts("_weft_files;;");
	} else if (!strcmp(name, "DEVICE")) {
		puts("_weft_words \"$(ls /sys/class/net)\";;");
	} else if (!strcmp(name, "FROM") || !strcmp(name, "TO")) {
		puts("_weft_names ports;;");
	} else if (!model_kind_find(lower, &kind)) {
		printf("_weft_names %s;;\n", model_kind_plural(kind));
	} else {
		puts(";;");
	}
}

static int print_option_names(void *context, const struct option_spec *option)
{
	(void)context;
	if (option->letter)
		printf(" -%c", option->letter);
	printf(" --%s", option->name);
	return 0;
}

// "get:-o", "get:--output": the options whose value is the next word.
static int print_option_patterns(void *context, const struct option_spec *option)
{
	const char *command = context;

	if (!option->argument || option->implied)
		return 0;
	printf("\t%s:--%s", command, option->name);
	if (option->letter)
		printf("|%s:-%c", command, option->letter);
	fputs(") ", stdout);
	print_candidates(option->argument, option->choices);
	return 0;
}

static void print_commands(void)
{
	fputs("_weft_commands='", stdout);
	for (size_t i = 0; commands[i]; i++)
		printf("%s%s", i ? " " : "", commands[i]->name);
	puts("'");
}

static void print_helpers(void)
{
	// Not compgen -W: it would run what stands in a word as shell code, and an interface may be called anything.
	puts("_weft_words() {\n"
	     "\tlocal word words\n"
	     "\tmapfile -t words < <(tr ' ' '\\n' <<<\"$1\")\n"
	     "\tfor word in \"${words[@]}\"; do\n"
	     "\t\t[[ $word == \"$cur\"* ]] && printf -v word %q \"$word\" && "
	     "COMPREPLY+=(\"$word\")\n"
	     "\tdone\n"
	     "}\n"
	     "_weft_files() { compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "
	     "\"$cur\"); }\n"
	     "_weft_names() { _weft_words \"$(weft get \"$1\" -o name 2>/dev/null)\"; }");
}

// Case branches: values of options, then names of options, then plain words by their place.
static void print_cases(void)
{
	const struct option_spec *const common[] = {common_options, NULL};

	puts("\tcase $command:$prev in");
	for (size_t i = 0; commands[i]; i++)
		if (commands[i]->options)
			option_each(commands[i]->options, print_option_patterns,
				(void *)commands[i]->name);
	puts("\t*) value=;;\n\tesac\n\t[[ $value ]] && return\n"
	     "\tif [[ $cur == -* ]]; then\n\t\tcase $command in");
	for (size_t i = 0; commands[i]; i++) {
		printf("\t\t%s) _weft_words '", commands[i]->name);
		if (commands[i]->options)
			option_each(commands[i]->options, print_option_names, NULL);
		option_each(common, print_option_names, NULL);
		puts("';;");
	}
	puts("\t\tesac\n\t\treturn\n\tfi\n\tcase $command:$place in");
	for (size_t i = 0; commands[i]; i++)
		for (size_t word = 0; word < COMMAND_WORDS && commands[i]->words[word].name;
			word++) {
			printf(commands[i]->words[word].many ? "\t%s:%zu|%s:*) " : "\t%s:%zu) ",
				commands[i]->name, word, commands[i]->name);
			print_candidates(commands[i]->words[word].name, NULL);
		}
	puts("\tesac");
}

// Is the word before an option that takes the next word? Then that is not a plain word, and does
// not count.
static int print_valued(void *context, const struct option_spec *option)
{
	const char *command = context;

	if (!option->argument || option->implied)
		return 0;
	printf("|%s:--%s", command, option->name);
	if (option->letter)
		printf("|%s:-%c", command, option->letter);
	return 0;
}

static int run(const char *const *words)
{
	if (strcmp(words[0], "bash"))
		return output_usage_error(
			"completion", "no completion for \"%s\"; there is one for bash", words[0]);
	puts("# bash completion for weft, generated by: weft completion bash");
	print_commands();
	print_helpers();
	puts("_weft() {\n"
	     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	     "\tlocal command=${COMP_WORDS[1]} kind='' place=0 value=1 i\n"
	     "\tCOMPREPLY=()\n"
	     "\tif ((COMP_CWORD == 1)); then _weft_words \"$_weft_commands\"; return; fi\n"
	     "\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
	     "\t\tcase $command:${COMP_WORDS[i]} in");
	fputs("\t\t''", stdout);
	for (size_t i = 0; commands[i]; i++)
		if (commands[i]->options)
			option_each(commands[i]->options, print_valued, (void *)commands[i]->name);
	puts(") ((i++));;\n"
	     "\t\t*:-*);;\n"
	     "\t\t*) ((place++ == 0)) && kind=${COMP_WORDS[i]};;\n"
	     "\t\tesac\n"
	     "\tdone");
	print_cases();
	puts("}\ncomplete -F _weft weft");
	return EXIT_OK;
}

const struct command command_completion = {
	.name = "completion",
	.summary = "Print a completion script for the shell",
	.help = "To use it: source <(weft completion bash)",
	.text = true,
	.group = COMMAND_LEARN,
	.words = {{"SHELL"}},
	.run = run,
};
