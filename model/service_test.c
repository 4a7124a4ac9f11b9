// SPDX-License-Identifier: Apache-2.0
#include "model/service.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/memory.h"

static void services_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text, *canonical;
		struct service service;
	} cases[] = {
		{"tcp/80", "tcp/80", {6, 80, 80}},
		{"6/80", "tcp/80", {6, 80, 80}},
		{"tcp", "tcp", {6, 0, 65535}},
		{"tcp/0-65535", "tcp", {6, 0, 65535}},
		{"udp/1000-2000", "udp/1000-2000", {17, 1000, 2000}},
		{"udp/0", "udp/0", {17, 0, 0}},
		{"sctp/5000-5000", "sctp/5000", {132, 5000, 5000}},
		{"icmp", "icmp", {1, 0, 65535}},
		{"icmp/8", "icmp/8", {1, 0x0800, 0x08ff}},
		{"icmp/3/4", "icmp/3/4", {1, 0x0304, 0x0304}},
		{"icmpv6/128", "icmpv6/128", {58, 0x8000, 0x80ff}},
		{"icmpv6/255/255", "icmpv6/255/255", {58, 0xffff, 0xffff}},
		{"47", "47", {47, 0, 65535}},
		{"255", "255", {255, 0, 65535}},
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct service service;
		char text[SERVICE_TEXT];
		assert_int_equal(service_parse(&service, cases[i].text, NULL), 0);
		assert_int_equal(service_compare(&service, &cases[i].service), 0);
		assert_string_equal(service_format(&service, text), cases[i].canonical);
	}
}

static void what_is_none_is_refused(void **state)
{
	(void)state;
	static const char no_service[] =
		"is not a service like tcp/80, udp/1000-2000, icmp/8, icmp/3/4, sctp or 47";
	static const char no_port[] =
		": after the protocol stands a port, 0 to 65535, or a range like 1000-2000";
	static const char no_type[] =
		": after the protocol stands a type, or type/code, each 0 to 255";
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"", no_service},
		{"0", no_service},
		{"256", no_service},
		{"TCP", no_service},
		{"tcp80", no_service},
		{"/80", no_service},
		{" tcp/80", no_service},
		{"-1", no_service},
		{"tcp/", no_port},
		{"tcp/65536", no_port},
		{"tcp/80-", no_port},
		{"tcp/-80", no_port},
		{"tcp/80-90-100", no_port},
		{"tcp/80 ", no_port},
		{"tcp/99999999999999999999", no_port},
		{"tcp/http", no_port},
		{"icmp/", no_type},
		{"icmp/256", no_type},
		{"icmp/8-9", no_type},
		{"icmp/3/", no_type},
		{"icmp/3/4/5", no_type},
		{"47/80", ": this protocol has no ports"},
		{"tcp/90-80", " is reversed, did you mean 80-90?"},
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct service service = {.low = 77};
		struct error error = {0};
		bool apart = cases[i].message == no_service;
		cleanup_free char *message = memory_format(
			"'%s'%s%s", cases[i].text, apart ? " " : "", cases[i].message);
		assert_int_equal(service_parse(&service, cases[i].text, &error), -EINVAL);
		assert_string_equal(error.message, message);
		assert_int_equal(service.low, 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services_are_read),
		cmocka_unit_test(what_is_none_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
