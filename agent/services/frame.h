// SPDX-License-Identifier: Apache-2.0
// Frames in and out: what a port asked over UDP or ICMPv6, and what it is answered. Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

enum { FRAME_BYTES = 14 + 9216 }; // the largest: Ethernet and the largest MTU of a network

struct frame {
	struct mac source, destination;
	struct address from, to; // IPv4 as everywhere: mapped
	bool udp;                // else ICMPv6
	uint8_t hop_limit;
	uint16_t source_port, destination_port;
	const uint8_t *payload; // of UDP; of ICMPv6 the whole message. Borrowed
	size_t length;
};

// 0, or -EINVAL: it is not UDP or ICMPv6 right behind the IP header, a length does not fit, or it is a fragment. The checksum of
// ICMPv6 is verified. That of UDP is not: a guest leaves it to the device, which is memory all the way.
int frame_parse(struct frame *out, const uint8_t *bytes, size_t length);

// What goes back: addresses as in `struct frame`, and a payload of its own.
struct answer {
	struct mac source, destination;
	struct address from, to;
	bool udp;
	uint8_t hop_limit;
	uint16_t source_port, destination_port;
	size_t length;
	uint8_t payload[FRAME_BYTES];
};

// The frame, checksums included; its length. `out` has FRAME_BYTES. 0: it does not fit in `mtu`.
size_t frame_encode(const struct answer *answer, size_t mtu, uint8_t *out);
// How many bytes of UDP payload fit in a packet to this address.
size_t frame_room(const struct address *to, size_t mtu);

// The MAC of an IPv6 multicast address: RFC 2464, section 7.
struct mac frame_multicast(const struct address *group);
