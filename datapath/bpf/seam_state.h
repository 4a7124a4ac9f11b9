// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// The state that forwarding keeps, as maps. Every answer of an update is looked at by who asked for it: Linux 5.11 to 6.14 refuses one
// that meets a walk of the same bucket, and memory may be short.
#pragma once

#include "core/seam.h"
#include "maps.h"

static __always_inline void *seam_packet(struct seam *seam)
{
	__u32 zero = 0;
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &zero);

	(void)seam;
	return scratch ? scratch->packet : NULL;
}

static __always_inline void seam_hold(struct seam *seam)
{
	asm volatile("" : : "r"(seam));
}

// What new rows are made of: the longest of them would not fit on the stack.
static const volatile __u64 zeros[sizeof(struct dp_embryo) / sizeof(__u64)];

#define STATE(name, NAME, key_type, value_type, KIND, maximum)                                    \
	_Static_assert(sizeof(value_type) <= sizeof(zeros), "a new row is made of zeros");        \
	static __always_inline value_type *seam_state_##name(                                     \
		struct seam *seam, const key_type *key)                                           \
	{                                                                                         \
		(void)seam;                                                                       \
		return bpf_map_lookup_elem(&name, key);                                           \
	}                                                                                         \
	static __always_inline int seam_begin_##name(struct seam *seam, const key_type *key)      \
	{                                                                                         \
		(void)seam;                                                                       \
		return bpf_map_update_elem(&name, key, (const void *)zeros, BPF_NOEXIST) < 0 ? -1 \
											     : 0; \
	}                                                                                         \
	static __always_inline value_type *seam_make_##name(                                      \
		struct seam *seam, const key_type *key)                                           \
	{                                                                                         \
		value_type *found = bpf_map_lookup_elem(&name, key);                              \
		if (found)                                                                        \
			return found;                                                             \
		/* Fails where another CPU was first: what it made is found then. */              \
		seam_begin_##name(seam, key);                                                     \
		return bpf_map_lookup_elem(&name, key);                                           \
	}                                                                                         \
	static __always_inline int seam_add_##name(                                               \
		struct seam *seam, const key_type *key, const value_type *value)                  \
	{                                                                                         \
		(void)seam;                                                                       \
		return bpf_map_update_elem(&name, key, value, BPF_NOEXIST) < 0 ? -1 : 0;          \
	}                                                                                         \
	static __always_inline int seam_put_##name(                                               \
		struct seam *seam, const key_type *key, const value_type *value)                  \
	{                                                                                         \
		(void)seam;                                                                       \
		return bpf_map_update_elem(&name, key, value, BPF_ANY) < 0 ? -1 : 0;              \
	}                                                                                         \
	static __always_inline int seam_replace_##name(                                           \
		struct seam *seam, const key_type *key, const value_type *value)                  \
	{                                                                                         \
		(void)seam;                                                                       \
		return bpf_map_update_elem(&name, key, value, BPF_EXIST) < 0 ? -1 : 0;            \
	}                                                                                         \
	static __always_inline int seam_remove_##name(struct seam *seam, const key_type *key)     \
	{                                                                                         \
		(void)seam;                                                                       \
		return bpf_map_delete_elem(&name, key) < 0 ? -1 : 0;                              \
	}
DP_STATES(STATE)
#undef STATE

static __always_inline void seam_lock(struct seam *seam, struct dp_embryo *embryo)
{
	(void)seam;
	bpf_spin_lock(&embryo->lock);
}

static __always_inline void seam_unlock(struct seam *seam, struct dp_embryo *embryo)
{
	(void)seam;
	bpf_spin_unlock(&embryo->lock);
}

static __always_inline void seam_count_rule(struct seam *seam, __u32 number)
{
	struct dp_rule_counters *found = bpf_map_lookup_elem(&rule_counters, &number);

	if (!found) {
		bpf_map_update_elem(&rule_counters, &number, (const void *)zeros, BPF_NOEXIST);
		found = bpf_map_lookup_elem(&rule_counters, &number);
		if (!found)
			return;
	}
	found->packets += seam_segments(seam);
	found->bytes += seam->len;
}

static __always_inline __u64 *seam_log_allowance(struct seam *seam, __u32 number)
{
	struct dp_rule_counters *found = bpf_map_lookup_elem(&rule_counters, &number);

	(void)seam;
	return found ? &found->logged : NULL;
}

static __always_inline void seam_log(struct seam *seam, const struct dp_decision *decision)
{
	(void)seam;
	bpf_ringbuf_output(&decisions, (void *)decision, sizeof(*decision), 0);
}
