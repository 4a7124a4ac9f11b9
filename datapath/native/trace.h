// SPDX-License-Identifier: Apache-2.0
// Writing a trace down: what seam_native.h calls where one is wanted.
#pragma once

#include "datapath/trace.h"

void trace_init(struct trace *trace);
// A stage begins, with this frame.
void trace_note(struct trace *trace, uint32_t stage, uint32_t first, uint32_t second,
	const uint8_t *bytes, size_t length);
// In the stage that runs. `value` NULL: no such row.
void trace_look(struct trace *trace, enum dp_table table, const void *key, const void *value);
void trace_look_state(struct trace *trace, enum dp_state state, const void *key, const void *value);
void trace_drop(struct trace *trace, uint32_t reason);
