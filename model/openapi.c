// SPDX-License-Identifier: Apache-2.0
// The OpenAPI document of the objects, from the schema.
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "field_type.h"
#include "model/object.h"
#include "model/schema.h"
#include "model/warning.h"

static json_t *reference_to(const char *schema)
{
	char path[128];
	snprintf(path, sizeof(path), "#/components/schemas/%s", schema);
	return json_pack("{s:s}", "$ref", path);
}

// "Port", "AddressSet"
static char *schema_name(enum model_kind kind, char name[64])
{
	bool first = true;
	char *end = name;
	for (const char *from = model_kind_name(kind); *from && end < name + 63; from++) {
		if (*from != '_')
			*end++ = (char)(first ? toupper((unsigned char)*from) : *from);
		first = *from == '_';
	}
	*end = '\0';
	return name;
}

// ---- components ----

static json_t *field_schema(const struct field *field)
{
	json_t *schema = field->type->openapi(field);
	// Beside a $ref nothing else counts in OpenAPI 3.0: wrap it.
	if (json_object_get(schema, "$ref"))
		schema = json_pack("{s:[o]}", "allOf", schema);
	json_object_set_new(schema, "description", json_sprintf("%s.", field->help));
	if (field->flags & FIELD_SERVER)
		json_object_set_new(schema, "readOnly", json_true());
	return schema;
}

static json_t *kind_schema(enum model_kind kind)
{
	size_t count;
	const struct field *fields = model_fields(kind, &count);
	json_t *required = json_array(), *properties = json_object();
	json_object_set_new(properties, "kind",
		json_pack("{s:s, s:[s]}", "type", "string", "enum", model_kind_name(kind)));
	if (model_kind_in_tenant(kind))
		json_object_set_new(properties, "tenant", reference_to("Name"));
	json_object_set_new(properties, "name", reference_to("Name"));
	for (size_t i = 0; i < count; i++) {
		if (!(fields[i].flags & FIELD_SECRET))
			json_object_set_new(properties, fields[i].name, field_schema(&fields[i]));
		if (fields[i].flags & FIELD_REQUIRED)
			json_array_append_new(required, json_string(fields[i].name));
	}
	json_object_set_new(properties, "revision",
		json_pack("{s:s, s:b, s:s}", "type", "integer", "readOnly", 1, "description",
			"The revision that last changed it."));
	json_object_set_new(properties, "status",
		json_pack("{s:s, s:b, s:s}", "type", "object", "readOnly", 1, "description",
			"What is discovered about it."));
	json_t *schema = json_pack("{s:s, s:o, s:o}", "type", "object", "description",
		json_sprintf("%s.", model_kind_help(kind)), "properties", properties);
	if (json_array_size(required)) // OpenAPI wants at least one
		json_object_set(schema, "required", required);
	json_decref(required);
	return schema;
}

static json_t *problem_schema(void)
{
	json_t *properties = json_object();
	static const char *const texts[] = {"type", "title", "detail", "object", "field", "code"};
	static const char *const numbers[] = {"status", "line", "column"};
	for (size_t i = 0; i < array_count(texts); i++)
		json_object_set_new(properties, texts[i], json_pack("{s:s}", "type", "string"));
	for (size_t i = 0; i < array_count(numbers); i++)
		json_object_set_new(properties, numbers[i], json_pack("{s:s}", "type", "integer"));
	return json_pack("{s:s, s:s, s:o}", "type", "object", "description",
		"A problem document (RFC 9457).", "properties", properties);
}

static json_t *written_schema(void)
{
	json_t *objects = json_pack("{s:s, s:{s:s}}", "type", "array", "items", "type", "object");
	json_t *names = json_array();
	for (int i = 0; i < MODEL_WARNING_COUNT; i++)
		json_array_append_new(
			names, json_string(model_warning_name((enum model_warning)i)));
	json_t *warning = json_pack("{s:s, s:{s:{s:s, s:o}, s:{s:s}, s:{s:s}, s:{s:s}}}", "type",
		"object", "properties", "warning", "type", "string", "enum", names, "object",
		"type", "string", "field", "type", "string", "message", "type", "string");
	json_t *warnings = json_pack("{s:s, s:o}", "type", "array", "items", warning);
	return json_pack("{s:s, s:{s:{s:s}, s:{s:s}, s:{s:s}, s:o, s:o}}", "type", "object",
		"properties", "revision", "type", "integer", "changed", "type", "integer",
		"created", "type", "integer", "objects", objects, "warnings", warnings);
}

static json_t *list_schema(const char *schema)
{
	return json_pack("{s:s, s:{s:{s:s}, s:{s:s, s:o}}}", "type", "object", "properties",
		"revision", "type", "integer", "items", "type", "array", "items",
		reference_to(schema));
}

static json_t *components(void)
{
	json_t *schemas = json_pack(
		"{s:{s:s, s:s, s:i}, s:{s:s, s:s}, s:{s:s, s:s}, s:{s:s, s:s}}", //
		"Name", "type", "string", "pattern", "^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$",
		"maxLength", 63,                                                               //
		"Mac", "type", "string", "pattern", "^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$", //
		"Address", "type", "string", "description", "An IPv4 or IPv6 address.",        //
		"Prefix", "type", "string", "description", "An IPv4 or IPv6 prefix, 10.0.0.0/24.");
	json_object_set_new(schemas, "Service",
		json_pack("{s:s, s:s}", "type", "string", "description",
			"tcp/80, udp/1000-2000, tcp, icmp/8, icmp/3/4, icmpv6/128, or the number "
			"of a "
			"protocol."));
	for (int kind = 0; kind < MODEL_KIND_COUNT; kind++) {
		char name[64];
		json_object_set_new(schemas, schema_name((enum model_kind)kind, name),
			kind_schema((enum model_kind)kind));
	}
	json_object_set_new(schemas, "Problem", problem_schema());
	json_object_set_new(schemas, "Written", written_schema());
	return json_pack("{s:o}", "schemas", schemas);
}

// ---- paths ----

static json_t *content(const char *type, json_t *schema)
{
	return json_pack("{s:{s:o}}", type, "schema", schema);
}

static json_t *operation(const char *summary, const char *body_type, json_t *body, json_t *answer)
{
	json_t *operation = json_pack("{s:s, s:{s:{s:s, s:o}, s:{s:s, s:o}}}", "summary", summary,
		"responses", "200", "description", "Done", "content",
		content("application/json", answer), "default", "description", "A problem",
		"content", content("application/problem+json", reference_to("Problem")));
	if (body)
		json_object_set_new(operation, "requestBody",
			json_pack(
				"{s:b, s:o}", "required", 1, "content", content(body_type, body)));
	return operation;
}

static json_t *parameter(const char *name, const char *in, const char *description, json_t *schema)
{
	return json_pack("{s:s, s:s, s:b, s:s, s:o}", "name", name, "in", in, "required",
		!strcmp(in, "path"), "description", description, "schema", schema);
}

static json_t *integer_schema(void)
{
	return json_pack("{s:s, s:i}", "type", "integer", "minimum", 0);
}

static json_t *path_parameters(bool tenant, bool name)
{
	json_t *parameters = json_array();
	if (tenant)
		json_array_append_new(parameters,
			parameter("tenant", "path", "The tenant.", reference_to("Name")));
	if (name)
		json_array_append_new(
			parameters, parameter("name", "path", "The object.", reference_to("Name")));
	return parameters;
}

static json_t *list_path(enum model_kind kind, bool tenant)
{
	char schema[64];
	schema_name(kind, schema);
	json_t *get = operation("List", NULL, NULL, list_schema(schema));
	json_object_set_new(get, "parameters",
		json_pack("[o, o, o]",
			parameter("at", "query", "As of this past revision.", integer_schema()),
			parameter("watch", "query", "1: stream changes, one a line.",
				integer_schema()),
			parameter("since", "query", "Stream what changed after this revision.",
				integer_schema())));
	return json_pack("{s:o, s:o}", "parameters", path_parameters(tenant, false), "get", get);
}

static json_t *object_path_item(enum model_kind kind)
{
	char schema[64];
	schema_name(kind, schema);
	json_t *get = operation("Read", NULL, NULL, reference_to(schema));
	json_object_set_new(get, "parameters",
		json_pack("[o]",
			parameter("at", "query", "As of this past revision.", integer_schema())));
	json_t *put = operation("Create or replace", "application/json", reference_to(schema),
		reference_to("Written"));
	json_t *responses = json_object_get(put, "responses");
	json_object_set_new(responses, "201", json_deep_copy(json_object_get(responses, "200")));
	json_object_set_new(
		json_object_get(responses, "201"), "description", json_string("Created"));
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "parameters",
		path_parameters(model_kind_in_tenant(kind), true), "get", get, "put", put, "patch",
		operation("Merge (RFC 7396)", "application/merge-patch+json",
			json_pack("{s:s}", "type", "object"), reference_to("Written")),
		"delete", operation("Delete", NULL, NULL, reference_to("Written")));
}

static json_t *paths(void)
{
	json_t *paths = json_object();
	for (int i = 0; i < MODEL_KIND_COUNT; i++) {
		enum model_kind kind = (enum model_kind)i;
		const char *plural = model_kind_plural(kind);
		char path[128];
		snprintf(path, sizeof(path), "/v1/%s", plural);
		json_object_set_new(paths, path, list_path(kind, false));
		if (model_kind_in_tenant(kind)) {
			snprintf(path, sizeof(path), "/v1/tenants/{tenant}/%s", plural);
			json_object_set_new(paths, path, list_path(kind, true));
		}
		strncat(path, "/{name}", sizeof(path) - strlen(path) - 1);
		json_object_set_new(paths, path, object_path_item(kind));
	}
	return paths;
}

json_t *model_openapi(void)
{
	return json_pack("{s:s, s:{s:s, s:s, s:s}, s:o, s:o}", "openapi", "3.0.3", "info", "title",
		"Weft", "version", WEFT_VERSION, "description", "Virtual networks for tenants.",
		"paths", paths(), "components", components());
}
