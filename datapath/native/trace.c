// SPDX-License-Identifier: Apache-2.0
#include "trace.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "datapath/stages.h"

static void *copy(const void *from, size_t size)
{
	void *to = memory_new(size + 1);

	if (size > 0)
		memcpy(to, from, size);
	return to;
}

static void lookup_done(void *element)
{
	struct trace_lookup *lookup = element;

	free(lookup->key);
	free(lookup->value);
}

static void state_done(void *element)
{
	struct trace_state *state = element;

	free(state->key);
	free(state->value);
}

static void stage_done(void *element)
{
	struct trace_stage *stage = element;

	free(stage->bytes);
	utarray_done(&stage->lookups);
	utarray_done(&stage->states);
}

static const UT_icd lookup_icd = {sizeof(struct trace_lookup), NULL, NULL, lookup_done};
static const UT_icd state_icd = {sizeof(struct trace_state), NULL, NULL, state_done};
static const UT_icd stage_icd = {sizeof(struct trace_stage), NULL, NULL, stage_done};

void trace_init(struct trace *trace)
{
	utarray_init(&trace->stages, &stage_icd);
}

void trace_done(struct trace *trace)
{
	utarray_done(&trace->stages);
}

void trace_note(struct trace *trace, uint32_t stage, uint32_t first, uint32_t second,
	const uint8_t *bytes, size_t length)
{
	struct trace_stage new = {
		.stage = stage,
		.first = first,
		.second = second,
		.bytes = copy(bytes, length),
		.length = length,
	};

	utarray_init(&new.lookups, &lookup_icd);
	utarray_init(&new.states, &state_icd);
	utarray_push_back(&trace->stages, &new);
}

void trace_look(struct trace *trace, enum dp_table table, const void *key, const void *value)
{
	struct trace_stage *stage = utarray_back(&trace->stages);

	if (!stage)
		return;
	struct trace_lookup lookup = {
		.table = table,
		.key = copy(key, datapath_key_size(table)),
		.value = value ? copy(value, datapath_value_size(table)) : NULL,
	};
	utarray_push_back(&stage->lookups, &lookup);
}

void trace_look_state(struct trace *trace, enum dp_state state, const void *key, const void *value)
{
	struct trace_stage *stage = utarray_back(&trace->stages);

	if (!stage)
		return;
	struct trace_state look = {
		.state = state,
		.key = copy(key, datapath_state_key_size(state)),
		.value = value ? copy(value, datapath_state_value_size(state)) : NULL,
	};
	utarray_push_back(&stage->states, &look);
}

void trace_drop(struct trace *trace, uint32_t reason)
{
	struct trace_stage *stage = utarray_back(&trace->stages);

	if (stage)
		stage->reason = reason;
}

// ---- names ----

static const struct {
	const char *name, *help;
} stages[DP_STAGE_COUNT] = {
#define STAGE(name_, NAME, help_) [DP_STAGE_##NAME] = {.name = #name_, .help = help_},
	DP_STAGES(STAGE)
#undef STAGE
};

const char *datapath_stage_name(uint32_t stage)
{
	return stage < DP_STAGE_COUNT ? stages[stage].name : NULL;
}

const char *datapath_stage_help(uint32_t stage)
{
	return stage < DP_STAGE_COUNT ? stages[stage].help : NULL;
}
