// SPDX-License-Identifier: Apache-2.0
// Waiting for packets that are under way. After an update of a map of maps the kernel waits until every program that may
// still read the old map has ended (maybe_wait_bpf_programs): whatever the map, that is the wait that we need.
#include "kernel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static int make_maps(struct kernel *kernel)
{
	int inner = bpf_map_create(
		BPF_MAP_TYPE_ARRAY, "weft_settled", sizeof(uint32_t), sizeof(uint32_t), 1, NULL);
	if (inner < 0)
		return inner;
	LIBBPF_OPTS(bpf_map_create_opts, options, .inner_map_fd = (uint32_t)inner);
	int outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "weft_settle", sizeof(uint32_t),
		sizeof(uint32_t), 1, &options);
	if (outer < 0) {
		close(inner);
		return outer;
	}
	kernel->settle_inner = inner;
	kernel->settle_outer = outer;
	return 0;
}

int kernel_settle(struct datapath *datapath, struct error *error)
{
	struct kernel *kernel = (struct kernel *)datapath;
	uint32_t key = 0;
	int result = kernel->settle_outer ? 0 : make_maps(kernel);

	if (result == 0)
		result = bpf_map_update_elem(
			kernel->settle_outer, &key, &kernel->settle_inner, BPF_ANY);
	if (result < 0)
		return error_set(error, -result, "cannot wait for packets that are under way: %s",
			strerror(-result));
	return 0;
}

void settle_done(struct kernel *kernel)
{
	if (!kernel->settle_outer)
		return;
	close(kernel->settle_outer);
	close(kernel->settle_inner);
}
