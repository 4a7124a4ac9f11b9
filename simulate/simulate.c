// SPDX-License-Identifier: Apache-2.0
#include "simulate/simulate.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "meter.h"
#include "simulation.h"

enum { FILES_BESIDE = 256, REPORT_CONNECTIONS = 12 };

// Over TLS a controller or relay takes 256 connections from one address, some of them for reports. On
// the loopback network each client has an address of its own.
enum { HOSTS_OF_ADDRESS = 240 };
static const char LOOPBACK[] = "https://127.";

// ---- what scenarios use ----

void simulation_tell(struct simulation *simulation, const char *what, size_t done, size_t all)
{
	if (simulation->progress)
		simulation->progress(simulation->context, what, done, all);
}

size_t simulation_draw(struct simulation *simulation, size_t limit)
{
	// A linear congruential generator (Knuth, MMIX); the high bits are the good ones.
	simulation->draws =
		simulation->draws * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (simulation->draws >> 33) % limit;
}

size_t simulation_port(struct simulation *simulation)
{
	size_t first = plan_others(&simulation->plan)->first;
	size_t count = simulation->plan.ports - first;
	return first + simulation_draw(simulation, count < PLAN_CHANGED ? count : PLAN_CHANGED);
}

// ---- scenarios ----

const char *simulate_scenario(size_t index)
{
	return scenarios[index].name;
}

static bool is_asked_for(const char *list, const char *name)
{
	size_t length = strlen(name);
	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, name, length) && (at[length] == ',' || !at[length]))
			return true;
	}
	return !list;
}

static bool is_scenario(const char *name, size_t length)
{
	for (size_t i = 0; scenarios[i].name; i++)
		if (strlen(scenarios[i].name) == length &&
			!strncmp(scenarios[i].name, name, length))
			return true;
	return false;
}

static int run_scenarios(struct simulation *simulation, json_t *results, struct error *error)
{
	int rc = 0;
	for (const struct scenario *each = scenarios; each->name && !rc; each++) {
		json_t *result = NULL;
		if (!is_asked_for(simulation->options->scenarios, each->name) ||
			(each->own && !simulation->server.process))
			continue;
		rc = each->run(simulation, &result, error);
		if (result)
			json_object_set_new(results, each->name, result);
	}
	return rc;
}

// ---- signals ----

// The run ends as after a failure: the controller that was started and its folder go too.
static void on_signal(uv_signal_t *signal, int number)
{
	struct simulation *simulation = signal->data;
	(void)number;
	simulation->caller.interrupted = true;
	// From here on a second signal ends the process at once.
	for (size_t i = 0; i < array_count(simulation->signals); i++)
		uv_signal_stop(&simulation->signals[i]);
}

static void heed_signals(struct simulation *simulation)
{
	static const int numbers[] = {SIGINT, SIGTERM};
	for (size_t i = 0; i < array_count(numbers); i++) {
		uv_signal_init(&simulation->loop, &simulation->signals[i]);
		simulation->signals[i].data = simulation;
		uv_signal_start(&simulation->signals[i], on_signal, numbers[i]);
	}
}

// ---- life ----

// A socket a host, and those for reports.
static int allow_files(size_t hosts, struct error *error)
{
	struct rlimit limit;
	rlim_t needed = hosts + FLEET_CLIENTS * (REPORT_CONNECTIONS + 4) + FILES_BESIDE;
	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur >= needed)
		return 0;
	limit.rlim_cur = needed;
	if (limit.rlim_max < needed)
		limit.rlim_max = needed;
	if (!setrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	return error_set(error, errno, "%zu hosts need %zu open files (ulimit -n): %s", hosts,
		(size_t)needed, strerror(errno));
}

static int check_options(const struct simulate_options *options, struct error *error)
{
	if (!options->hosts || options->hosts > 1 << 20)
		return error_set(error, EINVAL, "hosts: from 1 to %d", 1 << 20);
	if (options->ports < 100 || options->ports > 10000000)
		return error_set(error, EINVAL, "ports: from 100 to 10000000");
	const char *reached = options->relays ? options->relays : options->controller;
	bool tls = reached && !strncmp(reached, "https://", strlen("https://"));
	size_t most = reached && !strncmp(reached, LOOPBACK, strlen(LOOPBACK))
			      ? FLEET_CLIENTS * HOSTS_OF_ADDRESS
			      : HOSTS_OF_ADDRESS;
	if (tls && options->hosts > most)
		return error_set(error, EINVAL,
			"hosts: from 1 to %zu before %s, as it takes few connections from one "
			"address",
			most, reached);
	if (options->full > options->hosts)
		return error_set(error, EINVAL, "more hosts that compile than hosts");
	if (!options->repeat)
		return error_set(error, EINVAL, "each change is made at least once");
	for (const char *at = options->scenarios; at && *at;) {
		size_t length = strcspn(at, ",");
		if (!is_scenario(at, length))
			return error_set(
				error, EINVAL, "there is no scenario \"%.*s\"", (int)length, at);
		at += length + (at[length] == ',');
	}
	return 0;
}

// One of several with commas between; they are gone round. Owned by the caller.
static char *pick_address(const char *addresses, size_t number)
{
	const char *at = addresses;
	for (; number; number--) {
		at += strcspn(at, ",");
		at = *at ? at + 1 : addresses;
	}
	return memory_format("%.*s", (int)strcspn(at, ","), at);
}

static int connect_controller(struct simulation *simulation, struct error *error)
{
	const struct simulate_options *options = simulation->options;
	struct http_client_options http = {
		.servers = options->controller,
		.certificate = options->certificate,
		.key = options->key,
		.authority = options->authority,
	};
	int rc = 0, ready = 1;
	if (!options->controller) {
		rc = server_start(&simulation->server, options->store, error);
		while (!rc && !(ready = server_ready(&simulation->server, error)))
			rc = caller_idle(&simulation->caller, 5, error);
		http.servers = simulation->server.address;
	}
	if (rc < 0 || ready < 0)
		return rc < 0 ? rc : ready;
	const char *controller = http.servers;
	for (size_t i = 0; i < FLEET_CLIENTS; i++) {
		cleanup_free char *address =
			pick_address(options->relays ? options->relays : controller, i);
		char source[16];
		snprintf(source, sizeof(source), "127.1.1.%zu", i + 1);
		http.servers = address;
		http.source = strncmp(address, LOOPBACK, strlen(LOOPBACK)) ? NULL : source;
		http.connections = 0;
		http_client_new(&simulation->clients[i].streams, &simulation->loop, &http);
		http.connections = REPORT_CONNECTIONS;
		http_client_new(&simulation->clients[i].reports, &simulation->loop, &http);
	}
	http.servers = controller;
	http.source = NULL;
	http.connections = 0;
	http_client_new(&simulation->caller.http, &simulation->loop, &http);
	return 0;
}

static json_t *describe(const struct plan *plan, const struct simulate_options *options)
{
	size_t networks = 0, routers = 0;
	for (size_t i = 0; i < plan->count; i++) {
		networks += plan->tenants[i].networks;
		routers += plan->tenants[i].joined;
	}
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "hosts", (json_int_t)plan->hosts, "full",
		(json_int_t)(options->full ? options->full : plan->hosts), "ports",
		(json_int_t)plan->ports, "tenants", (json_int_t)plan->count, "networks",
		(json_int_t)networks, "routers", (json_int_t)routers, "seed",
		(json_int_t)options->seed);
}

static int run(struct simulation *simulation, json_t *result, struct error *error)
{
	json_t *scenarios_result = json_object(), *filled = NULL, *checked = NULL;
	json_object_set_new(result, "topology", describe(&simulation->plan, simulation->options));
	int rc = connect_controller(simulation, error);
	if (rc)
		return rc;
	fleet_init(&simulation->fleet, &simulation->loop, simulation->clients, &simulation->plan,
		simulation->options->full);
	json_object_set_new(json_object_get(result, "topology"), "concerned",
		json_integer((json_int_t)simulation->fleet.concerned));
	rc = simulation->options->filled ? simulation_connect(simulation, error)
					 : simulation_fill(simulation, &filled, error);
	if (filled)
		json_object_set_new(result, "fill", filled);
	if (!rc)
		rc = run_scenarios(simulation, scenarios_result, error);
	json_object_set_new(result, "scenarios", scenarios_result);
	json_object_set_new(result, "memory", meter_memory(simulation));
	if (!rc && simulation->fleet.counts.divergences)
		rc = error_set(error, EIO,
			"%llu times a host did not hold what the controller believed",
			(unsigned long long)simulation->fleet.counts.divergences);
	if (!rc && simulation->options->check)
		rc = simulation_check(simulation, simulation->options->check, &checked, error);
	if (checked)
		json_object_set_new(result, "checked", checked);
	return rc;
}

int simulate_run(const struct simulate_options *options, simulate_progress progress, void *context,
	json_t **out, struct error *error)
{
	struct simulation simulation = {
		.options = options,
		.draws = options->seed,
		.progress = progress,
		.context = context,
	};
	int rc = check_options(options, error);
	if (!rc)
		rc = allow_files(options->hosts, error);
	if (rc)
		return rc;
	log_set_level(LOG_LEVEL_ERROR); // every host would tell that its controller is gone
	uv_loop_init(&simulation.loop);
	simulation.caller.loop = &simulation.loop;
	heed_signals(&simulation);
	plan_init(&simulation.plan, options->hosts, options->ports, options->seed);
	json_t *result = json_object();
	rc = run(&simulation, result, error);
	if (simulation.caller.interrupted) { // whatever has failed by that
		*error = (struct error){0};
		rc = error_set(error, EINTR, "interrupted");
	}
	fleet_done(&simulation.fleet);
	for (size_t i = 0; i < FLEET_CLIENTS; i++) {
		http_client_free(simulation.clients[i].streams);
		http_client_free(simulation.clients[i].reports);
	}
	http_client_free(simulation.caller.http);
	server_stop(&simulation.server);
	for (size_t i = 0; i < array_count(simulation.signals); i++)
		uv_close((uv_handle_t *)&simulation.signals[i], NULL);
	uv_run(&simulation.loop, UV_RUN_DEFAULT); // only what is being closed is left
	uv_loop_close(&simulation.loop);
	plan_done(&simulation.plan);
	if (rc)
		json_decref(result);
	else
		*out = result;
	return rc;
}

struct visiting {
	simulate_visit visit;
	void *context;
};

static int visit_one(void *context, json_t *transaction)
{
	const struct visiting *visiting = context;
	visiting->visit(visiting->context, transaction);
	json_decref(transaction);
	return 0;
}

int simulate_plan(const struct simulate_options *options, simulate_visit visit, void *context,
	struct error *error)
{
	struct visiting visiting = {visit, context};
	struct plan plan;
	int rc = check_options(options, error);
	if (rc)
		return rc;
	plan_init(&plan, options->hosts, options->ports, options->seed);
	plan_transactions(&plan, visit_one, &visiting);
	plan_done(&plan);
	return 0;
}
