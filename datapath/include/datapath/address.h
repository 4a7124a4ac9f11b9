// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// Addresses in the tables of the datapath: bytes in network order, IPv4 as IPv4-mapped IPv6.
#pragma once

#include <linux/types.h>

struct dp_mac {
	__u8 bytes[6];
} __attribute__((aligned(2)));

struct dp_address {
	__u8 bytes[16];
} __attribute__((aligned(4)));
