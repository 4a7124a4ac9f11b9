// SPDX-License-Identifier: Apache-2.0
// What is said about who may do what, and how much: times, roles, tenants, quotas.
#include "list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

SAME_SHAPE(name_list);

// ---- time ----

PLAIN_VALUE(time, int64_t)

static int time_decode(
	const struct field *field, void *value, const json_t *json, struct error *error)
{
	(void)field;
	static const char what[] = "a time in UTC like 2026-11-26T07:00:00Z";
	const char *text;
	int result = decode_string(&text, what, json, error);
	if (result)
		return result;
	if (clock_parse(text, value))
		return error_set(error, EINVAL, "'%s' is not %s", text, what);
	return 0;
}

static json_t *time_encode(const struct field *field, const void *value)
{
	(void)field;
	char text[CLOCK_TEXT];
	return json_string(clock_format(*(const int64_t *)value, text));
}

static json_t *time_openapi(const struct field *field)
{
	(void)field;
	return json_pack("{s:s, s:s}", "type", "string", "format", "date-time");
}

const struct field_type field_type_time = {PLAIN_OPERATIONS(time, int64_t), .name = "time",
	.help = "A time in UTC, to the second, like `2026-11-26T07:00:00Z`."};

// ---- role ----

static const char *const roles[] = {[TOKEN_READER] = "reader",
	[TOKEN_TENANT_ADMINISTRATOR] = "tenant-admin",
	[TOKEN_ADMINISTRATOR] = "admin",
	NULL};

PLAIN_VALUE(token_role, enum token_role)
_Static_assert(sizeof(enum token_role) == sizeof(int), "a choice is held as an int");

static int token_role_decode(
	const struct field *field, void *value, const json_t *json, struct error *error)
{
	(void)field;
	return decode_word(value, roles, json, error);
}

static json_t *token_role_encode(const struct field *field, const void *value)
{
	(void)field;
	return json_string(roles[*(const enum token_role *)value]);
}

static json_t *token_role_openapi(const struct field *field)
{
	(void)field;
	json_t *words = json_array();
	for (const char *const *word = roles; *word; word++)
		json_array_append_new(words, json_string(*word));
	return json_pack("{s:s, s:o}", "type", "string", "enum", words);
}

const struct field_type field_type_token_role = {PLAIN_OPERATIONS(token_role, enum token_role),
	.name = "role", .choices = roles, .always = true,
	.help = "`admin` does everything; `tenant-admin` reads and writes what is of its tenants; "
		"`reader` reads, of its tenants or everything."};

// ---- tenants ----

static int name_decode(void *item, const json_t *json, struct error *error)
{
	const char *text;
	int result = decode_string(&text, "the name of a tenant", json, error);
	if (!result)
		result = model_name_check(text, error);
	if (!result)
		*(char **)item = memory_text(text);
	return result;
}

static json_t *name_encode(const void *item)
{
	return json_string(*(char *const *)item);
}

static int name_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool name_equal(const void *a, const void *b)
{
	return !name_order(a, b);
}

static void name_copy(void *to, const void *from)
{
	*(char **)to = memory_text(*(char *const *)from);
}

static void name_done(void *item)
{
	free(*(char **)item);
}

static const struct element tenants_element = {
	.size = sizeof(char *),
	.what = "a list of the names of tenants like [\"acme\"]",
	.decode = name_decode,
	.encode = name_encode,
	.equal = name_equal,
	.order = name_order,
	.copy = name_copy,
	.done = name_done,
};

LIST_VALUE(tenants)

static json_t *tenants_openapi(const struct field *field)
{
	return list_openapi(field, json_pack("{s:s}", "$ref", "#/components/schemas/Name"));
}

static int tenants_references(const struct field *field, const struct object *object,
	object_reference_visit visit, void *context)
{
	const struct name_list *list = field_value(field, object);
	int result = 0;
	for (size_t i = 0; !result && i < list->count; i++) {
		char path[32];
		snprintf(path, sizeof(path), "%s[%zu]", field->name, i);
		result = visit(context, path, MODEL_TENANT, NULL, list->items[i]);
	}
	return result;
}

const struct field_type field_type_tenants = {LIST_OPERATIONS(tenants), LIST_ITEMS(tenants),
	.name = "list of tenants", .help = "Names of tenants, like `[\"acme\"]`.",
	.references = tenants_references};

// ---- quotas ----

PLAIN_VALUE(quotas, struct quotas)

static int quota_find(const char *name, enum quota *out, struct error *error)
{
	char known[256] = "";
	for (int i = 0; i < QUOTA_COUNT; i++) {
		size_t used = strlen(known);
		*out = (enum quota)i;
		if (!strcmp(quota_name(*out), name))
			return 0;
		snprintf(known + used, sizeof(known) - used, "%s%s", used ? ", " : "",
			quota_name(*out));
	}
	return error_set(error, EINVAL, "there is no quota of '%s', only of %s", name, known);
}

static int quotas_decode(
	const struct field *field, void *value, const json_t *json, struct error *error)
{
	(void)field;
	struct quotas quotas = {{0}};
	const char *name;
	json_t *item;
	if (!json_is_object(json))
		return decode_expected(error, "an object of numbers like {\"ports\": 100}", json);
	json_object_foreach ((json_t *)json, name, item) {
		enum quota quota;
		uint32_t most = 0;
		int result = quota_find(name, &quota, error);
		if (!result && !json_is_null(item))
			result = decode_number(&most, 0, UINT32_MAX - 1, item, error);
		if (result) {
			error_prefix_field(error, "%s", name);
			return result;
		}
		if (!json_is_null(item))
			quotas.too_many[quota] = most + 1;
	}
	*(struct quotas *)value = quotas;
	return 0;
}

static json_t *quotas_encode(const struct field *field, const void *value)
{
	(void)field;
	const struct quotas *quotas = value;
	json_t *object = json_object();
	for (int i = 0; i < QUOTA_COUNT; i++)
		if (quotas->too_many[i])
			json_object_set_new(object, quota_name((enum quota)i),
				json_integer((json_int_t)quotas->too_many[i] - 1));
	return object;
}

static json_t *quotas_openapi(const struct field *field)
{
	(void)field;
	json_t *properties = json_object();
	for (int i = 0; i < QUOTA_COUNT; i++)
		json_object_set_new(properties, quota_name((enum quota)i),
			json_pack("{s:s, s:i}", "type", "integer", "minimum", 0));
	return json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties,
		"additionalProperties", 0);
}

const struct field_type field_type_quotas = {PLAIN_OPERATIONS(quotas, struct quotas),
	.name = "quotas",
	.help = "An object of numbers, like `{\"ports\": 100, \"rules\": 1000}`: `networks`, "
		"`ports`, `routers`, `routes`, `address_sets`, `prefixes` of these, `policies`, "
		"`rules`."};
