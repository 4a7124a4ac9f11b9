// SPDX-License-Identifier: Apache-2.0
#include "packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

#define ETHERNET "020000000002020000000001"
#define IPV4                       \
	"0800"                     \
	"450000280000400040060000" \
	"0a0000010a000002"
#define TCP        \
	"c0001538" \
	"00000001000000005002faf000000000"
#define OUTER                      \
	"02ff0000000202ff00000001" \
	"0800"                     \
	"45000060000040004011"     \
	"0000"                     \
	"c0000201c0000202"

static const struct {
	const char *frame, *lines, *summary;
} cases[] = {
	{ETHERNET IPV4 TCP,
		"ethernet  02:00:00:00:00:01 > 02:00:00:00:00:02|"
		"ipv4      10.0.0.1 > 10.0.0.2, ttl 64, 40 bytes|"
		"tcp       49152 > 5432, SYN|",
		"tcp 10.0.0.1:49152 > 10.0.0.2:5432"},
	{OUTER "c35417c100000000"
	       "0300655800006400"
	       "ff5701020000000500000007" ETHERNET "88b5",
		"ethernet  02:ff:00:00:00:01 > 02:ff:00:00:00:02|"
		"ipv4      192.0.2.1 > 192.0.2.2, ttl 64, 96 bytes|"
		"udp       50004 > 6081|geneve    vni 100, port key 5 > 7|"
		"ethernet  02:00:00:00:00:01 > 02:00:00:00:00:02|",
		"udp 192.0.2.1:50004 > 192.0.2.2:6081"},
	{OUTER "c35412b500000000"
	       "0800000000006400" ETHERNET "88b5",
		"ethernet  02:ff:00:00:00:01 > 02:ff:00:00:00:02|"
		"ipv4      192.0.2.1 > 192.0.2.2, ttl 64, 96 bytes|"
		"udp       50004 > 4789|vxlan     vni 100|"
		"ethernet  02:00:00:00:00:01 > 02:00:00:00:00:02|",
		"udp 192.0.2.1:50004 > 192.0.2.2:4789"},
	{ETHERNET "86dd"
		  "6000000000083a40"
		  "fd000000000000000000000000000001"
		  "fd000000000000000000000000000002"
		  "80000000c0000001",
		"ethernet  02:00:00:00:00:01 > 02:00:00:00:00:02|"
		"ipv6      fd00::1 > fd00::2, hop limit 64, 48 bytes|"
		"icmpv6    type 128, code 0|",
		"icmpv6 128/0 fd00::1 > fd00::2"},
	{"ffffffffffff020000000001"
	 "0806"
	 "0001080006040001"
	 "0200000000010a000001"
	 "0000000000000a000009",
		"ethernet  02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff|"
		"arp       who has 10.0.0.9? tell 10.0.0.1|",
		"arp 10.0.0.1 > 10.0.0.9"},
	{ETHERNET "0800"
		  "4500",
		"ethernet  02:00:00:00:00:01 > 02:00:00:00:00:02|", "16 bytes"},
	{"", "", "0 bytes"},
	{"0z", "", "0 bytes"},
};

static void test_packets(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_count(cases); i++) {
		char seen[512] = "", **line = NULL;
		UT_array lines;
		size_t length;
		cleanup_free uint8_t *bytes = packet_decode(cases[i].frame, &length);
		utarray_init(&lines, &ut_str_icd);
		packet_lines(bytes, length, &lines);
		while ((line = (char **)utarray_next(&lines, line))) {
			strcat(seen, *line);
			strcat(seen, "|");
		}
		assert_string_equal(seen, cases[i].lines);
		cleanup_free char *summary = packet_summary(bytes, length);
		assert_string_equal(summary, cases[i].summary);
		utarray_done(&lines);
	}
}

// Cut anywhere, nothing beyond the end is read.
static void test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_count(cases); i++) {
		size_t length;
		cleanup_free uint8_t *bytes = packet_decode(cases[i].frame, &length);
		for (size_t cut = 0; cut <= length; cut++) {
			cleanup_free uint8_t *copy = memory_resize(NULL, cut + 1, 1);
			memcpy(copy, bytes, cut);
			cleanup_free char *summary = packet_summary(copy, cut);
			assert_non_null(summary);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
