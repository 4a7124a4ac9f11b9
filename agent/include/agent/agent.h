// SPDX-License-Identifier: Apache-2.0
// The agent: makes one host behave as the controller says.
#pragma once

#include <uv.h>

#include "base/error.h"

struct agent;

struct agent_options {
	const char *host; // name of this host
	// "unix:/run/weft/weft.sock", "https://10.0.0.1:6640,https://10.0.0.2:6640": one at a time, the
	// next when it does not answer.
	const char *controller;
	const char *certificate, *key, *authority; // PEM files, for https
	// NULL: do not register; else the host object is created or updated with it.
	const char *vtep;
	const char *encap;      // "geneve" (default), "vxlan": how others shall speak to this host
	const char *state;      // folder on a BPF file system, "/sys/fs/bpf/weft"
	const char *provider;   // "kernel" (default), "native"
	unsigned audit_seconds; // read back and repair drift this often; 0: 10
};

int agent_start(struct agent **out, uv_loop_t *loop, const struct agent_options *options,
	struct error *error);
// Stop talking; the datapath goes on forwarding.
void agent_stop(struct agent *agent);

// -EPERM, naming the capabilities that this process lacks to be an agent over this datapath (NULL: the
// kernel's). Changes nothing.
int agent_check_privileges(const char *provider, struct error *error);

// Take off this host what agents over the kernel's datapath left in this network namespace and in the
// folder `state`; `visit` is told of each interface ("port", "underlay") that a program was taken off.
// Nothing there: 0. -EBUSY while an agent runs on `state`.
typedef void (*agent_removed_visit)(void *context, const char *interface, const char *role);
int agent_remove(const char *state, agent_removed_visit visit, void *context, struct error *error);
