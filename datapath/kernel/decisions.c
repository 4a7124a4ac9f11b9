// SPDX-License-Identifier: Apache-2.0
// Decisions of rules come through a BPF ring buffer, pinned like all maps: what was decided while no agent ran is found by the next one.
#include "kernel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"

struct kernel_decisions {
	struct ring_buffer *ring;
	datapath_decisions_visit visit;
	void *context;
};

static int take(void *context, void *data, size_t size)
{
	struct kernel_decisions *decisions = context;

	if (size >= sizeof(struct dp_decision))
		decisions->visit(decisions->context, data);
	return 0;
}

int kernel_decisions(struct datapath *datapath, datapath_decisions_visit visit, void *context,
	struct error *error)
{
	struct kernel *kernel = (struct kernel *)datapath;

	if (!kernel->decisions) {
		kernel->decisions = memory_new(sizeof(*kernel->decisions));
		kernel->decisions->ring =
			ring_buffer__new(kernel->decision_map, take, kernel->decisions, NULL);
	}
	struct kernel_decisions *decisions = kernel->decisions;
	decisions->visit = visit;
	decisions->context = context;
	int result = decisions->ring ? ring_buffer__consume(decisions->ring) : -ENOMEM;
	if (result < 0)
		return error_set(
			error, -result, "cannot read decisions of rules: %s", strerror(-result));
	return result;
}

void kernel_decisions_done(struct kernel *kernel)
{
	if (!kernel->decisions)
		return;
	ring_buffer__free(kernel->decisions->ring);
	free(kernel->decisions);
}
