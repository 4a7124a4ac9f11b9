// SPDX-License-Identifier: Apache-2.0
#include "datapath/native.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "seam_native.h"
#include "seam_state.h"

#include "core/forward.h"

static void run(struct datapath *datapath, enum datapath_role role, uint32_t ifindex,
	const struct native_frame *frame, struct native_result *out, struct trace *trace)
{
	static const enum native_verdict verdicts[] = {
		[DP_VERDICT_DROP] = NATIVE_DROP,
		[DP_VERDICT_DONE] = NATIVE_DONE,
		[DP_VERDICT_SENT] = NATIVE_SENT,
		[DP_VERDICT_HOST] = NATIVE_HOST,
	};
	struct seam seam = {
		.native = (struct native *)datapath,
		.frame = frame,
		.result = out,
		.trace = trace,
		.ifindex = ifindex,
		.segment = frame->segment,
		.room = SEAM_HEADROOM + frame->length,
		.start = SEAM_HEADROOM,
		.length = frame->length,
	};

	*out = (struct native_result){0};
	seam.buffer = memory_new(seam.room);
	if (frame->length > 0)
		memcpy(seam.buffer + seam.start, frame->bytes, frame->length);
	out->verdict = verdicts[role == DATAPATH_PORT ? from_port(&seam) : from_underlay(&seam)];
	free(seam.buffer);
}

void native_run(struct datapath *datapath, enum datapath_role role, uint32_t ifindex,
	const struct native_frame *frame, struct native_result *out)
{
	run(datapath, role, ifindex, frame, out, NULL);
}

void datapath_trace(struct datapath *datapath, enum datapath_role role, uint32_t ifindex,
	const struct native_frame *frame, struct native_result *out, struct trace *trace)
{
	trace_init(trace);
	run(datapath, role, ifindex, frame, out, trace);
}

void native_result_done(struct native_result *result)
{
	for (size_t i = 0; i < result->count; i++)
		free(result->outputs[i].bytes);
	free(result->outputs);
	*result = (struct native_result){0};
}
