// SPDX-License-Identifier: Apache-2.0
// The networks that a router joins, and its routes.
#include "list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

SAME_SHAPE(router_network_list);
SAME_SHAPE(route_list);

// ---- networks ----

static int decode_network_name(char **out, const json_t *json, struct error *error)
{
	const char *text;
	int result = decode_string(&text, "the name of a network", json, error);
	if (!result)
		result = model_name_check(text, error);
	if (!result) {
		free(*out);
		*out = memory_text(text);
	}
	return result;
}

static void joined_done(void *item)
{
	struct router_network *joined = item;
	free(joined->network);
	list_done(&addresses_element, (struct list *)&joined->addresses);
}

static int decode_joined_fields(
	struct router_network *joined, const json_t *json, struct error *error)
{
	enum { ADDRESSES_MAXIMUM = 64 };
	const char *name;
	json_t *value;
	json_object_foreach ((json_t *)json, name, value) {
		int result;
		if (!strcmp(name, "network"))
			result = decode_network_name(&joined->network, value, error);
		else if (!strcmp(name, "addresses") && json_is_null(value))
			result = 0;
		else if (!strcmp(name, "addresses"))
			result = list_decode(&addresses_element, ADDRESSES_MAXIMUM,
				(struct list *)&joined->addresses, value, error);
		else
			result = error_set(error, EINVAL,
				"unknown field '%s', a router on a network has 'network' and "
				"'addresses'",
				name);
		if (result) {
			error_prefix_field(error, "%s", name);
			return result;
		}
	}
	return joined->network ? 0 : error_set(error, EINVAL, "needs 'network', its name");
}

// "web", or {"network": "web", "addresses": ["10.0.0.1"]}
static int joined_decode(void *item, const json_t *json, struct error *error)
{
	struct router_network joined = {0};
	int result;
	if (json_is_string(json))
		result = decode_network_name(&joined.network, json, error);
	else if (json_is_object(json))
		result = decode_joined_fields(&joined, json, error);
	else
		result = decode_expected(error,
			"the name of a network or an object like {\"network\": \"web\", "
			"\"addresses\": [\"10.0.0.1\"]}",
			json);
	if (result)
		joined_done(&joined);
	else
		*(struct router_network *)item = joined;
	return result;
}

static json_t *joined_encode(const void *item)
{
	const struct router_network *joined = item;
	if (!joined->addresses.items)
		return json_string(joined->network);
	return json_pack("{s:s, s:o}", "network", joined->network, "addresses",
		list_encode(&addresses_element, (const struct list *)&joined->addresses));
}

static bool joined_equal(const void *a, const void *b)
{
	const struct router_network *left = a, *right = b;
	return !strcmp(left->network, right->network) &&
	       list_equal(&addresses_element, (const struct list *)&left->addresses,
		       (const struct list *)&right->addresses);
}

static int joined_order(const void *a, const void *b)
{
	const struct router_network *left = a, *right = b;
	return strcmp(left->network, right->network);
}

static void joined_copy(void *to, const void *from)
{
	const struct router_network *joined = from;
	struct router_network *copy = to;
	*copy = (struct router_network){.network = memory_text(joined->network)};
	list_copy(&addresses_element, (struct list *)&copy->addresses,
		(const struct list *)&joined->addresses);
}

static const struct element router_networks_element = {
	.size = sizeof(struct router_network),
	.what = "a list of networks like [\"web\", {\"network\": \"db\", \"addresses\": "
		"[\"10.0.2.254\"]}]",
	.decode = joined_decode,
	.encode = joined_encode,
	.equal = joined_equal,
	.order = joined_order,
	.repeats = "is the network of",
	.copy = joined_copy,
	.done = joined_done,
};

LIST_VALUE(router_networks)

static json_t *router_networks_openapi(const struct field *field)
{
	json_t *object = json_pack("{s:s, s:b, s:[s], s:{s:{s:s}, s:{s:s, s:{s:s}}}}", "type",
		"object", "additionalProperties", 0, "required", "network", "properties", "network",
		"$ref", "#/components/schemas/Name", "addresses", "type", "array", "items", "$ref",
		"#/components/schemas/Address");
	return list_openapi(field,
		json_pack("{s:[{s:s}, o]}", "oneOf", "$ref", "#/components/schemas/Name", object));
}

static int router_networks_references(const struct field *field, const struct object *object,
	object_reference_visit visit, void *context)
{
	const struct router_network_list *list = field_value(field, object);
	int result = 0;
	for (size_t i = 0; !result && i < list->count; i++) {
		char path[64];
		snprintf(path, sizeof(path), "%s[%zu]", field->name, i);
		result =
			visit(context, path, MODEL_NETWORK, object->tenant, list->items[i].network);
	}
	return result;
}

static const struct field_member router_network_members[] = {
	{"network", "Its name"},
	{"addresses", "The router's on it; absent: the first host address of each subnet"},
	{0},
};

const struct field_type field_type_router_networks = {LIST_OPERATIONS(router_networks),
	LIST_ITEMS(router_networks), .name = "list of networks",
	.help = "Names or objects, like `[\"web\", {\"network\": \"db\", \"addresses\": "
		"[\"10.0.2.254\"]}]`.",
	.members = router_network_members, .references = router_networks_references};

// ---- routes ----

enum { PRIORITY_MAXIMUM = UINT16_MAX, PRIORITY_DEFAULT = 1000 };
enum { NEXT_HOPS_MAXIMUM = 16, SERVICES_MAXIMUM = 64 };

// Forward has no word of its own: `via` says it.
static const char *const route_actions[] = {"drop", "reject", NULL};

static void route_done(void *item)
{
	struct route *route = item;
	list_done(&addresses_element, (struct list *)&route->via);
	list_done(&services_element, (struct list *)&route->ports);
}

// What has been given of a route.
struct route_given {
	bool to, via, action, from;
};

static int decode_route_field(struct route *route, struct route_given *given, const char *name,
	const json_t *value, struct error *error)
{
	int action, result;
	if (!strcmp(name, "to")) {
		given->to = true;
		return decode_prefix(&route->to, value, error);
	}
	if (!strcmp(name, "via")) {
		given->via = true;
		result = list_decode(&addresses_element, NEXT_HOPS_MAXIMUM,
			(struct list *)&route->via, value, error);
		return result || route->via.count
			       ? result
			       : error_set(error, EINVAL, "is empty: name a next hop");
	}
	if (!strcmp(name, "action")) {
		given->action = true;
		result = decode_word(&action, route_actions, value, error);
		route->action = result || !action ? ROUTE_DROP : ROUTE_REJECT;
		return result;
	}
	route->policy = true;
	if (!strcmp(name, "from")) {
		given->from = true;
		return decode_prefix(&route->from, value, error);
	}
	if (!strcmp(name, "ports"))
		return list_decode(&services_element, SERVICES_MAXIMUM,
			(struct list *)&route->ports, value, error);
	if (!strcmp(name, "priority"))
		return decode_number(&route->priority, 0, PRIORITY_MAXIMUM, value, error);
	return error_set(error, EINVAL,
		"unknown field '%s', a route has to, via, action, from, ports, priority", name);
}

static struct prefix all_of_family(const struct prefix *prefix)
{
	return prefix_from(&prefix->address, prefix_is_ipv4(prefix) ? 96 : 0);
}

static int route_check(struct route *route, const struct route_given *given, struct error *error)
{
	if (!given->to)
		return error_set(error, EINVAL, "needs 'to', a prefix");
	if (given->via == given->action)
		return error_set(error, EINVAL,
			given->via ? "has both 'via' and 'action': a packet is forwarded, or not"
				   : "needs 'via', next hops, or 'action', drop or reject");
	bool ipv4 = prefix_is_ipv4(&route->to);
	for (size_t i = 0; i < route->via.count; i++)
		if (address_is_ipv4(&route->via.items[i]) != ipv4) {
			error_set_field(error, "via[%zu]", i);
			return error_set(error, EINVAL,
				"is an %s address, but 'to' is an %s prefix",
				ipv4 ? "IPv6" : "IPv4", ipv4 ? "IPv4" : "IPv6");
		}
	if (!given->from)
		route->from = all_of_family(&route->to);
	else if (prefix_is_ipv4(&route->from) != ipv4) {
		error_set_field(error, "from");
		return error_set(error, EINVAL, "is an %s prefix, but 'to' is an %s one",
			ipv4 ? "IPv6" : "IPv4", ipv4 ? "IPv4" : "IPv6");
	}
	if (!route->policy) // of a plain route these say nothing
		route->priority = 0;
	return 0;
}

static int route_decode(void *item, const json_t *json, struct error *error)
{
	if (!json_is_object(json))
		return decode_expected(error,
			"an object like {\"to\": \"10.9.0.0/16\", \"via\": [\"10.0.0.9\"]}", json);
	struct route route = {.priority = PRIORITY_DEFAULT};
	struct route_given given = {0};
	const char *name;
	json_t *value;
	int result = 0;
	json_object_foreach ((json_t *)json, name, value) {
		if (json_is_null(value))
			continue;
		result = decode_route_field(&route, &given, name, value, error);
		if (result) {
			error_prefix_field(error, "%s", name);
			break;
		}
	}
	if (!result)
		result = route_check(&route, &given, error);
	if (result)
		route_done(&route);
	else
		*(struct route *)item = route;
	return result;
}

static json_t *route_encode(const void *item)
{
	const struct route *route = item;
	char text[PREFIX_TEXT];
	json_t *json = json_pack("{s:s}", "to", prefix_format(&route->to, text));
	if (route->action == ROUTE_FORWARD)
		json_object_set_new(json, "via",
			list_encode(&addresses_element, (const struct list *)&route->via));
	else
		json_object_set_new(
			json, "action", json_string(route_actions[route->action - ROUTE_DROP]));
	if (!route->policy)
		return json;
	json_object_set_new(json, "from", json_string(prefix_format(&route->from, text)));
	if (route->ports.items)
		json_object_set_new(json, "ports",
			list_encode(&services_element, (const struct list *)&route->ports));
	json_object_set_new(json, "priority", json_integer(route->priority));
	return json;
}

// Two routes that take the same packets: the same prefix, and for policy routes all else that they
// match.
static int route_order(const void *a, const void *b)
{
	const struct route *left = a, *right = b;
	if (left->policy != right->policy)
		return left->policy ? 1 : -1;
	if (left->priority != right->priority)
		return left->priority < right->priority ? -1 : 1;
	int order = prefixes_element.order(&left->to, &right->to);
	if (!order)
		order = prefixes_element.order(&left->from, &right->from);
	return order ? order
		     : list_compare(&services_element, (const struct list *)&left->ports,
			       (const struct list *)&right->ports);
}

static bool route_equal(const void *a, const void *b)
{
	const struct route *left = a, *right = b;
	return !route_order(a, b) && left->action == right->action &&
	       list_equal(&addresses_element, (const struct list *)&left->via,
		       (const struct list *)&right->via);
}

static void route_copy(void *to, const void *from)
{
	const struct route *route = from;
	struct route *copy = to;
	*copy = *route;
	copy->via = (struct address_list){0};
	copy->ports = (struct service_list){0};
	list_copy(&addresses_element, (struct list *)&copy->via, (const struct list *)&route->via);
	list_copy(
		&services_element, (struct list *)&copy->ports, (const struct list *)&route->ports);
}

static const struct element routes_element = {
	.size = sizeof(struct route),
	.what = "a list of routes like [{\"to\": \"10.9.0.0/16\", \"via\": [\"10.0.0.9\"]}]",
	.decode = route_decode,
	.encode = route_encode,
	.equal = route_equal,
	.order = route_order,
	.repeats = "takes the packets of",
	.copy = route_copy,
	.done = route_done,
};

LIST_VALUE(routes)

static json_t *routes_openapi(const struct field *field)
{
	json_t *properties = json_pack("{s:{s:s}, s:{s:s, s:i, s:i, s:{s:s}}, s:{s:s, s:[s, s]}}",
		"to", "$ref", "#/components/schemas/Prefix", "via", "type", "array", "minItems", 1,
		"maxItems", NEXT_HOPS_MAXIMUM, "items", "$ref", "#/components/schemas/Address",
		"action", "type", "string", "enum", "drop", "reject");
	json_object_set_new(
		properties, "from", json_pack("{s:s}", "$ref", "#/components/schemas/Prefix"));
	json_object_set_new(properties, "ports",
		json_pack("{s:s, s:i, s:{s:s}}", "type", "array", "maxItems", SERVICES_MAXIMUM,
			"items", "$ref", "#/components/schemas/Service"));
	json_object_set_new(properties, "priority",
		json_pack("{s:s, s:i, s:i, s:i}", "type", "integer", "minimum", 0, "maximum",
			PRIORITY_MAXIMUM, "default", PRIORITY_DEFAULT));
	return list_openapi(
		field, json_pack("{s:s, s:b, s:[s], s:o}", "type", "object", "additionalProperties",
			       0, "required", "to", "properties", properties));
}

static const struct field_member route_members[] = {
	{"to", "The prefix that packets are for; required"},
	{"via", "1 to 16 next hops, addresses on its networks; several share the flows"},
	{"action", "Instead of `via`: `drop`, or `reject`, which tells the sender"},
	{"from", "Only packets from this prefix. A route with `from`, `ports` or `priority` is a "
		 "policy route, asked before all plain ones; those are found by the longest "
		 "prefix"},
	{"ports", "Only these services: `tcp/80`, `udp/1000-2000`, `icmp/8`, `47`"},
	{"priority", "Among policy routes, 0 to 65535, higher first, default 1000"},
	{0},
};

const struct field_type field_type_routes = {LIST_OPERATIONS(routes), LIST_ITEMS(routes),
	.name = "list of routes",
	.help = "Objects, like `[{\"to\": \"0.0.0.0/0\", \"via\": [\"10.0.1.7\"]}]`.",
	.members = route_members};
