// SPDX-License-Identifier: Apache-2.0
// The services of networks, for the ports of this host: DHCP, router advertisements, DNS.
//
//   datapath ──punts──► punt.c ──► dhcp4, dhcp6, ra, dns ──► sender ──► the port's device
//                         │                     └──► forwarder ──► other name servers
//                         └── directory: who is who                advertiser ──► sender
//
// Over a datapath that punts nothing (native) there are none.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

#include "compile/compile.h"
#include "datapath/datapath.h"
#include "reader.h"

struct services;

// `datapath` and `compiler` are borrowed.
int services_new(struct services **out, uv_loop_t *loop, struct datapath *datapath,
	const struct compiler *compiler, struct error *error);
void services_free(struct services *services);
// What the controller says.
void services_take(struct services *services, const struct batch *batch);
// Devices have come or gone, or what was taken is programmed.
void services_refresh(struct services *services);
// Has it served anything since this was asked last?
bool services_moved(struct services *services);
// For reports: {"dhcpv4": {"answered": 3, "silent": 0, "malformed": 0, "failed": 0}, …}; new reference.
json_t *services_encode(const struct services *services);
