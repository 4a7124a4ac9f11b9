// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// Packets that forwarding hands to the agent, because the network serves what they ask for: DHCP, router advertisements, DNS. The
// agent answers on the device that they came from. Without an agent they are dropped, and all else is forwarded on.
#pragma once

#include <linux/types.h>

enum dp_service {
	DP_SERVICE_NONE,
	DP_SERVICE_DHCPV4,
	DP_SERVICE_DHCPV6,
	DP_SERVICE_ROUTER, // a router solicitation
	DP_SERVICE_DNS,
	DP_SERVICE_COUNT,
};

// Longer frames are cut. Room in the kernel for frames that the agent has not taken yet: of a size that a BPF ring buffer can have.
enum { DP_PUNT_BYTES = 2048, DP_PUNT_RING = 1 << 20 };

struct dp_punt {
	__u64 time; // nanoseconds of the monotonic clock
	__u32 port; // key of the port that sent it
	__u32 ifindex, vni;
	__u16 service; // enum dp_service
	__u16 length;  // of the frame, no more than DP_PUNT_BYTES
	__u8 frame[DP_PUNT_BYTES];
};

// What a port may ask for: so many packets at once, and so many a second.
enum { DP_PUNT_BURST = 100, DP_PUNT_INTERVAL = 10000000 /* nanoseconds: 100 a second */ };
