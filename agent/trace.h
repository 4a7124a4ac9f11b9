// SPDX-License-Identifier: Apache-2.0
// What would become of a packet on this host: the answer to the controller's question (docs/design/api.md, "Tracing").
//
// The packet is built as the port would build it, and runs through the native datapath over the rows that the real one holds. The
// compiler says where each row comes from, and what it should be.
#pragma once

#include <jansson.h>

#include "compile/compile.h"
#include "datapath/trace.h"
#include "view.h"

struct trace_world {
	const char *host; // this one's name
	const struct view *view;
	const struct compiler *compiler;
	struct datapath *datapath;
	uint32_t underlay; // ifindex; 0: none
	struct mac underlay_mac;
	native_resolve resolve; // of the underlay
	void *resolve_context;
};

// New reference. What cannot be answered is told as "problem".
json_t *trace_answer(const struct trace_world *world, const json_t *question);

// trace_stage.c: one stage as the answer has it. `before`: the one before it, NULL if it is the first. New reference.
json_t *trace_stage_encode(const struct trace_world *world, const struct trace_stage *stage,
	const struct trace_stage *before);
// "0200…"; new reference.
json_t *trace_frame_encode(const uint8_t *bytes, size_t length);
