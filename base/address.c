// SPDX-License-Identifier: Apache-2.0
#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

// RFC 4291, section 2.5.5.2.
static const uint8_t mapped_head[12] = {[10] = 0xff, [11] = 0xff};
enum { MAPPED_BITS = 96 };

static int hex_digit(char character)
{
	if (character >= '0' && character <= '9')
		return character - '0';
	if (character >= 'a' && character <= 'f')
		return character - 'a' + 10;
	if (character >= 'A' && character <= 'F')
		return character - 'A' + 10;
	return -1;
}

int mac_parse(const char *text, struct mac *out)
{
	struct mac mac;
	char separator = text[0] && text[1] ? text[2] : '\0';
	if (separator != ':' && separator != '-')
		return -EINVAL;
	for (int i = 0; i < 6; i++) {
		int high = hex_digit(text[0]);
		int low = high < 0 ? -1 : hex_digit(text[1]);
		if (low < 0 || text[2] != (i < 5 ? separator : '\0'))
			return -EINVAL;
		mac.bytes[i] = (uint8_t)(high << 4 | low);
		text += 3;
	}
	*out = mac;
	return 0;
}

int address_parse(const char *text, struct address *out)
{
	struct address address;
	if (inet_pton(AF_INET, text, address.bytes + sizeof(mapped_head)) == 1)
		memcpy(address.bytes, mapped_head, sizeof(mapped_head));
	else if (inet_pton(AF_INET6, text, address.bytes) != 1)
		return -EINVAL;
	*out = address;
	return 0;
}

static bool host_bits_zero(const struct prefix *prefix)
{
	for (unsigned bit = prefix->length; bit < 128; bit++)
		if (prefix->address.bytes[bit / 8] & 0x80 >> bit % 8)
			return false;
	return true;
}

int prefix_parse(const char *text, struct prefix *out)
{
	struct prefix prefix;
	const char *slash = strchr(text, '/');
	char head[ADDRESS_TEXT];
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	if (length >= sizeof(head))
		return -EINVAL;
	memcpy(head, text, length);
	head[length] = '\0';
	if (address_parse(head, &prefix.address))
		return -EINVAL;
	// By how it is written, so that ::ffff:0:0/96 is what it says and 0.0.0.0/0 is all of IPv4.
	bool dotted = !strchr(head, ':');
	unsigned bits = dotted ? 32 : 128;
	if (slash) {
		const char *digit = slash + 1;
		if (*digit < '0' || *digit > '9' || (*digit == '0' && digit[1]))
			return -EINVAL;
		for (bits = 0; *digit; digit++) {
			if (*digit < '0' || *digit > '9')
				return -EINVAL;
			bits = bits * 10 + (unsigned)(*digit - '0');
			if (bits > (dotted ? 32 : 128))
				return -EINVAL;
		}
	}
	prefix.length = (uint8_t)(dotted ? bits + MAPPED_BITS : bits);
	if (!host_bits_zero(&prefix))
		return -EDOM;
	*out = prefix;
	return 0;
}

char *mac_format(const struct mac *mac, char *text)
{
	const uint8_t *b = mac->bytes;
	snprintf(text, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
		b[5]);
	return text;
}

char *address_format(const struct address *address, char *text)
{
	if (address_is_ipv4(address))
		inet_ntop(AF_INET, address->bytes + sizeof(mapped_head), text, ADDRESS_TEXT);
	else
		inet_ntop(AF_INET6, address->bytes, text, ADDRESS_TEXT);
	return text;
}

char *prefix_format(const struct prefix *prefix, char *text)
{
	address_format(&prefix->address, text);
	size_t used = strlen(text);
	unsigned length = prefix->length;
	snprintf(text + used, PREFIX_TEXT - used, "/%u",
		prefix_is_ipv4(prefix) ? length - MAPPED_BITS : length);
	return text;
}

bool mac_is_zero(const struct mac *mac)
{
	return !memcmp(mac, &(struct mac){0}, sizeof(*mac));
}

bool mac_is_multicast(const struct mac *mac)
{
	return mac->bytes[0] & 1;
}

int mac_compare(const struct mac *a, const struct mac *b)
{
	return memcmp(a, b, sizeof(*a));
}

bool address_is_ipv4(const struct address *address)
{
	return !memcmp(address->bytes, mapped_head, sizeof(mapped_head));
}

bool address_is_zero(const struct address *address)
{
	static const uint8_t zeros[16];
	if (address_is_ipv4(address))
		return !memcmp(address->bytes + sizeof(mapped_head), zeros, 4);
	return !memcmp(address->bytes, zeros, 16);
}

bool address_is_multicast(const struct address *address)
{
	if (address_is_ipv4(address))
		return address->bytes[12] >> 4 == 0xe; // 224.0.0.0/4
	return address->bytes[0] == 0xff;
}

bool address_is_link_local(const struct address *address)
{
	if (address_is_ipv4(address))
		return address->bytes[12] == 169 && address->bytes[13] == 254;
	return address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80;
}

int address_compare(const struct address *a, const struct address *b)
{
	return memcmp(a, b, sizeof(*a));
}

struct address address_from_ipv4(uint32_t host_order)
{
	struct address address;
	uint32_t wire = htonl(host_order);
	memcpy(address.bytes, mapped_head, sizeof(mapped_head));
	memcpy(address.bytes + sizeof(mapped_head), &wire, sizeof(wire));
	return address;
}

struct address address_link_local(const struct mac *mac)
{
	struct address address = {{0xfe, 0x80}};
	memcpy(address.bytes + 8, mac->bytes, 3);
	address.bytes[8] ^= 0x02; // the universal/local bit is inverted
	address.bytes[11] = 0xff;
	address.bytes[12] = 0xfe;
	memcpy(address.bytes + 13, mac->bytes + 3, 3);
	return address;
}

struct address address_add(const struct address *address, uint64_t offset)
{
	struct address sum = *address;
	unsigned carry = 0;
	for (int i = 15; i >= 0 && (offset || carry); i--) {
		carry += sum.bytes[i] + (unsigned)(offset & 0xff);
		sum.bytes[i] = (uint8_t)carry;
		carry >>= 8;
		offset >>= 8;
	}
	return sum;
}

struct prefix prefix_from(const struct address *address, uint8_t length)
{
	struct prefix prefix = {.address = *address, .length = length};
	for (unsigned bit = length; bit < 128; bit++)
		prefix.address.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return prefix;
}

struct address prefix_last(const struct prefix *prefix)
{
	struct address last = prefix->address;
	for (unsigned bit = prefix->length; bit < 128; bit++)
		last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return last;
}

bool prefix_is_ipv4(const struct prefix *prefix)
{
	return prefix->length >= MAPPED_BITS && address_is_ipv4(&prefix->address);
}

// The first `bits` bits are the same.
static bool same_head(const struct address *a, const struct address *b, unsigned bits)
{
	if (memcmp(a->bytes, b->bytes, bits / 8))
		return false;
	if (bits % 8 == 0)
		return true;
	uint8_t mask = (uint8_t)(0xff00 >> bits % 8);
	return !((a->bytes[bits / 8] ^ b->bytes[bits / 8]) & mask);
}

bool prefix_contains(const struct prefix *prefix, const struct address *address)
{
	return prefix_is_ipv4(prefix) == address_is_ipv4(address) &&
	       same_head(&prefix->address, address, prefix->length);
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	return prefix_is_ipv4(a) == prefix_is_ipv4(b) &&
	       same_head(&a->address, &b->address, a->length < b->length ? a->length : b->length);
}
