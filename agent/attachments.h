// SPDX-License-Identifier: Apache-2.0
// Our programs on devices: those of local ports, and the underlay.
//
// The host's own IPv6 is turned off on a port's device while our program is on it, so that the host
// does not speak into a tenant's network (router solicitations, duplicate address detection,
// answers to the tenant's link-local traffic); it is put back when the program is taken off. With
// an underlay, forwarding is turned on for the loopback device, which the datapath's route look-ups
// need.
#pragma once

#include <net/if.h>
#include <stdint.h>

#include "datapath/datapath.h"

struct attachments;

// `datapath` is borrowed.
void attachments_new(struct attachments **out, struct datapath *datapath);
// What is attached stays so.
void attachments_free(struct attachments *attachments);

// The program of an agent before this one may be on this device: take it over.
void attachments_adopt(struct attachments *attachments, uint32_t ifindex, const char *name);
// Without an agent, the program of a port was taken off this device: give the host its own back.
void attachments_removed(const char *name);
// The device has a new name.
void attachments_rename(struct attachments *attachments, uint32_t ifindex, const char *name);
// The device is gone, and our program with it.
void attachments_forget(struct attachments *attachments, uint32_t ifindex);

// Say what should be attached: begin, want each, end. `end` attaches and detaches. With `audit` it
// also looks whether what should be attached is. Returns how many had to be put back, or the first
// -errno; the others are attached all the same.
void attachments_begin(struct attachments *attachments);
void attachments_want(struct attachments *attachments, uint32_t ifindex, const char *name,
	enum datapath_role role);
int attachments_end(struct attachments *attachments, bool audit, struct error *error);

// Our program is on the device, or that of the agent before.
bool attachments_holds(const struct attachments *attachments, uint32_t ifindex);
// NULL: the device is attached, or is not wanted. Else why it could not be.
const char *attachments_failure(const struct attachments *attachments, uint32_t ifindex);
// "port", "underlay", or NULL.
const char *attachments_role(const struct attachments *attachments, uint32_t ifindex);
