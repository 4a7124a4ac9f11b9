// SPDX-License-Identifier: Apache-2.0
#include "packet.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/memory.h"

enum {
	TYPE_IPV4 = 0x0800,
	TYPE_ARP = 0x0806,
	TYPE_IPV6 = 0x86dd,
	TYPE_ETHERNET = 0x6558,
	ICMP = 1,
	TCP = 6,
	UDP = 17,
	ICMPV6 = 58,
	PORT_GENEVE = 6081,
	PORT_VXLAN = 4789,
};

// What is left to be read.
struct cursor {
	const uint8_t *at;
	size_t left;
	UT_array *lines;
	// Of the summary.
	char source[ADDRESS_TEXT], destination[ADDRESS_TEXT];
	char *summary; // of the first packet; NULL: none yet
};

static uint32_t number(const uint8_t *bytes, size_t size)
{
	uint32_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | bytes[i];
	return value;
}

// The next header, NULL if there is not so much left.
static const uint8_t *take(struct cursor *cursor, size_t size)
{
	const uint8_t *header = cursor->at;

	if (cursor->left < size)
		return NULL;
	cursor->at += size;
	cursor->left -= size;
	return header;
}

// Takes the text.
static void line(struct cursor *cursor, char *text)
{
	utarray_push_back(cursor->lines, &text);
	free(text);
}

static void summarize(struct cursor *cursor, char *text)
{
	if (cursor->summary)
		free(text);
	else
		cursor->summary = text;
}

static char *text_of_mac(const uint8_t *bytes, char *text)
{
	return mac_format((const struct mac *)bytes, text);
}

static void text_of_ipv4(const uint8_t *bytes, char *text)
{
	struct address address = {{[10] = 0xff, [11] = 0xff}};

	memcpy(address.bytes + 12, bytes, 4);
	address_format(&address, text);
}

static void text_of_ipv6(const uint8_t *bytes, char *text)
{
	struct address address;

	memcpy(address.bytes, bytes, sizeof(address));
	address_format(&address, text);
}

// ---- transport ----

static void read_ethernet(struct cursor *cursor);

static void read_tunnel(struct cursor *cursor, uint32_t port)
{
	const uint8_t *header = take(cursor, 8);
	size_t options = header && port == PORT_GENEVE ? (header[0] & 0x3f) * 4 : 0;
	const uint8_t *option = take(cursor, options);

	if (!header || !option)
		return;
	if (port == PORT_VXLAN) {
		line(cursor, memory_format("vxlan     vni %u", number(header + 4, 3)));
	} else if (options == 12) {
		line(cursor,
			memory_format("geneve    vni %u, port key %u > %u", number(header + 4, 3),
				number(option + 4, 4), number(option + 8, 4)));
	} else {
		line(cursor, memory_format("geneve    vni %u", number(header + 4, 3)));
	}
	read_ethernet(cursor);
}

static const char *text_of_flags(uint8_t flags, char *text)
{
	static const char names[][4] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG"};

	*text = '\0';
	for (size_t i = 0; i < array_count(names); i++)
		if (flags & 1 << i)
			sprintf(text + strlen(text), "%s%s", *text ? " " : "", names[i]);
	return text;
}

static void read_tcp(struct cursor *cursor)
{
	const uint8_t *header = take(cursor, 20);
	char flags[32];

	if (!header)
		return;
	line(cursor, memory_format("tcp       %u > %u, %s", number(header, 2),
			     number(header + 2, 2), text_of_flags(header[13], flags)));
	summarize(cursor, memory_format("tcp %s:%u > %s:%u", cursor->source, number(header, 2),
				  cursor->destination, number(header + 2, 2)));
}

static void read_udp(struct cursor *cursor)
{
	const uint8_t *header = take(cursor, 8);

	if (!header)
		return;
	uint32_t port = number(header + 2, 2);
	line(cursor, memory_format("udp       %u > %u", number(header, 2), port));
	summarize(cursor, memory_format("udp %s:%u > %s:%u", cursor->source, number(header, 2),
				  cursor->destination, port));
	if (port == PORT_GENEVE || port == PORT_VXLAN)
		read_tunnel(cursor, port);
}

static void read_icmp(struct cursor *cursor, const char *name)
{
	const uint8_t *header = take(cursor, 4);

	if (!header)
		return;
	line(cursor, memory_format("%-9s type %u, code %u", name, header[0], header[1]));
	summarize(cursor, memory_format("%s %u/%u %s > %s", name, header[0], header[1],
				  cursor->source, cursor->destination));
}

static void read_transport(struct cursor *cursor, uint8_t protocol)
{
	switch (protocol) {
	case TCP:
		read_tcp(cursor);
		break;
	case UDP:
		read_udp(cursor);
		break;
	case ICMP:
		read_icmp(cursor, "icmp");
		break;
	case ICMPV6:
		read_icmp(cursor, "icmpv6");
		break;
	default:
		summarize(cursor, memory_format("protocol %u %s > %s", protocol, cursor->source,
					  cursor->destination));
		break;
	}
}

// ---- network and link ----

static void read_ipv4(struct cursor *cursor)
{
	const uint8_t *header = take(cursor, 20);

	if (!header || (header[0] & 0xf) < 5 || !take(cursor, ((header[0] & 0xf) - 5) * 4))
		return;
	text_of_ipv4(header + 12, cursor->source);
	text_of_ipv4(header + 16, cursor->destination);
	line(cursor, memory_format("ipv4      %s > %s, ttl %u, %u bytes", cursor->source,
			     cursor->destination, header[8], number(header + 2, 2)));
	if (number(header + 6, 2) & 0x1fff)
		line(cursor, memory_text("fragment"));
	else
		read_transport(cursor, header[9]);
}

static void read_ipv6(struct cursor *cursor)
{
	const uint8_t *header = take(cursor, 40);

	if (!header)
		return;
	text_of_ipv6(header + 8, cursor->source);
	text_of_ipv6(header + 24, cursor->destination);
	line(cursor, memory_format("ipv6      %s > %s, hop limit %u, %u bytes", cursor->source,
			     cursor->destination, header[7], 40 + number(header + 4, 2)));
	read_transport(cursor, header[6]);
}

static void read_arp(struct cursor *cursor)
{
	const uint8_t *header = take(cursor, 28);
	char mac[MAC_TEXT];

	if (!header)
		return;
	text_of_ipv4(header + 14, cursor->source);
	text_of_ipv4(header + 24, cursor->destination);
	char *text = number(header + 6, 2) == 1
			     ? memory_format("arp       who has %s? tell %s", cursor->destination,
				       cursor->source)
			     : memory_format("arp       %s is at %s", cursor->source,
				       text_of_mac(header + 8, mac));
	summarize(cursor, memory_format("arp %s > %s", cursor->source, cursor->destination));
	line(cursor, text);
}

static void read_ethernet(struct cursor *cursor)
{
	const uint8_t *header = take(cursor, 14);
	char source[MAC_TEXT], destination[MAC_TEXT];

	if (!header)
		return;
	line(cursor, memory_format("ethernet  %s > %s", text_of_mac(header + 6, source),
			     text_of_mac(header, destination)));
	switch (number(header + 12, 2)) {
	case TYPE_IPV4:
		read_ipv4(cursor);
		break;
	case TYPE_IPV6:
		read_ipv6(cursor);
		break;
	case TYPE_ARP:
		read_arp(cursor);
		break;
	default:
		summarize(cursor, memory_format("ethernet %s > %s", source, destination));
		break;
	}
}

void packet_lines(const uint8_t *bytes, size_t length, UT_array *lines)
{
	struct cursor cursor = {.at = bytes, .left = length, .lines = lines};

	read_ethernet(&cursor);
	free(cursor.summary);
}

char *packet_summary(const uint8_t *bytes, size_t length)
{
	UT_array lines;
	struct cursor cursor = {.at = bytes, .left = length, .lines = &lines};

	utarray_init(&lines, &ut_str_icd);
	read_ethernet(&cursor);
	utarray_done(&lines);
	return cursor.summary ? cursor.summary : memory_format("%zu bytes", length);
}

static int nibble(char digit)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = digit ? strchr(digits, digit) : NULL;

	return found ? (int)(found - digits) : -1;
}

uint8_t *packet_decode(const char *text, size_t *length)
{
	uint8_t *bytes = memory_new(strlen(text) / 2 + 1);

	for (*length = 0; text[0] && text[1]; text += 2) {
		int high = nibble(text[0]), low = nibble(text[1]);
		if (high < 0 || low < 0)
			break;
		bytes[(*length)++] = (uint8_t)(high << 4 | low);
	}
	return bytes;
}
