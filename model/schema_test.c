// SPDX-License-Identifier: Apache-2.0
#include "model/schema.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

static void kinds_are_found_by_both_names(void **state)
{
	(void)state;
	for (int i = 0; i < MODEL_KIND_COUNT; i++) {
		enum model_kind kind = (enum model_kind)i, found;
		assert_int_equal(model_kind_find(model_kind_name(kind), &found), 0);
		assert_int_equal(found, kind);
		assert_int_equal(model_kind_find(model_kind_plural(kind), &found), 0);
		assert_int_equal(found, kind);
	}
	enum model_kind untouched = MODEL_PORT;
	assert_int_equal(model_kind_find("wire", &untouched), -ENOENT);
	assert_int_equal(untouched, MODEL_PORT);
	assert_true(model_kind_in_tenant(MODEL_PORT));
	assert_false(model_kind_in_tenant(MODEL_HOST));
}

static void fields_tell_about_themselves(void **state)
{
	(void)state;
	enum model_kind kind;
	const struct field *network = model_field_find(MODEL_PORT, "network");
	assert_true(field_reference(network, &kind));
	assert_int_equal(kind, MODEL_NETWORK);
	assert_true(network->flags & FIELD_REQUIRED);
	const struct field *encap = model_field_find(MODEL_HOST, "encap");
	assert_false(field_reference(encap, &kind));
	assert_string_equal(field_choices(encap)[0], "geneve");
	assert_string_equal(field_choices(encap)[1], "vxlan");
	assert_null(field_choices(encap)[2]);
	assert_null(field_choices(network));
	assert_string_equal(
		field_type_name(model_field_find(MODEL_NETWORK, "subnets")), "list of prefixes");
	assert_null(model_field_find(MODEL_NETWORK, "vtep"));
	static const struct {
		enum model_kind kind;
		const char *field, *text;
	} defaults[] = {{MODEL_NETWORK, "mtu", "1400"}, {MODEL_NETWORK, "unknown_unicast", "drop"},
		{MODEL_HOST, "managed", "true"}, {MODEL_HOST, "encap", "geneve"}};
	for (size_t i = 0; i < array_count(defaults); i++) {
		cleanup_free char *text =
			field_default_text(model_field_find(defaults[i].kind, defaults[i].field));
		assert_string_equal(text, defaults[i].text);
	}
	assert_null(field_default_text(model_field_find(MODEL_NETWORK, "vni")));
}

static void near_names_are_suggested(void **state)
{
	(void)state;
	assert_string_equal(model_field_suggest(MODEL_NETWORK, "subnts"), "subnets");
	assert_string_equal(model_field_suggest(MODEL_NETWORK, "subent"), "subnets");
	assert_string_equal(model_field_suggest(MODEL_NETWORK, "unknown"), "unknown_unicast");
	assert_string_equal(model_field_suggest(MODEL_PORT, "adresses"), "addresses");
	assert_string_equal(model_field_suggest(MODEL_PORT, "addr"), "addresses");
	assert_string_equal(model_field_suggest(MODEL_PORT, "amc"), "mac");
	assert_null(model_field_suggest(MODEL_PORT, "vlan"));
	assert_null(model_field_suggest(MODEL_PORT, ""));
	assert_null(model_field_suggest(MODEL_PORT, "a-word-much-longer-than-any-field-there-is"));
}

static void columns_follow_the_schema(void **state)
{
	(void)state;
	static const char *const narrow[] = {"network", "addresses", "host", NULL};
	const char *const *columns = model_columns(MODEL_PORT, false);
	for (size_t i = 0; i < array_count(narrow); i++)
		assert_true(narrow[i] ? !strcmp(columns[i], narrow[i]) : !columns[i]);
	size_t wide = 0, count;
	model_fields(MODEL_PORT, &count);
	while (model_columns(MODEL_PORT, true)[wide])
		wide++;
	assert_int_equal(wide, count);
}

static void cells_are_short_texts(void **state)
{
	(void)state;
	json_t *fields = json_loads(
		"{\"network\": \"web\", \"addresses\": [\"10.0.0.1\", \"fd00::1\"],"
		"\"labels\": {\"a\": \"1\", \"b\": \"2\"}, \"security\": [{\"addresses\": "
		"[\"10.0.0.0/8\","
		"\"::/0\"]}, {\"mac\": \"02:00:00:00:00:01\", \"addresses\": [\"10.1.0.0/16\"]}]}",
		0, NULL);
	struct object *port = NULL;
	assert_int_equal(object_decode(&port, MODEL_PORT, "acme", "web1", fields, false, NULL), 0);
	json_decref(fields);
	static const struct {
		const char *field, *text;
	} cases[] = {{"name", "web1"}, {"network", "web"}, {"addresses", "10.0.0.1,fd00::1"},
		{"labels", "a=1 b=2"},
		{"security",
			"addresses=10.0.0.0/8,::/0; mac=02:00:00:00:00:01 addresses=10.1.0.0/16"},
		{"mac", "-"}, {"host", "-"}, {"nonsense", "-"}};
	for (size_t i = 0; i < array_count(cases); i++) {
		cleanup_free char *text = object_field_text(port, cases[i].field);
		assert_string_equal(text, cases[i].text);
	}
	object_unref(port);
}

// Every field and kind that there is appears in what is made for people.
static void nothing_is_left_out(void **state)
{
	(void)state;
	json_t *openapi = model_openapi();
	assert_non_null(openapi);
	cleanup_free char *manual = model_manual(MODEL_KIND_COUNT);
	json_t *schemas = json_object_get(json_object_get(openapi, "components"), "schemas");
	for (int i = 0; i < MODEL_KIND_COUNT; i++) {
		enum model_kind kind = (enum model_kind)i;
		size_t count;
		const struct field *fields = model_fields(kind, &count);
		static const char *const names[] = {"Tenant", "Host", "Network", "Port", "Router",
			"AddressSet", "Policy", "Token", "Enrolment"};
		char heading[64];
		assert_true(kind < array_count(names));
		snprintf(heading, sizeof(heading), "## %s\n", model_kind_name(kind));
		cleanup_free char *page = model_manual(kind);
		assert_non_null(strstr(manual, heading));
		json_t *properties =
			json_object_get(json_object_get(schemas, names[kind]), "properties");
		for (size_t j = 0; j < count; j++) {
			cleanup_free char *row = memory_format("| `%s` |", fields[j].name);
			assert_non_null(strstr(page, row));
			// What nobody is shown, is in no document.
			assert_int_equal(json_object_get(properties, fields[j].name) == NULL,
				(fields[j].flags & FIELD_SECRET) != 0);
			assert_true(fields[j].help[0]);
		}
	}
	json_decref(openapi);
}

// Every $ref in `json` leads somewhere.
static void check_references(const json_t *openapi, const json_t *json)
{
	const char *key;
	size_t index;
	json_t *value;
	if (json_is_array(json)) {
		json_array_foreach ((json_t *)json, index, value)
			check_references(openapi, value);
		return;
	}
	json_object_foreach ((json_t *)json, key, value) {
		static const char prefix[] = "#/components/schemas/";
		if (!strcmp(key, "$ref")) {
			const char *target = json_string_value(value);
			assert_true(!strncmp(target, prefix, sizeof(prefix) - 1));
			assert_non_null(json_object_get(
				json_object_get(json_object_get(openapi, "components"), "schemas"),
				target + sizeof(prefix) - 1));
		}
		check_references(openapi, value);
	}
}

static const json_t *member(const json_t *json, const char *format, const char *word)
	__attribute__((format(printf, 2, 0)));

static const json_t *member(const json_t *json, const char *format, const char *word)
{
	char key[128];
	snprintf(key, sizeof(key), format, word);
	return json_object_get(json, key);
}

static void openapi_holds_together(void **state)
{
	(void)state;
	json_t *openapi = model_openapi();
	check_references(openapi, openapi);
	json_t *paths = json_object_get(openapi, "paths");
	static const char *const global[] = {"tenants", "hosts", "tokens", "enrolments"},
				 *const in_tenant[] = {"networks", "ports", "routers",
					 "address_sets", "policies"};
	assert_int_equal(
		json_object_size(paths), 2 * array_count(global) + 3 * array_count(in_tenant));
	for (size_t i = 0; i < array_count(global); i++) {
		assert_non_null(member(paths, "/v1/%s", global[i]));
		assert_non_null(member(paths, "/v1/%s/{name}", global[i]));
	}
	for (size_t i = 0; i < array_count(in_tenant); i++) {
		const char *plural = in_tenant[i];
		assert_non_null(member(paths, "/v1/%s", plural));
		assert_non_null(member(paths, "/v1/tenants/{tenant}/%s", plural));
		assert_non_null(member(paths, "/v1/tenants/{tenant}/%s/{name}", plural));
	}
	json_decref(openapi);
}

// What is told about the items of lists is what they have.
static void members_are_those_of_the_api(void **state)
{
	(void)state;
	static const struct {
		enum model_kind kind;
		const char *field, *schema;
	} lists[] = {{MODEL_PORT, "security", "Port"}, {MODEL_ROUTER, "networks", "Router"},
		{MODEL_ROUTER, "routes", "Router"}, {MODEL_POLICY, "rules", "Policy"}};
	json_t *openapi = model_openapi();
	json_t *schemas = json_object_get(json_object_get(openapi, "components"), "schemas");
	for (size_t i = 0; i < array_count(lists); i++) {
		json_t *properties =
			json_object_get(json_object_get(schemas, lists[i].schema), "properties");
		json_t *items =
			json_object_get(json_object_get(properties, lists[i].field), "items");
		json_t *choice = json_array_get(json_object_get(items, "oneOf"), 1);
		json_t *members = json_object_get(choice ? choice : items, "properties");
		const struct field_member *member =
			field_members(model_field_find(lists[i].kind, lists[i].field));
		size_t count = 0;
		for (; member->name; member++, count++)
			assert_non_null(json_object_get(members, member->name));
		assert_int_equal(count, json_object_size(members));
	}
	assert_null(field_members(model_field_find(MODEL_PORT, "labels")));
	assert_null(field_type_help(model_field_find(MODEL_NETWORK, "mtu")));
	json_decref(openapi);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_are_found_by_both_names),
		cmocka_unit_test(fields_tell_about_themselves),
		cmocka_unit_test(near_names_are_suggested),
		cmocka_unit_test(columns_follow_the_schema),
		cmocka_unit_test(cells_are_short_texts),
		cmocka_unit_test(nothing_is_left_out),
		cmocka_unit_test(members_are_those_of_the_api),
		cmocka_unit_test(openapi_holds_together),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
