// SPDX-License-Identifier: Apache-2.0
// One run: the parts that scenarios use.
#pragma once

#include "caller.h"
#include "fleet.h"
#include "plan.h"
#include "server.h"
#include "simulate/simulate.h"

struct simulation {
	const struct simulate_options *options;
	uv_loop_t loop;
	uv_signal_t signals[2];
	struct plan plan;
	struct fleet_client clients[FLEET_CLIENTS]; // of the hosts
	struct fleet fleet;
	struct caller caller;
	struct server server; // process 0: the controller is somebody else's
	uint64_t draws;
	simulate_progress progress;
	void *context;
};

void simulation_tell(struct simulation *simulation, const char *what, size_t done, size_t all);
// Below `limit`, at random, the same in every run.
size_t simulation_draw(struct simulation *simulation, size_t limit);
// One of the ports that changes are made to.
size_t simulation_port(struct simulation *simulation);

// One operation, and the one that takes it back (NULL: it stays).
struct change {
	json_t *operation, *undo;
};
typedef void (*change_make)(struct simulation *simulation, size_t turn, struct change *out);

struct scenario {
	const char *name, *help;
	bool own; // needs a controller of one's own
	// New reference in `out`; NULL where there is not what it needs.
	int (*run)(struct simulation *simulation, json_t **out, struct error *error);
};

extern const struct scenario scenarios[]; // ended by one without a name

// change.c
void change_port_added(struct simulation *simulation, size_t turn, struct change *out);
void change_label(struct simulation *simulation, size_t turn, struct change *out);
void change_port_moved(struct simulation *simulation, size_t turn, struct change *out);
void change_rule_1000(struct simulation *simulation, size_t turn, struct change *out);
void change_rule_10000(struct simulation *simulation, size_t turn, struct change *out);
// A port of the plan and where it is.
struct place {
	const struct plan_tenant *tenant;
	size_t port;
	char tenant_name[PLAN_NAME], name[PLAN_NAME], host[PLAN_NAME];
};
struct place change_place(struct simulation *simulation);

// fill.c: declare the hosts, connect them, and write the rest of the plan.
int simulation_fill(struct simulation *simulation, json_t **out, struct error *error);
// Only connect the hosts, where a run before has filled it.
int simulation_connect(struct simulation *simulation, struct error *error);
// cold.c
int scenario_restart(struct simulation *simulation, json_t **out, struct error *error);
int scenario_cold(struct simulation *simulation, json_t **out, struct error *error);
// churn.c
int scenario_churn(struct simulation *simulation, json_t **out, struct error *error);
// check.c: hold the rows of that many hosts against what follows from all objects, worked out anew.
int simulation_check(
	struct simulation *simulation, size_t hosts, json_t **out, struct error *error);
