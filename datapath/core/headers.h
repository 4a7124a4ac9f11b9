// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// Packet headers as they are on the wire, big-endian, and the arithmetic on them.
#pragma once

#include <linux/types.h>
#include <stdbool.h>

#include "datapath/tables.h"

enum {
	ETHERNET_BYTES = 14,
	ETHERNET_IPV4 = 0x0800,
	ETHERNET_ARP = 0x0806,
	ETHERNET_VLAN = 0x8100,
	ETHERNET_IPV6 = 0x86dd,
	ETHERNET_QINQ = 0x88a8,
	ETHERNET_TRANSPARENT = 0x6558
};

struct ethernet_header {
	struct dp_mac destination, source;
	__be16 type;
};

enum { ARP_REQUEST = 1, ARP_REPLY = 2 };

struct arp_packet { // RFC 826, for Ethernet and IPv4
	__be16 hardware, protocol;
	__u8 hardware_bytes, protocol_bytes;
	__be16 operation;
	struct dp_mac sender_mac;
	__u8 sender[4];
	struct dp_mac target_mac;
	__u8 target[4];
};

struct ipv4_header {         // RFC 791
	__u8 version_length; // version: 4 bits, header length in words: 4 bits
	__u8 tos;            // DSCP: 6 bits, ECN: 2 bits
	__be16 length, id, fragment;
	__u8 ttl, protocol;
	__be16 checksum;
	__be32 source, destination;
};
enum { IPV4_DONT_FRAGMENT = 0x4000, IPV4_MORE_FRAGMENTS = 0x2000, IPV4_OFFSET = 0x1fff };

struct ipv6_header {               // RFC 8200
	__be32 version_class_flow; // version: 4 bits, traffic class: 8, flow label: 20
	__be16 length;
	__u8 next, hop_limit;
	struct dp_address source, destination;
};

struct ipv6_extension { // the first eight bytes of any extension header; each has at least as many
	__u8 next, length;
	__be16 fragment; // of a fragment header: offset in words of eight bytes, then flags
	__be32 rest;
};
enum { IPV6_MORE_FRAGMENTS = 0x0001, IPV6_OFFSET_BYTES = 0xfff8 };

enum {
	PROTOCOL_HOP_BY_HOP = 0,
	PROTOCOL_ICMP = 1,
	PROTOCOL_IGMP = 2,
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_ROUTING = 43,
	PROTOCOL_FRAGMENT = 44,
	PROTOCOL_AUTHENTICATION = 51,
	PROTOCOL_ICMPV6 = 58,
	PROTOCOL_DESTINATION = 60,
	PROTOCOL_MOBILITY = 135,
	PROTOCOL_HIP = 139,
	PROTOCOL_SHIM6 = 140
};

struct tcp_header { // RFC 9293
	__be16 source, destination;
	__be32 sequence, acknowledgment;
	__u8 offset; // header length in words: the upper 4 bits
	__u8 flags;
	__be16 window, checksum, urgent;
};

struct udp_header { // RFC 768
	__be16 source, destination, length, checksum;
};

struct icmp_header { // RFC 792; RFC 4443 has the first four bytes
	__u8 type, code;
	__be16 checksum;
};
enum { ICMP_BYTES = 8, ICMPV6_BYTES = 4 };

struct geneve_header {       // RFC 8926, section 3.4
	__u8 version_length; // version: 2 bits, options in words: 6 bits
	__u8 flags;
	__be16 protocol;
	__be32 vni; // the upper 24 bits
};
enum { GENEVE_VERSION = 0xc0, GENEVE_LENGTH = 0x3f, GENEVE_CONTROL = 0x80, GENEVE_CRITICAL = 0x80 };

struct geneve_option { // section 3.5
	__be16 class;
	__u8 type, length; // of the data, in words, the lower 5 bits
};
enum { GENEVE_OPTION_LENGTH = 0x1f };

struct vxlan_header { // RFC 7348, section 5
	__be32 flags;
	__be32 vni; // the upper 24 bits
};
enum { VXLAN_VNI = 0x08000000 };

enum ecn { ECN_NONE, ECN_ECT1, ECN_ECT0, ECN_CE, ECN_MASK = 3 }; // RFC 3168, section 5

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BE16(value) ((__be16)__builtin_bswap16(value))
#define BE32(value) ((__be32)__builtin_bswap32(value))
#else
#define BE16(value) ((__be16)(value))
#define BE32(value) ((__be32)(value))
#endif

// MACs and addresses as words. The words keep network order.
typedef __u16 __attribute__((may_alias)) word16;
typedef __be32 __attribute__((may_alias)) word32;

static inline bool mac_equal(const struct dp_mac *a, const struct dp_mac *b)
{
	const word16 *x = (const word16 *)a, *y = (const word16 *)b;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]));
}

static inline bool mac_zero(const struct dp_mac *mac)
{
	const word16 *words = (const word16 *)mac;

	return !(words[0] | words[1] | words[2]);
}

static inline bool mac_multicast(const struct dp_mac *mac)
{
	return mac->bytes[0] & 1;
}

static inline __be32 address_word(const struct dp_address *address, int index)
{
	return ((const word32 *)address)[index];
}

static inline bool address_equal(const struct dp_address *a, const struct dp_address *b)
{
	return !((address_word(a, 0) ^ address_word(b, 0)) |
		 (address_word(a, 1) ^ address_word(b, 1)) |
		 (address_word(a, 2) ^ address_word(b, 2)) |
		 (address_word(a, 3) ^ address_word(b, 3)));
}

static inline bool address_zero(const struct dp_address *address)
{
	return !(address_word(address, 0) | address_word(address, 1) | address_word(address, 2) |
		 address_word(address, 3));
}

static inline bool address_ipv4(const struct dp_address *address)
{
	return !(address_word(address, 0) | address_word(address, 1)) &&
	       address_word(address, 2) == BE32(0xffff);
}

// From numbers in host order. By assignment: next to a copy of a constant struct, clang 14 loses
// other stores.
static inline struct dp_mac mac_words(__u16 a, __u16 b, __u16 c)
{
	struct dp_mac mac;
	word16 *words = (word16 *)&mac;

	words[0] = BE16(a);
	words[1] = BE16(b);
	words[2] = BE16(c);
	return mac;
}

static inline struct dp_address address_words(__u32 a, __u32 b, __u32 c, __u32 d)
{
	struct dp_address address;
	word32 *words = (word32 *)&address;

	words[0] = BE32(a);
	words[1] = BE32(b);
	words[2] = BE32(c);
	words[3] = BE32(d);
	return address;
}

// ::ffff:a.b.c.d, RFC 4291, section 2.5.5.2.
static inline struct dp_address address_mapped(__be32 ipv4)
{
	return address_words(0, 0, 0xffff, BE32(ipv4));
}

// The 16-bit one's complement sum of whole 16-bit words (RFC 1071), added to `sum`. Fold last.
static inline __u32 checksum_add(__u32 sum, const void *words, __u32 bytes)
{
	const word16 *word = words;

	for (__u32 i = 0; i < bytes / 2; i++)
		sum += word[i];
	return sum;
}

static inline __be16 checksum_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__be16)~sum;
}

// A checksum after one word of what it covers has changed: RFC 1624, equation 3. A wrong one stays wrong.
static inline __be16 checksum_update(__be16 checksum, __be16 before, __be16 after)
{
	return checksum_fold((__u32)(__u16)~checksum + (__u16)~before + after);
}
