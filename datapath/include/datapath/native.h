// SPDX-License-Identifier: Apache-2.0
// Run frames through the native datapath: the same forwarding as in the kernel, over memory. What would go out is
// gathered in a list.
//
// Rows come in by datapath_put, as for any provider; counters go out by datapath_counters and datapath_drops. One thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/datapath.h"

// What may go wrong around forwarding, to see it cope. A set: it lasts for one frame.
enum native_fault {
	NATIVE_FAULT_STORE = 1 << 0,   // no memory to write to the frame
	NATIVE_FAULT_RESIZE = 1 << 1,  // nor to change its size
	NATIVE_FAULT_OPEN = 1 << 2,    // no room for the tunnel header
	NATIVE_FAULT_CLOSE = 1 << 3,   // the tunnel header does not come off
	NATIVE_FAULT_CLONE = 1 << 4,   // no copy to a device
	NATIVE_FAULT_ROUTING = 1 << 5, // no copy to the underlay: forwarding is off
	NATIVE_FAULT_PUNT = 1 << 6,    // no room for packets to services
	NATIVE_FAULT_STATE = 1 << 7,   // no room for another connection, or fragment
};

struct native_frame {
	const uint8_t *bytes; // from the Ethernet header on
	size_t length;
	uint32_t segment; // payload bytes of a segment of a superpacket; 0: a packet
	bool tagged;      // a VLAN tag stands beside the frame, as drivers deliver it
	bool due;         // its innermost checksum is still to be filled in by a device
	unsigned faults;
};

struct native_output {
	uint32_t ifindex;
	enum dp_device device; // DP_DEVICE_PEER: into the peer of this device
	bool underlay;
	uint32_t segment;
	uint8_t *bytes;
	size_t length;
};

enum native_verdict {
	NATIVE_DROP, // `reason` says why; copies may have gone out before
	NATIVE_DONE, // all that went out are copies
	NATIVE_SENT, // the last output is the frame itself
	NATIVE_HOST, // left to the host's own stack
};

struct native_result {
	enum native_verdict verdict;
	uint32_t reason; // of the last drop that was counted, of a copy or of the frame; 0: none
	size_t count;
	struct native_output *outputs;
};

// One frame that arrives on a device, at the program of this role. `out` needs native_result_done.
void native_run(struct datapath *datapath, enum datapath_role role, uint32_t ifindex,
	const struct native_frame *frame, struct native_result *out);
void native_result_done(struct native_result *result);

// Write a row of the state.
void native_put_state(
	struct datapath *datapath, enum dp_state state, const void *key, const void *value);
// Let time pass, for connections alone; or forget them all.
void native_advance(struct datapath *datapath, uint64_t nanoseconds);
void native_forget(struct datapath *datapath);

// The underlay around this host. `native_neighbor`: who has this MAC; a zero MAC: reachable, MAC not known yet. An
// address never named has no route.
void native_underlay_mac(struct datapath *datapath, struct dp_mac mac);
void native_neighbor(struct datapath *datapath, struct dp_address address, struct dp_mac mac);
// Who is asked about an address that was never named: is there a route to it? Fills `mac`, or leaves it zero where it is not known yet.
typedef bool (*native_resolve)(void *context, const struct dp_address *address, struct dp_mac *mac);
void native_resolver(struct datapath *datapath, native_resolve resolve, void *context);
