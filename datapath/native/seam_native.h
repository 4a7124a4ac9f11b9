// SPDX-License-Identifier: Apache-2.0
// The seam over plain memory: core/seam.h says what each operation does. What forwarding may not rely on is filled with rubbish
// here, so that the tests see it.
#pragma once

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "core/headers.h"
#include "core/seam.h"
#include "native.h"
#include "trace.h"

struct seam {
	struct native *native;
	const struct native_frame *frame; // as it arrived
	struct native_result *result;
	struct trace *trace; // NULL: not wanted
	uint32_t ifindex;

	uint8_t *buffer; // `room` bytes; the frame stands at `start`
	size_t room, start, length;
	uint32_t segment; // payload bytes of a segment of a superpacket; 0: a packet
	uint64_t scratch[SEAM_SCRATCH_BYTES / 8], packet[SEAM_PACKET_BYTES / 8];
};

enum { SEAM_RUBBISH = 0xa5, SEAM_HEADROOM = 512 };

static inline bool seam_fails(const struct seam *seam, enum native_fault fault)
{
	return (seam->frame->faults & fault) != 0;
}

// ---- the packet ----

static inline __u32 seam_device(const struct seam *seam)
{
	return seam->ifindex;
}

static inline __u32 seam_length(const struct seam *seam)
{
	return (__u32)seam->length;
}

static inline __u32 seam_segment(const struct seam *seam)
{
	return seam->segment;
}

static inline bool seam_tagged(const struct seam *seam)
{
	return seam->frame->tagged;
}

// Over both MACs and what holds the IP addresses: FNV-1a.
static inline __u32 seam_flow_hash(struct seam *seam)
{
	__u32 hash = 2166136261;

	for (size_t i = 0; i < seam->length && i < 54; i++) {
		bool four = seam->buffer[seam->start + 12] == 0x08;
		if (i < 14 || (four && i >= 26 && i < 34) || (!four && i >= 22))
			hash = (hash ^ seam->buffer[seam->start + i]) * 16777619;
	}
	return hash;
}

static inline int seam_load(struct seam *seam, __u32 offset, void *to, __u32 length)
{
	if (offset > seam->length || length > seam->length - offset)
		return -1;
	memcpy(to, seam->buffer + seam->start + offset, length);
	return 0;
}

static inline int seam_load_outer(struct seam *seam, __u32 offset, void *to, __u32 length)
{
	return seam_load(seam, offset, to, length);
}

static inline void seam_reach_outer(struct seam *seam)
{
	(void)seam;
}

static inline int seam_store(struct seam *seam, __u32 offset, const void *from, __u32 length)
{
	if (offset > seam->length || length > seam->length - offset ||
		seam_fails(seam, NATIVE_FAULT_STORE))
		return -1;
	memcpy(seam->buffer + seam->start + offset, from, length);
	return 0;
}

static inline int seam_resize(struct seam *seam, __u32 length)
{
	if (seam_fails(seam, NATIVE_FAULT_RESIZE))
		return -1;
	seam->segment = 0;
	if (seam->start + length > seam->room) {
		seam->room = seam->start + length;
		seam->buffer = memory_resize(seam->buffer, seam->room, 1);
	}
	if (length > seam->length)
		memset(seam->buffer + seam->start + seam->length, 0, length - seam->length);
	seam->length = length;
	return 0;
}

static inline int seam_renew(struct seam *seam, __u32 length)
{
	if (seam_resize(seam, length) < 0)
		return -1;
	memset(seam->buffer + seam->start, SEAM_RUBBISH, length);
	return 0;
}

static inline int seam_rework(struct seam *seam, __u32 transport, __u32 length)
{
	(void)transport;
	return seam->segment ? -1 : seam_renew(seam, length);
}

static inline bool seam_due(struct seam *seam, __u32 checksum)
{
	(void)checksum;
	return seam->frame->due;
}

static inline int seam_shift(struct seam *seam, __s32 bytes)
{
	uint8_t ethernet[14];

	if (seam_fails(seam, NATIVE_FAULT_RESIZE) || seam_load(seam, 0, ethernet, 14) < 0 ||
		bytes > (__s32)seam->start || -bytes > (__s32)seam->length - 14)
		return -1;
	seam->start -= bytes;
	seam->length += bytes;
	if (bytes > 0)
		memset(seam->buffer + seam->start + 14, SEAM_RUBBISH, (size_t)bytes);
	return seam_store(seam, 0, ethernet, 14);
}

static inline int seam_patch(
	struct seam *seam, __u32 offset, __be16 from, __be16 to, __u32 checksum)
{
	__be16 sum;

	if (seam_load(seam, checksum, &sum, sizeof(sum)) < 0 ||
		seam_store(seam, offset, &to, sizeof(to)) < 0)
		return -1;
	sum = checksum_update(sum, from, to);
	return seam_store(seam, checksum, &sum, sizeof(sum));
}

// ---- tunnels ----

// `bytes` more before the frame, and rubbish in the first `touched` of what is then there.
static inline int seam_push(struct seam *seam, size_t bytes, size_t touched)
{
	if (bytes > seam->start)
		return -1;
	seam->start -= bytes;
	seam->length += bytes;
	memset(seam->buffer + seam->start, SEAM_RUBBISH, touched);
	return 0;
}

static inline int seam_reopen(struct seam *seam, const void *outer, __u32 bytes)
{
	return seam_store(seam, 14, outer, bytes);
}

static inline int seam_open(struct seam *seam, enum seam_family family, void *outer, __u32 bytes)
{
	(void)family;
	if (seam_fails(seam, NATIVE_FAULT_OPEN) || seam_push(seam, 14 + bytes, 14 + bytes) < 0 ||
		seam_reopen(seam, outer, bytes) < 0)
		return -1;
	memset((uint8_t *)outer + bytes, SEAM_RUBBISH, SEAM_BEHIND_BYTES);
	return 0;
}

static inline int seam_close(struct seam *seam, __u32 bytes)
{
	if (bytes > seam->length || seam_fails(seam, NATIVE_FAULT_CLOSE))
		return -1;
	memset(seam->buffer + seam->start, SEAM_RUBBISH, bytes);
	seam->start += bytes;
	seam->length -= bytes;
	return 0;
}

static inline int seam_widen(struct seam *seam, __u32 bytes)
{
	uint8_t ethernet[14];

	if (seam_fails(seam, NATIVE_FAULT_OPEN) || seam_load(seam, 0, ethernet, 14) < 0 ||
		seam_push(seam, bytes, 14 + bytes) < 0)
		return -1;
	return seam_store(seam, 0, ethernet, 14);
}

// ---- tables ----

static inline const void *seam_find(struct seam *seam, enum dp_table table, const void *key)
{
	const void *value = native_table_find(&seam->native->tables[table], key);

	if (!value && seam->native->rows)
		value = native_beneath(seam->native, table, key);
	if (seam->trace)
		trace_look(seam->trace, table, key, value);
	return value;
}

#define SEAM_FIND(name, NAME, key_type, value_type, kind, maximum)                               \
	static inline const value_type *seam_find_##name(struct seam *seam, const key_type *key) \
	{                                                                                        \
		return seam_find(seam, DP_TABLE_##NAME, key);                                    \
	}
DP_TABLES(SEAM_FIND)
#undef SEAM_FIND

// ---- memory ----

static inline void *seam_scratch(struct seam *seam)
{
	return seam->scratch;
}

static inline struct dp_allowance *seam_allowance(struct seam *seam, __u32 port)
{
	return native_allowance_of(seam->native, port);
}

static inline __u64 seam_clock(struct seam *seam)
{
	return clock_monotonic_ns() + seam->native->ahead;
}

// ---- counting ----

static inline void seam_count(struct seam *seam, __u32 port, enum seam_direction direction)
{
	struct dp_counters *counters = native_counters_of(seam->native, port);
	__u32 segment = seam->segment;
	__u64 packets = segment ? (seam->length + segment - 1) / segment : 1;

	if (direction == SEAM_FROM_PORT) {
		counters->from_port_packets += packets;
		counters->from_port_bytes += seam->length;
	} else {
		counters->to_port_packets += packets;
		counters->to_port_bytes += seam->length;
	}
}

static inline void seam_count_drop(struct seam *seam, __u32 port, enum dp_reason reason)
{
	struct dp_drops *drops = native_drops_of(seam->native, port, reason);

	drops->packets++;
	drops->bytes += seam->length;
	seam->result->reason = reason;
	if (seam->trace)
		trace_drop(seam->trace, reason);
}

static inline void seam_note(struct seam *seam, enum dp_stage stage, __u32 first, __u32 second)
{
	if (seam->trace)
		trace_note(seam->trace, stage, first, second, seam->buffer + seam->start,
			seam->length);
}

// ---- the end ----

static inline void seam_emit(struct seam *seam, __u32 ifindex, enum dp_device device, bool underlay)
{
	struct native_result *result = seam->result;
	uint8_t *bytes = memory_new(seam->length + 1);

	memcpy(bytes, seam->buffer + seam->start, seam->length);
	result->outputs =
		memory_resize(result->outputs, result->count + 1, sizeof(*result->outputs));
	result->outputs[result->count++] = (struct native_output){
		.ifindex = ifindex,
		.device = device,
		.underlay = underlay,
		.segment = seam->segment,
		.bytes = bytes,
		.length = seam->length,
	};
}

static inline enum dp_verdict seam_output(struct seam *seam, __u32 ifindex, enum dp_device device)
{
	seam_emit(seam, ifindex, device, false);
	return DP_VERDICT_SENT;
}

static inline int seam_clone(struct seam *seam, __u32 ifindex)
{
	if (seam_fails(seam, NATIVE_FAULT_CLONE))
		return -1;
	seam_emit(seam, ifindex, DP_DEVICE_PLAIN, false);
	return 0;
}

static inline enum dp_reason seam_send_opened(struct seam *seam, const struct seam_route *route)
{
	static const struct dp_mac unknown;
	const struct dp_mac *mac = native_neighbor_mac(seam->native, route->destination);

	if (!mac)
		return DP_REASON_NO_UNDERLAY_ROUTE;
	if (memcmp(mac, &unknown, sizeof(unknown)) == 0)
		return DP_REASON_NO_UNDERLAY_NEIGHBOR;

	uint8_t *ethernet = seam->buffer + seam->start;
	memcpy(ethernet, mac, 6);
	memcpy(ethernet + 6, &seam->native->underlay_mac, 6);
	ethernet[12] = route->family == SEAM_IPV4 ? 0x08 : 0x86;
	ethernet[13] = route->family == SEAM_IPV4 ? 0x00 : 0xdd;
	seam_emit(seam, route->ifindex, DP_DEVICE_PLAIN, true);
	return DP_REASON_NONE;
}

static inline enum dp_reason seam_send(
	struct seam *seam, const struct seam_route *route, void *outer, __u32 bytes)
{
	memset((uint8_t *)outer - SEAM_FRONT_BYTES, SEAM_RUBBISH, SEAM_FRONT_BYTES);
	if (seam_open(seam, route->family, outer, bytes) < 0)
		return DP_REASON_ENCAPSULATION_FAILED;
	return seam_send_opened(seam, route);
}

static inline enum dp_reason seam_clone_send(struct seam *seam, const struct seam_route *route)
{
	if (seam_fails(seam, NATIVE_FAULT_ROUTING))
		return DP_REASON_UNDERLAY_FORWARDING_OFF;
	return seam_send_opened(seam, route);
}

static inline enum dp_reason seam_punt(
	struct seam *seam, __u32 port, __u32 vni, enum dp_service service)
{
	struct dp_punt head = {
		.port = port,
		.ifindex = seam->ifindex,
		.vni = vni,
		.service = service,
		.length = seam->length < DP_PUNT_BYTES ? seam->length : DP_PUNT_BYTES,
	};

	if (seam_fails(seam, NATIVE_FAULT_PUNT) ||
		native_punt(seam->native, &head, seam->buffer + seam->start) < 0)
		return DP_REASON_PUNT_FULL;
	return DP_REASON_NONE;
}

// ---- loops ----

static inline __u32 seam_zero(const struct seam *seam)
{
	(void)seam;
	return 0;
}

static inline void seam_repeat(__u32 count, long (*body)(__u32 index, void *context), void *context)
{
	for (__u32 i = 0; i < count && i < 1 << 23; i++)
		if (body(i, context) != 0)
			return;
}
