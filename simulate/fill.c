// SPDX-License-Identifier: Apache-2.0
// Filling the controller: the hosts first, then, with all of them connected, the rest, so that it
// reaches them as it comes.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "meter.h"
#include "simulation.h"

// Transactions under way: the controller takes one while the hosts are told the one before.
enum { AT_A_TIME = 4, ANSWER_SECONDS = 600, CONNECT_SECONDS = 600 };

struct filling {
	struct simulation *simulation;
	size_t operations, ports;
	struct exchange *under_way[AT_A_TIME]; // in their order
	size_t under_way_count;
	uint64_t *revisions;
	size_t count, capacity;
	bool started;
	struct error *error;
};

// ---- transactions under way ----

static void note_revision(struct filling *filling, uint64_t revision)
{
	if (filling->count == filling->capacity) {
		filling->capacity = filling->capacity ? 2 * filling->capacity : 64;
		filling->revisions = memory_resize(
			filling->revisions, filling->capacity, sizeof(*filling->revisions));
	}
	filling->revisions[filling->count++] = revision;
}

// Wait for the oldest.
static int end_one(struct filling *filling)
{
	json_t *answer;
	int rc = caller_end(filling->under_way[0], &answer, filling->error);
	filling->under_way_count--;
	memmove(filling->under_way, filling->under_way + 1,
		filling->under_way_count * sizeof(*filling->under_way));
	if (rc < 0)
		return rc;
	note_revision(filling, (uint64_t)json_integer_value(json_object_get(answer, "revision")));
	json_decref(answer);
	return 0;
}

static int end_until(struct filling *filling, size_t left)
{
	int rc = 0;
	while (filling->under_way_count > left && !rc)
		rc = end_one(filling);
	return rc;
}

// ---- one transaction ----

static size_t count_ports(const json_t *transaction, const char **first_kind)
{
	size_t index, ports = 0;
	json_t *operation;
	json_array_foreach (json_object_get(transaction, "operations"), index, operation) {
		const char *kind = json_string_value(json_object_get(operation, "kind"));
		ports += !strcmp(kind, "port");
		*first_kind = index ? *first_kind : kind;
	}
	return ports;
}

static void tell_connected(void *context, size_t connected)
{
	struct simulation *simulation = context;
	simulation_tell(simulation, "hosts connect", connected, simulation->fleet.count);
}

int simulation_connect(struct simulation *simulation, struct error *error)
{
	struct fleet *fleet = &simulation->fleet;
	fleet_start(fleet);
	if (caller_run(&simulation->caller, &fleet->connected, fleet->count, CONNECT_SECONDS,
		    tell_connected, simulation) < 0)
		return error_set(error, ETIMEDOUT, "%zu of %zu hosts are connected",
			fleet->connected, fleet->count);
	return 0;
}

// What a transaction needs must be there before it: whole tenants need nothing but the hosts, and
// go at any time; another part of a tenant waits for those before.
static int prepare(struct filling *filling, const char *first_kind)
{
	bool whole = !strcmp(first_kind, "host") || !strcmp(first_kind, "tenant");
	bool last_hosts = !filling->started && strcmp(first_kind, "host");
	int rc = end_until(filling, whole && !last_hosts ? AT_A_TIME - 1 : 0);
	if (rc || !last_hosts)
		return rc;
	filling->started = true;
	return simulation_connect(filling->simulation, filling->error);
}

static int fill_one(void *context, json_t *transaction)
{
	struct filling *filling = context;
	struct simulation *simulation = filling->simulation;
	const char *kind = "";
	size_t ports = count_ports(transaction, &kind);
	int rc = prepare(filling, kind);
	if (rc) {
		json_decref(transaction);
		return rc;
	}
	filling->ports += ports;
	filling->operations += json_array_size(json_object_get(transaction, "operations"));
	filling->under_way[filling->under_way_count++] = caller_begin(
		&simulation->caller, "POST", "/v1/transactions", transaction, ANSWER_SECONDS);
	simulation_tell(
		simulation, "the controller is filled", filling->ports, simulation->plan.ports);
	return 0;
}

// ---- all ----

static int await_all(struct filling *filling, struct error *error)
{
	int rc = 0;
	// The newest first: what it takes to wait is waited for once.
	for (size_t i = filling->count; i && !rc; i--) {
		simulation_tell(
			filling->simulation, "receipts", filling->count - i, filling->count);
		rc = caller_await(&filling->simulation->caller, filling->revisions[i - 1], error);
	}
	return rc;
}

// Those that are under way after a failure, too.
static int commit_all(struct filling *filling)
{
	int rc = plan_transactions(&filling->simulation->plan, fill_one, filling);
	if (!rc)
		rc = end_until(filling, 0);
	struct error later = {0};
	filling->error = &later;
	while (filling->under_way_count)
		end_one(filling);
	return rc;
}

int simulation_fill(struct simulation *simulation, json_t **out, struct error *error)
{
	struct filling filling = {.simulation = simulation, .error = error};
	struct meter meter;
	uint64_t start = clock_monotonic_ns();
	meter_init(&meter, simulation);
	meter_start(&meter);
	int rc = commit_all(&filling);
	double accepted = (double)(clock_monotonic_ns() - start) / 1e9;
	if (!rc)
		rc = await_all(&filling, error);
	meter_stop(&meter);
	if (!rc) {
		*out = meter_encode(&meter);
		json_object_del(*out, "samples_ms");
		json_object_update_new(
			*out, json_pack("{s:f,s:f,s:I,s:I,s:o}", "accepted_s", accepted,
				      "receipts_s", (double)(clock_monotonic_ns() - start) / 1e9,
				      "transactions", (json_int_t)filling.count, "operations",
				      (json_int_t)filling.operations, "memory",
				      meter_memory(simulation)));
	}
	meter_done(&meter);
	free(filling.revisions);
	return rc;
}
