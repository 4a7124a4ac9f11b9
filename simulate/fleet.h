// SPDX-License-Identifier: Apache-2.0
// The simulated hosts: all on one loop, sharing the connections of one HTTP client.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "compile/compile.h"
#include "datapath/datapath.h"
#include "http/client.h"
#include "light.h"
#include "plan.h"
#include "program.h"
#include "report.h"
#include "stream.h"
#include "told.h"
#include "view.h"

// What all hosts together did; only ever more.
struct fleet_counts {
	uint64_t batches; // that hosts were told
	uint64_t items;   // objects in them
	uint64_t rows;    // written and removed
	uint64_t reports;
	uint64_t divergences; // hosts that did not hold what the controller believed
};

// Devices beyond those of the plan, for ports that come later: "spare0" ...
enum { FLEET_SPARES = 4 };

// libcurl looks through all connections of a client for each request: so there are many clients, of
// which each serves some of the hosts. Reports share some connections.
enum { FLEET_CLIENTS = 64 };
struct fleet_client {
	struct http_client *streams, *reports;
};

struct fleet_host {
	struct fleet *fleet;
	const struct fleet_client *client;
	char name[PLAN_NAME];
	size_t *ports; // of the plan, whose devices this host has; borrowed
	size_t port_count;
	struct stream *stream;
	struct report *report;
	struct told told_interfaces, told_ports;
	struct view view;
	struct compiler *compiler;
	struct program *program;
	struct datapath *datapath;
	bool light;                 // has no view, compiler, program and datapath, see light.h
	struct light *light_stream; // instead of `stream`
	bool connected;             // what it needs has come
	bool waits;                 // for its turn to compile what has come
	uint64_t realized;
	uint64_t ports_changes; // the compiler's, when ports were noted to be reported
	char *failure;
	struct fleet_host *prev, *next; // that wait
};

struct fleet {
	uv_loop_t *loop;
	const struct fleet_client *clients; // FLEET_CLIENTS; each for some of the hosts
	const struct plan *plan;
	struct fleet_host **hosts;
	size_t count, connected;
	bool *compiles;             // each: it is not light
	size_t full;                // so many are not
	size_t concerned;           // by changes, see plan_concerned
	size_t made;                // so far
	size_t *ports;              // of the plan, in the order of hosts
	struct fleet_host *waiting; // list
	uv_idle_t *turns;           // while some wait
	struct fleet_counts counts;
};

// One host for each of the plan; `full` of them are not light (0: all), first those that changes can
// concern. Nothing is sent yet. All but `fleet` is borrowed.
void fleet_init(struct fleet *fleet, uv_loop_t *loop, const struct fleet_client *clients,
	const struct plan *plan, size_t full);
void fleet_done(struct fleet *fleet);
// Connect all; `fleet->connected` tells how far they are.
void fleet_start(struct fleet *fleet);
// The controller is gone: nobody is connected until it is to the next one.
void fleet_lost(struct fleet *fleet);

// One more host that nobody has declared yet: it registers itself with this VTEP.
struct fleet_host *fleet_join(struct fleet *fleet, const char *name, const char *vtep);
void fleet_leave(struct fleet_host *host);

// The devices of one host as a compiler takes them, for a compiler that starts anew.
void fleet_devices(const struct fleet_host *host, struct object *const *objects, size_t count,
	struct compiler *compiler);
