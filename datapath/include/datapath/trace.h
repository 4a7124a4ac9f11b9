// SPDX-License-Identifier: Apache-2.0
// One frame through the native datapath, with all that it meets written down: stages, rows looked up, rewrites, drops.
//
// The rows are those of another datapath, read at the moment that forwarding asks for them: what the kernel really holds, not what
// somebody believes that it holds. Nothing of that datapath is written.
#pragma once

#include <utarray.h>

#include "datapath/native.h"

// A native datapath over the rows and the state of `rows` (any provider; borrowed), for datapath_trace. What is put into it, or
// changed by forwarding, comes before what is there.
void datapath_overlay(struct datapath **out, struct datapath *rows);

// A row that was asked for.
struct trace_lookup {
	enum dp_table table;
	void *key;   // as asked: of a table of prefixes, the longest that would do
	void *value; // NULL: there is no such row
};

// A row of the state that was asked for, as it was then.
struct trace_state {
	enum dp_state state;
	void *key, *value; // value NULL: there is no such row
};

// A stage, and all until the next.
struct trace_stage {
	uint32_t stage;         // enum dp_stage; datapath_stage_name
	uint32_t first, second; // datapath/stages.h says what they are
	uint32_t reason;        // of the last drop that was counted in it; 0: none
	uint8_t *bytes;         // the frame as the stage found it
	size_t length;
	UT_array lookups; // struct trace_lookup
	UT_array states;  // struct trace_state
};

struct trace {
	UT_array stages; // struct trace_stage
};

// native_run, written down. `out` and `trace` need native_result_done and trace_done.
void datapath_trace(struct datapath *datapath, enum datapath_role role, uint32_t ifindex,
	const struct native_frame *frame, struct native_result *out, struct trace *trace);
void trace_done(struct trace *trace);

// "security", and the question that it answers; NULL beyond the last.
const char *datapath_stage_name(uint32_t stage);
const char *datapath_stage_help(uint32_t stage);
