// SPDX-License-Identifier: Apache-2.0
// From nothing but a store to all receipts.
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "meter.h"
#include "simulation.h"

enum { LOAD_MS = 20 };

static double seconds_since(uint64_t start)
{
	return (double)(clock_monotonic_ns() - start) / 1e9;
}

static void tell(void *context, size_t connected)
{
	struct simulation *simulation = context;
	simulation_tell(simulation, "hosts come back", connected, simulation->fleet.count);
}

static int newest_revision(struct simulation *simulation, uint64_t *revision, struct error *error)
{
	json_t *status;
	int rc = caller_request(&simulation->caller, "GET", "/v1/status", NULL, 60, &status, error);
	if (rc < 0)
		return rc;
	*revision = (uint64_t)json_integer_value(json_object_get(status, "revision"));
	json_decref(status);
	return 0;
}

// Until the controller listens. The hosts try on meanwhile.
static int await_server(struct simulation *simulation, struct error *error)
{
	int ready, rc = 0;
	while (!rc && !(ready = server_ready(&simulation->server, error))) {
		simulation_tell(simulation, "the controller loads its store", 0, 1);
		rc = caller_idle(&simulation->caller, LOAD_MS, error);
	}
	return rc || ready > 0 ? rc : ready;
}

static int come_back(
	struct simulation *simulation, uint64_t start, json_t **out, struct error *error)
{
	struct fleet *fleet = &simulation->fleet;
	uint64_t revision;
	double loaded, connected;
	int rc = await_server(simulation, error);
	if (rc < 0)
		return rc;
	loaded = seconds_since(start);
	if (caller_run(
		    &simulation->caller, &fleet->connected, fleet->count, 1200, tell, simulation))
		return error_set(error, ETIMEDOUT, "%zu of %zu hosts are connected",
			fleet->connected, fleet->count);
	connected = seconds_since(start);
	rc = newest_revision(simulation, &revision, error);
	if (!rc)
		rc = caller_await(&simulation->caller, revision, error);
	if (rc < 0)
		return rc;
	*out = json_pack("{s:f,s:f,s:f,s:o}", "loaded_s", loaded, "connected_s", connected,
		"receipts_s", seconds_since(start), "memory", meter_memory(simulation));
	return 0;
}

static void add_cost(json_t *result, struct meter *meter)
{
	static const char *const members[] = {"objects_sent", "rows_written", "bytes_down",
		"bytes_up", "controller_cpu_ms", "hosts_cpu_ms"};
	meter_stop(meter);
	json_t *cost = meter_encode(meter);
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		json_object_set(result, members[i], json_object_get(cost, members[i]));
	json_decref(cost);
}

// `anew`: the hosts too have forgotten everything.
static int begin_again(struct simulation *simulation, bool anew, json_t **out, struct error *error)
{
	struct fleet *fleet = &simulation->fleet;
	struct meter meter;
	if (anew) {
		fleet_done(fleet);
		fleet_init(fleet, &simulation->loop, simulation->clients, &simulation->plan,
			simulation->options->full);
	}
	uint64_t start = clock_monotonic_ns();
	int rc = server_restart(&simulation->server, error);
	meter_init(&meter, simulation);
	meter_start(&meter);
	if (anew)
		fleet_start(fleet);
	else
		fleet_lost(fleet);
	if (!rc)
		rc = come_back(simulation, start, out, error);
	if (!rc)
		add_cost(*out, &meter);
	meter_done(&meter);
	return rc;
}

int scenario_restart(struct simulation *simulation, json_t **out, struct error *error)
{
	return begin_again(simulation, false, out, error);
}

int scenario_cold(struct simulation *simulation, json_t **out, struct error *error)
{
	return begin_again(simulation, true, out, error);
}
