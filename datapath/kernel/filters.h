// SPDX-License-Identifier: Apache-2.0
// Whether anybody filters on a device's clsact: libbpf knows of a filter only by its priority and handle.
#pragma once

#include <stdint.h>

// 1: there are filters, in whichever direction; 0: none; -errno.
int filters_any(uint32_t ifindex);
