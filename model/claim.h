// SPDX-License-Identifier: Apache-2.0
// Claims: what only one object may have. An address or a MAC in its network, a device on its host, a VTEP, and the
// numbers that the controller gives out. All in one ordered index, so that a duplicate is found, and a range of
// addresses searched, in the same way. Private to the model.
#pragma once

#include <stddef.h>

#include "record.h"

enum claim_type {
	CLAIM_ADDRESS, // in a network
	CLAIM_MAC,     // in a network
	CLAIM_DEVICE,  // on a host
	CLAIM_VTEP,    // from here on: in the deployment
	CLAIM_VNI,
	CLAIM_HOST_KEY,
	CLAIM_PORT_KEY,
	CLAIM_ROUTER_KEY,
};

// A port has five: so scope and type are in one word.
struct claim {
	uintptr_t space;   // of claim_space
	uint8_t value[16]; // address; MAC; device name; number, big-endian; zero beyond
	struct record *owner;
};

// `scope`: the network or host; NULL: the deployment. The type is where the address of a record has zeros.
static inline uintptr_t claim_space(const struct record *scope, enum claim_type type)
{
	_Static_assert(CLAIM_ROUTER_KEY < _Alignof(max_align_t), "a type fits beside a scope");
	return (uintptr_t)scope | (uintptr_t)type;
}

void claims_init(struct index *claims);

// The claim that this would be; `owner` is left empty.
struct claim claim_address(const struct record *network, const struct address *address);
struct claim claim_mac(const struct record *network, const struct mac *mac);
struct claim claim_device(const struct record *host, const char *device);
struct claim claim_number(enum claim_type type, uint32_t number);
uint32_t claim_number_of(const struct claim *claim);

// Claim all that the object in `record` has; of a router also the addresses that follow from the subnets of its networks,
// so that it must be dropped and claimed again when these change. -EEXIST with object and field; what was claimed until then stays, for
// claims_drop to remove.
int claims_take(struct index *claims, struct record *record, struct error *error);
// Remove all claims that the object in `record` holds.
void claims_drop(struct index *claims, struct record *record);
