// SPDX-License-Identifier: Apache-2.0
// The two places at a device's ingress where a program of ours may stand: tcx, and where the kernel has none (before Linux 6.6) a filter
// of clsact, which costs every packet more.
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>

// Is this program one of ours? False: somebody else's, or gone meanwhile.
bool hooks_ours(uint32_t program);

// ---- tcx.c ----

// Of Linux 6.6: Debian 12's headers do not know it.
static const enum bpf_attach_type TCX_INGRESS = (enum bpf_attach_type)46;

// All answer -EOPNOTSUPP where the kernel has no tcx; -ENODEV; 0.
// The id of our program at the device; 0: none.
int tcx_find(uint32_t ifindex, uint32_t *program);
// In the place of ours that is there, in one step, else behind those of others.
int tcx_attach(uint32_t ifindex, int program);
// Nothing is there: nothing to do.
int tcx_detach(uint32_t ifindex);

// ---- clsact.c ----

// 0, or -errno.
int clsact_find(uint32_t ifindex, uint32_t *program);
int clsact_attach(uint32_t ifindex, int program);
int clsact_detach(uint32_t ifindex);
