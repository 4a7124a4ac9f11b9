// SPDX-License-Identifier: Apache-2.0
// What only the kernel provider has, for tests and measurements.
#pragma once

#include "datapath/datapath.h"

// The file descriptor of the loaded program of this role, for BPF_PROG_TEST_RUN; borrowed. -ENOTSUP for other providers.
int datapath_kernel_program(const struct datapath *datapath, enum datapath_role role);
