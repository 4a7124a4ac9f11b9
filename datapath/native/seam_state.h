// SPDX-License-Identifier: Apache-2.0
// The state that forwarding keeps, in the native tables: core/seam.h says what each operation does. One thread, so nothing to lock.
#pragma once

#include "seam_native.h"

static inline void *seam_find_state(struct seam *seam, enum dp_state state, const void *key)
{
	void *value = native_state_find(seam->native, state, key);

	if (seam->trace)
		trace_look_state(seam->trace, state, key, value);
	return value;
}

#define SEAM_STATE(name, NAME, key_type, value_type, kind, maximum)                              \
	static inline value_type *seam_state_##name(struct seam *seam, const key_type *key)      \
	{                                                                                        \
		return seam_find_state(seam, DP_STATE_##NAME, key);                              \
	}                                                                                        \
	static inline int seam_put_##name(                                                       \
		struct seam *seam, const key_type *key, const value_type *value)                 \
	{                                                                                        \
		if (seam_fails(seam, NATIVE_FAULT_STATE))                                        \
			return -1;                                                               \
		return native_state_put(seam->native, DP_STATE_##NAME, key, value) < 0 ? -1 : 0; \
	}                                                                                        \
	static inline int seam_add_##name(                                                       \
		struct seam *seam, const key_type *key, const value_type *value)                 \
	{                                                                                        \
		return seam_state_##name(seam, key) ? -1 : seam_put_##name(seam, key, value);    \
	}                                                                                        \
	static inline int seam_replace_##name(                                                   \
		struct seam *seam, const key_type *key, const value_type *value)                 \
	{                                                                                        \
		return seam_state_##name(seam, key) ? seam_put_##name(seam, key, value) : -1;    \
	}                                                                                        \
	static inline int seam_begin_##name(struct seam *seam, const key_type *key)              \
	{                                                                                        \
		static const value_type zero;                                                    \
		return seam_add_##name(seam, key, &zero);                                        \
	}                                                                                        \
	static inline value_type *seam_make_##name(struct seam *seam, const key_type *key)       \
	{                                                                                        \
		seam_begin_##name(seam, key);                                                    \
		return seam_state_##name(seam, key);                                             \
	}                                                                                        \
	static inline int seam_remove_##name(struct seam *seam, const key_type *key)             \
	{                                                                                        \
		return native_table_remove(&seam->native->states[DP_STATE_##NAME], key) < 0 ? -1 \
											    : 0; \
	}
DP_STATES(SEAM_STATE)
#undef SEAM_STATE

static inline void *seam_packet(struct seam *seam)
{
	return seam->packet;
}

static inline void seam_hold(struct seam *seam)
{
	(void)seam;
}

static inline void seam_lock(struct seam *seam, struct dp_embryo *embryo)
{
	(void)seam, (void)embryo;
}

static inline void seam_unlock(struct seam *seam, struct dp_embryo *embryo)
{
	(void)seam, (void)embryo;
}

static inline void seam_count_rule(struct seam *seam, __u32 number)
{
	struct dp_rule_counters *counters = native_rule_counters_of(seam->native, number);

	counters->packets++;
	counters->bytes += seam->length;
}

static inline __u64 *seam_log_allowance(struct seam *seam, __u32 number)
{
	return &native_rule_counters_of(seam->native, number)->logged;
}

static inline void seam_log(struct seam *seam, const struct dp_decision *decision)
{
	native_decide(seam->native, decision);
}
