// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// The kernel datapath: two tc programs over the forwarding core. They stand alone: with the process
// that loaded them gone, they forward on.
#include "seam_bpf.h"

#include "core/forward.h"

#include <linux/pkt_cls.h>

char license_terms[] SEC("license") = "Dual BSD/GPL";

static __always_inline int action(enum dp_verdict verdict)
{
	switch (verdict) {
	case DP_VERDICT_SENT:
		return TC_ACT_REDIRECT;
	case DP_VERDICT_HOST:
		return TC_ACT_OK;
	default:
		return TC_ACT_SHOT;
	}
}

// At ingress of the host's side of a port's device.
SEC("tc")
int weft_from_port(struct __sk_buff *skb)
{
	struct seam seam = {.skb = skb};

	seam_pull(skb, skb->protocol);
	return action(from_port(&seam));
}

// At ingress of the device that tunnels arrive on.
SEC("tc")
int weft_from_underlay(struct __sk_buff *skb)
{
	struct seam seam = {.skb = skb};

	seam_pull(skb, skb->protocol);
	return action(from_underlay(&seam));
}
