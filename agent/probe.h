// SPDX-License-Identifier: Apache-2.0
// Frames as a port would send them, for tracing. Pure.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

// One packet between two addresses of one family.
struct probe_packet {
	struct mac source_mac, destination_mac;
	struct address source, destination;
	uint8_t protocol;          // IANA number; ICMP of the other family becomes that of this one
	uint16_t source_port;      // of ICMP: the identifier
	uint16_t destination_port; // of ICMP: type << 8 | code
	uint8_t ttl;
	size_t size; // of the IP packet, in bytes; as much as the headers need if it is less
};

enum { PROBE_BYTES = 14 + 65535 };

// Into a buffer of PROBE_BYTES; how long the frame is. A TCP packet is a SYN.
size_t probe_packet(const struct probe_packet *packet, uint8_t *out);
// The question for the MAC of an address: ARP (RFC 826), or a neighbor solicitation (RFC 4861, section 4.3).
size_t probe_question(const struct mac *mac, const struct address *source,
	const struct address *wanted, uint8_t *out);
// The MAC that packets to a multicast address have: RFC 1112, section 6.4; RFC 2464, section 7. 255.255.255.255: broadcast.
struct mac probe_multicast(const struct address *address);
