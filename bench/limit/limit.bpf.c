// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// The least that a datapath like ours can do: hand each packet on, unseen, to the device whose index differs from this
// one's in the last bit. What that costs, to bare veth, no program in the same place can save.
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

char license_terms[] SEC("license") = "Dual BSD/GPL";

// Onto a wire.
SEC("tc/on")
int limit_on(struct __sk_buff *skb)
{
	return (int)bpf_redirect(skb->ifindex ^ 1, 0);
}

// Into a workload.
SEC("tc/in")
int limit_in(struct __sk_buff *skb)
{
	return (int)bpf_redirect_peer(skb->ifindex ^ 1, 0);
}
