// SPDX-License-Identifier: Apache-2.0
#include "field_type.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

// ---- decoding, shared with lists ----

static const char *json_kind(const json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "an integer";
	case JSON_REAL:
		return "a number with a fraction";
	case JSON_TRUE:
		return "true";
	case JSON_FALSE:
		return "false";
	case JSON_NULL:
		break;
	}
	return "null";
}

int decode_expected(struct error *error, const char *what, const json_t *found)
{
	return error_set(error, EINVAL, "expected %s, found %s", what, json_kind(found));
}

int decode_string(const char **out, const char *what, const json_t *json, struct error *error)
{
	if (!json_is_string(json))
		return decode_expected(error, what, json);
	const char *text = json_string_value(json);
	if (strlen(text) != json_string_length(json))
		return error_set(error, EINVAL, "holds a NUL character");
	*out = text;
	return 0;
}

// Why it is none of the words.
static int refuse_word(const char *const *words, const json_t *json, struct error *error)
{
	char known[256] = "";
	for (int i = 0; words[i]; i++) {
		const char *separator = !i ? "" : words[i + 1] ? ", " : " or ";
		size_t used = strlen(known);
		snprintf(known + used, sizeof(known) - used, "%s'%s'", separator, words[i]);
	}
	const char *text;
	int result = decode_string(&text, known, json, error);
	return result ? result : error_set(error, EINVAL, "must be %s, not '%s'", known, text);
}

int decode_word(int *out, const char *const *words, const json_t *json, struct error *error)
{
	const char *text = json_string_value(json);
	size_t length = json_string_length(json);
	for (int i = 0; text && words[i]; i++)
		if (strlen(words[i]) == length && !memcmp(words[i], text, length)) {
			*out = i;
			return 0;
		}
	return refuse_word(words, json, error);
}

int decode_number(
	uint32_t *out, uint32_t minimum, uint32_t maximum, const json_t *json, struct error *error)
{
	if (!json_is_integer(json))
		return decode_expected(error, "an integer", json);
	json_int_t number = json_integer_value(json);
	if (number < minimum || number > maximum)
		return error_set(error, EINVAL, "must be from %u to %u, not %" JSON_INTEGER_FORMAT,
			minimum, maximum, number);
	*out = (uint32_t)number;
	return 0;
}

int decode_mac(struct mac *out, const json_t *json, struct error *error)
{
	static const char what[] = "a MAC address like 02:00:00:00:00:01";
	const char *text;
	struct mac mac;
	int result = decode_string(&text, what, json, error);
	if (result)
		return result;
	if (mac_parse(text, &mac))
		return error_set(error, EINVAL, "'%s' is not %s", text, what);
	if (mac_is_zero(&mac) || mac_is_multicast(&mac))
		return error_set(error, EINVAL, "'%s' is a%s address, not that of one interface",
			text, mac_is_zero(&mac) ? "n all-zero" : " multicast");
	*out = mac;
	return 0;
}

int decode_address(struct address *out, const json_t *json, struct error *error)
{
	static const char what[] = "an IP address like 10.0.0.1 or fd00::1";
	const char *text, *not_unicast;
	struct address address;
	int result = decode_string(&text, what, json, error);
	if (result)
		return result;
	if (address_parse(text, &address))
		return error_set(error, EINVAL, "'%s' is not %s", text, what);
	not_unicast = address_not_unicast(&address);
	if (not_unicast)
		return error_set(
			error, EINVAL, "'%s' is %s, not that of one interface", text, not_unicast);
	*out = address;
	return 0;
}

const char *address_not_unicast(const struct address *address)
{
	static const uint8_t ones[4] = {0xff, 0xff, 0xff, 0xff};
	if (address_is_zero(address))
		return "the unspecified address";
	if (address_is_multicast(address))
		return "a multicast address";
	if (address_is_ipv4(address) && !memcmp(address->bytes + 12, ones, sizeof(ones)))
		return "the broadcast address";
	return NULL;
}

// ---- text, and what is stored as text ----

static json_t *text_encode(const struct field *field, const void *value)
{
	(void)field;
	return json_string(*(char *const *)value);
}

static bool text_equal(const void *a, const void *b)
{
	const char *left = *(char *const *)a, *right = *(char *const *)b;
	return left && right ? !strcmp(left, right) : left == right;
}

static void text_copy(void *to, const void *from)
{
	*(const char **)to = text_share(*(char *const *)from);
}

static void text_done(void *value)
{
	text_release(*(const char **)value);
	*(const char **)value = NULL;
}

static int text_decode(
	const struct field *field, void *value, const json_t *json, struct error *error)
{
	const char *text;
	int result = decode_string(&text, "a string", json, error);
	if (result)
		return result;
	if (field->maximum && strlen(text) > field->maximum)
		return error_set(error, EINVAL, "is %zu bytes long, the most is %u", strlen(text),
			field->maximum);
	for (const char *at = text; *at; at++)
		if (((unsigned char)*at < ' ' && *at != '\n' && *at != '\t') || *at == 0x7f)
			return error_set(error, EINVAL, "holds a control character (0x%02x)",
				(unsigned char)*at);
	*(const char **)value = text_share(text);
	return 0;
}

static json_t *text_openapi(const struct field *field)
{
	json_t *schema = json_pack("{s:s}", "type", "string");
	if (field->maximum)
		json_object_set_new(schema, "maxLength", json_integer(field->maximum));
	return schema;
}

#define TEXT_VALUE                                                                             \
	.size = sizeof(char *), .encode = text_encode, .equal = text_equal, .copy = text_copy, \
	.done = text_done

const struct field_type field_type_text = {
	TEXT_VALUE, .name = "string", .decode = text_decode, .openapi = text_openapi};

// As the kernel's dev_valid_name() has it.
static int device_decode(
	const struct field *field, void *value, const json_t *json, struct error *error)
{
	(void)field;
	const char *text;
	int result = decode_string(&text, "the name of a network interface", json, error);
	if (result)
		return result;
	if (!*text || strlen(text) > 15)
		return error_set(
			error, EINVAL, "'%s': the name of an interface has 1 to 15 bytes", text);
	if (!strcmp(text, ".") || !strcmp(text, ".."))
		return error_set(error, EINVAL, "'%s' cannot be the name of an interface", text);
	for (const char *at = text; *at; at++)
		if ((unsigned char)*at <= ' ' || *at == '/' || *at == ':' || *at == 0x7f)
			return error_set(error, EINVAL,
				"'%s': the name of an interface has no space, control character, / "
				"or :",
				text);
	*(const char **)value = text_share(text);
	return 0;
}

static json_t *device_openapi(const struct field *field)
{
	(void)field;
	return json_pack("{s:s, s:i, s:i, s:s}", "type", "string", "minLength", 1, "maxLength", 15,
		"pattern", "^[^\\s/:]+$");
}

const struct field_type field_type_device = {TEXT_VALUE, .name = "interface name",
	.help = "The name of a Linux network interface: 1 to 15 bytes without space, `/` and `:`.",
	.decode = device_decode, .openapi = device_openapi};

static int reference_decode(
	const struct field *field, void *value, const json_t *json, struct error *error)
{
	const char *text;
	char what[64] = "a name";
	if (!json_is_string(json))
		snprintf(what, sizeof(what), "the name of a %s",
			model_kind_name(field->type->target));
	int result = decode_string(&text, what, json, error);
	if (!result)
		result = model_name_check(text, error);
	if (!result)
		*(const char **)value = text_share(text);
	return result;
}

static json_t *reference_openapi(const struct field *field)
{
	(void)field;
	return json_pack("{s:s}", "$ref", "#/components/schemas/Name");
}

#define REFERENCE_VALUE \
	TEXT_VALUE, .decode = reference_decode, .openapi = reference_openapi, .reference = true

const struct field_type field_type_network = {
	REFERENCE_VALUE, .target = MODEL_NETWORK, .name = "name of a network"};
const struct field_type field_type_host = {
	REFERENCE_VALUE, .target = MODEL_HOST, .name = "name of a host"};

// ---- flag, number, choice ----

PLAIN_VALUE(flag, bool)

static int flag_decode(
	const struct field *field, void *value, const json_t *json, struct error *error)
{
	(void)field;
	if (!json_is_boolean(json))
		return decode_expected(error, "true or false", json);
	*(bool *)value = json_is_true(json);
	return 0;
}

static json_t *flag_encode(const struct field *field, const void *value)
{
	(void)field;
	return json_boolean(*(const bool *)value);
}

static json_t *flag_openapi(const struct field *field)
{
	return json_pack("{s:s, s:b}", "type", "boolean", "default", field->fallback != 0);
}

const struct field_type field_type_flag = {
	PLAIN_OPERATIONS(flag, bool), .name = "boolean", .always = true};

PLAIN_VALUE(number, uint32_t)

static uint32_t number_maximum(const struct field *field)
{
	return field->maximum ? field->maximum : UINT32_MAX;
}

// Zero is how an absent number is held: a range that begins at 0 begins at 1 here.
static uint32_t number_minimum(const struct field *field)
{
	return field->minimum ? field->minimum : 1;
}

static int number_decode(
	const struct field *field, void *value, const json_t *json, struct error *error)
{
	return decode_number(value, number_minimum(field), number_maximum(field), json, error);
}

static json_t *number_encode(const struct field *field, const void *value)
{
	(void)field;
	return json_integer(*(const uint32_t *)value);
}

static json_t *number_openapi(const struct field *field)
{
	json_t *schema = json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum",
		(json_int_t)number_minimum(field), "maximum", (json_int_t)number_maximum(field));
	if (field->fallback)
		json_object_set_new(schema, "default", json_integer(field->fallback));
	return schema;
}

const struct field_type field_type_number = {PLAIN_OPERATIONS(number, uint32_t), .name = "integer"};

// A number that may be 0, which is then its default.
PLAIN_VALUE(tier, uint32_t)

static int tier_decode(
	const struct field *field, void *value, const json_t *json, struct error *error)
{
	return decode_number(value, 0, field->maximum, json, error);
}

static json_t *tier_encode(const struct field *field, const void *value)
{
	return number_encode(field, value);
}

static json_t *tier_openapi(const struct field *field)
{
	return json_pack("{s:s, s:i, s:I, s:i}", "type", "integer", "minimum", 0, "maximum",
		(json_int_t)field->maximum, "default", 0);
}

const struct field_type field_type_tier = {
	PLAIN_OPERATIONS(tier, uint32_t), .name = "integer", .always = true};

// A choice is held as its enum, which has the size of an int.
PLAIN_VALUE(choice, int)

static int choice_decode(
	const struct field *field, void *value, const json_t *json, struct error *error)
{
	return decode_word(value, field->type->choices, json, error);
}

static json_t *choice_encode(const struct field *field, const void *value)
{
	return json_string(field->type->choices[*(const int *)value]);
}

static json_t *choice_openapi(const struct field *field)
{
	json_t *words = json_array();
	for (const char *const *word = field->type->choices; *word; word++)
		json_array_append_new(words, json_string(*word));
	return json_pack("{s:s, s:o, s:s}", "type", "string", "enum", words, "default",
		field->type->choices[field->fallback]);
}

_Static_assert(sizeof(enum encapsulation) == sizeof(int), "a choice is held as an int");
_Static_assert(sizeof(enum unknown_unicast) == sizeof(int), "a choice is held as an int");
_Static_assert(sizeof(enum policy_default) == sizeof(int), "a choice is held as an int");
_Static_assert(sizeof(enum policy_established) == sizeof(int), "a choice is held as an int");

static const char *const encapsulations[] = {
	[ENCAPSULATION_GENEVE] = "geneve", [ENCAPSULATION_VXLAN] = "vxlan", NULL};
static const char *const unknown_unicasts[] = {
	[UNKNOWN_UNICAST_DROP] = "drop", [UNKNOWN_UNICAST_FLOOD] = "flood", NULL};
static const char *const policy_defaults[] = {
	[POLICY_DROP] = "drop", [POLICY_ALLOW] = "allow", NULL};
static const char *const policy_establisheds[] = {
	[ESTABLISHED_STOP] = "stop", [ESTABLISHED_KEEP] = "keep", NULL};

#define CHOICE_VALUE PLAIN_OPERATIONS(choice, int), .name = "choice", .always = true

const struct field_type field_type_encapsulation = {CHOICE_VALUE, .choices = encapsulations};
const struct field_type field_type_unknown_unicast = {CHOICE_VALUE, .choices = unknown_unicasts};
const struct field_type field_type_policy_default = {CHOICE_VALUE, .choices = policy_defaults};
const struct field_type field_type_policy_established = {
	CHOICE_VALUE, .choices = policy_establisheds};

// ---- MAC and IP address ----

PLAIN_VALUE(mac, struct mac)

static int mac_decode(
	const struct field *field, void *value, const json_t *json, struct error *error)
{
	(void)field;
	return decode_mac(value, json, error);
}

static json_t *mac_encode(const struct field *field, const void *value)
{
	(void)field;
	char text[MAC_TEXT];
	return json_string(mac_format(value, text));
}

static json_t *mac_openapi(const struct field *field)
{
	(void)field;
	return json_pack("{s:s}", "$ref", "#/components/schemas/Mac");
}

const struct field_type field_type_mac = {PLAIN_OPERATIONS(mac, struct mac), .name = "MAC address",
	.help = "A unicast MAC address, like `02:00:00:00:00:01`."};

PLAIN_VALUE(address, struct address)

static int address_decode(
	const struct field *field, void *value, const json_t *json, struct error *error)
{
	(void)field;
	return decode_address(value, json, error);
}

static json_t *address_encode(const struct field *field, const void *value)
{
	(void)field;
	char text[ADDRESS_TEXT];
	return json_string(address_format(value, text));
}

static json_t *address_openapi(const struct field *field)
{
	(void)field;
	return json_pack("{s:s}", "$ref", "#/components/schemas/Address");
}

const struct field_type field_type_address = {PLAIN_OPERATIONS(address, struct address),
	.name = "IP address",
	.help = "A unicast IPv4 or IPv6 address, like `10.0.0.1` or `fd00::1`."};
