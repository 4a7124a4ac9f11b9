// SPDX-License-Identifier: Apache-2.0
// A topology brought to life: devices, the rows that the compiler makes of the objects, and a datapath that holds them.
// Two kinds of world run the same cases: of memory (native.c) and of network namespaces (kernel.c).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/datapath.h"
#include "vectors.h"

// A frame that came out, and where: the name of a port, of a host or of a service of the agent, or NULL where that cannot be told.
struct seen_output {
	const char *to;
	struct bytes bytes;
	uint32_t gso;
};

struct seen_drop {
	uint32_t port, reason; // port: its key
	uint64_t packets;
};

// What became of a frame.
struct seen {
	enum vector_verdict verdict;
	size_t output_count, drop_count;
	struct seen_output *outputs;
	struct seen_drop *drops;
	uint64_t *
		handed; // packets that the counters say each device was handed, in the order of topology->devices
};

void seen_done(struct seen *seen);
// Takes over `data`.
void seen_add(struct seen *seen, const char *to, struct bytes bytes, uint32_t gso);

struct world;

// A way to run a frame through a world; a case passes if every way of its world shows what is expected.
struct way {
	const char *name; // "test run", "wire"
	int (*run)(struct world *world, const struct vector_case *c, struct seen *out,
		struct error *error);
	bool (*suits)(const struct vector_case *c); // NULL: all cases
};

struct world_kind {
	const char *name; // of the datapath provider
	const struct way *ways;
	size_t way_count;
	// Make the devices; fill `device_ifindexes` and `underlay_ifindex` of the world, open its datapath.
	int (*open)(struct world *world, struct error *error);
	// After the rows are there.
	int (*attach)(struct world *world, struct error *error);
	void (*close)(struct world *world);
	// Time passes for what the datapath remembers; or all that is forgotten.
	int (*age)(struct world *world, uint32_t seconds, struct error *error);
	int (*forget)(struct world *world, struct error *error);
	// Write a row of `share`.
	int (*share)(struct world *world, uint32_t tenant, const struct dp_share *share,
		struct error *error);
};

extern const struct world_kind world_native, world_kernel;

struct world {
	const struct world_kind *kind;
	const struct vector_topology *topology;
	struct datapath *datapath;
	struct compiler *compiler;
	bool changed;               // objects are not those of the topology
	struct dp_share others;     // what tenants have taken that are not here
	uint32_t *device_ifindexes; // in the order of topology->devices
	uint32_t underlay_ifindex;
	void *links; // of the kind
};

int world_open(struct world *out, const struct world_kind *kind,
	const struct vector_topology *topology, struct error *error);
void world_close(struct world *world);

// What comes before the frame of a case: what the one before left is forgotten, unless it goes on; time passes, objects change.
int world_prepare(struct world *world, const struct vector_case *c, struct error *error);

// How many connections are remembered, once those that have expired are removed; or -errno.
int world_connections(struct world *world, struct error *error);

// Has each port and tenant taken as many rows as there are of it? 0, or -errno with the one that has not.
int world_balance(struct world *world, struct error *error);

// The key of a port; 0 if there is none of this name.
uint32_t world_port_key(const struct world *world, const char *port);
const struct vector_host *world_host(const struct world *world, const char *name);
// The device of a port, as an index into topology->devices; -1: none.
int world_device(const struct world *world, const char *port);
// What was handed to the agent's services since the last time.
void world_punts(const struct world *world, struct seen *out);
// The host that an outer frame goes to, by its destination MAC; NULL: none.
const char *world_host_by_mac(const struct world *world, const uint8_t *mac);

// The counters at one moment.
struct counted {
	size_t drop_count;
	struct seen_drop *drops;
	uint64_t *handed; // by device
};

struct counted world_count(const struct world *world);
void counted_done(struct counted *counted);
// Note what has moved since `before` in the drops and in `handed`.
void world_count_since(const struct world *world, const struct counted *before, struct seen *out);
