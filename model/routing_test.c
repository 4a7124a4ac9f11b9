// SPDX-License-Identifier: Apache-2.0
// Routers in the catalog: what they are given, and what they are refused.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "catalog_fixture.h"

static struct catalog *catalog;
static uint64_t revision;

static void accept_lines(const char *const *lines, size_t count)
{
	struct error error = {0};
	char text[1024];
	if (fixture_apply(catalog, lines, count, ++revision, NULL, &error))
		fail_msg("%s", error_format(&error, text, sizeof(text)));
}

static void refuse_lines(int code, const char *object, const char *field, const char *message,
	const char *const *lines, size_t count)
{
	struct error error = {0};
	cleanup_free char *before = fixture_dump(catalog);
	assert_int_equal(fixture_apply(catalog, lines, count, ++revision, NULL, &error), -code);
	assert_string_equal(error.message, message);
	assert_string_equal(error.object, object);
	assert_string_equal(error.field, field);
	cleanup_free char *after = fixture_dump(catalog);
	assert_string_equal(before, after);
}

#define accept(...)                                         \
	do {                                                \
		const char *const lines_[] = {__VA_ARGS__}; \
		accept_lines(lines_, array_count(lines_));  \
	} while (0)
#define refuse(code, object, field, message, ...)                                        \
	do {                                                                             \
		const char *const lines_[] = {__VA_ARGS__};                              \
		refuse_lines(code, object, field, message, lines_, array_count(lines_)); \
	} while (0)

static int setup(void **state)
{
	(void)state;
	catalog_new(&catalog);
	revision = 0;
	accept("put tenants/acme {}", "put tenants/umbrella {}",
		"put acme/networks/a {'subnets': ['10.1.0.0/24', 'fd00:1::/64']}",
		"put acme/networks/b {'subnets': ['10.2.0.0/24']}",
		"put acme/networks/c {'subnets': ['10.3.0.0/24']}",
		"put acme/networks/wide {'subnets': ['10.0.0.0/8']}",
		"put umbrella/networks/a {'subnets': ['10.1.0.0/24']}");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	catalog_free(catalog);
	return 0;
}

static void routers_get_keys_and_addresses(void **state)
{
	(void)state;
	accept("put acme/routers/r {'networks': ['a', 'b']}",
		"put umbrella/routers/r {'networks': ['a']}");
	struct router *one = (struct router *)catalog_find(catalog, MODEL_ROUTER, "acme", "r");
	struct router *other =
		(struct router *)catalog_find(catalog, MODEL_ROUTER, "umbrella", "r");
	assert_int_equal(one->key, 1);
	assert_int_equal(other->key, 2);
	struct mac mac = router_mac(0x01020304);
	char text[MAC_TEXT], address[ADDRESS_TEXT];
	assert_string_equal(mac_format(&mac, text), "0e:57:01:02:03:04");
	assert_true(mac_is_router(&mac));
	struct address_list list = router_addresses(&one->networks.items[0],
		(struct network *)catalog_find(catalog, MODEL_NETWORK, "acme", "a"));
	assert_int_equal(list.count, 2);
	assert_string_equal(address_format(&list.items[0], address), "10.1.0.1");
	assert_string_equal(address_format(&list.items[1], address), "fd00:1::1");
	free(list.items);
	accept("put acme/routers/r {'networks': ['b']}"); // and keeps its key
	one = (struct router *)catalog_find(catalog, MODEL_ROUTER, "acme", "r");
	assert_int_equal(one->key, 1);
}

static void an_address_is_a_ports_or_a_routers(void **state)
{
	(void)state;
	accept("put acme/routers/r {'networks': [{'network': 'b', 'addresses': ['10.2.0.2']}, "
	       "'a']}");
	refuse(EEXIST, "acme/ports/p", "addresses[0]",
		"address 10.2.0.2 is used by acme/routers/r already",
		"put acme/ports/p {'network': 'b', 'addresses': ['10.2.0.2']}");
	refuse(EEXIST, "acme/ports/p", "addresses[0]",
		"address fd00:1::1 is used by acme/routers/r already",
		"put acme/ports/p {'network': 'a', 'addresses': ['fd00:1::1']}");
	// Allocation goes round it.
	accept("put acme/ports/p {'network': 'b'}");
	cleanup_free char *text =
		object_field_text(catalog_find(catalog, MODEL_PORT, "acme", "p"), "addresses");
	assert_string_equal(text, "10.2.0.3");
	// What the router has no longer, others may have; and the other way round.
	accept("put acme/ports/q {'network': 'b', 'addresses': ['10.2.0.1']}");
	refuse(EEXIST, "acme/routers/r", "networks[0]",
		"address 10.2.0.1 is used by acme/ports/q already",
		"put acme/routers/r {'networks': ['b', 'a']}");
	refuse(EEXIST, "acme/routers/r", "networks[1].addresses[0]",
		"address 10.2.0.1 is used by acme/ports/q already",
		"put acme/routers/r {'networks': ['a', {'network': 'b', 'addresses': "
		"['10.2.0.1']}]}");
	accept("delete acme/ports/q", "put acme/routers/r {'networks': ['b', 'a']}");
	accept("put acme/ports/q {'network': 'b', 'addresses': ['10.2.0.2']}");
	refuse(EEXIST, "acme/routers/s", "networks[0]",
		"address 10.2.0.1 is used by acme/routers/r already",
		"put acme/routers/s {'networks': ['b']}");
}

static void addresses_follow_the_subnets(void **state)
{
	(void)state;
	accept("put acme/routers/r {'networks': ['b']}",
		"put acme/ports/p {'network': 'b', 'addresses': ['10.2.0.5']}");
	accept("put acme/networks/b {'subnets': ['10.2.0.0/24', '10.9.0.0/24']}");
	refuse(EEXIST, "acme/ports/q", "addresses[0]",
		"address 10.9.0.1 is used by acme/routers/r already",
		"put acme/ports/q {'network': 'b', 'addresses': ['10.9.0.1']}");
	// The router is no part of the transaction, and does not become one.
	struct object *router = catalog_find(catalog, MODEL_ROUTER, "acme", "r");
	assert_int_equal(router->revision, 2);
	accept("put acme/networks/b {'subnets': ['10.2.0.0/24']}");
	refuse(EEXIST, "acme/routers/r", "networks[0]",
		"address 10.2.0.5 is used by acme/ports/p already",
		"put acme/networks/b {'subnets': ['10.2.0.4/30']}",
		"patch acme/ports/p {'labels': {'a': 'b'}}");
	accept("put acme/routers/r {'networks': [{'network': 'b', 'addresses': ['10.2.0.2']}]}");
	refuse(EBUSY, "acme/networks/b", "subnets",
		"no subnet would be left for 10.2.0.2, which router r of tenant acme uses",
		"delete acme/ports/p", "put acme/networks/b {'subnets': ['10.2.0.4/30']}");
	refuse(EBUSY, "acme/networks/b", "", "router r of tenant acme refers to it in networks[0]",
		"delete acme/ports/p", "delete acme/networks/b");
	accept("delete acme/routers/r", "delete acme/ports/p", "delete acme/networks/b");
}

static void subnets_of_a_segment_are_apart(void **state)
{
	(void)state;
	refuse(EINVAL, "acme/routers/r", "networks",
		"joins network 'wide' to 'a', whose subnets 10.0.0.0/8 and 10.1.0.0/24 overlap",
		"put acme/routers/r {'networks': ['a', {'network': 'wide', 'addresses': "
		"['10.99.0.1']}]}");
	accept("put acme/routers/r {'networks': ['a', 'b']}",
		"put acme/routers/s {'networks': ['c', 'wide']}",
		"put acme/networks/c {'subnets': ['192.168.0.0/24']}");
	// Far away, over two routers, and over a network that changes.
	refuse(EINVAL, "acme/routers/t", "networks",
		"joins network 'wide' to 'a', whose subnets 10.0.0.0/8 and 10.1.0.0/24 overlap",
		"put acme/routers/t {'networks': [{'network': 'c', 'addresses': "
		"['192.168.0.9']}, {'network': 'b', 'addresses': ['10.2.0.9']}]}");
	refuse(EINVAL, "acme/routers/s", "networks",
		"joins network 'wide' to 'c', whose subnets 10.0.0.0/8 and 10.3.0.0/24 overlap",
		"put acme/networks/c {'subnets': ['10.3.0.0/24']}");
	// The same addresses in two tenants, or in two segments, are nobody's business.
	accept("put umbrella/routers/r {'networks': ['a']}");
}

static void addresses_lie_in_a_subnet(void **state)
{
	(void)state;
	refuse(EINVAL, "acme/routers/r", "networks[0].addresses[1]",
		"10.2.0.1 is in no subnet of network 'a' (10.1.0.0/24,fd00:1::/64)",
		"put acme/routers/r {'networks': [{'network': 'a', 'addresses': ['10.1.0.1', "
		"'10.2.0.1']}]}");
	refuse(EINVAL, "acme/routers/r", "networks[0].addresses[0]",
		"10.1.0.255 is the broadcast address of subnet 10.1.0.0/24",
		"put acme/routers/r {'networks': [{'network': 'a', 'addresses': ['10.1.0.255']}]}");
	refuse(EINVAL, "acme/routers/r", "networks[1]",
		"network 'none' of tenant 'acme' does not exist",
		"put acme/routers/r {'networks': ['a', 'none']}");
	refuse(EINVAL, "acme/routers/r", "networks[1]", "is the network of item 0",
		"put acme/routers/r {'networks': ['a', {'network': 'a', 'addresses': "
		"['10.1.0.9']}]}");
}

static void next_hops_are_near(void **state)
{
	(void)state;
	accept("put acme/routers/r {'networks': ['a', 'b'], 'routes': [{'to': '0.0.0.0/0', 'via': "
	       "['10.1.0.9', '10.2.0.9']}, {'to': '::/0', 'via': ['fd00:1::9']}]}");
	refuse(EINVAL, "acme/routers/r", "routes[0].via[1]",
		"10.3.0.9 is on no network of the router",
		"put acme/routers/r {'networks': ['a', 'b'], 'routes': [{'to': '0.0.0.0/0', 'via': "
		"['10.1.0.9', '10.3.0.9']}]}");
	refuse(EINVAL, "acme/routers/r", "routes[0].via[0]",
		"10.2.0.1 is the router itself: the packet would go round for ever",
		"put acme/routers/r {'networks': ['a', 'b'], 'routes': [{'to': '0.0.0.0/0', 'via': "
		"['10.2.0.1']}]}");
	// Another router's address is a next hop like any.
	accept("put acme/routers/s {'networks': [{'network': 'a', 'addresses': ['10.1.0.2']}], "
	       "'routes': [{'to': '10.2.0.0/16', 'via': ['10.1.0.1']}]}");
	// A network that loses the subnet takes the next hop away.
	refuse(EINVAL, "acme/routers/r", "routes[0].via[1]",
		"10.2.0.9 is on no network of the router",
		"put acme/networks/b {'subnets': ['10.4.0.0/24']}");
}

static void macs_of_routers_are_theirs(void **state)
{
	(void)state;
	refuse(EINVAL, "acme/ports/p", "mac", "begins with 0e:57, as the MACs of routers do",
		"put acme/ports/p {'network': 'a', 'mac': '0e:57:00:00:00:01'}");
	refuse(EINVAL, "acme/ports/p", "security[0].mac",
		"begins with 0e:57, as the MACs of routers do",
		"put acme/ports/p {'network': 'a', 'security': [{'mac': '0e:57:00:00:00:01', "
		"'addresses': ['10.0.0.0/8']}]}");
}

static void sets_in_use_stay(void **state)
{
	(void)state;
	accept("put acme/address_sets/s {'addresses': ['192.0.2.0/24']}",
		"put acme/policies/p {'rules': [{'action': 'drop'}, {'action': 'allow', 'from': "
		"['any=x', 'set:s']}]}");
	refuse(EBUSY, "acme/address_sets/s", "",
		"policy p of tenant acme refers to it in rules[1].from[1]",
		"delete acme/address_sets/s");
	refuse(EINVAL, "umbrella/policies/q", "rules[0].to",
		"address_set 's' of tenant 'umbrella' does not exist", "put umbrella/policies/p {}",
		"put umbrella/policies/q {'rules': [{'action': "
		"'allow', 'to': 'set:s'}]}");
}

// Loading meets routers before their networks.
static void loading_finds_the_same(void **state)
{
	(void)state;
	accept("put acme/routers/r {'networks': ['a', 'b']}", "put acme/ports/p {'network': 'a'}");
	struct catalog *fresh;
	catalog_new(&fresh);
	fixture_copy(fresh, catalog);
	catalog_free(catalog);
	catalog = fresh;
	refuse(EEXIST, "acme/ports/q", "addresses[0]",
		"address 10.2.0.1 is used by acme/routers/r already",
		"put acme/ports/q {'network': 'b', 'addresses': ['10.2.0.1']}");
	accept("put acme/routers/s {'networks': ['c']}");
	assert_int_equal(
		((struct router *)catalog_find(catalog, MODEL_ROUTER, "acme", "s"))->key, 2);
}

// 100,000 routes and prefixes take no time to speak of.
static void long_lists_are_read(void **state)
{
	(void)state;
	enum { COUNT = 100000 };
	json_t *routes = json_array(), *prefixes = json_array();
	for (int i = 0; i < COUNT; i++) {
		json_t *prefix =
			json_sprintf("%d.%d.%d.0/24", 20 + (i >> 16), i >> 8 & 255, i & 255);
		json_array_append(prefixes, prefix);
		json_array_append_new(
			routes, json_pack("{s:o, s:[s]}", "to", prefix, "via", "10.1.0.9"));
	}
	struct transaction *transaction = transaction_begin(catalog);
	json_t *router = json_pack("{s:[s], s:O}", "networks", "a", "routes", routes);
	json_t *set = json_pack("{s:O}", "addresses", prefixes);
	struct object *object;
	assert_int_equal(object_decode(&object, MODEL_ROUTER, "acme", "r", router, false, NULL), 0);
	assert_int_equal(transaction_put(transaction, object, NULL), 0);
	assert_int_equal(
		object_decode(&object, MODEL_ADDRESS_SET, "acme", "s", set, false, NULL), 0);
	assert_int_equal(transaction_put(transaction, object, NULL), 0);
	assert_int_equal(transaction_prepare(transaction, NULL), 0);
	transaction_commit(transaction, ++revision);
	// The one that is there twice is named, with where it was first.
	json_array_set(prefixes, COUNT - 1, json_array_get(prefixes, 17));
	struct error error = {0};
	assert_int_equal(object_decode(&object, MODEL_ADDRESS_SET, "acme", "s", set, false, &error),
		-EINVAL);
	assert_string_equal(error.field, "addresses[99999]");
	assert_string_equal(error.message, "is in the list already, as item 17");
	json_decref(routes);
	json_decref(prefixes);
	json_decref(router);
	json_decref(set);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(routers_get_keys_and_addresses),
		TEST(an_address_is_a_ports_or_a_routers),
		TEST(addresses_follow_the_subnets),
		TEST(subnets_of_a_segment_are_apart),
		TEST(addresses_lie_in_a_subnet),
		TEST(next_hops_are_near),
		TEST(macs_of_routers_are_theirs),
		TEST(sets_in_use_stay),
		TEST(loading_finds_the_same),
		TEST(long_lists_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
