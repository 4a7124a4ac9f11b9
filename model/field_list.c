// SPDX-License-Identifier: Apache-2.0
// Lists of addresses, prefixes, labels, allowed pairs.
#include "list.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

SAME_SHAPE(address_list);
SAME_SHAPE(prefix_list);
SAME_SHAPE(label_list);
SAME_SHAPE(allowed_pair_list);

// ---- addresses ----

static int address_item_decode(void *item, const json_t *json, struct error *error)
{
	return decode_address(item, json, error);
}

static json_t *address_item_encode(const void *item)
{
	char text[ADDRESS_TEXT];
	return json_string(address_format(item, text));
}

static bool address_item_equal(const void *a, const void *b)
{
	return !address_compare(a, b);
}

static int address_item_order(const void *a, const void *b)
{
	return address_compare(a, b);
}

static void address_item_copy(void *to, const void *from)
{
	memcpy(to, from, sizeof(struct address));
}

const struct element addresses_element = {
	.size = sizeof(struct address),
	.what = "a list of IP addresses like [\"10.0.0.1\", \"fd00::1\"]",
	.decode = address_item_decode,
	.encode = address_item_encode,
	.equal = address_item_equal,
	.order = address_item_order,
	.copy = address_item_copy,
};

LIST_VALUE(addresses)

static json_t *addresses_openapi(const struct field *field)
{
	return list_openapi(field, json_pack("{s:s}", "$ref", "#/components/schemas/Address"));
}

const struct field_type field_type_addresses = {LIST_OPERATIONS(addresses), LIST_ITEMS(addresses),
	.name = "list of IP addresses",
	.help = "Unicast addresses of both families, like `[\"10.0.0.1\", \"fd00::1\"]`."};

// ---- prefixes ----

int decode_prefix(struct prefix *out, const json_t *json, struct error *error)
{
	static const char what[] = "a prefix like 10.0.0.0/24 or fd00::/64";
	const char *text;
	int result = decode_string(&text, what, json, error);
	if (result)
		return result;
	result = prefix_parse(text, out);
	if (result != -EDOM)
		return result ? error_set(error, EINVAL, "'%s' is not %s", text, what) : 0;
	// prefix_parse has found address and length well formed.
	char head[ADDRESS_TEXT], suggestion[PREFIX_TEXT];
	struct address address;
	const char *slash = strchr(text, '/');
	snprintf(head, sizeof(head), "%.*s", (int)(slash - text), text);
	address_parse(head, &address);
	unsigned bits = (unsigned)atoi(slash + 1) + (strchr(head, ':') ? 0 : 96);
	struct prefix prefix = prefix_from(&address, (uint8_t)bits);
	return error_set(error, EINVAL, "'%s' has bits set beyond its length, did you mean '%s'?",
		text, prefix_format(&prefix, suggestion));
}

static int prefix_item_decode(void *item, const json_t *json, struct error *error)
{
	return decode_prefix(item, json, error);
}

static json_t *prefix_item_encode(const void *item)
{
	char text[PREFIX_TEXT];
	return json_string(prefix_format(item, text));
}

static int prefix_item_order(const void *a, const void *b)
{
	const struct prefix *left = a, *right = b;
	int order = address_compare(&left->address, &right->address);
	return order ? order : (int)left->length - (int)right->length;
}

static bool prefix_item_equal(const void *a, const void *b)
{
	return !prefix_item_order(a, b);
}

static void prefix_item_copy(void *to, const void *from)
{
	memcpy(to, from, sizeof(struct prefix));
}

const struct element prefixes_element = {
	.size = sizeof(struct prefix),
	.what = "a list of prefixes like [\"10.0.0.0/24\", \"fd00::/64\"]",
	.decode = prefix_item_decode,
	.encode = prefix_item_encode,
	.equal = prefix_item_equal,
	.order = prefix_item_order,
	.copy = prefix_item_copy,
};

LIST_VALUE(prefixes)

static json_t *prefixes_openapi(const struct field *field)
{
	return list_openapi(field, json_pack("{s:s}", "$ref", "#/components/schemas/Prefix"));
}

const struct field_type field_type_prefixes = {LIST_OPERATIONS(prefixes), LIST_ITEMS(prefixes),
	.name = "list of prefixes",
	.help = "Prefixes of both families, like `[\"10.0.0.0/24\", \"fd00::/64\"]`."};

// ---- labels: a list here, an object in JSON ----

static bool label_equal(const void *a, const void *b)
{
	const struct label *left = a, *right = b;
	return !strcmp(left->name, right->name) && !strcmp(left->value, right->value);
}

static void label_copy(void *to, const void *from)
{
	const struct label *label = from;
	*(struct label *)to =
		(struct label){.name = text_share(label->name), .value = text_share(label->value)};
}

static void label_done(void *item)
{
	struct label *label = item;
	text_release(label->name);
	text_release(label->value);
}

static const struct element labels_element = {
	.size = sizeof(struct label),
	.what = "an object of labels like {\"tier\": \"web\"}",
	.equal = label_equal,
	.copy = label_copy,
	.done = label_done,
};

static int label_compare(const void *a, const void *b)
{
	return strcmp(((const struct label *)a)->name, ((const struct label *)b)->name);
}

static int labels_decode(
	const struct field *field, void *value, const json_t *json, struct error *error)
{
	if (!json_is_object(json))
		return decode_expected(error, labels_element.what, json);
	size_t count = json_object_size(json);
	if (field->maximum && count > field->maximum)
		return error_set(
			error, EINVAL, "has %zu labels, the most is %u", count, field->maximum);
	struct label_list list = {.items = memory_new(count * sizeof(struct label))};
	const char *name, *text;
	json_t *item;
	int result = 0;
	json_object_foreach ((json_t *)json, name, item) {
		result = label_name_check(name, error);
		if (!result)
			result = decode_string(&text, "a string (in quotes)", item, error);
		if (!result)
			result = label_value_check(text, error);
		if (result) {
			error_prefix_field(error, "%s", name);
			list_done(&labels_element, (struct list *)&list);
			return result;
		}
		list.items[list.count++] =
			(struct label){.name = text_share(name), .value = text_share(text)};
	}
	qsort(list.items, list.count, sizeof(struct label), label_compare);
	*(struct label_list *)value = list;
	return 0;
}

static json_t *labels_encode(const struct field *field, const void *value)
{
	(void)field;
	const struct label_list *list = value;
	json_t *object = json_object();
	for (size_t i = 0; i < list->count; i++)
		json_object_set_new(object, list->items[i].name, json_string(list->items[i].value));
	return object;
}

LIST_MEMORY(labels)

static json_t *labels_openapi(const struct field *field)
{
	json_t *schema = json_pack("{s:s, s:{s:s, s:i}}", "type", "object", "additionalProperties",
		"type", "string", "maxLength", 63);
	if (field->maximum)
		json_object_set_new(schema, "maxProperties", json_integer(field->maximum));
	return schema;
}

const struct field_type field_type_labels = {LIST_OPERATIONS(labels), .name = "labels",
	.help = "An object of strings, like `{\"tier\": \"web\"}`."};

// ---- allowed pairs ----

static void pair_done(void *item)
{
	list_done(&prefixes_element, (struct list *)&((struct allowed_pair *)item)->addresses);
}

static int pair_decode(void *item, const json_t *json, struct error *error)
{
	enum { ADDRESSES_MAXIMUM = 64 };
	if (!json_is_object(json))
		return decode_expected(
			error, "an object like {\"mac\": …, \"addresses\": […]}", json);
	struct allowed_pair pair = {0};
	const char *name;
	json_t *value;
	int result = 0;
	json_object_foreach ((json_t *)json, name, value) {
		if (json_is_null(value))
			continue;
		if (!strcmp(name, "mac"))
			result = decode_mac(&pair.mac, value, error);
		else if (!strcmp(name, "addresses"))
			result = list_decode(&prefixes_element, ADDRESSES_MAXIMUM,
				(struct list *)&pair.addresses, value, error);
		else
			result = error_set(error, EINVAL,
				"unknown field '%s', an allowed source has 'mac' and 'addresses'",
				name);
		if (result) {
			error_prefix_field(error, "%s", name);
			break;
		}
	}
	if (!result && !pair.addresses.count)
		result = error_set(error, EINVAL, "needs 'addresses', at least one prefix");
	if (result)
		pair_done(&pair);
	else
		*(struct allowed_pair *)item = pair;
	return result;
}

static json_t *pair_encode(const void *item)
{
	const struct allowed_pair *pair = item;
	char text[MAC_TEXT];
	json_t *object = json_object();
	if (!mac_is_zero(&pair->mac))
		json_object_set_new(object, "mac", json_string(mac_format(&pair->mac, text)));
	if (pair->addresses.items)
		json_object_set_new(object, "addresses",
			list_encode(&prefixes_element, (const struct list *)&pair->addresses));
	return object;
}

static int pair_order(const void *a, const void *b)
{
	const struct allowed_pair *left = a, *right = b;
	int order = mac_compare(&left->mac, &right->mac);
	return order ? order
		     : list_compare(&prefixes_element, (const struct list *)&left->addresses,
			       (const struct list *)&right->addresses);
}

static bool pair_equal(const void *a, const void *b)
{
	return !pair_order(a, b);
}

static void pair_copy(void *to, const void *from)
{
	const struct allowed_pair *pair = from;
	struct allowed_pair *copy = to;
	copy->mac = pair->mac;
	list_copy(&prefixes_element, (struct list *)&copy->addresses,
		(const struct list *)&pair->addresses);
}

static const struct element pairs_element = {
	.size = sizeof(struct allowed_pair),
	.what = "a list of allowed sources like [{\"mac\": …, \"addresses\": […]}]",
	.decode = pair_decode,
	.encode = pair_encode,
	.equal = pair_equal,
	.order = pair_order,
	.copy = pair_copy,
	.done = pair_done,
};

LIST_VALUE(pairs)

static json_t *pairs_openapi(const struct field *field)
{
	json_t *pair = json_pack("{s:s, s:b, s:[s], s:{s:{s:s}, s:{s:s, s:i, s:{s:s}}}}", "type",
		"object", "additionalProperties", 0, "required", "addresses", "properties", "mac",
		"$ref", "#/components/schemas/Mac", "addresses", "type", "array", "minItems", 1,
		"items", "$ref", "#/components/schemas/Prefix");
	return list_openapi(field, pair);
}

static const struct field_member pair_members[] = {
	{"addresses", "Prefixes, at least one"},
	{"mac", "The MAC address that goes with them; absent: the port's own"},
	{0},
};

const struct field_type field_type_pairs = {LIST_OPERATIONS(pairs), LIST_ITEMS(pairs),
	.name = "list of allowed sources",
	.help = "Objects, like `[{\"addresses\": [\"10.9.0.0/24\"]}]`.", .members = pair_members};
