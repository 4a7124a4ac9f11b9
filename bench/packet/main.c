// SPDX-License-Identifier: Apache-2.0
// weft-packet kernel|native VECTORS.json [RUNS]
//
// The cost of one packet by itself, by kind of packet, with the cases of the packet tables. In the
// kernel: nanoseconds by BPF_PROG_TEST_RUN, the median of RUNS (4000), printed as JSON, without
// those of a program that does nothing. Natively: to be run under callgrind, whose counts are dumped
// after each kind, under its name.
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/callgrind.h>

#include "base/memory.h"
#include "datapath/kernel.h"
#include "datapath/native.h"
#include "vectors.h"
#include "world.h"

enum { RUNS = 4000, NATIVE_RUNS = 1000, WARM = 200, ROOM = 65536 };
enum { SOURCE_PORT = 14 + 20 }; // where it is in the cases that vary it

struct packet_kind {
	const char *name, *case_name;
	bool vary; // each of a new flow
};

static const struct packet_kind kinds[] = {
	{"UDP, same host", "UDP to a container on the same host", false},
	{"UDP, same host, each of a new flow", "UDP to a container on the same host", true},
	{"UDP, into Geneve", "UDP to a host that wants Geneve [lan]", false},
	{"UDP, into Geneve, each of a new flow", "UDP to a host that wants Geneve [lan]", true},
	{"UDP, into VXLAN", "UDP to a host that wants VXLAN [lan]", false},
	{"TCP over IPv6, same host", "TCP over IPv6 to a container on the same host", false},
	{"TCP over IPv6, into Geneve", "TCP over IPv6 to a host that wants Geneve [lan]", false},
	{"UDP, out of Geneve", "Geneve to a container [lan]", false},
	{"UDP, out of VXLAN", "VXLAN to a container [lan]", false},
	{"IPv6, out of Geneve", "Geneve, IPv6 inside [lan]", false},
	{"UDP, by rules", "UDP that a rule allows [lifted]", false},
	{"UDP, by rules, each of a new flow", "UDP that a rule allows [lifted]", true},
	{"SYN of a flood, dropped", "one SYN too many", false},
	{"ARP, answered", "ARP for a port of another host", false},
	{"to a MAC that nobody has, dropped", "to a MAC that nobody has", false},
	{"TCP of the host itself, passed", "TCP to the host", false},
};

static const struct vector_case *find_case(const struct vectors *vectors, const char *name)
{
	for (size_t i = 0; i < vectors->case_count; i++)
		if (strcmp(vectors->cases[i].name, name) == 0)
			return &vectors->cases[i];
	return NULL;
}

static void vary(const struct packet_kind *kind, const struct vector_case *c, unsigned number)
{
	if (!kind->vary)
		return;
	c->packet.data[SOURCE_PORT] = (uint8_t)(4 + (number >> 8 & 0x7f));
	c->packet.data[SOURCE_PORT + 1] = (uint8_t)number;
}

static bool from_underlay(const struct vector_case *c)
{
	return strcmp(c->from, "underlay") == 0;
}

static uint32_t ifindex_of(const struct world *world, const struct vector_case *c)
{
	return from_underlay(c) ? world->underlay_ifindex
				: world->device_ifindexes[world_device(world, c->from)];
}

static enum datapath_role role_of(const struct vector_case *c)
{
	return from_underlay(c) ? DATAPATH_UNDERLAY : DATAPATH_PORT;
}

// ---- in the kernel ----

static unsigned runs = RUNS; // in the kernel

static int compare(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

// One run a call, as a program that changes the packet cannot run again on it. The median, in
// nanoseconds; negative errno.
static int test_run(
	int program, const struct packet_kind *kind, const struct vector_case *c, uint32_t ifindex)
{
	static uint32_t times[RUNS];
	static uint8_t out[ROOM];

	for (unsigned i = 0; i < WARM + runs; i++) {
		struct __sk_buff context = {.ifindex = ifindex};
		LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = c->packet.data,
			.data_size_in = (uint32_t)c->packet.length, .data_out = out,
			.data_size_out = sizeof(out), .ctx_in = &context,
			.ctx_size_in = sizeof(context), .repeat = 1);
		vary(kind, c, i);
		int result = bpf_prog_test_run_opts(program, &options);
		if (result < 0)
			return result;
		if (i >= WARM)
			times[i - WARM] = options.duration;
	}
	qsort(times, runs, sizeof(times[0]), compare);
	return (int)times[runs / 2];
}

static int empty_program(void)
{
	struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(
		BPF_PROG_TYPE_SCHED_CLS, "nothing", "GPL", code, array_count(code), NULL);
}

static int measure_kernel(
	struct world *world, const struct packet_kind *kind, const struct vector_case *c)
{
	static int nothing = -1;

	if (nothing < 0)
		nothing = empty_program();
	int program = datapath_kernel_program(world->datapath, role_of(c));
	int least = test_run(nothing, kind, c, ifindex_of(world, c));
	int time = test_run(program, kind, c, ifindex_of(world, c));
	if (least < 0 || time < 0)
		return least < 0 ? least : time;
	printf("{\"kind\": \"%s\", \"ns\": %d, \"empty_ns\": %d}\n", kind->name, time - least,
		least);
	return 0;
}

// ---- natively ----

static int measure_native(
	struct world *world, const struct packet_kind *kind, const struct vector_case *c)
{
	struct native_frame frame = {.bytes = c->packet.data, .length = c->packet.length};
	struct native_result result;

	for (unsigned i = 0; i < WARM + NATIVE_RUNS; i++) {
		if (i == WARM)
			CALLGRIND_ZERO_STATS;
		vary(kind, c, i);
		native_run(world->datapath, role_of(c), ifindex_of(world, c), &frame, &result);
		native_result_done(&result);
	}
	CALLGRIND_DUMP_STATS_AT(kind->name);
	return 0;
}

// ---- both ----

static int measure(const struct world_kind *where, const struct vectors *vectors,
	const struct packet_kind *kind, struct error *error)
{
	const struct vector_case *c = find_case(vectors, kind->case_name);
	struct world world = {0};

	if (!c)
		return error_set(error, ENOENT, "no case is called '%s'", kind->case_name);
	int result = world_open(&world, where, c->topology, error);
	if (result < 0)
		return result;
	result = where == &world_kernel ? measure_kernel(&world, kind, c)
					: measure_native(&world, kind, c);
	world_close(&world);
	return result < 0 ? error_set(error, -result, "%s: %s", kind->name, strerror(-result)) : 0;
}

int main(int count, char **words)
{
	struct vectors vectors;
	struct error error = {0};
	char text[1024];
	int result = 0;

	bool kernel = count >= 3 && strcmp(words[1], "kernel") == 0;
	if (count == 4)
		runs = (unsigned)strtoul(words[3], NULL, 10);
	if (count < 3 || count > 4 || runs == 0 || runs > RUNS ||
		(!kernel && strcmp(words[1], "native") != 0)) {
		fprintf(stderr, "usage: weft-packet kernel|native VECTORS.json [RUNS]\n");
		return 2;
	}
	if (vectors_load(&vectors, words[2], &error) < 0) {
		fprintf(stderr, "weft-packet: %s\n", error_format(&error, text, sizeof(text)));
		return 2;
	}
	for (size_t i = 0; i < array_count(kinds) && result == 0; i++)
		result = measure(
			kernel ? &world_kernel : &world_native, &vectors, &kinds[i], &error);
	if (result < 0)
		fprintf(stderr, "weft-packet: %s\n", error_format(&error, text, sizeof(text)));
	vectors_done(&vectors);
	return result < 0;
}
