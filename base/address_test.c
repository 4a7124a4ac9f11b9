// SPDX-License-Identifier: Apache-2.0
#include "base/address.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

static struct address address_of(const char *text)
{
	struct address address;
	assert_int_equal(address_parse(text, &address), 0);
	return address;
}

static struct prefix prefix_of(const char *text)
{
	struct prefix prefix;
	assert_int_equal(prefix_parse(text, &prefix), 0);
	return prefix;
}

static void mac_is_parsed_and_formatted(void **state)
{
	(void)state;
	struct mac mac;
	char text[MAC_TEXT];
	assert_int_equal(mac_parse("02:00:5E:10:00:ff", &mac), 0);
	assert_string_equal(mac_format(&mac, text), "02:00:5e:10:00:ff");
	assert_int_equal(mac_parse("02-00-5e-10-00-01", &mac), 0);
	assert_string_equal(mac_format(&mac, text), "02:00:5e:10:00:01");
	assert_false(mac_is_zero(&mac));
	assert_false(mac_is_multicast(&mac));
	assert_int_equal(mac_parse("ff:ff:ff:ff:ff:ff", &mac), 0);
	assert_true(mac_is_multicast(&mac));
	assert_int_equal(mac_parse("00:00:00:00:00:00", &mac), 0);
	assert_true(mac_is_zero(&mac));
}

static void bad_mac_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "0", "02", "02:", "02:00:00:00:00",
		"02:00:00:00:00:0", "02:00:00:00:00:00:", "02:00:00:00:00:00:00",
		"02:00-00:00:00:00", "g2:00:00:00:00:00", "0200.0000.0000", "02:0:00:00:00:00",
		" 02:00:00:00:00:00"};
	struct mac mac = {{1, 2, 3, 4, 5, 6}}, before = mac;
	for (size_t i = 0; i < array_count(bad); i++)
		assert_int_equal(mac_parse(bad[i], &mac), -EINVAL);
	assert_int_equal(mac_compare(&mac, &before), 0);
}

static void addresses_of_both_families(void **state)
{
	(void)state;
	char text[ADDRESS_TEXT];
	static const char *const same[] = {
		"10.1.2.3", "0.0.0.0", "255.255.255.255", "::", "fd00::1", "2001:db8:1:2:3:4:5:6"};
	for (size_t i = 0; i < array_count(same); i++) {
		struct address address = address_of(same[i]);
		assert_string_equal(address_format(&address, text), same[i]);
		assert_int_equal(address_is_ipv4(&address), strchr(same[i], '.') != NULL);
	}
	struct address long_form = address_of("FD00:0:0:0:0:0:0:1");
	assert_string_equal(address_format(&long_form, text), "fd00::1");
	struct address mapped = address_of("::ffff:10.0.0.1"), plain = address_of("10.0.0.1");
	assert_int_equal(address_compare(&mapped, &plain), 0);
	struct address built = address_from_ipv4(0x0a000001);
	assert_int_equal(address_compare(&built, &plain), 0);
	static const char *const bad[] = {"", "10.1.2", "10.1.2.256", "10.1.2.3.4", "fd00:::1",
		"g::", "10.1.2.3/24", "1.2.3.4 ", "fe80::1%eth0"};
	for (size_t i = 0; i < array_count(bad); i++)
		assert_int_equal(address_parse(bad[i], &plain), -EINVAL);
	assert_int_equal(address_compare(&built, &plain), 0);
}

static void addresses_are_classified(void **state)
{
	(void)state;
	assert_true(address_is_zero(&(struct address){0}));
	static const struct {
		const char *text;
		bool zero, multicast, link_local;
	} cases[] = {
		{"0.0.0.0", true, false, false},
		{"::", true, false, false},
		{"::1", false, false, false},
		{"10.0.0.1", false, false, false},
		{"223.255.255.255", false, false, false},
		{"224.0.0.1", false, true, false},
		{"239.255.255.255", false, true, false},
		{"240.0.0.1", false, false, false},
		{"169.254.1.1", false, false, true},
		{"169.253.1.1", false, false, false},
		{"ff02::1", false, true, false},
		{"fe80::1", false, false, true},
		{"febf::1", false, false, true},
		{"fec0::1", false, false, false},
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct address address = address_of(cases[i].text);
		assert_int_equal(address_is_zero(&address), cases[i].zero);
		assert_int_equal(address_is_multicast(&address), cases[i].multicast);
		assert_int_equal(address_is_link_local(&address), cases[i].link_local);
	}
}

static void link_local_is_eui64(void **state)
{
	(void)state;
	struct mac mac;
	char text[ADDRESS_TEXT];
	assert_int_equal(mac_parse("34:56:78:9a:bc:de", &mac), 0);
	struct address address = address_link_local(&mac); // the example of RFC 4291, appendix A
	assert_string_equal(address_format(&address, text), "fe80::3656:78ff:fe9a:bcde");
}

static void addition_carries(void **state)
{
	(void)state;
	static const struct {
		const char *from;
		uint64_t offset;
		const char *to;
	} cases[] = {
		{"10.0.0.255", 1, "10.0.1.0"},
		{"10.0.0.1", 0, "10.0.0.1"},
		{"10.0.0.0", 0x10203, "10.1.2.3"},
		{"fd00::ffff:ffff:ffff:ffff", 1, "fd00:0:0:1::"},
		{"fd00::1", UINT64_MAX, "fd00:0:0:1::"},
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct address from = address_of(cases[i].from), to = address_of(cases[i].to);
		struct address sum = address_add(&from, cases[i].offset);
		assert_int_equal(address_compare(&sum, &to), 0);
	}
}

static void prefixes_are_parsed_and_formatted(void **state)
{
	(void)state;
	static const struct {
		const char *text, *canonical;
		unsigned length;
	} cases[] = {
		{"10.0.0.0/8", "10.0.0.0/8", 104},
		{"0.0.0.0/0", "0.0.0.0/0", 96},
		{"10.1.2.3", "10.1.2.3/32", 128},
		{"10.1.2.3/32", "10.1.2.3/32", 128},
		{"fd00:1::/64", "fd00:1::/64", 64},
		{"::/0", "::/0", 0},
		{"::1", "::1/128", 128},
		{"fd00:0:0:0:8000::/65", "fd00::8000:0:0:0/65", 65},
	};
	char text[PREFIX_TEXT];
	for (size_t i = 0; i < array_count(cases); i++) {
		struct prefix prefix = prefix_of(cases[i].text);
		assert_int_equal(prefix.length, cases[i].length);
		assert_string_equal(prefix_format(&prefix, text), cases[i].canonical);
	}
}

static void bad_prefixes_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int code;
	} cases[] = {{"10.0.0.1/24", -EDOM}, {"fd00::1/64", -EDOM}, {"10.0.0.128/24", -EDOM},
		{"10.0.0.0/33", -EINVAL}, {"::/129", -EINVAL}, {"10.0.0.0/", -EINVAL},
		{"10.0.0.0/-1", -EINVAL}, {"10.0.0.0/+8", -EINVAL}, {"10.0.0.0/ 8", -EINVAL},
		{"10.0.0.0/08", -EINVAL}, {"10.0.0.0/8x", -EINVAL}, {"/8", -EINVAL}, {"", -EINVAL},
		{"10.0.0.0/99999999999999999999", -EINVAL}, {"any", -EINVAL},
		{"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/8", -EINVAL}};
	struct prefix prefix = prefix_of("10.0.0.0/8"), before = prefix;
	for (size_t i = 0; i < array_count(cases); i++)
		assert_int_equal(prefix_parse(cases[i].text, &prefix), cases[i].code);
	assert_memory_equal(&prefix, &before, sizeof(prefix));
}

static void prefixes_contain_and_overlap(void **state)
{
	(void)state;
	static const struct {
		const char *prefix, *other;
		bool contains, overlaps;
	} cases[] = {
		{"10.0.0.0/24", "10.0.0.255", true, true},
		{"10.0.0.0/24", "10.0.1.0", false, false},
		{"10.0.0.0/23", "10.0.1.0/24", true, true},
		{"10.0.1.0/25", "10.0.0.0/23", false, true},
		{"0.0.0.0/0", "255.1.2.3", true, true},
		{"0.0.0.0/0", "fd00::1", false, false},
		{"fd00::/65", "fd00:0:0:0:8000::/65", false, false},
		{"fd00::/65", "fd00::7fff:0:0:1", true, true},
		{"::/0", "fd00::1", true, true},
		{"::/0", "10.0.0.1", false, false},
		{"::/0", "0.0.0.0/0", false, false},
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct prefix prefix = prefix_of(cases[i].prefix),
			      other = prefix_of(cases[i].other);
		assert_int_equal(prefix_contains(&prefix, &other.address), cases[i].contains);
		assert_int_equal(prefix_overlaps(&prefix, &other), cases[i].overlaps);
		assert_int_equal(prefix_overlaps(&other, &prefix), cases[i].overlaps);
	}
}

static void prefixes_have_ends(void **state)
{
	(void)state;
	static const struct {
		const char *inside;
		uint8_t length;
		const char *prefix, *last;
	} cases[] = {
		{"10.1.2.77", 120, "10.1.2.0/24", "10.1.2.255"},
		{"10.1.2.77", 126, "10.1.2.76/30", "10.1.2.79"},
		{"fd00::1:2", 64, "fd00::/64", "fd00::ffff:ffff:ffff:ffff"},
		{"fd00::7", 128, "fd00::7/128", "fd00::7"},
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct address inside = address_of(cases[i].inside),
			       last = address_of(cases[i].last);
		struct prefix expected = prefix_of(cases[i].prefix);
		struct prefix prefix = prefix_from(&inside, cases[i].length);
		assert_memory_equal(&prefix, &expected, sizeof(prefix));
		struct address end = prefix_last(&prefix);
		assert_int_equal(address_compare(&end, &last), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mac_is_parsed_and_formatted),
		cmocka_unit_test(bad_mac_is_refused),
		cmocka_unit_test(addresses_of_both_families),
		cmocka_unit_test(addresses_are_classified),
		cmocka_unit_test(link_local_is_eui64),
		cmocka_unit_test(addition_carries),
		cmocka_unit_test(prefixes_are_parsed_and_formatted),
		cmocka_unit_test(bad_prefixes_are_refused),
		cmocka_unit_test(prefixes_have_ends),
		cmocka_unit_test(prefixes_contain_and_overlap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
