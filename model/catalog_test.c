// SPDX-License-Identifier: Apache-2.0
#include "model/catalog.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "catalog_fixture.h"

static struct catalog *catalog;
static uint64_t revision;

static int new_catalog(void **state)
{
	(void)state;
	catalog_new(&catalog);
	revision = 0;
	return 0;
}

static int free_catalog(void **state)
{
	(void)state;
	catalog_free(catalog);
	return 0;
}

// One transaction; returns the result of prepare, or of what failed before it. Lines as fixture_apply has them.
static int apply(const char *const *lines, size_t count, struct error *error)
{
	return fixture_apply(catalog, lines, count, ++revision, NULL, error);
}

#define accept(...)                                                                  \
	do {                                                                         \
		const char *const lines_[] = {__VA_ARGS__};                          \
		struct error error_ = {0};                                           \
		char text_[1024];                                                    \
		if (apply(lines_, array_count(lines_), &error_))                     \
			fail_msg("%s", error_format(&error_, text_, sizeof(text_))); \
	} while (0)

// The transaction is refused with this code, object, field and message, and leaves the catalog as it was.
#define refuse(code_, object_, field_, message_, ...)                                    \
	do {                                                                             \
		const char *const lines_[] = {__VA_ARGS__};                              \
		struct error error_ = {0};                                               \
		char *before_ = fixture_dump(catalog), *after_;                          \
		assert_int_equal(apply(lines_, array_count(lines_), &error_), -(code_)); \
		assert_string_equal(error_.message, message_);                           \
		assert_string_equal(error_.object, object_);                             \
		assert_string_equal(error_.field, field_);                               \
		after_ = fixture_dump(catalog);                                          \
		assert_string_equal(before_, after_);                                    \
		free(before_);                                                           \
		free(after_);                                                            \
	} while (0)

static struct port *port(const char *name)
{
	struct port *found = (struct port *)catalog_find(catalog, MODEL_PORT, "acme", name);
	assert_non_null(found);
	return found;
}

// The addresses of a port, as text.
static const char *addresses(const char *name)
{
	static char *text;
	free(text);
	text = object_field_text(&port(name)->object, "addresses");
	return text;
}

static void base(void)
{
	accept("put tenants/acme {}", "put hosts/h1 {'vtep': '192.0.2.1'}",
		"put hosts/h2 {'vtep': '192.0.2.2'}",
		"put acme/networks/web {'subnets': ['10.1.1.0/24', 'fd00:1::/64']}",
		"put acme/networks/db {'subnets': ['10.1.3.0/24']}");
}

// ---- what is given ----

static void numbers_and_addresses_are_allocated(void **state)
{
	(void)state;
	base();
	accept("put acme/ports/a {'network': 'web'}", "put acme/ports/b {'network': 'web'}");
	assert_string_equal(addresses("a"), "10.1.1.2,fd00:1::2");
	assert_string_equal(addresses("b"), "10.1.1.3,fd00:1::3");
	assert_int_equal(port("a")->key, 1);
	assert_int_equal(port("b")->key, 2);
	char mac[MAC_TEXT];
	assert_string_equal(mac_format(&port("b")->mac, mac), "02:00:00:00:00:02");
	assert_int_equal(port("a")->object.revision, 2);
	struct network *web = (struct network *)catalog_find(catalog, MODEL_NETWORK, "acme", "web");
	struct network *db = (struct network *)catalog_find(catalog, MODEL_NETWORK, "acme", "db");
	assert_int_equal(web->vni + db->vni, 3); // 1 and 2
	struct host *h2 = (struct host *)catalog_find(catalog, MODEL_HOST, NULL, "h2");
	assert_int_equal(h2->key, 2);
}

static void explicit_values_come_first(void **state)
{
	(void)state;
	base();
	// "a" is allocated after "z" got what it asked for, in whatever order they stand.
	accept("put acme/ports/a {'network': 'db'}",
		"put acme/ports/z {'network': 'db', 'addresses': ['10.1.3.2'], 'mac': "
		"'02:00:00:00:00:01'}");
	assert_string_equal(addresses("a"), "10.1.3.3");
	char mac[MAC_TEXT];
	assert_string_equal(mac_format(&port("a")->mac, mac), "02:01:00:00:00:01");
	// The gateway's address is not given out, but may be asked for.
	accept("put acme/ports/gateway {'network': 'db', 'addresses': ['10.1.3.1']}");
	accept("put acme/ports/silent {'network': 'db', 'addresses': []}");
	assert_string_equal(addresses("silent"), "-");
}

static void a_subnet_is_used_to_the_last_address(void **state)
{
	(void)state;
	accept("put tenants/acme {}",
		"put acme/networks/n {'subnets': ['10.0.0.0/29', 'fd00::/120']}");
	char line[128];
	const char *lines[] = {line};
	for (int i = 2; i < 7; i++) {
		snprintf(line, sizeof(line), "put acme/ports/p%d {'network': 'n'}", i);
		assert_int_equal(apply(lines, 1, NULL), 0);
	}
	assert_string_equal(addresses("p6"), "10.0.0.6,fd00::6");
	refuse(EBUSY, "acme/ports/p7", "addresses",
		"subnet 10.0.0.0/29 of network 'n' has no free address",
		"put acme/ports/p7 {'network': 'n'}");
	// The one that becomes free is found, wherever the search stands.
	accept("delete acme/ports/p4");
	accept("put acme/ports/p7 {'network': 'n'}");
	assert_string_equal(addresses("p7"), "10.0.0.4,fd00::7");
	// An address that leaves and one that comes may be the same in one transaction.
	accept("delete acme/ports/p2", "put acme/ports/p8 {'network': 'n'}");
	assert_string_equal(addresses("p8"), "10.0.0.2,fd00::8");
	accept("put acme/networks/tiny {'subnets': ['10.9.0.0/30', 'fd09::/126']}",
		"put acme/ports/t1 {'network': 'tiny'}");
	assert_string_equal(addresses("t1"), "10.9.0.2,fd09::2");
	refuse(EBUSY, "acme/ports/t2", "addresses",
		"subnet 10.9.0.0/30 of network 'tiny' has no free address",
		"put acme/ports/t2 {'network': 'tiny'}");
}

static void numbers_are_not_soon_used_again(void **state)
{
	(void)state;
	base();
	accept("put acme/ports/a {'network': 'db'}");
	accept("delete acme/ports/a", "delete acme/networks/web", "delete hosts/h1");
	accept("put acme/networks/new {}", "put hosts/h3 {'vtep': '192.0.2.3'}",
		"put acme/ports/b {'network': 'db'}");
	assert_int_equal(port("b")->key, 2);
	assert_int_equal(
		((struct network *)catalog_find(catalog, MODEL_NETWORK, "acme", "new"))->vni, 3);
	// Host keys are dense.
	assert_int_equal(((struct host *)catalog_find(catalog, MODEL_HOST, NULL, "h3"))->key, 1);
	json_t *counters = catalog_counters(catalog),
	       *expected = json_pack("{s:i, s:i, s:i, s:s}", "vni", 4, "port_key", 3, "router_key",
		       1, "history", catalog_history(catalog));
	assert_true(json_equal(counters, expected));
	json_decref(counters);
	json_decref(expected);
}

// Drawn anew for each catalog, and taken over with the counters.
static void a_history_has_a_name(void **state)
{
	(void)state;
	struct catalog *other;
	catalog_new(&other);
	assert_string_not_equal(catalog_history(other), catalog_history(catalog));
	json_t *counters = catalog_counters(catalog);
	assert_int_equal(catalog_counters_load(other, counters, NULL), 0);
	assert_string_equal(catalog_history(other), catalog_history(catalog));
	json_decref(counters);
	catalog_free(other);
}

static void counters_go_round(void **state)
{
	(void)state;
	base();
	json_t *counters =
		json_pack("{s:i, s:I}", "vni", (1 << 24) - 2, "port_key", (json_int_t)UINT32_MAX);
	assert_int_equal(catalog_counters_load(catalog, counters, NULL), 0);
	json_decref(counters);
	accept("put acme/networks/n1 {}", "put acme/networks/n2 {}",
		"put acme/ports/a {'network': 'db'}", "put acme/ports/b {'network': 'db'}");
	assert_int_equal(
		((struct network *)catalog_find(catalog, MODEL_NETWORK, "acme", "n1"))->vni,
		(1 << 24) - 2);
	assert_int_equal(
		((struct network *)catalog_find(catalog, MODEL_NETWORK, "acme", "n2"))->vni, 3);
	assert_int_equal(port("a")->key, UINT32_MAX);
	assert_int_equal(port("b")->key, 1);
	static const char *const bad[] = {"{}", "{\"vni\": 0, \"port_key\": 1}",
		"{\"vni\": \"1\", \"port_key\": 1}", "{\"vni\": 16777216, \"port_key\": 1}",
		"{\"vni\": 1, \"port_key\": 4294967296}",
		"{\"vni\": 1, \"port_key\": 1, \"history\": \"short\"}"};
	for (size_t i = 0; i < array_count(bad); i++) {
		struct error error = {0};
		counters = json_loads(bad[i], 0, NULL);
		assert_int_equal(catalog_counters_load(catalog, counters, &error), -EINVAL);
		json_decref(counters);
	}
}

// ---- what stays ----

static void the_same_again_changes_nothing(void **state)
{
	(void)state;
	base();
	accept("put acme/ports/a {'network': 'web', 'labels': {'x': 'y'}}");
	struct object *before = &port("a")->object;
	const char *const again[] = {"put acme/ports/a {'network': 'web', 'labels': {'x': 'y'}}",
		"put acme/networks/db {'subnets': ['10.1.3.0/24']}"};
	size_t changes = 99;
	assert_int_equal(fixture_apply(catalog, again, 2, 50, &changes, NULL), 0);
	assert_int_equal(changes, 0);
	assert_ptr_equal(&port("a")->object, before);
	assert_int_equal(before->revision, 2);
}

static void addresses_follow_the_mac_with_slaac(void **state)
{
	(void)state;
	accept("put tenants/acme {}",
		"put acme/networks/n1 {'subnets': ['10.0.0.0/24', 'fd00::/64'], 'slaac': true}",
		"put acme/ports/p1 {'network': 'n1', 'mac': '02:00:00:00:00:0a'}");
	const struct port *port =
		(const struct port *)catalog_find(catalog, MODEL_PORT, "acme", "p1");
	char text[ADDRESS_TEXT];
	assert_string_equal(address_format(&port->addresses.items[0], text), "10.0.0.2");
	assert_string_equal(address_format(&port->addresses.items[1], text), "fd00::ff:fe00:a");
	refuse(EBUSY, "acme/ports/p3", "addresses",
		"fd00::ff:fe00:b, which the port's MAC makes, is in use",
		"put acme/ports/p2 {'network': 'n1', 'addresses': ['fd00::ff:fe00:b']}",
		"put acme/ports/p3 {'network': 'n1', 'mac': '02:00:00:00:00:0b'}");
}

static void addresses_asked_for_anew_may_come_back(void **state)
{
	(void)state;
	accept("put tenants/acme {}", "put acme/networks/n {'subnets': ['10.0.0.0/30']}",
		"put acme/ports/a {'network': 'n'}");
	const char *const anew[] = {"patch acme/ports/a {'addresses': null}"};
	size_t changes = 99;
	assert_int_equal(fixture_apply(catalog, anew, 1, 50, &changes, NULL), 0);
	assert_int_equal(changes, 0);
	assert_string_equal(addresses("a"), "10.0.0.2");
	assert_int_equal(port("a")->object.revision, 1);
}

static void attach_and_detach(void **state)
{
	(void)state;
	base();
	accept("put acme/ports/a {'network': 'db'}", "put acme/ports/b {'network': 'db'}");
	assert_null(catalog_port_by_device(catalog, "h1", "tap0"));
	accept("patch acme/ports/a {'host': 'h1', 'device': 'tap0'}");
	assert_ptr_equal(catalog_port_by_device(catalog, "h1", "tap0"), port("a"));
	assert_null(catalog_port_by_device(catalog, "h2", "tap0"));
	assert_null(catalog_port_by_device(catalog, "h9", "tap0"));
	refuse(EEXIST, "acme/ports/b", "device",
		"device 'tap0' of host 'h1' is attached to acme/ports/a already",
		"patch acme/ports/b {'host': 'h1', 'device': 'tap0'}");
	accept("patch acme/ports/b {'host': 'h2', 'device': 'tap0'}");
	// A replacement that says nothing of it leaves it attached.
	accept("put acme/ports/a {'network': 'db', 'labels': {'a': 'b'}}");
	assert_ptr_equal(catalog_port_by_device(catalog, "h1", "tap0"), port("a"));
	// Two ports may exchange their devices.
	accept("patch acme/ports/a {'host': 'h2'}", "patch acme/ports/b {'host': 'h1'}");
	assert_ptr_equal(catalog_port_by_device(catalog, "h1", "tap0"), port("b"));
	accept("patch acme/ports/b {'host': null, 'device': null}");
	assert_null(catalog_port_by_device(catalog, "h1", "tap0"));
	refuse(EINVAL, "acme/ports/b", "device", "device 'tap1' needs 'host': on which host is it?",
		"patch acme/ports/b {'device': 'tap1'}");
}

// ---- what is refused ----

static void dangling_references_are_refused(void **state)
{
	(void)state;
	base();
	refuse(EINVAL, "acme/ports/a", "network", "network 'nope' of tenant 'acme' does not exist",
		"put acme/ports/a {'network': 'nope'}");
	refuse(EINVAL, "acme/ports/a", "host", "host 'h9' does not exist",
		"put acme/ports/a {'network': 'web', 'host': 'h9'}");
	refuse(EINVAL, "umbrella/networks/n", "tenant", "tenant 'umbrella' does not exist",
		"put umbrella/networks/n {}");
	// The network of another tenant is another network.
	refuse(EINVAL, "umbrella/ports/a", "network",
		"network 'web' of tenant 'umbrella' does not exist", "put tenants/umbrella {}",
		"put umbrella/ports/a {'network': 'web'}");
	assert_null(catalog_find(catalog, MODEL_NETWORK, "acme", "nope"));
	assert_null(catalog_find(catalog, MODEL_TENANT, NULL, "umbrella"));
}

static void what_is_in_use_stays(void **state)
{
	(void)state;
	base();
	accept("put acme/ports/a {'network': 'db', 'host': 'h1'}");
	refuse(EBUSY, "tenants/acme", "", "port a, network web and network db refer to it",
		"delete tenants/acme");
	refuse(EBUSY, "acme/networks/db", "", "port a of tenant acme refers to it in network",
		"delete acme/networks/db");
	refuse(EBUSY, "hosts/h1", "", "port a of tenant acme refers to it in host",
		"delete hosts/h1");
	accept("put acme/ports/b {'network': 'db'}", "put acme/ports/c {'network': 'db'}",
		"put acme/ports/d {'network': 'db'}", "put acme/ports/e {'network': 'db'}");
	refuse(EBUSY, "acme/networks/db", "",
		"port e of tenant acme, port d of tenant acme, port c of tenant acme and 2 more "
		"refer to it",
		"delete acme/networks/db");
	refuse(EBUSY, "acme/networks/db", "",
		"port e of tenant acme, port d of tenant acme, port c of tenant acme and 1 more "
		"refer to it",
		"delete acme/ports/a", "delete acme/networks/db");
	// A put that says the same as before still needs what it refers to.
	refuse(EBUSY, "hosts/h1", "", "port a of tenant acme refers to it in host",
		"delete hosts/h1", "put acme/ports/a {'network': 'db', 'host': 'h1'}");
	accept("delete tenants/acme", "delete acme/networks/web", "delete acme/networks/db",
		"delete acme/ports/a", "delete acme/ports/b", "delete acme/ports/c",
		"delete acme/ports/d", "delete acme/ports/e");
	assert_int_equal(catalog_count(catalog, MODEL_PORT), 0);
	refuse(ENOENT, "acme/ports/a", "", "port 'a' does not exist", "delete acme/ports/a");
}

static void duplicates_are_refused(void **state)
{
	(void)state;
	base();
	accept("put acme/ports/a {'network': 'db', 'addresses': ['10.1.3.9'], 'mac': "
	       "'02:00:00:00:aa:01'}");
	refuse(EEXIST, "acme/ports/b", "addresses[1]",
		"address 10.1.3.9 is used by acme/ports/a already",
		"put acme/ports/b {'network': 'db', 'addresses': ['10.1.3.8', '10.1.3.9']}");
	refuse(EEXIST, "acme/ports/b", "mac",
		"MAC 02:00:00:00:aa:01 is used by acme/ports/a already",
		"put acme/ports/b {'network': 'db', 'mac': '02:00:00:00:AA:01'}");
	refuse(EEXIST, "acme/ports/c", "addresses[0]",
		"address 10.1.3.7 is used by acme/ports/b already",
		"put acme/ports/c {'network': 'db', 'addresses': ['10.1.3.7']}",
		"put acme/ports/b {'network': 'db', 'addresses': ['10.1.3.7']}");
	refuse(EEXIST, "hosts/h3", "vtep", "192.0.2.1 is the tunnel endpoint of hosts/h1 already",
		"put hosts/h3 {'vtep': '192.0.2.1'}");
	refuse(EEXIST, "acme/networks/x", "", "is in the transaction twice",
		"put acme/networks/x {}", "put acme/networks/x {}");
	refuse(EEXIST, "acme/networks/web", "", "is in the transaction twice",
		"put acme/networks/web {}", "delete acme/networks/web");
	// Another network, and another tenant's network of the same name, are other spaces.
	accept("put tenants/umbrella {}", "put umbrella/networks/db {'subnets': ['10.1.3.0/24']}",
		"put umbrella/ports/a {'network': 'db', 'addresses': ['10.1.3.9'], 'mac': "
		"'02:00:00:00:aa:01'}",
		"put acme/ports/w {'network': 'web', 'mac': '02:00:00:00:aa:01'}");
	// Allowed pairs take nothing from others.
	accept("put acme/ports/b {'network': 'db', 'security': [{'mac': '02:00:00:00:aa:01', "
	       "'addresses': ['10.1.3.9']}]}");
	// Two hosts may exchange their endpoints.
	accept("put hosts/h1 {'vtep': '192.0.2.2'}", "put hosts/h2 {'vtep': '192.0.2.1'}");
}

static void addresses_lie_in_their_subnets(void **state)
{
	(void)state;
	base();
	accept("put acme/networks/bare {}");
	refuse(EINVAL, "acme/ports/a", "addresses[1]",
		"10.1.3.9 is in no subnet of network 'web' (10.1.1.0/24,fd00:1::/64)",
		"put acme/ports/a {'network': 'web', 'addresses': ['10.1.1.9', '10.1.3.9']}");
	refuse(EINVAL, "acme/ports/a", "addresses[0]",
		"10.1.3.9 is in no subnet: network 'bare' has none",
		"put acme/ports/a {'network': 'bare', 'addresses': ['10.1.3.9']}");
	refuse(EINVAL, "acme/ports/a", "addresses[0]",
		"10.1.3.0 is the network address of subnet 10.1.3.0/24",
		"put acme/ports/a {'network': 'db', 'addresses': ['10.1.3.0']}");
	refuse(EINVAL, "acme/ports/a", "addresses[0]",
		"10.1.3.255 is the broadcast address of subnet 10.1.3.0/24",
		"put acme/ports/a {'network': 'db', 'addresses': ['10.1.3.255']}");
	refuse(EINVAL, "acme/ports/a", "addresses[0]",
		"fd00:1:: is the network address of subnet fd00:1::/64",
		"put acme/ports/a {'network': 'web', 'addresses': ['fd00:1::']}");
	accept("put acme/ports/a {'network': 'web', 'addresses': ['fd00:1::ffff:ffff:ffff:ffff']}");
	accept("put acme/ports/bare {'network': 'bare'}");
	assert_string_equal(addresses("bare"), "-");
}

static void subnets_in_use_stay(void **state)
{
	(void)state;
	base();
	accept("put acme/ports/a {'network': 'web', 'addresses': ['10.1.1.127', 'fd00:1::9']}");
	refuse(EBUSY, "acme/networks/web", "subnets",
		"no subnet would be left for 10.1.1.127, which port a of tenant acme uses",
		"put acme/networks/web {'subnets': ['fd00:1::/64']}");
	refuse(EBUSY, "acme/networks/web", "subnets",
		"no subnet would be left for fd00:1::9, which port a of tenant acme uses",
		"put acme/networks/web {'subnets': ['10.1.1.0/24']}");
	refuse(EBUSY, "acme/networks/web", "subnets",
		"a network or broadcast address would be 10.1.1.127, which port a of tenant acme "
		"uses",
		"put acme/networks/web {'subnets': ['10.1.1.0/25', '10.1.1.128/25', "
		"'fd00:1::/64']}");
	// It grows, and shrinks around what is used.
	accept("put acme/networks/web {'subnets': ['10.1.0.0/16', 'fd00:1::/64']}");
	accept("put acme/networks/web {'subnets': ['10.1.1.64/26', '10.2.0.0/16', 'fd00:1::/64']}",
		"patch acme/ports/a {'addresses': ['10.1.1.126', 'fd00:1::9']}");
	// Ports that leave in the same transaction do not hold it.
	accept("put acme/networks/web {'subnets': ['10.7.0.0/16']}",
		"patch acme/ports/a {'addresses': null}");
	assert_string_equal(addresses("a"), "10.7.0.2");
	accept("put acme/networks/web {}", "delete acme/ports/a");
}

static void constants_and_server_fields_stay(void **state)
{
	(void)state;
	base();
	accept("put acme/ports/a {'network': 'db'}");
	refuse(EINVAL, "acme/ports/a", "network",
		"cannot change from 'db' to 'web': delete the port and create it anew",
		"put acme/ports/a {'network': 'web'}");
	refuse(EINVAL, "acme/ports/a", "key",
		"is assigned by the controller and cannot be written: it is 1, not 9",
		"patch acme/ports/a {'key': 9}");
	refuse(EINVAL, "acme/ports/b", "key", "is assigned by the controller and cannot be written",
		"put acme/ports/b {'network': 'db', 'key': 9}");
	refuse(EINVAL, "acme/networks/n", "vni",
		"is assigned by the controller and cannot be written",
		"put acme/networks/n {'vni': 9}");
	// As it was read it may be written, and without it it stays.
	accept("put acme/ports/a {'network': 'db', 'key': 1, 'labels': {'a': 'b'}}");
	accept("patch acme/ports/a {'key': null}");
	assert_int_equal(port("a")->key, 1);
}

// ---- loading and walking ----

static int append_path(void *context, struct object *object)
{
	char path[OBJECT_PATH_TEXT];
	strcat(strcat(context, object_path(object, path)), " ");
	return !strcmp(object->name, "stop") ? -EINTR : 0;
}

static void objects_are_visited_in_order(void **state)
{
	(void)state;
	accept("put tenants/b {}", "put tenants/a {}", "put tenants/a-1 {}", "put b/networks/n {}",
		"put a/networks/z {}", "put a/networks/k {}", "put a-1/networks/stop {}");
	char seen[512] = "";
	assert_int_equal(catalog_each(catalog, MODEL_NETWORK, "a", append_path, seen), 0);
	assert_string_equal(seen, "a/networks/k a/networks/z ");
	seen[0] = '\0';
	assert_int_equal(catalog_each(catalog, MODEL_NETWORK, NULL, append_path, seen), -EINTR);
	assert_string_equal(seen, "a/networks/k a/networks/z a-1/networks/stop ");
	seen[0] = '\0';
	assert_int_equal(catalog_each(catalog, MODEL_NETWORK, "c", append_path, seen), 0);
	assert_int_equal(catalog_each(catalog, MODEL_TENANT, "ignored", append_path, seen), 0);
	assert_string_equal(seen, "tenants/a tenants/a-1 tenants/b ");
	assert_int_equal(catalog_count(catalog, MODEL_NETWORK), 4);
}

static void a_loaded_catalog_goes_on(void **state)
{
	(void)state;
	base();
	accept("put acme/ports/a {'network': 'web', 'host': 'h1', 'device': 'tap0'}");
	struct catalog *loaded;
	catalog_new(&loaded);
	fixture_copy(loaded, catalog); // ports first, so before their networks
	char *before = fixture_dump(catalog), *after = fixture_dump(loaded);
	assert_string_equal(before, after);
	free(before);
	free(after);
	struct object *again = object_ref(&port("a")->object);
	struct error error = {0};
	assert_int_equal(catalog_load(loaded, again, &error), -EEXIST);
	assert_string_equal(error.object, "acme/ports/a");
	catalog_free(catalog);
	catalog = loaded;
	accept("put acme/ports/b {'network': 'web'}");
	assert_string_equal(addresses("b"), "10.1.1.3,fd00:1::3");
	refuse(EBUSY, "hosts/h1", "", "port a of tenant acme refers to it in host",
		"delete hosts/h1");
	assert_ptr_equal(catalog_port_by_device(catalog, "h1", "tap0"), port("a"));
}

static void loaded_duplicates_are_found(void **state)
{
	(void)state;
	base();
	json_t *fields = json_pack("{s:s, s:i}", "vtep", "192.0.2.9", "key", 1);
	struct object *twin = NULL;
	struct error error = {0};
	assert_int_equal(object_decode(&twin, MODEL_HOST, NULL, "twin", fields, true, NULL), 0);
	json_decref(fields);
	assert_int_equal(catalog_load(catalog, twin, &error), -EEXIST);
	assert_string_equal(error.message, "number 1 is that of hosts/h1 already");
	assert_null(catalog_find(catalog, MODEL_HOST, NULL, "twin"));
	accept("put hosts/h3 {'vtep': '192.0.2.9'}"); // its claims are gone
}

static void abort_after_prepare_leaves_nothing(void **state)
{
	(void)state;
	base();
	accept("put acme/ports/a {'network': 'web'}");
	char *before = fixture_dump(catalog);
	struct transaction *transaction = transaction_begin(catalog);
	struct error error = {0};
	assert_int_equal(fixture_line(transaction, catalog, "delete acme/ports/a", &error), 0);
	assert_int_equal(
		fixture_line(transaction, catalog, "put acme/ports/b {'network': 'web'}", &error),
		0);
	assert_int_equal(fixture_line(transaction, catalog, "put acme/networks/n {}", &error), 0);
	assert_int_equal(transaction_prepare(transaction, &error), 0);
	const struct catalog_change *changes;
	assert_int_equal(transaction_changes(transaction, &changes), 3);
	assert_non_null(catalog_find(catalog, MODEL_PORT, "acme", "b"));
	transaction_abort(transaction);
	char *after = fixture_dump(catalog);
	assert_string_equal(before, after);
	free(before);
	free(after);
	accept("put acme/ports/b {'network': 'web'}");
	assert_string_equal(
		addresses("b"), "10.1.1.3,fd00:1::3"); // the search stands where it stood
}

#define test(name) cmocka_unit_test_setup_teardown(name, new_catalog, free_catalog)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(numbers_and_addresses_are_allocated),
		test(explicit_values_come_first),
		test(a_subnet_is_used_to_the_last_address),
		test(numbers_are_not_soon_used_again),
		test(a_history_has_a_name),
		test(counters_go_round),
		test(the_same_again_changes_nothing),
		test(addresses_follow_the_mac_with_slaac),
		test(addresses_asked_for_anew_may_come_back),
		test(attach_and_detach),
		test(dangling_references_are_refused),
		test(what_is_in_use_stays),
		test(duplicates_are_refused),
		test(addresses_lie_in_their_subnets),
		test(subnets_in_use_stay),
		test(constants_and_server_fields_stay),
		test(objects_are_visited_in_order),
		test(a_loaded_catalog_goes_on),
		test(loaded_duplicates_are_found),
		test(abort_after_prepare_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
