// SPDX-License-Identifier: Apache-2.0
#include "load.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char USAGE[] =
	"usage: weft-load serve [--port N] [--cpu N]\n"
	"       weft-load bulk|rr|crr|udp|flood ADDRESS [--port N] [--cpu N] [--seconds S] ...\n"
	"\n"
	"  bulk [--parallel N]     TCP, N connections: Gbit/s that arrived\n"
	"  rr                      a byte there and back on one TCP connection: its latency\n"
	"  crr [--parallel N]      connect, a byte there and back, close; N at a time\n"
	"  udp [--tuples one|new] [--first N]  smallest packets that arrived a second, of one "
	"flow\n"
	"                          or each of a new one; N: the first of 16 million port pairs\n"
	"  flood --kind syn|udp [--rate N]     packets of random ports; N a second, else as many "
	"as go\n"
	"\n"
	"All but serve end after --seconds (1).\n";

enum { SECONDS_MAXIMUM = 60, RATE_MAXIMUM = 1000000 };

static _Noreturn void usage(void)
{
	fputs(USAGE, stderr);
	exit(2);
}

static void pin(const char *text)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)atoi(text), &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		fail("sched_setaffinity");
}

// The number, if it lies within.
static double number(const char *text, double low, double high)
{
	char *end;
	double value = strtod(text, &end);

	if (*end || end == text || !(value >= low && value <= high))
		usage();
	return value;
}

static bool choice(const char *text, const char *yes, const char *no)
{
	if (strcmp(text, yes) != 0 && strcmp(text, no) != 0)
		usage();
	return strcmp(text, yes) == 0;
}

static void parse(int count, char **words, struct load *load)
{
	static const struct option known[] = {{"port", 1, NULL, 'p'}, {"cpu", 1, NULL, 'c'},
		{"seconds", 1, NULL, 's'}, {"parallel", 1, NULL, 'n'}, {"tuples", 1, NULL, 't'},
		{"first", 1, NULL, 'f'}, {"kind", 1, NULL, 'k'}, {"rate", 1, NULL, 'r'}, {0}};
	int option;

	while ((option = getopt_long(count, words, "", known, NULL)) != -1) {
		switch (option) {
		case 'p':
			load->to.sin_port = htons((uint16_t)number(optarg, 1, 65000));
			break;
		case 'c':
			pin(optarg);
			break;
		case 's':
			load->seconds = number(optarg, 0.001, SECONDS_MAXIMUM);
			break;
		case 'n':
			load->parallel = (unsigned)number(optarg, 1, 1024);
			break;
		case 't':
			load->one_tuple = choice(optarg, "one", "new");
			break;
		case 'f':
			load->first = (uint64_t)number(optarg, 0, 1e15);
			break;
		case 'k':
			load->syn = choice(optarg, "syn", "udp");
			break;
		case 'r':
			load->rate = (unsigned)number(optarg, 1, RATE_MAXIMUM);
			break;
		default:
			usage();
		}
	}
}

int main(int count, char **words)
{
	static const struct {
		const char *name;
		int (*run)(const struct load *load);
	} loads[] = {{"bulk", stream_run}, {"rr", request_run}, {"crr", connect_run},
		{"udp", datagram_run}, {"flood", flood_run}};
	struct load load = {.to = {.sin_family = AF_INET, .sin_port = htons(5000)},
		.seconds = 1,
		.parallel = 1};

	signal(SIGPIPE, SIG_IGN);
	parse(count, words, &load);
	words += optind;
	count -= optind;
	if (count == 1 && strcmp(words[0], "serve") == 0)
		return serve(ntohs(load.to.sin_port));
	if (count != 2 || inet_pton(AF_INET, words[1], &load.to.sin_addr) != 1)
		usage();
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
		if (strcmp(words[0], loads[i].name) == 0)
			return loads[i].run(&load);
	usage();
}
