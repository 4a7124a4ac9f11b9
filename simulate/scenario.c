// SPDX-License-Identifier: Apache-2.0
// The scenarios: one change after the other, each from the call of the API to the receipt that says
// that every host has realized it.
#include <stdio.h>
#include <string.h>

#include "meter.h"
#include "simulation.h"

// Longer than an agent lets pass between two reports, so that a change does not wait for the report
// of the one before; and what every change costs later is not counted for the next.
enum { PAUSE_MS = 25, JOINED_PORTS = 10 };
// What takes long is made so often at most.
enum { FEW = 50 };

// ---- one operation, timed, and taken back ----

static int apply(struct simulation *simulation, json_t *operation, struct error *error)
{
	uint64_t revision;
	int rc = caller_change(&simulation->caller, operation, &revision, error);
	return rc < 0 ? rc : caller_await(&simulation->caller, revision, error);
}

static size_t at_most(const struct simulation *simulation, size_t few)
{
	size_t all = simulation->options->repeat;
	return all < few ? all : few;
}

static int repeat_times(struct simulation *simulation, const char *what, size_t all,
	change_make make, json_t **out, struct error *error)
{
	struct meter meter;
	int rc = 0;
	meter_init(&meter, simulation);
	for (size_t turn = 0; turn < all && !rc; turn++) {
		struct change change = {0};
		make(simulation, turn, &change);
		simulation_tell(simulation, what, turn, all);
		caller_idle(&simulation->caller, PAUSE_MS, error);
		meter_start(&meter);
		rc = apply(simulation, change.operation, error);
		meter_stop(&meter);
		if (rc) {
			json_decref(change.undo);
		} else if (change.undo) {
			caller_idle(&simulation->caller, PAUSE_MS, error);
			rc = apply(simulation, change.undo, error);
		}
	}
	simulation_tell(simulation, what, all, all);
	if (!rc)
		*out = meter_encode(&meter);
	meter_done(&meter);
	return rc;
}

static int repeat(struct simulation *simulation, const char *what, change_make make, json_t **out,
	struct error *error)
{
	return repeat_times(simulation, what, simulation->options->repeat, make, out, error);
}

// ---- the changes ----

static int port_added(struct simulation *simulation, json_t **out, struct error *error)
{
	return repeat(simulation, "one port added", change_port_added, out, error);
}

static int label_changed(struct simulation *simulation, json_t **out, struct error *error)
{
	return repeat(simulation, "one label changed", change_label, out, error);
}

static int port_moved(struct simulation *simulation, json_t **out, struct error *error)
{
	return repeat(simulation, "one port moved", change_port_moved, out, error);
}

static int rule_1000(struct simulation *simulation, json_t **out, struct error *error)
{
	if (!plan_group(&simulation->plan, "1000"))
		return 0;
	return repeat(simulation, "one rule of 1,000 ports", change_rule_1000, out, error);
}

static int rule_10000(struct simulation *simulation, json_t **out, struct error *error)
{
	if (!plan_group(&simulation->plan, "10000"))
		return 0;
	return repeat_times(simulation, "one rule of 10,000 ports", at_most(simulation, FEW),
		change_rule_10000, out, error);
}

// ---- a host joins ----

static json_t *joined_ports(
	struct simulation *simulation, const char *host, const char *op, const struct place *place)
{
	json_t *operations = json_array();
	char name[PLAN_NAME], device[PLAN_NAME];
	for (size_t i = 0; i < JOINED_PORTS; i++) {
		json_t *object = NULL;
		snprintf(name, sizeof(name), "j%zu", i);
		if (strcmp(op, "delete")) {
			object = plan_port_object(&simulation->plan, place->tenant, place->port);
			json_object_set_new(object, "host", json_string(host));
			json_object_set_new(
				object, "device", json_string(plan_device_name(i, device)));
		}
		json_array_append_new(
			operations, plan_operation(op, "port", place->tenant_name, name, object));
	}
	return operations;
}

static int join(struct simulation *simulation, const char *name, const struct place *place,
	struct fleet_host **host, struct error *error)
{
	struct fleet *fleet = &simulation->fleet;
	uint64_t revision;
	size_t wanted = fleet->connected + 1;
	*host = fleet_join(fleet, name, "172.31.255.1");
	if (caller_run(&simulation->caller, &fleet->connected, wanted, 60, NULL, NULL) < 0)
		return error_set(error, ETIMEDOUT, "host %s is not connected after a minute", name);
	int rc = caller_commit(&simulation->caller,
		json_pack("{s:o}", "operations", joined_ports(simulation, name, "create", place)),
		&revision, error);
	return rc < 0 ? rc : caller_await(&simulation->caller, revision, error);
}

static int leave(struct simulation *simulation, const char *name, const struct place *place,
	struct error *error)
{
	json_t *operations = joined_ports(simulation, name, "delete", place);
	uint64_t revision;
	json_array_append_new(operations, plan_operation("delete", "host", NULL, name, NULL));
	int rc = caller_commit(&simulation->caller, json_pack("{s:o}", "operations", operations),
		&revision, error);
	return rc < 0 ? rc : caller_await(&simulation->caller, revision, error);
}

static int host_joins(struct simulation *simulation, json_t **out, struct error *error)
{
	struct meter meter;
	size_t all = at_most(simulation, FEW);
	int rc = 0;
	meter_init(&meter, simulation);
	for (size_t turn = 0; turn < all && !rc; turn++) {
		struct place place = change_place(simulation);
		struct fleet_host *host = NULL;
		char name[PLAN_NAME];
		snprintf(name, sizeof(name), "new%zu", turn);
		simulation_tell(simulation, "a host joins", turn, all);
		caller_idle(&simulation->caller, PAUSE_MS, error);
		meter_start(&meter);
		rc = join(simulation, name, &place, &host, error);
		meter_stop(&meter);
		fleet_leave(host);
		if (!rc)
			rc = leave(simulation, name, &place, error);
	}
	simulation_tell(simulation, "a host joins", all, all);
	if (!rc)
		*out = meter_encode(&meter);
	meter_done(&meter);
	return rc;
}

const struct scenario scenarios[] = {
	{"restart", "the controller is killed; all hosts come back to it", true, scenario_restart},
	{"cold", "the controller and all hosts begin anew", true, scenario_cold},
	{"port-added", "one port more, on a host that its tenant has", false, port_added},
	{"label-changed", "a port takes another role: its policies change", false, label_changed},
	{"port-moved", "a port moves to another host of its tenant", false, port_moved},
	{"rule-1000", "one rule of a policy that applies to 1,000 ports", false, rule_1000},
	{"rule-10000", "one rule of a policy that applies to 10,000 ports", false, rule_10000},
	{"host-joins", "a host registers and gets ten ports", false, host_joins},
	{"churn", "eight changes at any time", false, scenario_churn},
	{0},
};
