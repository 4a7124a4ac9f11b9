// SPDX-License-Identifier: Apache-2.0
// MAC addresses, IPv4 and IPv6 addresses, prefixes. All bytes in network order.
//
// One type serves both families: an IPv4 address is held as IPv4-mapped IPv6, ::ffff:a.b.c.d (RFC
// 4291, section 2.5.5.2), and a prefix counts its length in those 128 bits: 10.0.0.0/8 has length
// 104. Parsing and formatting speak of 10.0.0.0/8.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mac {
	uint8_t bytes[6];
};

struct address {
	uint8_t bytes[16];
};

struct prefix {
	struct address address; // host bits are zero when parsed by prefix_parse
	uint8_t length;         // 0..128, of the mapped address
};

enum { MAC_TEXT = 18, ADDRESS_TEXT = 46, PREFIX_TEXT = 50 }; // with the terminator

// Parse: 0, or -EINVAL with `out` untouched. mac: "02:00:00:00:00:01" (colons or dashes).
int mac_parse(const char *text, struct mac *out);
int address_parse(const char *text, struct address *out);
// "10.0.0.0/24", "fd00::/64". Host bits that are not zero: -EDOM, so that the caller can say so. A
// plain address is a host prefix.
int prefix_parse(const char *text, struct prefix *out);

// Format into a buffer of MAC_TEXT, ADDRESS_TEXT or PREFIX_TEXT bytes; return it.
char *mac_format(const struct mac *mac, char *text);
char *address_format(const struct address *address, char *text);
char *prefix_format(const struct prefix *prefix, char *text);

bool mac_is_zero(const struct mac *mac);
bool mac_is_multicast(const struct mac *mac); // broadcast included
int mac_compare(const struct mac *a, const struct mac *b);

bool address_is_ipv4(const struct address *address);
bool address_is_zero(const struct address *address); // :: , 0.0.0.0
bool address_is_multicast(const struct address *address);
bool address_is_link_local(const struct address *address); // 169.254.0.0/16, fe80::/10
int address_compare(const struct address *a, const struct address *b);
struct address address_from_ipv4(uint32_t host_order);
// The EUI-64 link-local address of a MAC (RFC 4291, appendix A).
struct address address_link_local(const struct mac *mac);
// address + offset, carrying through all 16 bytes.
struct address address_add(const struct address *address, uint64_t offset);

// The prefix of this length (of the mapped address) that contains `address`; host bits are cleared.
struct prefix prefix_from(const struct address *address, uint8_t length);
// Its last address; of an IPv4 subnet the broadcast address.
struct address prefix_last(const struct prefix *prefix);
bool prefix_is_ipv4(const struct prefix *prefix);
// The families are apart: ::/0 is all of IPv6 and contains no IPv4 address.
bool prefix_contains(const struct prefix *prefix, const struct address *address);
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);
