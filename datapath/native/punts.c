// SPDX-License-Identifier: Apache-2.0
// Packets for the agent's services: a list, as long as the kernel's ring buffer would be.
#include "native.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/memory.h"

struct native_punt {
	struct dp_punt punt;
	struct native_punt *prev, *next;
};

enum { PUNTS = DP_PUNT_RING / (sizeof(struct dp_punt) + 8) };

int native_punt(struct native *native, const struct dp_punt *head, const uint8_t *frame)
{
	if (native->punt_count == PUNTS)
		return -ENOBUFS;
	struct native_punt *entry = memory_new(sizeof(*entry));
	entry->punt = *head;
	entry->punt.time = clock_monotonic_ns();
	memcpy(entry->punt.frame, frame, head->length);
	DL_APPEND(native->punts, entry);
	native->punt_count++;
	return 0;
}

int native_punts(struct datapath *datapath, unsigned maximum, datapath_punts_visit visit,
	void *context, struct error *error)
{
	struct native *native = (struct native *)datapath;
	int count = 0;

	(void)error;
	while (native->punts && (unsigned)count < maximum) {
		struct native_punt *entry = native->punts;
		DL_DELETE(native->punts, entry);
		native->punt_count--;
		visit(context, &entry->punt);
		free(entry);
		count++;
	}
	return count;
}

// There is nothing to wait on: who runs frames knows when.
int native_punts_fd(struct datapath *datapath, struct error *error)
{
	(void)datapath;
	return error_set(error, ENOTSUP, "the native datapath has no file descriptor for punts");
}

static void forget(void *context, const struct dp_punt *punt)
{
	(void)context;
	(void)punt;
}

void native_punts_done(struct native *native)
{
	native_punts(&native->base, UINT32_MAX, forget, NULL, NULL);
}
