// SPDX-License-Identifier: Apache-2.0
// What every service answers to a frame, and how it writes. Pure: packet in, packet out.
#pragma once

#include <string.h>

#include "binding.h"
#include "frame.h"

enum service_result {
	SERVICE_ANSWERED,  // the answer is filled
	SERVICE_SILENT,    // well formed, and no answer is due: RFCs say so
	SERVICE_MALFORMED, // nothing that an RFC allows
	SERVICE_FORWARD,   // DNS: others are to be asked
};

// Bytes in network order into bounded room. What does not fit is left out whole, and `full` says so.
struct writer {
	uint8_t *at, *end;
	bool full;
};

static inline struct writer writer_over(uint8_t *room, size_t size)
{
	return (struct writer){.at = room, .end = room + size};
}

static inline bool writer_fits(struct writer *writer, size_t size)
{
	if ((size_t)(writer->end - writer->at) < size)
		writer->full = true;
	return !writer->full;
}

static inline void write_bytes(struct writer *writer, const void *bytes, size_t size)
{
	if (size == 0 || !writer_fits(writer, size))
		return;
	memcpy(writer->at, bytes, size);
	writer->at += size;
}

static inline void write8(struct writer *writer, uint8_t value)
{
	write_bytes(writer, &value, 1);
}

static inline void write16(struct writer *writer, uint16_t value)
{
	write_bytes(writer, (uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

static inline void write32(struct writer *writer, uint32_t value)
{
	write16(writer, (uint16_t)(value >> 16));
	write16(writer, (uint16_t)value);
}

static inline uint16_t read16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline uint32_t read32(const uint8_t *bytes)
{
	return (uint32_t)read16(bytes) << 16 | read16(bytes + 2);
}

// A domain as DNS has it on the wire, uncompressed (RFC 1035, section 3.1): its bytes; 0: it does not fit.
size_t domain_encode(const char *domain, uint8_t *out, size_t size);
