// SPDX-License-Identifier: Apache-2.0
#include "content.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "warnings.h"

// Compares, and takes the reference.
static void assert_json(json_t *json, const char *expected)
{
	assert_non_null(json);
	cleanup_free char *text = json_dumps(json, JSON_COMPACT);
	assert_string_equal(text, expected);
	json_decref(json);
}

static void test_interface(void **state)
{
	(void)state;
	struct link link = {
		.ifindex = 7,
		.name = "tap0",
		.kind = "tun",
		.mac = {{2, 0, 0, 0, 0, 9}},
		.mtu = 1500,
		.up = true,
	};
	assert_json(content_interface(&link, "port"),
		"{\"name\":\"tap0\",\"ifindex\":7,\"kind\":\"tun\",\"mac\":\"02:00:00:00:00:09\","
		"\"mtu\":1500,\"up\":true,\"role\":\"port\",\"use\":null}");
	link.up = false;
	link.member = true;
	assert_json(content_interface(&link, NULL),
		"{\"name\":\"tap0\",\"ifindex\":7,\"kind\":\"tun\",\"mac\":\"02:00:00:00:00:09\","
		"\"mtu\":1500,\"up\":false,\"role\":null,"
		"\"use\":\"belongs to a bridge, bond or VRF\"}");
}

static void test_port(void **state)
{
	(void)state;
	struct compiler_port port = {
		.tenant = "acme", .name = "web1", .device = "tap0", .ifindex = 7, .key = 3};
	assert_json(content_port(&port, NULL, NULL),
		"{\"tenant\":\"acme\",\"name\":\"web1\",\"state\":\"realized\",\"problem\":null,"
		"\"ifindex\":7}");
	port.ifindex = 0;
	assert_json(content_port(&port, NULL, NULL),
		"{\"tenant\":\"acme\",\"name\":\"web1\",\"state\":\"missing-device\","
		"\"problem\":null,\"ifindex\":0}");
	assert_json(content_port(&port, "table source is full", NULL),
		"{\"tenant\":\"acme\",\"name\":\"web1\",\"state\":\"failed\","
		"\"problem\":\"table source is full\",\"ifindex\":0}");
}

static void test_port_counters(void **state)
{
	(void)state;
	UT_icd icd = {sizeof(struct drop_count), NULL, NULL, NULL};
	struct compiler_port port = {.tenant = "acme", .name = "web1", .ifindex = 7};
	struct port_counters counters = {.counters = {1, 60, UINT64_C(1) << 40, 4}};
	struct drop_count drop = {0, {3, 180}}, unknown = {999, {1, 1}};
	const char *reason = datapath_reason_name(0);
	assert_non_null(reason);
	utarray_init(&counters.drops, &icd);
	utarray_push_back(&counters.drops, &drop);
	utarray_push_back(&counters.drops, &unknown); // of a datapath that is newer: left out
	cleanup_free char *expected = memory_format(
		"{\"tenant\":\"acme\",\"name\":\"web1\",\"state\":\"realized\",\"problem\":null,"
		"\"ifindex\":7,\"counters\":{\"from_port_packets\":1,\"from_port_bytes\":60,"
		"\"to_port_packets\":1099511627776,\"to_port_bytes\":4},"
		"\"drops\":{\"%s\":{\"packets\":3,\"bytes\":180}}}",
		reason);
	assert_json(content_port(&port, NULL, &counters), expected);
	utarray_done(&counters.drops);
}

// ---- warnings ----

static void put(struct view *view, struct compiler *compiler, enum model_kind kind,
	const char *tenant, const char *name, json_t *fields)
{
	UT_icd icd = {sizeof(struct batch_item), NULL, NULL, NULL};
	struct batch_item item = {kind, (char *)tenant, (char *)name, NULL};
	struct batch batch = {.revision = 1};
	struct error error = {0};
	assert_int_equal(object_decode(&item.object, kind, tenant, name, fields, true, &error), 0);
	utarray_init(&batch.items, &icd);
	utarray_push_back(&batch.items, &item);
	view_apply(view, &batch, compiler);
	utarray_done(&batch.items);
	object_unref(item.object);
	json_decref(fields);
}

static void test_links_that_are_no_ports(void **state)
{
	(void)state;
	struct link link = {.name = "eth1"};
	assert_null(content_link_problem(NULL, false));
	assert_string_equal(
		content_link_problem(&link, true), "the device is no Ethernet interface");
	link.mac = (struct mac){{2, 0, 0, 0, 0, 1}};
	assert_null(content_link_problem(&link, false));
	link.member = true;
	assert_string_equal(
		content_link_problem(&link, false), "the device belongs to a bridge, bond or VRF");
	link.addressed = true;
	assert_string_equal(
		content_link_problem(&link, false), "the device carries addresses of the host");
	assert_null(content_link_problem(&link, true));
}

static void test_overhead(void **state)
{
	(void)state;
	assert_int_equal(tunnel_overhead(ENCAPSULATION_GENEVE, true), 62);
	assert_int_equal(tunnel_overhead(ENCAPSULATION_GENEVE, false), 82);
	assert_int_equal(tunnel_overhead(ENCAPSULATION_VXLAN, true), 50);
	assert_int_equal(tunnel_overhead(ENCAPSULATION_VXLAN, false), 70);
}

static void test_warnings(void **state)
{
	(void)state;
	struct view view = {0};
	struct compiler *compiler;
	struct address vtep = address_from_ipv4(0xc0000201);
	struct link eth0 = {.name = "eth0", .mtu = 1500};
	compiler_new(&compiler, "h1");
	assert_json(warnings_encode(&view, "h1", &(struct address){0}, NULL),
		"[\"host h1 has no VTEP, so it cannot reach other hosts\"]");
	assert_json(warnings_encode(&view, "h1", &vtep, NULL),
		"[\"no link carries the VTEP 192.0.2.1\"]");

	put(&view, compiler, MODEL_NETWORK, "acme", "web",
		json_pack("{s:i,s:i}", "mtu", 1450, "vni", 1));
	put(&view, compiler, MODEL_HOST, NULL, "h1", json_pack("{s:s}", "vtep", "192.0.2.1"));
	assert_json(warnings_encode(&view, "h1", &vtep, &eth0), "[]"); // nobody to speak to
	put(&view, compiler, MODEL_HOST, NULL, "h2",
		json_pack("{s:s,s:s}", "vtep", "192.0.2.2", "encap", "vxlan"));
	assert_json(warnings_encode(&view, "h1", &vtep, &eth0), "[]"); // 1450 + 50
	put(&view, compiler, MODEL_HOST, NULL, "h3", json_pack("{s:s}", "vtep", "192.0.2.3"));
	assert_json(warnings_encode(&view, "h1", &vtep, &eth0),
		"[\"network acme/web: mtu 1450 needs an underlay of 1512, eth0 has 1500\"]");
	eth0.mtu = 1512;
	assert_json(warnings_encode(&view, "h1", &vtep, &eth0), "[]");
	view_done(&view);
	compiler_free(compiler);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interface),
		cmocka_unit_test(test_port),
		cmocka_unit_test(test_port_counters),
		cmocka_unit_test(test_links_that_are_no_ports),
		cmocka_unit_test(test_overhead),
		cmocka_unit_test(test_warnings),
	};
	return cmocka_run_group_tests_name("content", tests, NULL, NULL);
}
