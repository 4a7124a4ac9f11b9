// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// The kernel datapath: two programs over the forwarding core. They stand alone: with the process
// that loaded them gone, they forward on.
#include "seam_bpf.h"
#include "seam_state.h"

#include "core/expire.h"
#include "core/forward.h"

#include <linux/pkt_cls.h>

char license_terms[] SEC("license") = "Dual BSD/GPL";

static __always_inline int action(enum dp_verdict verdict)
{
	switch (verdict) {
	case DP_VERDICT_SENT:
		return TC_ACT_REDIRECT;
	case DP_VERDICT_HOST:
		return TC_ACT_UNSPEC; // whoever stands behind us is asked next
	default:
		return TC_ACT_SHOT;
	}
}

// At ingress of the host's side of a port's device.
SEC("tc")
int weft_from_port(struct __sk_buff *skb)
{
	seam_pull(skb, SEAM_HEAD);
	return action(from_port(skb));
}

// At ingress of the device that tunnels arrive on.
SEC("tc")
int weft_from_underlay(struct __sk_buff *skb)
{
	seam_pull(skb, SEAM_HEAD);
	return action(from_underlay(skb));
}

struct expiry {
	struct __sk_buff *skb;
	int removed;
};

static long expire_one(__u32 index, void *context)
{
	struct expiry *expiry = context;
	struct dp_tuple tuple;

	if (bpf_skb_load_bytes(
		    expiry->skb, ETHERNET_BYTES + index * sizeof(tuple), &tuple, sizeof(tuple)) < 0)
		return 1;
	expiry->removed += expire_connection(expiry->skb, &tuple, bpf_ktime_get_ns());
	return 0;
}

// Never attached: run by the agent, over a frame that holds the tuples of connections to look at. Answers how many it removed.
SEC("tc")
int weft_expire(struct __sk_buff *skb)
{
	struct expiry expiry = {.skb = skb};

	bpf_loop((skb->len - ETHERNET_BYTES) / sizeof(struct dp_tuple), expire_one, &expiry, 0);
	return expiry.removed;
}
