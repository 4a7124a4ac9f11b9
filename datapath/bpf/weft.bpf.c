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

// Never attached: run by the agent, over a frame that holds the keys of rows of the state to look at. Answers how many it removed.
struct expiry {
	struct __sk_buff *skb;
	int removed;
};

#define EXPIRE(name, key_type)                                                                  \
	static long expire_one_##name(__u32 index, void *context)                               \
	{                                                                                       \
		struct expiry *expiry = context;                                                \
		key_type key;                                                                   \
                                                                                                \
		if (bpf_skb_load_bytes(expiry->skb, ETHERNET_BYTES + index * sizeof(key), &key, \
			    sizeof(key)) < 0)                                                   \
			return 1;                                                               \
		expiry->removed += expire_##name(expiry->skb, &key, bpf_ktime_get_ns());        \
		return 0;                                                                       \
	}                                                                                       \
                                                                                                \
	SEC("tc")                                                                               \
	int weft_expire_##name(struct __sk_buff *skb)                                           \
	{                                                                                       \
		struct expiry expiry = {.skb = skb};                                            \
                                                                                                \
		bpf_loop((skb->len - ETHERNET_BYTES) / sizeof(key_type), expire_one_##name,     \
			&expiry, 0);                                                            \
		return expiry.removed;                                                          \
	}
EXPIRE(connection, struct dp_tuple)
EXPIRE(embryo, struct dp_embryo_key)
