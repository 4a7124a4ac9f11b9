// SPDX-License-Identifier: Apache-2.0
// Simulate: thousands of hosts in one process before a real controller.
//
// Each simulated host is the agent without a machine: the real stream and reports over HTTP, the
// real view and compiler, rows written to the native datapath's tables. What differs from a host of
// one's own: devices are there as soon as a port names them, a row costs a write to memory instead
// of a system call, and all hosts share one thread and a few connections for reports.
//
// The controller is another process: one that is started for the occasion, or any that is named.
// What the hosts carry is described in plan.h; what is timed, in scenario.h.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct simulate_options {
	const char *controller; // "unix:/PATH", "https://HOST:PORT"; NULL: start one
	const char *
		relays; // where hosts connect, several with commas between; NULL: to the controller
	const char *certificate, *key, *authority; // PEM files, for https
	const char *store; // of the controller that is started; NULL: SQLite in a folder that goes
	bool filled;       // the controller holds the plan, from a run before: only connect
	const char *scenarios; // names with commas between; NULL: all
	size_t hosts, ports;
	size_t full;   // hosts that compile, see light.h for the others; 0: all
	size_t repeat; // how often each change is made
	size_t check;  // hosts whose rows are held against a fresh computation
	uint64_t seed;
};

// What is under way, for a person to see: `done` of `all` are over.
typedef void (*simulate_progress)(void *context, const char *what, size_t done, size_t all);

// Fill the controller, run the scenarios, tell what was measured: a new reference in `out`, see
// result.c. -errno with `error` where the controller refuses or does not answer, or the check finds
// a difference; -EINTR where SIGINT or SIGTERM ended it. The controller that was started, and its
// folder, are gone afterwards.
int simulate_run(const struct simulate_options *options, simulate_progress progress, void *context,
	json_t **out, struct error *error);

// The transactions that would fill the controller, each as the body of POST /v1/transactions.
typedef void (*simulate_visit)(void *context, json_t *transaction);
int simulate_plan(const struct simulate_options *options, simulate_visit visit, void *context,
	struct error *error);

// Names of all scenarios; NULL beyond the last.
const char *simulate_scenario(size_t index);
