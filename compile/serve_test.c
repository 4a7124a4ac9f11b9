// SPDX-License-Identifier: Apache-2.0
// What networks serve, as rows.
#include "compile/compile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

enum { VNI = 100 };

static struct compiler *compiler;

static int setup(void **state)
{
	(void)state;
	compiler_new(&compiler, "h1");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	compiler_free(compiler);
	return 0;
}

static void put(enum model_kind kind, const char *name, const char *fields)
{
	struct object *object = NULL;
	struct error error = {0};
	json_t *json = json_loads(fields, 0, NULL);
	if (object_decode(&object, kind, "acme", name, json, true, &error))
		fail_msg("%s", error.message);
	json_decref(json);
	compiler_put(compiler, object);
	object_unref(object);
}

static int ignore(void *context, const struct row_change *change)
{
	(void)context;
	(void)change;
	return 0;
}

static uint32_t flags(void)
{
	uint32_t vni = VNI;
	assert_int_equal(compiler_flush(compiler, ignore, NULL), 0);
	const struct dp_network *row = compiler_row(compiler, DP_TABLE_NETWORK, &vni);
	assert_non_null(row);
	return row->flags;
}

// Who answers for the address: "network", "router", "port", "nobody".
static const char *answerer(const char *text)
{
	struct dp_neighbor_key key = {.vni = VNI};
	struct address address;
	assert_int_equal(address_parse(text, &address), 0);
	memcpy(&key.address, &address, sizeof(address));
	assert_int_equal(compiler_flush(compiler, ignore, NULL), 0);
	const struct dp_neighbor *row = compiler_row(compiler, DP_TABLE_NEIGHBOR, &key);
	if (!row)
		return "nobody";
	if (row->port)
		return "port";
	return row->router ? "router" : "network";
}

static void flags_follow_the_fields(void **state)
{
	(void)state;
	static const struct {
		const char *fields;
		uint32_t flags;
	} cases[] = {
		{"{\"vni\": 100}", 0},
		{"{\"vni\": 100, \"dhcp\": true}", DP_NETWORK_DHCP | DP_NETWORK_RESOLVES},
		{"{\"vni\": 100, \"dhcp\": true, \"subnets\": [\"10.0.0.0/24\"]}",
			DP_NETWORK_DHCP | DP_NETWORK_RESOLVES},
		{"{\"vni\": 100, \"dhcp\": true, \"subnets\": [\"fd00::/64\"]}",
			DP_NETWORK_DHCP | DP_NETWORK_ADVERTISES | DP_NETWORK_RESOLVES},
		{"{\"vni\": 100, \"slaac\": true, \"subnets\": [\"fd00::/64\"]}",
			DP_NETWORK_ADVERTISES | DP_NETWORK_RESOLVES},
		{"{\"vni\": 100, \"dns_domain\": \"acme.test\"}", DP_NETWORK_RESOLVES},
		{"{\"vni\": 100, \"dns_servers\": []}", DP_NETWORK_RESOLVES},
		{"{\"vni\": 100, \"dhcp\": true, \"unknown_unicast\": \"flood\"}",
			DP_NETWORK_DHCP | DP_NETWORK_RESOLVES | DP_NETWORK_FLOOD_UNKNOWN},
		{"{\"vni\": 100, \"subnets\": [\"fd00::/64\"]}", 0},
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		put(MODEL_NETWORK, "web", cases[i].fields);
		assert_int_equal(flags(), cases[i].flags);
	}
}

static void the_first_address_is_the_networks_own(void **state)
{
	(void)state;
	static const char serves[] = "{\"vni\": 100, \"dhcp\": true, \"subnets\": "
				     "[\"10.0.0.0/24\", \"fd00::/64\"]}";
	put(MODEL_NETWORK, "web", serves);
	assert_string_equal(answerer("10.0.0.1"), "network");
	assert_string_equal(answerer("fd00::1"), "network");
	assert_string_equal(answerer("fe80::c57:ffff:fe00:64"), "network");
	assert_string_equal(answerer("10.0.0.2"), "nobody");
	// Until somebody else has it.
	put(MODEL_ROUTER, "r", "{\"key\": 1, \"networks\": [\"web\"]}");
	put(MODEL_PORT, "p",
		"{\"key\": 7, \"network\": \"web\", \"mac\": \"02:00:00:00:00:07\", "
		"\"addresses\": [\"10.0.0.9\"]}");
	assert_string_equal(answerer("10.0.0.1"), "router");
	assert_string_equal(answerer("fd00::1"), "router");
	compiler_remove(compiler, MODEL_ROUTER, "acme", "r");
	put(MODEL_PORT, "p",
		"{\"key\": 7, \"network\": \"web\", \"mac\": \"02:00:00:00:00:07\", "
		"\"addresses\": [\"10.0.0.1\"]}");
	assert_string_equal(answerer("10.0.0.1"), "port");
	assert_string_equal(answerer("fd00::1"), "network");
	// And only while it serves.
	put(MODEL_NETWORK, "web", "{\"vni\": 100, \"subnets\": [\"10.0.0.0/24\", \"fd00::/64\"]}");
	assert_string_equal(answerer("fd00::1"), "nobody");
	assert_string_equal(answerer("fe80::c57:ffff:fe00:64"), "nobody");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(flags_follow_the_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_first_address_is_the_networks_own, setup, teardown),
	};
	return cmocka_run_group_tests_name("serve", tests, NULL, NULL);
}
