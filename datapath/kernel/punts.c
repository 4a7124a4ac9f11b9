// SPDX-License-Identifier: Apache-2.0
// Packets for the agent's services come through a BPF ring buffer. It is pinned like all maps: what waits while no agent runs is
// found by the next one, with its time.
#include "kernel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"

struct kernel_punts {
	struct ring_buffer *ring;
	datapath_punts_visit visit;
	void *context;
	unsigned left; // that may still be visited this time
};

static int take(void *context, void *data, size_t size)
{
	struct kernel_punts *punts = context;

	if (size >= sizeof(struct dp_punt))
		punts->visit(punts->context, data);
	return --punts->left == 0 ? -ECANCELED : 0; // after this one
}

static int punts_get(struct kernel *kernel, struct error *error)
{
	if (kernel->punts)
		return 0;
	struct kernel_punts *punts = memory_new(sizeof(*punts));
	punts->ring = ring_buffer__new(kernel->punt_map, take, punts, NULL);
	if (!punts->ring) {
		int result = -errno;
		free(punts);
		return error_set(error, -result, "cannot read punted packets: %s (%s)",
			strerror(-result), kernel_complaint());
	}
	kernel->punts = punts;
	return 0;
}

int kernel_punts_fd(struct datapath *datapath, struct error *error)
{
	struct kernel *kernel = (struct kernel *)datapath;
	int result = punts_get(kernel, error);

	return result < 0 ? result : ring_buffer__epoll_fd(kernel->punts->ring);
}

int kernel_punts(struct datapath *datapath, unsigned maximum, datapath_punts_visit visit,
	void *context, struct error *error)
{
	struct kernel *kernel = (struct kernel *)datapath;
	int result = maximum == 0 ? 0 : punts_get(kernel, error);

	if (result < 0 || maximum == 0)
		return result;
	struct kernel_punts *punts = kernel->punts;
	punts->visit = visit;
	punts->context = context;
	punts->left = maximum;
	result = ring_buffer__consume(punts->ring);
	if (result < 0 && result != -ECANCELED)
		return error_set(
			error, -result, "cannot read punted packets: %s", strerror(-result));
	return (int)(maximum - punts->left);
}

void punts_done(struct kernel *kernel)
{
	if (!kernel->punts)
		return;
	ring_buffer__free(kernel->punts->ring);
	free(kernel->punts);
}
