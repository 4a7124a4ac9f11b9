// SPDX-License-Identifier: Apache-2.0
// The two places at a device's ingress where a program of ours may stand: tcx, and where the kernel has none (before Linux 6.6) a filter
// of clsact, which costs every packet more.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "datapath/datapath.h"

// Is this program one of ours? False: nobody's, or gone meanwhile. `role` may be NULL.
bool hooks_role(uint32_t program, enum datapath_role *role);

// ---- tcx.c ----

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
