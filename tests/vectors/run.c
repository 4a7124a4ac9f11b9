// SPDX-License-Identifier: Apache-2.0
// vector-run native|kernel VECTORS.json [--filter TEXT] [--verbose]
//
// Run the packet tables against a datapath: native in this process, kernel in network namespaces of its own (root). A line a
// case; the exit code says whether all passed.
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "check.h"
#include "vectors.h"
#include "world.h"

struct options {
	const struct world_kind *kind;
	const char *file, *filter;
	bool colour, verbose;
};

struct tally {
	unsigned passed, failed;
};

static void report(const struct options *options, struct tally *tally, const struct vector_case *c,
	const char *way, const char *difference)
{
	static const char *const words[2][2] = {
		{"ok  ", "FAIL"}, {"\033[32mok  \033[0m", "\033[1;31mFAIL\033[0m"}};

	tally->passed += !difference;
	tally->failed += difference != NULL;
	printf("%s %4u  %-22s %-9s %s\n", words[options->colour][difference != NULL],
		tally->passed + tally->failed, c->file, way, c->name);
	if (difference)
		printf("  %s\n", difference);
	if (difference || options->verbose)
		fflush(stdout);
}

// One step, or the first difference in words.
static char *run_step(
	const struct way *way, struct world *world, const struct vector_case *c, unsigned number)
{
	struct error error = {0};
	struct seen seen = {0};
	char *difference =
		world_prepare(world, c, &error) < 0 || way->run(world, c, &seen, &error) < 0
			? memory_text(error.message)
			: check_seen(world, c, &seen);

	seen_done(&seen);
	int connections = difference || c->connections < 0 ? c->connections
							   : world_connections(world, &error);
	if (connections != c->connections)
		difference = memory_format(
			"%d connections are remembered, not %d", connections, c->connections);
	if (!difference && c->connections >= 0 && world_balance(world, &error) < 0)
		difference = memory_text(error.message);
	if (!difference || number == 0)
		return difference;
	cleanup_free char *where = difference;
	return memory_format("step %u: %s", number + 1, where);
}

// A case with all its steps.
static void run_case(const struct options *options, struct world *world,
	const struct vector_case *c, size_t steps, struct tally *tally)
{
	for (size_t i = 0; i < world->kind->way_count; i++) {
		const struct way *way = &world->kind->ways[i];
		cleanup_free char *difference = NULL;
		bool suits = true;
		for (size_t step = 0; way->suits && step < steps; step++)
			suits = suits && way->suits(&c[step]);
		if (!suits)
			continue;
		for (size_t step = 0; step < steps && !difference; step++)
			difference = run_step(way, world, &c[step], step);
		report(options, tally, c, way->name, difference);
	}
}

static bool chosen(const struct options *options, const struct vector_case *c)
{
	if (c->only && strcmp(c->only, options->kind->name) != 0)
		return false;
	return !options->filter || strstr(c->name, options->filter) ||
	       strstr(c->file, options->filter);
}

// All chosen cases of one topology, in one world.
static void run_topology(const struct options *options, const struct vectors *vectors,
	const struct vector_topology *topology, struct tally *tally)
{
	struct world world = {0};

	for (size_t i = 0; i < vectors->case_count; i++) {
		const struct vector_case *c = &vectors->cases[i];
		struct error error = {0};
		size_t steps = 1;
		if (c->topology != topology || !chosen(options, c) || c->continues)
			continue;
		while (i + steps < vectors->case_count && c[steps].continues)
			steps++;
		if (!world.kind && world_open(&world, options->kind, topology, &error) < 0) {
			char text[1024];
			report(options, tally, c, "open", error_format(&error, text, sizeof(text)));
			world = (struct world){0};
			return;
		}
		run_case(options, &world, c, steps, tally);
	}
	if (world.kind)
		world_close(&world);
}

static int usage(void)
{
	fprintf(stderr,
		"usage: vector-run native|kernel VECTORS.json [--filter TEXT] [--verbose]\n");
	return 2;
}

static int parse(int count, char **arguments, struct options *out)
{
	static const struct option known[] = {
		{"filter", required_argument, NULL, 'f'}, {"verbose", no_argument, NULL, 'v'}, {0}};
	int option;

	while ((option = getopt_long(count, arguments, "f:v", known, NULL)) != -1) {
		if (option == 'f')
			out->filter = optarg;
		else if (option == 'v')
			out->verbose = true;
		else
			return -1;
	}
	if (count - optind != 2)
		return -1;
	if (strcmp(arguments[optind], world_native.name) == 0)
		out->kind = &world_native;
	else if (strcmp(arguments[optind], world_kernel.name) == 0)
		out->kind = &world_kernel;
	out->file = arguments[optind + 1];
	out->colour = isatty(STDOUT_FILENO);
	return out->kind ? 0 : -1;
}

int main(int count, char **arguments)
{
	struct options options = {0};
	struct vectors vectors;
	struct tally tally = {0};
	struct error error = {0};
	char text[1024];

	if (parse(count, arguments, &options) < 0)
		return usage();
	if (vectors_load(&vectors, options.file, &error) < 0) {
		fprintf(stderr, "vector-run: %s\n", error_format(&error, text, sizeof(text)));
		return 2;
	}
	for (size_t i = 0; i < vectors.topology_count; i++)
		run_topology(&options, &vectors, &vectors.topologies[i], &tally);

	cleanup_free char *uncovered = options.filter ? NULL : check_coverage(&vectors);
	if (uncovered)
		printf("FAIL  these drop reasons have no case:%s\n", uncovered);
	printf("vectors: %u passed, %u failed\n", tally.passed, tally.failed);
	vectors_done(&vectors);
	return tally.failed > 0 || tally.passed == 0 || uncovered ? 1 : 0;
}
