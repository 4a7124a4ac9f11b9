// SPDX-License-Identifier: Apache-2.0
// weft simulate: thousands of hosts in one process before a real controller.
#include "simulate/simulate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "command.h"
#include "output.h"

enum { PROGRESS_MS = 200 };

static struct simulate_options settings;
static uint64_t hosts, ports, full, repeat, check;
static bool plan_only;

static const struct option_spec simulate_options[] = {
	{.name = "hosts",
		.type = OPTION_NUMBER,
		.target = &hosts,
		.argument = "NUMBER",
		.fallback = "100",
		.help = "how many hosts"},
	{.name = "ports",
		.type = OPTION_NUMBER,
		.target = &ports,
		.argument = "NUMBER",
		.fallback = "5000",
		.help = "how many ports on all of them"},
	{.name = "full",
		.type = OPTION_NUMBER,
		.target = &full,
		.argument = "NUMBER",
		.fallback = "0",
		.help = "so many hosts compile, those first that changes concern; the others only "
			"read, acknowledge and report; 0: all"},
	{.name = "repeat",
		.type = OPTION_NUMBER,
		.target = &repeat,
		.argument = "NUMBER",
		.fallback = "100",
		.help = "how often each change is made"},
	{.name = "scenarios",
		.type = OPTION_TEXT,
		.target = &settings.scenarios,
		.argument = "NAMES",
		.help = "only these, with commas between"},
	{.name = "check",
		.type = OPTION_NUMBER,
		.target = &check,
		.argument = "NUMBER",
		.fallback = "0",
		.help = "in the end hold the rows of so many hosts against a fresh computation"},
	{.name = "seed",
		.type = OPTION_NUMBER,
		.target = &settings.seed,
		.argument = "NUMBER",
		.fallback = "1",
		.help = "what is drawn at random follows from it"},
	{.name = "plan",
		.type = OPTION_FLAG,
		.target = &plan_only,
		.help = "only print the transactions that fill the controller, one a line"},
	{.name = "store",
		.type = OPTION_TEXT,
		.target = &settings.store,
		.argument = "STORE",
		.help = "of the controller that is started; SQLite in a folder that goes, where "
			"not given"},
	{.name = "filled",
		.type = OPTION_FLAG,
		.target = &settings.filled,
		.help = "the store, or the controller, was filled by a run before with the same "
			"numbers"},
	{.name = "url",
		.type = OPTION_TEXT,
		.target = &settings.controller,
		.argument = "ADDRESS",
		.help = "use this controller, unix:/PATH or https://HOST:PORT, and start none"},
	{.name = "relays",
		.type = OPTION_TEXT,
		.target = &settings.relays,
		.argument = "ADDRESSES",
		.help = "of --url: the hosts connect to these relays, with commas between"},
	{.name = "cert",
		.type = OPTION_TEXT,
		.target = &settings.certificate,
		.argument = "FILE",
		.help = "client certificate (PEM) of an administrator, for https"},
	{.name = "key",
		.type = OPTION_TEXT,
		.target = &settings.key,
		.argument = "FILE",
		.help = "key of the certificate (PEM)"},
	{.name = "ca",
		.type = OPTION_TEXT,
		.target = &settings.authority,
		.argument = "FILE",
		.help = "authority that signed the controller's certificate (PEM)"},
	{0},
};

// ---- progress ----

static void show_progress(void *context, const char *what, size_t done, size_t all)
{
	uint64_t *told = context, now = clock_monotonic_ms();
	if (done < all && now - *told < PROGRESS_MS)
		return;
	*told = now;
	fprintf(stderr, "\r\033[K  %s: %zu of %zu", what, done, all);
}

static void clear_progress(void)
{
	fputs("\r\033[K", stderr);
}

// ---- results for people ----

static double number(const json_t *json, const char *member)
{
	return json_number_value(json_object_get(json, member));
}

static void print_memory(const json_t *memory)
{
	printf("  memory: all hosts %.1f MB", number(memory, "hosts_bytes") / 1e6);
	if (json_object_get(memory, "host_bytes"))
		printf(", %.0f KB each", number(memory, "host_bytes") / 1e3);
	if (json_object_get(memory, "controller_bytes"))
		printf("; the controller %.1f MB, %.0f bytes a port",
			number(memory, "controller_bytes") / 1e6,
			number(memory, "controller_port_bytes"));
	putchar('\n');
}

static void print_change(const char *name, const json_t *result)
{
	printf("  %-16s%9.2f%9.2f%9.1f%9.1f%9.1f%10.2f%10.2f%9.0f\n", name,
		number(result, "p50_ms"), number(result, "p99_ms"), number(result, "hosts_told"),
		number(result, "objects_sent"), number(result, "rows_written"),
		number(result, "controller_cpu_ms"), number(result, "hosts_cpu_ms"),
		number(result, "bytes_down") + number(result, "bytes_up"));
}

static void print_start(const char *name, const json_t *result)
{
	printf("%s: the store is loaded after %.2f s, all hosts connected after %.2f s, all "
	       "receipts in after %.2f s\n",
		name, number(result, "loaded_s"), number(result, "connected_s"),
		number(result, "receipts_s"));
	print_memory(json_object_get(result, "memory"));
}

static void print_result(const json_t *result)
{
	const json_t *topology = json_object_get(result, "topology");
	const json_t *fill = json_object_get(result, "fill");
	json_t *scenarios = json_object_get(result, "scenarios"), *each;
	const char *name;
	printf("%.0f hosts, %.0f ports, %.0f tenants, %.0f networks, %.0f routers\n",
		number(topology, "hosts"), number(topology, "ports"), number(topology, "tenants"),
		number(topology, "networks"), number(topology, "routers"));
	if (number(topology, "full") < number(topology, "hosts"))
		printf("%.0f hosts compile and write rows to memory; the others read, acknowledge "
		       "and "
		       "report\n%.0f hosts are those that changes concern\n",
			number(topology, "full"), number(topology, "concerned"));
	if (fill) {
		printf("filled: %.0f transactions accepted in %.2f s, all receipts in after %.2f "
		       "s\n",
			number(fill, "transactions"), number(fill, "accepted_s"),
			number(fill, "receipts_s"));
		print_memory(json_object_get(fill, "memory"));
	}
	printf("  %-16s%9s%9s%9s%9s%9s%10s%10s%9s\n", "each change", "p50 ms", "p99 ms", "hosts",
		"objects", "rows", "cpu ms", "hosts ms", "bytes");
	json_object_foreach (scenarios, name, each)
		if (json_object_get(each, "changes"))
			print_change(name, each);
	json_object_foreach (scenarios, name, each)
		if (json_object_get(each, "loaded_s"))
			print_start(name, each);
	puts("in the end");
	print_memory(json_object_get(result, "memory"));
	const json_t *checked = json_object_get(result, "checked");
	if (checked)
		printf("checked: %.0f rows of %.0f hosts are as a fresh computation says\n",
			number(checked, "rows"), number(checked, "hosts"));
}

// ---- the command ----

static void print_transaction(void *context, json_t *transaction)
{
	(void)context;
	json_dumpf(transaction, stdout, JSON_COMPACT);
	putchar('\n');
}

static int run_simulate(const char *const *words)
{
	struct error error = {0};
	json_t *result;
	uint64_t told = 0;
	bool shown = isatty(STDERR_FILENO);
	(void)words;
	settings.hosts = hosts;
	settings.ports = ports;
	settings.full = full;
	settings.repeat = repeat;
	settings.check = check;
	if (settings.relays && !settings.controller)
		return output_usage_error(
			"simulate", "%s", "relays of which controller? --url ADDRESS");
	if (plan_only) {
		int rc = simulate_plan(&settings, print_transaction, NULL, &error);
		return rc ? output_error(&error, NULL, NULL) : EXIT_OK;
	}
	int rc = simulate_run(&settings, shown ? show_progress : NULL, &told, &result, &error);
	if (shown)
		clear_progress();
	if (rc)
		return output_error(&error, NULL, NULL);
	if (output_json)
		output_print_json(result, stdout);
	else
		print_result(result);
	json_decref(result);
	return EXIT_OK;
}

const struct command command_simulate = {
	.name = "simulate",
	.summary = "Run thousands of simulated hosts before a controller, and time changes",
	.help = "Each simulated host is the agent without a machine: the real stream, reports and "
		"compiler, and rows\n"
		"that are written to memory instead of the kernel. Without --url a controller is "
		"started for it, with a\n"
		"store that goes afterwards. Scenarios: port-added, label-changed, port-moved, "
		"rule-1000, rule-10000,\n"
		"host-joins, churn, restart, cold. Times are from the call of the API to the "
		"receipt "
		"that every host that\n"
		"the change concerns has realized it.",
	.options = (const struct option_spec *const[]){simulate_options, NULL},
	.run = run_simulate,
};
