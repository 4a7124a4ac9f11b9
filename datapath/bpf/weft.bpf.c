// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// The kernel datapath: two tc programs over the forwarding core.
#include <linux/bpf.h>
#include <stdbool.h>

#include "maps.h"

char license_terms[] SEC("license") = "Dual BSD/GPL";

// Does bpf_skb_adjust_room set skb->protocol on decapsulation (Linux 6.3)? The loader asks the kernel.
const volatile bool has_decap_l3;
