// SPDX-License-Identifier: Apache-2.0
#include "probe.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static uint8_t frame[PROBE_BYTES];

static struct probe_packet packet_of(const char *source, const char *destination, uint8_t protocol)
{
	struct probe_packet packet = {
		.source_mac = {{2, 0, 0, 0, 0, 1}},
		.destination_mac = {{2, 0, 0, 0, 0, 2}},
		.protocol = protocol,
		.source_port = 0x1234,
		.destination_port = 0x0800,
		.ttl = 9,
	};
	assert_int_equal(address_parse(source, &packet.source), 0);
	assert_int_equal(address_parse(destination, &packet.destination), 0);
	return packet;
}

// RFC 1071: over what carries its own right checksum, the sum is all ones.
static uint32_t sum(const uint8_t *bytes, size_t length)
{
	uint32_t total = 0;
	for (size_t i = 0; i < length; i++)
		total += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return total;
}

static void assert_checksum(uint32_t total)
{
	total = (total & 0xffff) + (total >> 16);
	total = (total & 0xffff) + (total >> 16);
	assert_int_equal(total, 0xffff);
}

static void test_ipv4(void **state)
{
	(void)state;
	static const struct {
		uint8_t protocol;
		size_t header;
		bool pseudo;
	} cases[] = {{IPPROTO_TCP, 20, true}, {IPPROTO_UDP, 8, true}, {IPPROTO_ICMP, 8, false}};
	for (size_t i = 0; i < 3; i++) {
		for (size_t size = 0; size <= 101; size += 101) {
			struct probe_packet packet =
				packet_of("10.0.0.1", "10.0.0.2", cases[i].protocol);
			packet.size = size;
			size_t length = probe_packet(&packet, frame), ip = length - 14;
			assert_int_equal(ip, size ? size : 20 + cases[i].header);
			assert_memory_equal(frame, "\2\0\0\0\0\2\2\0\0\0\0\1\x8\0", 14);
			assert_int_equal(frame[14], 0x45);
			assert_int_equal(frame[16] << 8 | frame[17], ip);
			assert_int_equal(frame[22], 9);
			assert_int_equal(frame[23], cases[i].protocol);
			assert_memory_equal(frame + 26, "\n\0\0\1\n\0\0\2", 8);
			assert_checksum(sum(frame + 14, 20));
			uint32_t pseudo = cases[i].pseudo ? sum(frame + 26, 8) + frame[23] +
								    (uint32_t)(ip - 20)
							  : 0;
			assert_checksum(pseudo + sum(frame + 34, ip - 20));
		}
	}
	struct probe_packet packet = packet_of("10.0.0.1", "10.0.0.2", IPPROTO_TCP);
	probe_packet(&packet, frame);
	assert_memory_equal(frame + 34, "\x12\x34\x08\x00", 4);
	assert_int_equal(frame[47], 2); // SYN
}

static void test_ipv6(void **state)
{
	(void)state;
	struct probe_packet packet = packet_of("fd00::1", "fd00::2", IPPROTO_ICMP);
	packet.destination_port = 128 << 8;
	assert_int_equal(probe_packet(&packet, frame), 14 + 40 + 8);
	assert_memory_equal(frame + 12, "\x86\xdd\x60", 3);
	assert_int_equal(frame[18] << 8 | frame[19], 8);
	assert_int_equal(frame[20], IPPROTO_ICMPV6); // the ICMP of the family
	assert_int_equal(frame[21], 9);
	assert_int_equal(frame[54], 128);
	assert_checksum(sum(frame + 22, 32) + 8 + IPPROTO_ICMPV6 + sum(frame + 54, 8));
}

static void test_sizes(void **state)
{
	(void)state;
	struct probe_packet packet = packet_of("10.0.0.1", "10.0.0.2", IPPROTO_UDP);
	packet.size = 1000000;
	assert_int_equal(probe_packet(&packet, frame), PROBE_BYTES);
}

static void test_questions(void **state)
{
	(void)state;
	struct probe_packet four = packet_of("10.0.0.1", "10.0.0.9", 0);
	struct probe_packet six = packet_of("fd00::1", "fd00::12:3456", 0);
	static const uint8_t arp[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6, 0,
		1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 9};
	assert_int_equal(probe_question(&four.source_mac, &four.source, &four.destination, frame),
		sizeof(arp));
	assert_memory_equal(frame, arp, sizeof(arp));

	size_t length = probe_question(&six.source_mac, &six.source, &six.destination, frame);
	assert_int_equal(length, 14 + 40 + 32);
	assert_memory_equal(frame, "\x33\x33\xff\x12\x34\x56\2\0\0\0\0\1\x86\xdd", 14);
	assert_int_equal(frame[21], 255);
	assert_memory_equal(frame + 38, "\xff\2\0\0\0\0\0\0\0\0\0\1\xff\x12\x34\x56", 16);
	assert_int_equal(frame[54], 135);
	assert_memory_equal(frame + 62, &six.destination, 16);
	assert_memory_equal(frame + 78, "\1\1\2\0\0\0\0\1", 8);
	assert_checksum(sum(frame + 22, 32) + 32 + IPPROTO_ICMPV6 + sum(frame + 54, 32));
}

static void test_multicast(void **state)
{
	(void)state;
	static const struct {
		const char *address, *mac;
	} cases[] = {{"224.129.2.3", "01:00:5e:01:02:03"}, {"255.255.255.255", "ff:ff:ff:ff:ff:ff"},
		{"ff02::1:2", "33:33:00:01:00:02"}};
	for (size_t i = 0; i < 3; i++) {
		struct address address;
		char text[MAC_TEXT];
		assert_int_equal(address_parse(cases[i].address, &address), 0);
		struct mac mac = probe_multicast(&address);
		assert_string_equal(mac_format(&mac, text), cases[i].mac);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_multicast),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
