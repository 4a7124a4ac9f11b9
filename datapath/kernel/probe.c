// SPDX-License-Identifier: Apache-2.0
#include "kernel.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <unistd.h>

// Since 6.3; the headers of the build may be older than the kernel that runs.
enum { DECAP_L3_IPV4 = 1 << 7 };

enum { OPCODE_MOV = BPF_ALU64 | BPF_MOV | BPF_K, OPCODE_CALL = BPF_JMP | BPF_CALL };

bool probe_decap_l3(void)
{
	// return bpf_skb_adjust_room(skb, -20, BPF_ADJ_ROOM_MAC, DECAP_L3_IPV4)
	static const struct bpf_insn program[] = {
		{.code = OPCODE_MOV, .dst_reg = BPF_REG_2, .imm = -(int)sizeof(struct iphdr)},
		{.code = OPCODE_MOV, .dst_reg = BPF_REG_3, .imm = BPF_ADJ_ROOM_MAC},
		{.code = OPCODE_MOV, .dst_reg = BPF_REG_4, .imm = DECAP_L3_IPV4},
		{.code = OPCODE_CALL, .imm = BPF_FUNC_skb_adjust_room},
		{.code = BPF_JMP | BPF_EXIT},
	};
	struct {
		struct ethhdr ethernet;
		struct iphdr outer;
		uint8_t inner[66];
	} __attribute__((packed)) frame = {
		.ethernet.h_proto = htons(ETH_P_IP),
		.outer = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_IPIP},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, load);
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = &frame, .data_size_in = sizeof(frame),
		.repeat = 1);
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "weft_probe", "Dual BSD/GPL", program,
		sizeof(program) / sizeof(program[0]), &load);

	if (fd < 0)
		return false;
	bool works = bpf_prog_test_run_opts(fd, &run) == 0 && run.retval == 0;
	close(fd);
	return works;
}
