// SPDX-License-Identifier: Apache-2.0
#include "model/object.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

static json_t *json_of(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, JSON_DECODE_ANY, &error);
	if (!json)
		fail_msg("%s: %s", text, error.text);
	return json;
}

static int decode(
	struct object **out, enum model_kind kind, const char *fields, struct error *error)
{
	json_t *json = json_of(fields);
	int result = object_decode(out, kind, "acme", "x1", json, false, error);
	json_decref(json);
	return result;
}

static struct object *decoded(enum model_kind kind, const char *fields)
{
	struct object *object = NULL;
	struct error error = {0};
	if (decode(&object, kind, fields, &error))
		fail_msg("%s: %s", error.field, error.message);
	return object;
}

static void assert_encodes(const struct object *object, const char *expected)
{
	json_t *json = object_encode(object), *wanted = json_of(expected);
	char *text = json_dumps(json, JSON_COMPACT);
	if (!json_equal(json, wanted))
		fail_msg("%s is not %s", text, expected);
	free(text);
	json_decref(json);
	json_decref(wanted);
}

// ---- decode and encode ----

static void defaults_are_written(void **state)
{
	(void)state;
	cleanup_object struct object *network = decoded(MODEL_NETWORK, "{}");
	assert_encodes(network, "{\"kind\": \"network\", \"tenant\": \"acme\", \"name\": \"x1\","
				"\"mtu\": 1400, \"unknown_unicast\": \"drop\","
				"\"dhcp\": false, \"slaac\": false}");
	cleanup_object struct object *host = decoded(MODEL_HOST, "{\"vtep\": \"192.0.2.1\"}");
	assert_encodes(host, "{\"kind\": \"host\", \"name\": \"x1\", \"vtep\": \"192.0.2.1\","
			     "\"encap\": \"geneve\", \"managed\": true}");
	assert_true(((struct host *)host)->managed);
}

static void every_field_goes_through(void **state)
{
	(void)state;
	static const char port[] =
		"{\"kind\": \"port\", \"tenant\": \"acme\", \"name\": \"x1\", \"network\": \"web\","
		"\"mac\": \"02:00:00:00:00:0a\", \"addresses\": [\"10.1.1.5\", \"fd00::5\"],"
		"\"labels\": {\"tier\": \"web\", \"app.io/part\": \"\"}, \"security\":"
		"[{\"addresses\": [\"10.9.0.0/16\"]},"
		" {\"mac\": \"02:00:00:00:00:0b\", \"addresses\": [\"::/0\", \"10.0.0.1/32\"]}],"
		"\"host\": \"h1\", \"device\": \"tap0\", \"key\": 7}";
	cleanup_object struct object *object = decoded(MODEL_PORT, port);
	assert_encodes(object, port);
	struct port *as_port = (struct port *)object;
	assert_string_equal(as_port->labels.items[0].name, "app.io/part"); // sorted
	assert_int_equal(as_port->key, 7);
	static const char full[] =
		"{\"kind\": \"network\", \"tenant\": \"acme\", \"name\": \"x1\","
		"\"subnets\": [\"10.0.0.0/30\", \"fd00::/64\"], \"mtu\": 1280,"
		"\"unknown_unicast\": \"flood\", \"dhcp\": true, \"slaac\": true,"
		"\"dns_servers\": [\"10.0.0.9\", \"fd00::9\"], \"dns_domain\": \"a.b-c.9\", "
		"\"vni\": 9}";
	cleanup_object struct object *network = decoded(MODEL_NETWORK, full);
	assert_encodes(network, full);
	cleanup_object struct object *host =
		decoded(MODEL_HOST, "{\"vtep\": \"FD00:0::1\", \"encap\": \"vxlan\", \"managed\": "
				    "false, \"labels\": {}}");
	assert_encodes(host, "{\"kind\": \"host\", \"name\": \"x1\", \"vtep\": \"fd00::1\","
			     "\"encap\": \"vxlan\", \"managed\": false, \"labels\": {}}");
}

#define NAMED(kind) "\"kind\": \"" kind "\", \"tenant\": \"acme\", \"name\": \"x1\""

static void routers_go_through(void **state)
{
	(void)state;
	cleanup_object struct object *router = decoded(MODEL_ROUTER,
		"{\"networks\": [\"web\", {\"network\": \"db\", \"addresses\": [\"10.2.0.254\"]}],"
		"\"routes\": [{\"to\": \"10.9.0.0/16\", \"via\": [\"10.2.0.9\", \"10.2.0.8\"]},"
		"{\"to\": \"::/0\", \"action\": \"reject\"},"
		"{\"to\": \"0.0.0.0/0\", \"action\": \"drop\", \"ports\": [\"6/25\"]}], \"key\": "
		"4}");
	assert_encodes(router,
		"{" NAMED("router") ", \"networks\": [\"web\", {\"network\": \"db\", "
				    "\"addresses\": [\"10.2.0.254\"]}], \"routes\": [{\"to\": "
				    "\"10.9.0.0/16\", \"via\": "
				    "[\"10.2.0.9\", \"10.2.0.8\"]}, {\"to\": \"::/0\", \"action\": "
				    "\"reject\"}, {\"to\": "
				    "\"0.0.0.0/0\", \"action\": \"drop\", \"from\": \"0.0.0.0/0\", "
				    "\"ports\": "
				    "[\"tcp/25\"], \"priority\": 1000}], \"key\": 4}");
	const struct route *routes = ((struct router *)router)->routes.items;
	assert_false(routes[0].policy);
	assert_int_equal(routes[0].action, ROUTE_FORWARD);
	assert_int_equal(routes[1].action, ROUTE_REJECT);
	assert_true(routes[2].policy);
	// The least that makes a policy route, and stays one when it is read again.
	cleanup_object struct object *least = decoded(MODEL_ROUTER,
		"{\"routes\": [{\"to\": \"::/0\", \"action\": \"drop\", \"priority\": 0}]}");
	json_t *json = object_encode(least);
	struct object *again = NULL;
	assert_int_equal(object_decode(&again, MODEL_ROUTER, "acme", "x1", json, true, NULL), 0);
	assert_true(((struct router *)again)->routes.items[0].policy);
	assert_true(object_equal(least, again));
	json_decref(json);
	object_unref(again);
}

static void policies_go_through(void **state)
{
	(void)state;
	cleanup_object struct object *empty = decoded(MODEL_POLICY, "{}");
	assert_encodes(empty,
		"{" NAMED("policy") ", \"applies_to\": \"any\", \"tier\": 0, "
				    "\"default\": \"drop\", \"established\": \"stop\"}");
	cleanup_object struct object *policy = decoded(MODEL_POLICY,
		"{\"applies_to\": \" b , a in (y,x) \", \"tier\": 15, \"default\": \"allow\","
		"\"established\": \"keep\", \"rules\": [{\"action\": \"allow\"},"
		"{\"name\": \"all\", \"priority\": 0, \"direction\": \"egress\", \"action\": "
		"\"allow-stateless\", \"from\": [\"tier=web\", \"10.0.0.0/8\", \"fd00::1\", "
		"\"set:s\"], \"to\": [\"!x\"], \"ports\": [\"6\", \"icmp/8\"], \"source_ports\": "
		"[\"tcp/1-2\"], \"log\": true}]}");
	assert_encodes(policy,
		"{" NAMED("policy") ", \"applies_to\": \"a in (x, y),b\", \"tier\": 15, "
				    "\"default\": \"allow\", \"established\": \"keep\", \"rules\": "
				    "[{\"priority\": 1000, "
				    "\"direction\": \"ingress\", \"action\": \"allow\", \"from\": "
				    "\"any\", \"to\": "
				    "\"any\"}, {\"name\": \"all\", \"priority\": 0, \"direction\": "
				    "\"egress\", "
				    "\"action\": \"allow-stateless\", \"from\": [\"tier=web\", "
				    "\"10.0.0.0/8\", "
				    "\"fd00::1/128\", \"set:s\"], \"to\": \"!x\", \"ports\": "
				    "[\"tcp\", \"icmp/8\"], "
				    "\"source_ports\": [\"tcp/1-2\"], \"log\": true}]}");
	const struct policy_rule *rule = &((struct policy *)policy)->rules.items[1];
	static const enum peer_kind kinds[] = {PEER_SELECTOR, PEER_PREFIX, PEER_PREFIX, PEER_SET};
	for (size_t i = 0; i < array_count(kinds); i++)
		assert_int_equal(rule->from.items[i].kind, kinds[i]);
	assert_string_equal(rule->from.items[3].name, "s");
	cleanup_object struct object *set =
		decoded(MODEL_ADDRESS_SET, "{\"addresses\": [\"10.0.0.1\", \"fd00::/8\"]}");
	assert_encodes(set, "{" NAMED("address_set") ", \"addresses\": [\"10.0.0.1/32\", "
						     "\"fd00::/8\"]}");
	json_t *json = object_encode(policy);
	struct object *again = NULL;
	assert_int_equal(object_decode(&again, MODEL_POLICY, "acme", "x1", json, true, NULL), 0);
	assert_true(object_equal(policy, again));
	assert_false(object_equal(policy, empty));
	json_decref(json);
	object_unref(again);
}

static void null_is_absent_and_empty_is_not(void **state)
{
	(void)state;
	cleanup_object struct object *absent =
		decoded(MODEL_PORT, "{\"network\": \"web\", \"addresses\": null, \"mac\": null}");
	cleanup_object struct object *empty =
		decoded(MODEL_PORT, "{\"network\": \"web\", \"addresses\": []}");
	assert_null(((struct port *)absent)->addresses.items);
	assert_non_null(((struct port *)empty)->addresses.items);
	assert_false(object_equal(absent, empty));
	assert_encodes(empty, "{\"kind\": \"port\", \"tenant\": \"acme\", \"name\": \"x1\","
			      "\"network\": \"web\", \"addresses\": []}");
}

static void what_was_read_can_be_written(void **state)
{
	(void)state;
	cleanup_object struct object *object =
		decoded(MODEL_TENANT, "{\"kind\": \"tenant\", \"name\": \"x1\", \"revision\": 5, "
				      "\"status\": {\"a\": 1}}");
	assert_int_equal(object->revision, 0);
	json_t *json = json_of("{\"revision\": 5}");
	struct object *trusted = NULL;
	assert_int_equal(object_decode(&trusted, MODEL_TENANT, NULL, "x1", json, true, NULL), 0);
	assert_int_equal(trusted->revision, 5);
	json_decref(json);
	object_unref(trusted);
}

static void bad_fields_are_named(void **state)
{
	(void)state;
	static const struct {
		enum model_kind kind;
		const char *fields, *field, *message;
	} cases[] = {
		{MODEL_NETWORK, "{\"subnts\": []}", "subnts",
			"unknown field 'subnts', did you mean 'subnets'?"},
		{MODEL_NETWORK, "{\"sub\": []}", "sub",
			"unknown field 'sub', did you mean 'subnets'?"},
		{MODEL_NETWORK, "{\"zzz\": 1}", "zzz",
			"unknown field 'zzz', a network has subnets, mtu, unknown_unicast, dhcp, "
			"slaac, dns_servers, dns_domain, vni"},
		{MODEL_NETWORK, "{\"zzz\": null}", "zzz",
			"unknown field 'zzz', a network has subnets, mtu, unknown_unicast, dhcp, "
			"slaac, dns_servers, dns_domain, vni"},
		{MODEL_NETWORK, "[]", "", "expected an object of fields, found a list"},
		{MODEL_NETWORK, "{\"subnets\": \"10.0.0.0/24\"}", "subnets",
			"expected a list of prefixes like [\"10.0.0.0/24\", \"fd00::/64\"], found "
			"a string"},
		{MODEL_NETWORK, "{\"subnets\": [4]}", "subnets[0]",
			"expected a prefix like 10.0.0.0/24 or fd00::/64, found an integer"},
		{MODEL_NETWORK, "{\"subnets\": [\"10.0.0.0/24\", \"10.0.1.7/24\"]}", "subnets[1]",
			"'10.0.1.7/24' has bits set beyond its length, did you mean "
			"'10.0.1.0/24'?"},
		{MODEL_NETWORK, "{\"subnets\": [\"fd00::1/64\"]}", "subnets[0]",
			"'fd00::1/64' has bits set beyond its length, did you mean 'fd00::/64'?"},
		{MODEL_NETWORK, "{\"subnets\": [\"10.0.0.0/99\"]}", "subnets[0]",
			"'10.0.0.0/99' is not a prefix like 10.0.0.0/24 or fd00::/64"},
		{MODEL_NETWORK, "{\"subnets\": [\"10.0.0.0/16\", \"fd00::/64\", \"10.0.3.0/24\"]}",
			"subnets[2]", "'10.0.3.0/24' overlaps '10.0.0.0/16' (subnets[0])"},
		{MODEL_NETWORK, "{\"subnets\": [\"10.0.0.0/24\", \"10.0.0.0/24\"]}", "subnets[1]",
			"is in the list already, as item 0"},
		{MODEL_NETWORK, "{\"subnets\": [\"10.0.0.0/31\"]}", "subnets[0]",
			"'10.0.0.0/31' is too small: an IPv4 subnet is not longer than /30"},
		{MODEL_NETWORK, "{\"subnets\": [\"fd00::/127\"]}", "subnets[0]",
			"'fd00::/127' is too small: an IPv6 subnet is not longer than /126"},
		{MODEL_NETWORK, "{\"subnets\": [\"224.1.0.0/16\"]}", "subnets[0]",
			"'224.1.0.0/16' overlaps 224.0.0.0/4 (multicast), where no subnet can be"},
		{MODEL_NETWORK, "{\"subnets\": [\"0.0.0.0/0\"]}", "subnets[0]",
			"'0.0.0.0/0' overlaps 0.0.0.0/8 (\"this network\"), where no subnet can "
			"be"},
		{MODEL_NETWORK, "{\"subnets\": [\"fe80::/64\"]}", "subnets[0]",
			"'fe80::/64' overlaps fe80::/10 (link-local), where no subnet can be"},
		{MODEL_NETWORK, "{\"mtu\": \"1400\"}", "mtu",
			"expected an integer, found a string"},
		{MODEL_NETWORK, "{\"mtu\": 1400.5}", "mtu",
			"expected an integer, found a number with a fraction"},
		{MODEL_NETWORK, "{\"mtu\": 575}", "mtu", "must be from 576 to 9216, not 575"},
		{MODEL_NETWORK, "{\"mtu\": 9217}", "mtu", "must be from 576 to 9216, not 9217"},
		{MODEL_NETWORK, "{\"mtu\": -4294965896}", "mtu",
			"must be from 576 to 9216, not -4294965896"},
		{MODEL_NETWORK, "{\"subnets\": [\"fd00::/64\"], \"mtu\": 1279}", "mtu",
			"must be at least 1280 with an IPv6 subnet, not 1279"},
		{MODEL_NETWORK, "{\"slaac\": true, \"subnets\": [\"10.0.0.0/24\", \"fd00::/65\"]}",
			"subnets[1]", "'fd00::/65' is not a /64, as slaac needs it"},
		{MODEL_NETWORK, "{\"dns_servers\": [\"192.0.2.9\", \"127.0.0.53\"]}",
			"dns_servers[1]",
			"'127.0.0.53' is a loopback address: of every host another server"},
		{MODEL_NETWORK, "{\"dns_servers\": [\"::1\"]}", "dns_servers[0]",
			"'::1' is a loopback address: of every host another server"},
		{MODEL_NETWORK, "{\"dns_servers\": [\"fe80::1\"]}", "dns_servers[0]",
			"'fe80::1' is a link-local address: of every host another server"},
		{MODEL_NETWORK, "{\"dns_domain\": \"acme.-x\"}", "dns_domain",
			"'acme.-x' is not a domain: names of a-z 0-9 and inner dashes, joined by "
			"dots"},
		{MODEL_NETWORK, "{\"dns_domain\": \"acme.\"}", "dns_domain",
			"'acme.' is not a domain: names of a-z 0-9 and inner dashes, joined by "
			"dots"},
		{MODEL_NETWORK, "{\"dns_domain\": \"a_b\"}", "dns_domain",
			"'a_b' is not a domain: names of a-z 0-9 and inner dashes, joined by dots"},
		{MODEL_NETWORK, "{\"unknown_unicast\": \"flod\"}", "unknown_unicast",
			"must be 'drop' or 'flood', not 'flod'"},
		{MODEL_NETWORK, "{\"unknown_unicast\": true}", "unknown_unicast",
			"expected 'drop' or 'flood', found true"},
		{MODEL_NETWORK, "{\"kind\": \"port\"}", "kind",
			"says 'port', but this is 'network'"},
		{MODEL_NETWORK, "{\"name\": \"other\"}", "name", "says 'other', but this is 'x1'"},
		{MODEL_NETWORK, "{\"tenant\": \"umbrella\"}", "tenant",
			"says 'umbrella', but this is 'acme'"},
		{MODEL_NETWORK, "{\"tenant\": 5}", "tenant", "expected a string, found an integer"},
		{MODEL_NETWORK, "{\"revision\": \"5\"}", "revision",
			"expected a revision, found a string"},
		{MODEL_HOST, "{}", "vtep", "is required: a host needs its vtep"},
		{MODEL_HOST, "{\"vtep\": null}", "vtep", "is required: a host needs its vtep"},
		{MODEL_HOST, "{\"vtep\": \"h1\"}", "vtep",
			"'h1' is not an IP address like 10.0.0.1 or fd00::1"},
		{MODEL_HOST, "{\"vtep\": \"239.1.1.1\"}", "vtep",
			"'239.1.1.1' is a multicast address, not that of one interface"},
		{MODEL_HOST, "{\"vtep\": \"::\"}", "vtep",
			"'::' is the unspecified address, not that of one interface"},
		{MODEL_HOST, "{\"vtep\": \"255.255.255.255\"}", "vtep",
			"'255.255.255.255' is the broadcast address, not that of one interface"},
		{MODEL_HOST, "{\"vtep\": \"fe80::1\"}", "vtep",
			"is link-local; other hosts could not reach it by routing"},
		{MODEL_HOST, "{\"vtep\": \"192.0.2.1\", \"managed\": \"yes\"}", "managed",
			"expected true or false, found a string"},
		{MODEL_HOST, "{\"vtep\": \"192.0.2.1\", \"tenant\": \"acme\"}", "tenant",
			"unknown field 'tenant', a host has vtep, encap, labels, managed, key"},
		{MODEL_PORT, "{}", "network", "is required: a port needs its network"},
		{MODEL_PORT, "{\"network\": {}}", "network",
			"expected the name of a network, found an object"},
		{MODEL_PORT, "{\"network\": \"a/b\"}", "network",
			"'a/b' is not a name: a name has 1 to 63 of a-z 0-9 - . _ and begins and "
			"ends with a letter or digit"},
		{MODEL_PORT, "{\"network\": \"web\", \"mac\": \"02:00\"}", "mac",
			"'02:00' is not a MAC address like 02:00:00:00:00:01"},
		{MODEL_PORT, "{\"network\": \"web\", \"mac\": \"01:00:5e:00:00:01\"}", "mac",
			"'01:00:5e:00:00:01' is a multicast address, not that of one interface"},
		{MODEL_PORT, "{\"network\": \"web\", \"mac\": \"00:00:00:00:00:00\"}", "mac",
			"'00:00:00:00:00:00' is an all-zero address, not that of one interface"},
		{MODEL_PORT, "{\"network\": \"web\", \"addresses\": [\"10.0.0.1/24\"]}",
			"addresses[0]",
			"'10.0.0.1/24' is not an IP address like 10.0.0.1 or fd00::1"},
		{MODEL_PORT,
			"{\"network\": \"web\", \"addresses\": [\"10.0.0.1\", "
			"\"::ffff:10.0.0.1\"]}",
			"addresses[1]", "is in the list already, as item 0"},
		{MODEL_PORT, "{\"network\": \"web\", \"labels\": {\"tier\": 1}}", "labels.tier",
			"expected a string (in quotes), found an integer"},
		{MODEL_PORT, "{\"network\": \"web\", \"labels\": [\"a\"]}", "labels",
			"expected an object of labels like {\"tier\": \"web\"}, found a list"},
		{MODEL_PORT, "{\"network\": \"web\", \"labels\": {\"a b\": \"c\"}}", "labels.a b",
			"'a b' cannot be the name of a label: it has 1 to 63 of A-Z a-z 0-9 - . _ "
			"/ and begins "
			"and ends with a letter or digit"},
		{MODEL_PORT, "{\"network\": \"web\", \"security\": [{}]}", "security[0]",
			"needs 'addresses', at least one prefix"},
		{MODEL_PORT, "{\"network\": \"web\", \"security\": [{\"adresses\": []}]}",
			"security[0].adresses",
			"unknown field 'adresses', an allowed source has 'mac' and 'addresses'"},
		{MODEL_PORT, "{\"network\": \"web\", \"security\": [{\"addresses\": [\"x\"]}]}",
			"security[0].addresses[0]",
			"'x' is not a prefix like 10.0.0.0/24 or fd00::/64"},
		{MODEL_PORT, "{\"network\": \"web\", \"security\": [\"any\"]}", "security[0]",
			"expected an object like {\"mac\": …, \"addresses\": […]}, found a string"},
		{MODEL_PORT, "{\"network\": \"web\", \"device\": \"a-name-of-16-bytes\"}", "device",
			"'a-name-of-16-bytes': the name of an interface has 1 to 15 bytes"},
		{MODEL_PORT, "{\"network\": \"web\", \"device\": \"\"}", "device",
			"'': the name of an interface has 1 to 15 bytes"},
		{MODEL_PORT, "{\"network\": \"web\", \"device\": \"..\"}", "device",
			"'..' cannot be the name of an interface"},
		{MODEL_PORT, "{\"network\": \"web\", \"device\": \"a/b\"}", "device",
			"'a/b': the name of an interface has no space, control character, / or :"},
		{MODEL_PORT, "{\"network\": \"web\", \"key\": 0}", "key",
			"must be from 1 to 4294967295, not 0"},
		{MODEL_TENANT, "{\"description\": 5}", "description",
			"expected a string, found an integer"},
		{MODEL_TENANT, "{\"description\": \"a\\u0007\"}", "description",
			"holds a control character (0x07)"},
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct object *object = NULL;
		struct error error = {0};
		assert_int_equal(decode(&object, cases[i].kind, cases[i].fields, &error), -EINVAL);
		assert_null(object);
		assert_string_equal(error.message, cases[i].message);
		assert_string_equal(error.field, cases[i].field);
		char path[OBJECT_PATH_TEXT];
		assert_string_equal(
			error.object, object_path_of(cases[i].kind, "acme", "x1", path));
		assert_int_equal(decode(&object, cases[i].kind, cases[i].fields, NULL), -EINVAL);
	}
}

static void bad_parts_are_named(void **state)
{
	(void)state;
	static const struct {
		enum model_kind kind;
		const char *fields, *field, *message;
	} cases[] = {
		{MODEL_ROUTER, "{'networks': 'web'}", "networks",
			"expected a list of networks like [\"web\", {\"network\": \"db\", "
			"\"addresses\": [\"10.0.2.254\"]}], found a string"},
		{MODEL_ROUTER, "{'networks': [1]}", "networks[0]",
			"expected the name of a network or an object like {\"network\": \"web\", "
			"\"addresses\": [\"10.0.0.1\"]}, found an integer"},
		{MODEL_ROUTER, "{'networks': [{}]}", "networks[0]", "needs 'network', its name"},
		{MODEL_ROUTER, "{'networks': [{'network': 'a', 'address': 'x'}]}",
			"networks[0].address",
			"unknown field 'address', a router on a network has 'network' and "
			"'addresses'"},
		{MODEL_ROUTER, "{'networks': ['a', 'b', 'a']}", "networks[2]",
			"is the network of item 0"},
		{MODEL_ROUTER, "{'routes': [{}]}", "routes[0]", "needs 'to', a prefix"},
		{MODEL_ROUTER, "{'routes': [{'to': '::/0'}]}", "routes[0]",
			"needs 'via', next hops, or 'action', drop or reject"},
		{MODEL_ROUTER, "{'routes': [{'to': '::/0', 'via': ['fd00::1'], 'action': 'drop'}]}",
			"routes[0]", "has both 'via' and 'action': a packet is forwarded, or not"},
		{MODEL_ROUTER, "{'routes': [{'to': '::/0', 'via': []}]}", "routes[0].via",
			"is empty: name a next hop"},
		{MODEL_ROUTER, "{'routes': [{'to': '::/0', 'via': ['fd00::1', '10.0.0.1']}]}",
			"routes[0].via[1]", "is an IPv4 address, but 'to' is an IPv6 prefix"},
		{MODEL_ROUTER,
			"{'routes': [{'to': '::/0', 'action': 'drop', 'from': '10.0.0.0/8'}]}",
			"routes[0].from", "is an IPv4 prefix, but 'to' is an IPv6 one"},
		{MODEL_ROUTER, "{'routes': [{'to': '::/0', 'action': 'forward'}]}",
			"routes[0].action", "must be 'drop' or 'reject', not 'forward'"},
		{MODEL_ROUTER, "{'routes': [{'to': '::/0', 'action': 'drop', 'priority': 65536}]}",
			"routes[0].priority", "must be from 0 to 65535, not 65536"},
		{MODEL_ROUTER,
			"{'routes': [{'to': '::/0', 'action': 'drop'}, {'to': '::/0', 'via': "
			"['fd00::1']}]}",
			"routes[1]", "takes the packets of item 0"},
		{MODEL_POLICY, "{'applies_to': 'a='}", "", NULL},
		{MODEL_POLICY, "{'applies_to': 'a=b c'}", "applies_to",
			"selector 'a=b c', character 5: ',' or the end is expected"},
		{MODEL_POLICY, "{'tier': -1}", "tier", "must be from 0 to 15, not -1"},
		{MODEL_POLICY, "{'default': 'reject'}", "default",
			"must be 'drop' or 'allow', not 'reject'"},
		{MODEL_POLICY, "{'rules': [{}]}", "rules[0]",
			"needs 'action': allow, allow-stateless, drop or reject"},
		{MODEL_POLICY, "{'rules': [{'action': 'deny'}]}", "rules[0].action",
			"must be 'allow', 'allow-stateless', 'drop' or 'reject', not 'deny'"},
		{MODEL_POLICY, "{'rules': [{'action': 'drop', 'port': ['tcp/1']}]}",
			"rules[0].port",
			"unknown field 'port', a rule has name, priority, direction, action, from, "
			"to, ports, source_ports, log"},
		{MODEL_POLICY, "{'rules': [{'action': 'drop', 'from': []}]}", "rules[0].from",
			"is empty; \"any\" says everybody"},
		{MODEL_POLICY, "{'rules': [{'action': 'drop', 'from': ['a=b', 'any']}]}",
			"rules[0].from[1]", "is everybody, so the others say nothing"},
		{MODEL_POLICY, "{'rules': [{'action': 'drop', 'from': ['a=b', 'a = b']}]}",
			"rules[0].from[1]", "is in the list already, as item 0"},
		{MODEL_POLICY, "{'rules': [{'action': 'drop', 'to': '10.0.0.1/8'}]}", "rules[0].to",
			"'10.0.0.1/8' has bits set beyond its length, did you mean '10.0.0.0/8'?"},
		{MODEL_POLICY, "{'rules': [{'action': 'drop', 'to': 'set:A'}]}", "rules[0].to",
			"'A' is not a name: a name has 1 to 63 of a-z 0-9 - . _ and begins and "
			"ends with a letter or digit"},
		{MODEL_POLICY, "{'rules': [{'action': 'drop', 'ports': []}]}", "rules[0].ports",
			"is empty; leave it out for every service"},
		{MODEL_POLICY, "{'rules': [{'action': 'drop', 'ports': ['tcp/2-1']}]}",
			"rules[0].ports[0]", "'tcp/2-1' is reversed, did you mean 1-2?"},
		{MODEL_POLICY, "{'rules': [{'action': 'drop', 'source_ports': ['icmp/8']}]}",
			"rules[0].source_ports[0]", "'icmp/8': this protocol has no ports"},
		{MODEL_POLICY,
			"{'rules': [{'action': 'drop', 'ports': ['udp/1'], 'source_ports': "
			"['tcp/1']}]}",
			"rules[0].source_ports",
			"has no protocol in common with 'ports': no packet can match both"},
		{MODEL_POLICY,
			"{'rules': [{'action': 'drop', 'name': 'a'}, {'action': 'allow'}, "
			"{'action': 'drop', 'name': 'a'}]}",
			"rules[2]", "has the name of item 0"},
		{MODEL_ADDRESS_SET, "{}", "addresses",
			"is required: an address_set needs its addresses"},
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct object *object = NULL;
		struct error error = {0};
		cleanup_free char *fields = memory_text(cases[i].fields);
		for (char *at = fields; *at; at++)
			*at = *at == '\'' ? '"' : *at;
		int result = decode(&object, cases[i].kind, fields, &error);
		if (!cases[i].message) {
			assert_int_equal(result, 0);
			object_unref(object);
			continue;
		}
		assert_int_equal(result, -EINVAL);
		assert_string_equal(error.message, cases[i].message);
		assert_string_equal(error.field, cases[i].field);
		assert_int_equal(decode(&object, cases[i].kind, fields, NULL), -EINVAL);
	}
}

static void policy_routes_are_bounded(void **state)
{
	(void)state;
	json_t *routes = json_array();
	for (int i = 0; i < 32; i++)
		json_array_append_new(
			routes, json_pack("{s:s, s:s, s:i, s:[s, s]}", "to", "::/0", "action",
					"drop", "priority", i, "ports", "tcp/1", "udp/1"));
	json_t *fields = json_pack("{s:O}", "routes", routes);
	struct object *object = NULL;
	struct error error = {0};
	assert_int_equal(
		object_decode(&object, MODEL_ROUTER, "acme", "x1", fields, false, NULL), 0);
	object_unref(object);
	json_array_append_new(routes,
		json_pack("{s:s, s:s, s:s}", "to", "::/0", "action", "drop", "from", "fd00::/8"));
	assert_int_equal(
		object_decode(&object, MODEL_ROUTER, "acme", "x1", fields, false, &error), -EINVAL);
	assert_string_equal(error.field, "routes[32]");
	assert_string_equal(error.message, "is one policy route too many: with each of their "
					   "services they count 65, the most is 64");
	json_decref(fields);
	json_decref(routes);
}

static void lists_are_bounded(void **state)
{
	(void)state;
	json_t *fields = json_pack("{s:s, s:[]}", "network", "web", "addresses");
	for (int i = 1; i <= 65; i++)
		json_array_append_new(
			json_object_get(fields, "addresses"), json_sprintf("10.0.0.%d", i));
	struct error error = {0};
	struct object *object = NULL;
	assert_int_equal(
		object_decode(&object, MODEL_PORT, "acme", "x1", fields, false, &error), -EINVAL);
	assert_string_equal(error.message, "has 65 items, the most is 64");
	json_decref(fields);
}

static void nul_bytes_are_refused(void **state)
{
	(void)state;
	json_t *fields = json_pack("{s:s%}", "description", "a\0b", (size_t)3);
	struct error error = {0};
	struct object *object = NULL;
	assert_int_equal(
		object_decode(&object, MODEL_TENANT, NULL, "x1", fields, false, &error), -EINVAL);
	assert_string_equal(error.message, "holds a NUL character");
	json_decref(fields);
}

// ---- names and paths ----

static void names_are_checked(void **state)
{
	(void)state;
	char longest[65];
	memset(longest, 'a', sizeof(longest));
	longest[63] = '\0';
	const char *const good[] = {"a", "9", "web-1", "a.b_c", "0-0", longest};
	for (size_t i = 0; i < array_count(good); i++)
		assert_int_equal(model_name_check(good[i], NULL), 0);
	longest[63] = 'a';
	longest[64] = '\0';
	const char *const bad[] = {
		"", "-a", "a-", ".", "..", "A", "a b", "a/b", "a%2f", "é", "a\n", "_a", longest};
	for (size_t i = 0; i < array_count(bad); i++) {
		struct error error = {0};
		struct object *object = NULL;
		json_t *fields = json_object();
		assert_int_equal(model_name_check(bad[i], NULL), -EINVAL);
		assert_int_equal(
			object_decode(&object, MODEL_TENANT, NULL, bad[i], fields, false, &error),
			-EINVAL);
		assert_string_equal(error.field, "name");
		assert_int_equal(
			object_decode(&object, MODEL_PORT, bad[i], "x", fields, false, &error),
			-EINVAL);
		json_decref(fields);
	}
}

static void paths_go_both_ways(void **state)
{
	(void)state;
	static const char *const good[] = {
		"tenants/acme", "hosts/h1", "acme/ports/web1", "hosts/ports/x"};
	char tenant[64], name[64], path[OBJECT_PATH_TEXT];
	enum model_kind kind;
	for (size_t i = 0; i < array_count(good); i++) {
		assert_int_equal(object_path_parse(good[i], &kind, tenant, name), 0);
		assert_string_equal(object_path_of(kind, tenant, name, path), good[i]);
	}
	static const char *const bad[] = {"", "/", "acme", "ports/web1", "acme/hosts/h1",
		"acme/port/web1", "acme/ports/", "acme/ports/web1/x", "/ports/web1", "acme//web1",
		"tenants/-", "nothing/x"};
	for (size_t i = 0; i < array_count(bad); i++)
		assert_int_equal(object_path_parse(bad[i], &kind, tenant, name), -EINVAL);
}

// ---- merge, inherit, compare, references ----

static void patches_merge(void **state)
{
	(void)state;
	cleanup_object struct object *current = decoded(MODEL_PORT,
		"{\"network\": \"web\", \"labels\": {\"a\": \"1\", \"b\": \"2\"}, \"host\": \"h1\","
		"\"device\": \"tap0\", \"key\": 3}");
	json_t *patch = json_of(
		"{\"labels\": {\"a\": null, \"c\": \"3\"}, \"host\": null, \"device\": null}");
	struct object *merged = NULL;
	assert_int_equal(object_merge(&merged, current, patch, NULL), 0);
	assert_encodes(merged,
		"{\"kind\": \"port\", \"tenant\": \"acme\", \"name\": \"x1\", \"network\": \"web\","
		"\"labels\": {\"b\": \"2\", \"c\": \"3\"}, \"key\": 3}");
	object_unref(merged);
	json_decref(patch);
	static const struct {
		const char *patch, *field;
	} bad[] = {{"{\"network\": null}", "network"}, {"{\"nme\": 1}", "nme"}, {"[]", ""},
		{"{\"name\": \"y\"}", "name"}, {"{\"mac\": {\"a\": 1}}", "mac"}};
	for (size_t i = 0; i < array_count(bad); i++) {
		struct error error = {0};
		patch = json_of(bad[i].patch);
		assert_int_equal(object_merge(&merged, current, patch, &error), -EINVAL);
		assert_string_equal(error.field, bad[i].field);
		assert_string_equal(error.object, "acme/ports/x1");
		json_decref(patch);
	}
}

static void sticky_fields_are_inherited(void **state)
{
	(void)state;
	cleanup_object struct object *previous = decoded(MODEL_PORT,
		"{\"network\": \"web\", \"mac\": \"02:00:00:00:00:01\", \"addresses\": "
		"[\"10.0.0.2\"],"
		"\"labels\": {\"a\": \"1\"}, \"host\": \"h1\", \"device\": \"tap0\", \"key\": 3}");
	cleanup_object struct object *object =
		decoded(MODEL_PORT, "{\"network\": \"web\", \"host\": \"h2\"}");
	object_inherit(object, previous);
	assert_encodes(object,
		"{\"kind\": \"port\", \"tenant\": \"acme\", \"name\": \"x1\", \"network\": \"web\","
		"\"mac\": \"02:00:00:00:00:01\", \"addresses\": [\"10.0.0.2\"],"
		"\"host\": \"h2\", \"device\": \"tap0\", \"key\": 3}");
	cleanup_object struct object *none =
		decoded(MODEL_PORT, "{\"network\": \"web\", \"addresses\": []}");
	object_inherit(none, previous);
	assert_int_equal(((struct port *)none)->addresses.count, 0);
}

static void every_difference_counts(void **state)
{
	(void)state;
	static const char *const ports[] = {"{\"network\": \"web\"}", "{\"network\": \"db\"}",
		"{\"network\": \"web\", \"mac\": \"02:00:00:00:00:01\"}",
		"{\"network\": \"web\", \"addresses\": [\"10.0.0.1\"]}",
		"{\"network\": \"web\", \"addresses\": [\"10.0.0.2\"]}",
		"{\"network\": \"web\", \"labels\": {\"a\": \"b\"}}",
		"{\"network\": \"web\", \"labels\": {\"a\": \"c\"}}",
		"{\"network\": \"web\", \"security\": [{\"addresses\": [\"10.0.0.1\"]}]}",
		"{\"network\": \"web\", \"security\": [{\"addresses\": [\"10.0.0.2\"]}]}",
		"{\"network\": \"web\", \"host\": \"h1\"}",
		"{\"network\": \"web\", \"device\": \"tap0\"}",
		"{\"network\": \"web\", \"key\": 1}"};
	for (size_t i = 0; i < array_count(ports); i++)
		for (size_t j = 0; j < array_count(ports); j++) {
			cleanup_object struct object *a = decoded(MODEL_PORT, ports[i]);
			cleanup_object struct object *b = decoded(MODEL_PORT, ports[j]);
			a->revision = 1;
			assert_int_equal(object_equal(a, b), i == j);
		}
}

static int collect_reference(void *context, const char *field, enum model_kind kind,
	const char *tenant, const char *name)
{
	char path[OBJECT_PATH_TEXT];
	strcat(strcat(strcat(strcat(context, field), "="),
		       object_path_of(kind, tenant, name, path)),
		" ");
	return !strcmp(name, "stop") ? -EINTR : 0;
}

static void references_are_visited(void **state)
{
	(void)state;
	char seen[256] = "";
	cleanup_object struct object *port =
		decoded(MODEL_PORT, "{\"network\": \"web\", \"host\": \"h1\"}");
	assert_int_equal(object_references(port, collect_reference, seen), 0);
	assert_string_equal(seen, "tenant=tenants/acme network=acme/networks/web host=hosts/h1 ");
	cleanup_object struct object *stopped =
		decoded(MODEL_PORT, "{\"network\": \"stop\", \"host\": \"h1\"}");
	seen[0] = '\0';
	assert_int_equal(object_references(stopped, collect_reference, seen), -EINTR);
	assert_string_equal(seen, "tenant=tenants/acme network=acme/networks/stop ");
}

// ---- random objects ----

static unsigned draw(unsigned *seed, unsigned below)
{
	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 16) % below;
}

static json_t *random_port(unsigned *seed)
{
	json_t *fields = json_pack("{s:s}", "network", "web"), *list;
	if (draw(seed, 2))
		json_object_set_new(fields, "mac",
			json_sprintf("02:00:00:%02x:%02X:0a", draw(seed, 256), draw(seed, 256)));
	if (draw(seed, 2)) {
		json_object_set_new(fields, "addresses", list = json_array());
		for (unsigned i = draw(seed, 4); i; i--)
			json_array_append_new(list,
				draw(seed, 2)
					? json_sprintf("10.%u.0.%u", draw(seed, 256), i)
					: json_sprintf("FD00:0:%x::%u", draw(seed, 65536), i));
	}
	if (draw(seed, 2)) {
		json_object_set_new(fields, "labels", list = json_object());
		for (unsigned i = draw(seed, 5); i; i--) {
			char name[16];
			snprintf(name, sizeof(name), "l%u", draw(seed, 100));
			json_object_set_new(list, name, json_sprintf("v%u", draw(seed, 9)));
		}
	}
	if (draw(seed, 3) == 0)
		json_object_set_new(fields, "security",
			json_pack("[{s:[s]}, {s:s, s:[s]}]", "addresses", "10.0.0.0/8", "mac",
				"02:00:00:00:00:01", "addresses", "::/0"));
	if (draw(seed, 2))
		json_object_set_new(fields, "host", json_sprintf("h%u", draw(seed, 9)));
	if (draw(seed, 2))
		json_object_set_new(fields, "device", json_sprintf("tap%u", draw(seed, 9)));
	if (draw(seed, 2))
		json_object_set_new(fields, "key", json_integer(1 + draw(seed, 60000)));
	return fields;
}

static void encoding_is_a_fixpoint(void **state)
{
	(void)state;
	unsigned seed = 1;
	for (int round = 0; round < 2000; round++) {
		json_t *fields = random_port(&seed);
		struct object *first = NULL, *second = NULL;
		struct error error = {0};
		if (object_decode(&first, MODEL_PORT, "acme", "x1", fields, true, &error))
			fail_msg("%s: %s", error.field, error.message);
		first->revision = round;
		json_t *encoded = object_encode(first);
		assert_int_equal(
			object_decode(&second, MODEL_PORT, "acme", "x1", encoded, true, &error), 0);
		json_t *again = object_encode(second);
		assert_true(object_equal(first, second));
		assert_true(json_equal(encoded, again));
		assert_int_equal(second->revision, round);
		json_decref(fields);
		json_decref(encoded);
		json_decref(again);
		object_unref(first);
		object_unref(second);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_written),
		cmocka_unit_test(every_field_goes_through),
		cmocka_unit_test(routers_go_through),
		cmocka_unit_test(policies_go_through),
		cmocka_unit_test(null_is_absent_and_empty_is_not),
		cmocka_unit_test(what_was_read_can_be_written),
		cmocka_unit_test(bad_fields_are_named),
		cmocka_unit_test(bad_parts_are_named),
		cmocka_unit_test(policy_routes_are_bounded),
		cmocka_unit_test(lists_are_bounded),
		cmocka_unit_test(nul_bytes_are_refused),
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(paths_go_both_ways),
		cmocka_unit_test(patches_merge),
		cmocka_unit_test(sticky_fields_are_inherited),
		cmocka_unit_test(every_difference_counts),
		cmocka_unit_test(references_are_visited),
		cmocka_unit_test(encoding_is_a_fixpoint),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
