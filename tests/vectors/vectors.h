// SPDX-License-Identifier: Apache-2.0
// The packet tables as expand.py writes them, in memory.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"

struct bytes {
	uint8_t *data;
	size_t length;
};

// How the underlay reaches a host: by its MAC; by a route, and nobody answers; not at all.
enum vector_reach { REACH_NEIGHBOR, REACH_SILENT, REACH_NONE };

enum vector_device_kind { DEVICE_PEER, DEVICE_PLAIN, DEVICE_TAP };

struct vector_device {
	const char *port, *name;
	enum vector_device_kind kind;
};

struct vector_host {
	const char *name;
	struct address vtep;
	struct mac mac; // of its underlay device
	enum vector_reach reach;
};

struct vector_topology {
	const char *name, *host; // which of `hosts` this is
	bool underlay;           // has it one?
	uint32_t underlay_mtu;
	size_t device_count, host_count;
	struct vector_device *devices; // of this host
	struct vector_host *hosts;
	const json_t *objects; // as the stream to an agent has them
	const json_t *
		without; // rows that are taken out again: {"table", "key"}; no key: all of the table
};

struct vector_output {
	const char *to; // a port or a host
	struct bytes bytes, mask;
};

enum vector_verdict { VECTOR_FORWARD, VECTOR_DROP, VECTOR_PASS };

// One frame and what becomes of it. A case of several steps is several of these in a row, of one name: all but the first continue.
struct vector_case {
	bool continues;
	uint32_t after;    // seconds that pass before it
	const json_t *put; // objects that change before it, until the case is over; NULL: none
	const json_t *
		room; // {"connection": rows}: so many are free, tenants that are not here have the rest; NULL: all are
	int connections;                // how many are remembered then; -1: who knows
	const char *name, *file, *from; // a port, or "underlay"
	const char *only;               // the provider that can run it; NULL: all
	const struct vector_topology *topology;
	struct bytes packet;
	uint32_t gso;    // payload of a segment; 0: not a superpacket
	bool tagged;     // a VLAN tag stands beside the frame
	bool due;        // its innermost transport checksum is still to be filled in
	unsigned faults; // enum native_fault
	unsigned before; // how often the same frame came before, unseen
	enum vector_verdict verdict;
	uint32_t reason;            // VECTOR_DROP
	uint32_t also;              // a second reason, that of an answer which is not sent; 0: none
	const char *reason_port;    // whose counter; NULL: any
	const json_t *reason_ports; // of copies: whose counters, all of them; NULL: one
	size_t output_count;
	struct vector_output *outputs;
};

struct vectors {
	json_t *document; // owns all strings
	size_t topology_count, case_count;
	struct vector_topology *topologies;
	struct vector_case *cases;
};

int vectors_load(struct vectors *out, const char *path, struct error *error);
void vectors_done(struct vectors *vectors);
