// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// What rules decided that want to be logged (DP_RULE_LOG): of a rule that denies, each packet; of one that allows, the first packet of
// each connection. The agent takes them now and then. What finds no room, or comes too often, is counted all the same.
#pragma once

#include <linux/types.h>
#ifndef __bpf__
#include <stdbool.h>
#endif

#include "datapath/address.h"
#include "datapath/bucket.h"

// Host byte order, but for the addresses.
struct dp_decision {
	__u64 time;                      // nanoseconds of the monotonic clock
	__u32 rule;                      // its number
	__u32 port;                      // key of the port whose rule it is
	struct dp_address local, remote; // of that port, and of the other end
	__u16 service;                   // destination port, or ICMP type << 8 | code
	__u16 source_port;
	__u8 protocol;
	__u8 direction; // DP_INGRESS, DP_EGRESS
	__u8 action;    // enum dp_action
	__u8 pad;
};

// Room in the kernel for those that the agent has not taken yet: of a size that a BPF ring buffer can have.
enum { DP_DECISION_RING = 1 << 16 };

// How many are told of a rule, on each CPU: so many at once, and so many a second. (And of a tenant: core/share.h.)
enum { DP_LOG_BURST = 10, DP_LOG_INTERVAL = 100000000 /* nanoseconds: 10 a second */ };

static inline bool dp_log_allowed(__u64 *full, __u64 now)
{
	return dp_bucket_take(full, now, DP_LOG_INTERVAL, (__u64)DP_LOG_INTERVAL * DP_LOG_BURST);
}
