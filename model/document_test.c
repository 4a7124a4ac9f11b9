// SPDX-License-Identifier: Apache-2.0
#include "model/document.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

static struct document *parsed(const char *text)
{
	struct document *document = NULL;
	struct error error = {0};
	char line[1024];
	if (document_parse(&document, "net.yaml", text, strlen(text), &error))
		fail_msg("%s", error_format(&error, line, sizeof(line)));
	return document;
}

// All items as "path fields" lines; an implied tenant has a question mark.
static char *items_text(const struct document *document)
{
	const struct document_item *items;
	size_t count = document_items(document, &items);
	char *text = memory_text("");
	for (size_t i = 0; i < count; i++) {
		char path[OBJECT_PATH_TEXT];
		object_path_of(items[i].kind, items[i].tenant, items[i].name, path);
		char *fields = json_dumps(items[i].fields, JSON_COMPACT);
		char *more = memory_format(
			"%s%s%s %s\n", text, path, items[i].if_absent ? "?" : "", fields);
		free(text);
		free(fields);
		text = more;
	}
	return text;
}

static void assert_items(const char *text, const char *expected)
{
	struct document *document = parsed(text);
	cleanup_free char *items = items_text(document);
	assert_string_equal(items, expected);
	document_free(document);
}

// ---- forms ----

static void the_map_form(void **state)
{
	(void)state;
	assert_items("# three tiers\n"
		     "tenant: acme\n"
		     "networks:\n"
		     "  web: {subnets: [10.1.1.0/24, \"fd00:1:1::/64\"]}\n"
		     "  empty:\n"
		     "ports:\n"
		     "  web1:\n"
		     "    network: web\n"
		     "    mac: 02:00:00:00:00:01\n"
		     "    labels: {tier: web, zone: \"1\", on: no}\n",
		"tenants/acme? {}\n"
		"acme/networks/web {\"subnets\":[\"10.1.1.0/24\",\"fd00:1:1::/64\"]}\n"
		"acme/networks/empty {}\n"
		"acme/ports/web1 {\"network\":\"web\",\"mac\":\"02:00:00:00:00:01\","
		"\"labels\":{\"tier\":\"web\",\"zone\":\"1\",\"on\":\"no\"}}\n");
	assert_items("tenant: acme", "tenants/acme? {}\n");
	assert_items("", "");
	assert_items("# nothing\n", "");
	assert_items("{}", "");
	assert_items("networks:\nhosts: {}\n", "");
}

static void several_documents_are_one(void **state)
{
	(void)state;
	assert_items("hosts: {h1: {vtep: 192.0.2.1}}\n"
		     "---\n"
		     "tenant: acme\n"
		     "networks: {n: }\n"
		     "---\n"
		     "tenant: umbrella\n"
		     "networks: {n: }\n"
		     "--- \n"
		     "tenant: acme\n"
		     "ports: {p: {network: n}}\n",
		"hosts/h1 {\"vtep\":\"192.0.2.1\"}\n"
		"tenants/acme? {}\nacme/networks/n {}\n"
		"tenants/umbrella? {}\numbrella/networks/n {}\n"
		"acme/ports/p {\"network\":\"n\"}\n");
}

static void a_declared_tenant_is_not_implied(void **state)
{
	(void)state;
	assert_items("tenant: acme\ntenants: {acme: {description: x}}",
		"tenants/acme {\"description\":\"x\"}\n");
	assert_items("tenants: {acme: {description: x}}\ntenant: acme\n",
		"tenants/acme {\"description\":\"x\"}\n");
	assert_items("tenants: {acme: }\n---\ntenant: acme\n", "tenants/acme {}\n");
}

static void the_list_form(void **state)
{
	(void)state;
	static const char expected[] =
		"tenants/acme {\"kind\":\"tenant\",\"name\":\"acme\"}\n"
		"acme/networks/n "
		"{\"kind\":\"network\",\"tenant\":\"acme\",\"name\":\"n\",\"mtu\":1400,"
		"\"revision\":3,\"status\":{\"x\":[1.5]}}\n";
	assert_items(
		"[{\"kind\": \"tenant\", \"name\": \"acme\"},\n"
		" {\"kind\": \"network\", \"tenant\": \"acme\", \"name\": \"n\", \"mtu\": 1400,\n"
		"\t\"revision\": 3, \"status\": {\"x\": [1.5]}}]\n",
		expected);
	assert_items(
		"{\"revision\": 9, \"items\": [{\"kind\": \"tenant\", \"name\": \"acme\"},\n"
		" {\"kind\": \"network\", \"tenant\": \"acme\", \"name\": \"n\", \"mtu\": 1400,\n"
		"\t\"revision\": 3, \"status\": {\"x\": [1.5]}}]}\n",
		expected);
	assert_items("kind: tenant\nname: acme\n",
		"tenants/acme {\"kind\":\"tenant\",\"name\":\"acme\"}\n");
}

static void scalars_mean_what_yaml_1_2_says(void **state)
{
	(void)state;
	// Through the labels' error for what is no string, and a field of each type for what is.
	static const struct {
		const char *scalar, *found;
	} cases[] = {{"5", "an integer"}, {"-5", "an integer"}, {"+5", "an integer"},
		{"007", "an integer"}, {"1.5", "a number with a fraction"},
		{".5", "a number with a fraction"}, {"5.", "a number with a fraction"},
		{"1e3", "a number with a fraction"}, {"-1.5E-3", "a number with a fraction"},
		{"true", "true"}, {"True", "true"}, {"FALSE", "false"}, {"null", "null"},
		{"~", "null"}, {"", "null"}, {"[]", "a list"}, {"{}", "an object"}, {"\"5\"", NULL},
		{"'true'", NULL}, {"yes", NULL}, {"off", NULL}, {"1.2.3", NULL}, {"12:30:45", NULL},
		{"1e", NULL}, {"e3", NULL}, {"0x1f", NULL}, {"x1", NULL},
		{"99999999999999999999", NULL}};
	for (size_t i = 0; i < array_count(cases); i++) {
		cleanup_free char *text = memory_format(
			"tenant: a\nports: {p: {network: n, labels: {x: %s}}}\n", cases[i].scalar);
		struct document *document = NULL;
		struct error error = {0};
		int result = document_parse(&document, "f", text, strlen(text), &error);
		if (cases[i].found) {
			cleanup_free char *message = memory_format(
				"expected a string (in quotes), found %s", cases[i].found);
			assert_int_equal(result, -EINVAL);
			assert_string_equal(error.message, message);
		} else if (strchr(cases[i].scalar, ':')) {
			assert_int_equal(result, -EINVAL); // a string, but not one for a label
			assert_non_null(
				strstr(error.message, "'12:30:45' cannot be the value of a label"));
		} else {
			assert_int_equal(result, 0);
		}
		document_free(document);
	}
}

// ---- what is wrong, and where ----

static void errors_point_to_the_place(void **state)
{
	(void)state;
	static const struct {
		const char *text, *line; // as error_format prints it
	} cases[] = {
		{"tenant: acme\nnetworks:\n  web:\n    subnts: [10.0.0.0/24]\n",
			"net.yaml:4:5: acme/networks/web: subnts: unknown field 'subnts', did you "
			"mean 'subnets'?"},
		{"tenant: acme\nnetworks:\n  web:\n    subnets:\n    - 10.0.0.0/24\n    - "
		 "10.0.0.128/25\n",
			"net.yaml:6:7: acme/networks/web: subnets[1]: '10.0.0.128/25' overlaps "
			"'10.0.0.0/24' (subnets[0])"},
		{"tenant: acme\nnetworks:\n\tweb: {}\n",
			"net.yaml:3:1: a tab: YAML is indented with blanks"},
		{"tenant: acme\nnetworks: @web\n",
			"net.yaml:2:11: found character that cannot start any token (while "
			"scanning for the next token that began on line 2)"},
		{"tenant: acme\nnetworks: {web: {mtu: many}}\n",
			"net.yaml:2:23: acme/networks/web: mtu: expected an integer, found a "
			"string"},
		{"tenant: acme\nports:\n  p:\n    labels: {a.b: x, a: {b: 1}}\n    network: n\n",
			"net.yaml:4:25: acme/ports/p: labels.a: expected a string (in quotes), "
			"found an object"},
		{"tenant: acme\nports:\n  p:\n    network: n\n    labels:\n      a.b: 5\n",
			"net.yaml:6:12: acme/ports/p: labels.a.b: expected a string (in quotes), "
			"found an integer"},
		{"tenant: acme\nports:\n  p:\n    network: n\n    security:\n    - addresses: "
		 "[any]\n",
			"net.yaml:6:19: acme/ports/p: security[0].addresses[0]: 'any' is not a "
			"prefix like 10.0.0.0/24 or fd00::/64"},
		{"tenant: acme\nports:\n  web1:\n    mac: 02:00:00:00:00:01\n",
			"net.yaml:3:3: acme/ports/web1: network: is required: a port needs its "
			"network"},
		{"tenant: acme\nports:\n  web1:\n", "net.yaml:3:3: acme/ports/web1: network: is "
						    "required: a port needs its network"},
		{"tenant: acme\nports:\n  web1: 5\n",
			"net.yaml:3:9: expected an object of fields for port 'web1'"},
		{"tenant: acme\nports: [web1]\n",
			"net.yaml:2:8: expected an object, from names of ports to their fields"},
		{"tenant: acme\nports:\n  Web 1: {network: n}\n",
			"net.yaml:3:3: name: 'Web 1' is not a name: a name has 1 to 63 of a-z 0-9 "
			"- . _ and begins and ends "
			"with a letter or digit"},
		{"tenant: A\n", "net.yaml:1:9: 'A' is not a name: a name has 1 to 63 of a-z 0-9 - "
				". _ and begins and ends with a "
				"letter or digit"},
		{"tenant: 5\n", "net.yaml:1:9: expected the name of a tenant (in quotes, if it is "
				"a number)"},
		{"tenant: [a]\n", "net.yaml:1:9: expected the name of a tenant (in quotes, if it "
				  "is a number)"},
		{"tenant: acme\nport: {}\n",
			"net.yaml:2:1: unknown key 'port', did you mean 'ports'?"},
		{"tenant: acme\nnetwroks: {}\n",
			"net.yaml:2:1: unknown key 'netwroks', did you mean 'networks'?"},
		{"tennant: acme\n", "net.yaml:1:1: unknown key 'tennant', did you mean 'tenant'?"},
		{"apiVersion: v1\n",
			"net.yaml:1:1: unknown key 'apiVersion', a file has tenant, "
			"tenants, hosts, networks, ports, routers, address_sets, policies, tokens, "
			"enrolments"},
		{"ports: {p: {network: n}}\n", "net.yaml:1:1: ports live in a tenant: which? Say "
					       "'tenant: NAME' beside 'ports'"},
		{"tenant: a\nnetworks:\n  n: {}\n  n: {}\n",
			"net.yaml:4:3: 'n' is given twice, first on line 3"},
		{"tenant: a\nnetworks: {n: {mtu: 1400, mtu: 1500}}\n",
			"net.yaml:2:27: 'mtu' is given twice, first on line 2"},
		{"tenant: a\nnetworks: {n: }\n---\ntenant: a\nnetworks: {n: }\n",
			"net.yaml:5:12: a/networks/n is in the file twice, first on line 2"},
		{"tenants: {a: }\n---\ntenants: {a: }\n",
			"net.yaml:3:11: tenants/a is in the file twice, first on line 1"},
		{"just words\n", "net.yaml:1:1: expected objects, found a single value"},
		{"- 5\n", "net.yaml:1:3: expected an object like {kind: port, tenant: acme, name: "
			  "web1, …}"},
		{"- name: x\n", "net.yaml:1:3: an object in a list needs its 'kind'"},
		{"- kind: tenant\n", "net.yaml:1:3: an object in a list needs its 'name'"},
		{"- {kind: port, name: x}\n",
			"net.yaml:1:3: an object in a list needs its 'tenant'"},
		{"- {kind: wire, name: x}\n", "net.yaml:1:10: unknown kind 'wire'"},
		{"- {kind: tenant, name: [x]}\n", "net.yaml:1:24: expected a string"},
		{"[{\"kind\": \"network\", \"tenant\": \"a\", \"name\": \"n\",\n  \"mtu\": 5}]",
			"net.yaml:2:10: a/networks/n: mtu: must be from 576 to 9216, not 5"},
		{"a: &x 5\nb: *x\n", "net.yaml:1:4: anchors (&) and aliases (*) are not supported; "
				     "a word that begins so needs quotes"},
		{"a: *x\n", "net.yaml:1:4: anchors (&) and aliases (*) are not supported; a word "
			    "that begins so needs quotes"},
		{"tenant: !!str acme\n", "net.yaml:1:9: tags (!) are not supported; a word that "
					 "begins so needs quotes"},
		{"? [a]\n: b\n", "net.yaml:1:3: a key must be a plain word"},
		{"tenant: \"a\\0b\"\n", "net.yaml:1:9: holds a NUL character"},
		{"\"a\\0b\": x\n", "net.yaml:1:1: a key holds a NUL character"},
		{"{\"tenant\": \"acme\", \"networks\": {\"web\": {\"subnets\": [\"10.0.0.0/24\"",
			"net.yaml:1:66: did not find expected ',' or ']' (while parsing a flow "
			"sequence that began on line 1)"},
		{"tenant: acme\nnetworks:\n web: {}\n  app: {}\n",
			"net.yaml:4:3: did not find expected key (while parsing a block mapping "
			"that began on line 3)"},
		{"tenant: \"acme\n", "net.yaml:2:1: found unexpected end of stream (while scanning "
				     "a quoted scalar that began on line 1)"},
		{"tenant: acme\n\tports: {}\n",
			"net.yaml:2:1: a tab: YAML is indented with blanks"},
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct document *document = NULL;
		struct error error = {0};
		char line[1024];
		assert_int_equal(document_parse(&document, "net.yaml", cases[i].text,
					 strlen(cases[i].text), &error),
			-EINVAL);
		assert_null(document);
		assert_string_equal(error_format(&error, line, sizeof(line)), cases[i].line);
		assert_int_equal(document_parse(&document, "net.yaml", cases[i].text,
					 strlen(cases[i].text), NULL),
			-EINVAL);
	}
}

static void bytes_that_are_no_text(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"tenant: \xff\xfe", "tenant: a\x01", "\xc3", "tenant: \xed\xa0\x80"};
	for (size_t i = 0; i < array_count(texts); i++) {
		struct document *document = NULL;
		struct error error = {0};
		assert_int_equal(document_parse(&document, "f", texts[i], strlen(texts[i]), &error),
			-EINVAL);
		assert_int_equal(error.line, 1);
		assert_true(error.message[0]);
	}
}

static void nesting_is_bounded(void **state)
{
	(void)state;
	char text[2001];
	memset(text, '[', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	struct document *document = NULL;
	struct error error = {0};
	assert_int_equal(document_parse(&document, "f", text, strlen(text), &error), -EINVAL);
	assert_string_equal(error.message, "is nested more than 32 levels deep");
}

static void server_errors_are_located(void **state)
{
	(void)state;
	struct document *document = parsed("tenant: acme\n"
					   "networks:\n"
					   "  web: {subnets: [10.0.0.0/24,\n"
					   "    10.0.1.0/24]}\n"
					   "ports:\n"
					   "  web1:\n"
					   "    network: nope\n"
					   "hosts: {h1: {vtep: 192.0.2.1}}\n");
	static const struct {
		const char *object, *field;
		int line, column;
	} cases[] = {
		{"acme/networks/web", "subnets[1]", 4, 5},
		{"acme/networks/web", "subnets", 3, 18},
		{"acme/networks/web", "subnets[7]", 3, 18},
		{"acme/networks/web", "mtu", 3, 3},
		{"acme/networks/web", "", 3, 3},
		{"acme/ports/web1", "network", 7, 14},
		{"hosts/h1", "vtep", 8, 20},
		{"tenants/acme", "description", 1, 1},
		{"acme/ports/other", "network", 0, 0},
		{"", "", 0, 0},
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct error error = {0};
		error_set(&error, EINVAL, "wrong");
		error_set_object(&error, "%s", cases[i].object);
		error_set_field(&error, "%s", cases[i].field);
		document_locate(document, &error);
		assert_int_equal(error.line, cases[i].line);
		assert_int_equal(error.column, cases[i].column);
		assert_string_equal(error.file, cases[i].line ? "net.yaml" : "");
	}
	document_free(document);
}

// The examples that help and manual show are files, each with an object of its kind.
static void examples_are_files(void **state)
{
	(void)state;
	for (enum model_kind kind = 0; kind < MODEL_KIND_COUNT; kind++) {
		const char *text = model_kind_example(kind);
		const struct document_item *items;
		struct document *document;
		bool found = false;
		assert_int_equal(document_parse(&document, "example", text, strlen(text), NULL), 0);
		size_t count = document_items(document, &items);
		for (size_t i = 0; i < count; i++)
			found |= items[i].kind == kind && !items[i].if_absent;
		assert_true(found);
		document_free(document);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_map_form),
		cmocka_unit_test(several_documents_are_one),
		cmocka_unit_test(a_declared_tenant_is_not_implied),
		cmocka_unit_test(the_list_form),
		cmocka_unit_test(scalars_mean_what_yaml_1_2_says),
		cmocka_unit_test(errors_point_to_the_place),
		cmocka_unit_test(bytes_that_are_no_text),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(server_errors_are_located),
		cmocka_unit_test(examples_are_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
