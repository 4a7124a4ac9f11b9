// SPDX-License-Identifier: Apache-2.0
// The network interfaces of this host (of the network namespace that the agent runs in), as
// rtnetlink tells, kept up to date on the loop.
//
// A notification is taken for itself; when the kernel says that some were lost, and on
// links_resync, all links are read again and what differs is told as if it had been notified.
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <uv.h>

#include "base/address.h"
#include "base/error.h"
#include "base/table.h"

struct link {
	uint32_t ifindex;
	char name[IFNAMSIZ];
	char kind[16]; // "veth", "tun", "bridge"; empty: a plain device
	struct mac mac;
	uint32_t mtu;   // bytes
	bool up;        // set up by somebody; says nothing of a carrier
	bool peer;      // a veth whose other end is in another network namespace
	bool member;    // of a bridge, a bond, a VRF
	bool addressed; // carries IP addresses beyond the link's own: links_readdress
	UT_hash_handle hh;
};

struct links;

struct links_events {
	// `before` NULL: it appeared; `after` NULL: it went. Both are borrowed; the name may have
	// changed.
	void (*link)(void *context, const struct link *before, const struct link *after);
	void (*addresses)(void *context); // some address of some link came or went
	void *context;
};

// The links that are there now are told before this returns.
int links_new(struct links **out, uv_loop_t *loop, const struct links_events *events,
	struct error *error);
void links_free(struct links *links);
int links_resync(struct links *links, struct error *error);

// NULL if absent. Borrowed, valid until the loop runs.
const struct link *links_find(const struct links *links, uint32_t ifindex);
typedef void (*links_visit)(void *context, const struct link *link);
void links_each(const struct links *links, links_visit visit, void *context);
// Ask the kernel which links carry addresses; those that began or ended to are told. The link that carries
// this address; NULL if none does.
const struct link *links_readdress(struct links *links, const struct address *address);
