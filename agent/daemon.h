// SPDX-License-Identifier: Apache-2.0
// The parts of a running agent, and how they hang together:
//
//   stream ──► view ──► compiler ──► program ──► datapath        rows
//   links ──► compiler                attachments ──► datapath   devices
//                                     neighbors ──► kernel       next hops
//   stream, datapath ──► services ──► devices                      DHCP, router advertisements, DNS
//   stream ──► answers ──► trace                                 what would become of a packet
//   all ──► content ──► report ──► controller
#pragma once

#include "agent/agent.h"
#include "answers.h"
#include "attachments.h"
#include "compile/compile.h"
#include "counters.h"
#include "crowding.h"
#include "decisions.h"
#include "http/client.h"
#include "links.h"
#include "neighbors.h"
#include "program.h"
#include "renewal.h"
#include "report.h"
#include "rules.h"
#include "services/services.h"
#include "stream.h"
#include "timer.h"
#include "told.h"
#include "view.h"

struct agent {
	char *host;
	char *kernel; // its release: "6.1.0"
	struct address vtep;
	uint32_t underlay; // ifindex of the link that carries the VTEP; 0: none
	bool underlay_stale, neighbors_stale, devices_stale;
	uint64_t ports_changes; // the compiler's, when devices were attached last
	json_t *warnings;       // of what is held; NULL: to be worked out

	struct datapath *datapath;
	struct compiler *compiler;
	struct program *program;
	struct attachments *attachments;
	struct neighbors *neighbors;
	struct services *services;
	struct links *links;
	struct view view;
	struct counters counters;
	struct rule_counts rule_counts;
	struct decisions decisions;
	struct crowding crowding;

	struct http_client *http;
	struct stream *stream;
	struct report *report;
	struct renewal *renewal;
	struct told told_interfaces, told_ports;
	struct answers *answers;

	struct timer *apply_soon, *retry, *audit, *count, *expire;
	int audit_step;
	bool synced; // a snapshot has come: before, what the kernel holds is left as it is

	uint64_t realized;
	char *failure;       // why the newest revision is not realized; NULL: it is
	char *route_failure; // NULL: every VTEP can be reached
	uint64_t reattached;
	uint64_t divergences; // times that this host did not hold what the controller believed
};
