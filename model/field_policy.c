// SPDX-License-Identifier: Apache-2.0
// Selectors, services and the rules of policies.
#include "list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

SAME_SHAPE(service_list);
SAME_SHAPE(peer_list);
SAME_SHAPE(policy_rule_list);

// ---- selector ----

static int selector_decode(
	const struct field *field, void *value, const json_t *json, struct error *error)
{
	(void)field;
	const char *text;
	int result = decode_string(&text, "a selector like tier=web, or any", json, error);
	return result ? result : selector_parse(value, text, error);
}

static json_t *selector_encode(const struct field *field, const void *value)
{
	(void)field;
	cleanup_free char *text = selector_format(value);
	return json_string(text);
}

static bool selector_equal(const void *a, const void *b)
{
	return !selector_compare(a, b);
}

static void selector_value_copy(void *to, const void *from)
{
	selector_copy(to, from);
}

static void selector_value_done(void *value)
{
	selector_done(value);
}

static json_t *selector_openapi(const struct field *field)
{
	(void)field;
	return json_pack("{s:s, s:s}", "type", "string", "default", "any");
}

const struct field_type field_type_selector = {
	.size = sizeof(struct selector),
	.decode = selector_decode,
	.encode = selector_encode,
	.equal = selector_equal,
	.copy = selector_value_copy,
	.done = selector_value_done,
	.openapi = selector_openapi,
	.always = true, // all zero is "any"
	.name = "selector",
	.help = "Labels that a port must have: `tier=web`, `tier!=web`, `tier in (a, b)`, "
		"`tier not in (a, b)`, `tier`, `!tier`; several with commas, then all must hold; "
		"or `any`.",
};

// ---- services ----

static int service_item_decode(void *item, const json_t *json, struct error *error)
{
	const char *text;
	int result = decode_string(&text, "a service like \"tcp/80\"", json, error);
	return result ? result : service_parse(item, text, error);
}

static json_t *service_item_encode(const void *item)
{
	char text[SERVICE_TEXT];
	return json_string(service_format(item, text));
}

static int service_item_order(const void *a, const void *b)
{
	return service_compare(a, b);
}

static bool service_item_equal(const void *a, const void *b)
{
	return !service_compare(a, b);
}

static void service_item_copy(void *to, const void *from)
{
	memcpy(to, from, sizeof(struct service));
}

const struct element services_element = {
	.size = sizeof(struct service),
	.what = "a list of services like [\"tcp/80\", \"udp/1000-2000\", \"icmp/8\"]",
	.decode = service_item_decode,
	.encode = service_item_encode,
	.equal = service_item_equal,
	.order = service_item_order,
	.copy = service_item_copy,
};

// ---- peers ----

enum { PEERS_MAXIMUM = 256 };

static const char set_mark[] = "set:";

static void peer_done(void *item)
{
	struct peer *peer = item;
	selector_done(&peer->selector);
	free(peer->name);
}

// What nobody writes as a label alone: a colon, or only digits, dots and a slash. It is told apart
// so that a prefix with a mistake is not taken for a label.
static bool looks_like_prefix(const char *text)
{
	return strchr(text, ':') || (*text && !text[strspn(text, "0123456789./")]);
}

static int decode_set(struct peer *peer, const char *name, struct error *error)
{
	int result = model_name_check(name, error);
	if (result)
		return result;
	peer->kind = PEER_SET;
	peer->name = memory_text(name);
	return 0;
}

static int peer_decode(void *item, const json_t *json, struct error *error)
{
	struct peer peer = {0};
	const char *text;
	int result = decode_string(&text,
		"\"any\", a selector like \"tier=web\", a prefix or \"set:NAME\"", json, error);
	if (result)
		return result;
	if (!strncmp(text, set_mark, sizeof(set_mark) - 1)) {
		result = decode_set(&peer, text + sizeof(set_mark) - 1, error);
	} else if (looks_like_prefix(text)) {
		peer.kind = PEER_PREFIX;
		result = decode_prefix(&peer.prefix, json, error);
	} else {
		result = selector_parse(&peer.selector, text, error);
		peer.kind = peer.selector.count ? PEER_SELECTOR : PEER_ANY;
	}
	if (!result)
		*(struct peer *)item = peer;
	return result;
}

static json_t *peer_encode(const void *item)
{
	const struct peer *peer = item;
	char prefix[PREFIX_TEXT];
	switch (peer->kind) {
	case PEER_SELECTOR: {
		cleanup_free char *text = selector_format(&peer->selector);
		return json_string(text);
	}
	case PEER_PREFIX:
		return json_string(prefix_format(&peer->prefix, prefix));
	case PEER_SET:
		return json_sprintf("%s%s", set_mark, peer->name);
	case PEER_ANY:
		break;
	}
	return json_string("any");
}

static int peer_order(const void *a, const void *b)
{
	const struct peer *left = a, *right = b;
	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	switch (left->kind) {
	case PEER_SELECTOR:
		return selector_compare(&left->selector, &right->selector);
	case PEER_PREFIX:
		return prefixes_element.order(&left->prefix, &right->prefix);
	case PEER_SET:
		return strcmp(left->name, right->name);
	case PEER_ANY:
		break;
	}
	return 0;
}

static bool peer_equal(const void *a, const void *b)
{
	return !peer_order(a, b);
}

static void peer_copy(void *to, const void *from)
{
	const struct peer *peer = from;
	struct peer *copy = to;
	*copy = *peer;
	selector_copy(&copy->selector, &peer->selector);
	copy->name = memory_text(peer->name);
}

static const struct element peers_element = {
	.size = sizeof(struct peer),
	.what = "\"any\", a selector, a prefix, \"set:NAME\", or a list of these",
	.decode = peer_decode,
	.encode = peer_encode,
	.equal = peer_equal,
	.order = peer_order,
	.copy = peer_copy,
	.done = peer_done,
};

static void peers_any(struct peer_list *peers)
{
	*peers = (struct peer_list){1, memory_new(sizeof(struct peer))};
}

// One peer, or a list of some.
static int peers_decode(struct peer_list *out, const json_t *json, struct error *error)
{
	struct peer_list peers = {0};
	if (!json_is_array(json)) {
		if (!json_is_string(json))
			return decode_expected(error, peers_element.what, json);
		peers_any(&peers);
		int result = peer_decode(peers.items, json, error);
		if (result)
			free(peers.items);
		else
			*out = peers;
		return result;
	}
	int result = list_decode(&peers_element, PEERS_MAXIMUM, (struct list *)&peers, json, error);
	if (!result && !peers.count)
		result = error_set(error, EINVAL, "is empty; \"any\" says everybody");
	for (size_t i = 0; !result && peers.count > 1 && i < peers.count; i++)
		if (peers.items[i].kind == PEER_ANY) {
			error_set_field(error, "[%zu]", i);
			result =
				error_set(error, EINVAL, "is everybody, so the others say nothing");
		}
	if (result)
		list_done(&peers_element, (struct list *)&peers);
	else
		*out = peers;
	return result;
}

static json_t *peers_encode(const struct peer_list *peers)
{
	if (peers->count == 1)
		return peer_encode(peers->items);
	return list_encode(&peers_element, (const struct list *)peers);
}

// ---- rules ----

enum { PRIORITY_MAXIMUM = UINT16_MAX, PRIORITY_DEFAULT = 1000, SERVICES_MAXIMUM = 256 };

static const char *const directions[] = {
	[RULE_INGRESS] = "ingress", [RULE_EGRESS] = "egress", NULL};
static const char *const actions[] = {[RULE_ALLOW] = "allow",
	[RULE_ALLOW_STATELESS] = "allow-stateless",
	[RULE_DROP] = "drop",
	[RULE_REJECT] = "reject",
	NULL};

static void rule_done(void *item)
{
	struct policy_rule *rule = item;
	free(rule->name);
	list_done(&peers_element, (struct list *)&rule->from);
	list_done(&peers_element, (struct list *)&rule->to);
	list_done(&services_element, (struct list *)&rule->ports);
	list_done(&services_element, (struct list *)&rule->source_ports);
}

static int decode_services(struct service_list *out, const json_t *json, struct error *error)
{
	int result =
		list_decode(&services_element, SERVICES_MAXIMUM, (struct list *)out, json, error);
	return result || out->count
		       ? result
		       : error_set(error, EINVAL, "is empty; leave it out for every service");
}

static int decode_rule_name(char **out, const json_t *json, struct error *error)
{
	const char *text;
	int result = decode_string(&text, "a name", json, error);
	if (!result)
		result = model_name_check(text, error);
	if (!result)
		*out = memory_text(text);
	return result;
}

static int decode_log(bool *out, const json_t *json, struct error *error)
{
	if (!json_is_boolean(json))
		return decode_expected(error, "true or false", json);
	*out = json_is_true(json);
	return 0;
}

static int decode_rule_field(struct policy_rule *rule, bool *acts, const char *name,
	const json_t *value, struct error *error)
{
	int word = 0, result;
	if (!strcmp(name, "name"))
		return decode_rule_name(&rule->name, value, error);
	if (!strcmp(name, "priority"))
		return decode_number(&rule->priority, 0, PRIORITY_MAXIMUM, value, error);
	if (!strcmp(name, "direction")) {
		result = decode_word(&word, directions, value, error);
		rule->direction = (enum rule_direction)word;
		return result;
	}
	if (!strcmp(name, "action")) {
		result = decode_word(&word, actions, value, error);
		rule->action = (enum rule_action)word;
		*acts = true;
		return result;
	}
	if (!strcmp(name, "from"))
		return peers_decode(&rule->from, value, error);
	if (!strcmp(name, "to"))
		return peers_decode(&rule->to, value, error);
	if (!strcmp(name, "ports"))
		return decode_services(&rule->ports, value, error);
	if (!strcmp(name, "source_ports"))
		return decode_services(&rule->source_ports, value, error);
	if (!strcmp(name, "log"))
		return decode_log(&rule->log, value, error);
	return error_set(error, EINVAL,
		"unknown field '%s', a rule has name, priority, direction, action, from, to, "
		"ports, "
		"source_ports, log",
		name);
}

static int source_ports_check(const struct policy_rule *rule, struct error *error)
{
	bool common = !rule->ports.items;
	for (size_t i = 0; i < rule->source_ports.count; i++) {
		const struct service *source = &rule->source_ports.items[i];
		char text[SERVICE_TEXT];
		if (!protocol_has_ports(source->protocol)) {
			error_set_field(error, "source_ports[%zu]", i);
			return error_set(error, EINVAL, "'%s': this protocol has no ports",
				service_format(source, text));
		}
		for (size_t j = 0; j < rule->ports.count; j++)
			common |= rule->ports.items[j].protocol == source->protocol;
	}
	if (!rule->source_ports.count || common)
		return 0;
	error_set_field(error, "source_ports");
	return error_set(
		error, EINVAL, "has no protocol in common with 'ports': no packet can match both");
}

static int rule_decode(void *item, const json_t *json, struct error *error)
{
	if (!json_is_object(json))
		return decode_expected(error,
			"an object like {\"to\": \"tier=web\", \"from\": \"any\", \"ports\": "
			"[\"tcp/80\"], \"action\": \"allow\"}",
			json);
	struct policy_rule rule = {.priority = PRIORITY_DEFAULT};
	bool acts = false;
	const char *name;
	json_t *value;
	int result = 0;
	json_object_foreach ((json_t *)json, name, value) {
		if (json_is_null(value))
			continue;
		result = decode_rule_field(&rule, &acts, name, value, error);
		if (result) {
			error_prefix_field(error, "%s", name);
			break;
		}
	}
	if (!result && !acts)
		result = error_set(
			error, EINVAL, "needs 'action': allow, allow-stateless, drop or reject");
	if (!result)
		result = source_ports_check(&rule, error);
	if (result) {
		rule_done(&rule);
		return result;
	}
	if (!rule.from.items)
		peers_any(&rule.from);
	if (!rule.to.items)
		peers_any(&rule.to);
	*(struct policy_rule *)item = rule;
	return 0;
}

static json_t *rule_encode(const void *item)
{
	const struct policy_rule *rule = item;
	json_t *json = json_object();
	if (rule->name)
		json_object_set_new(json, "name", json_string(rule->name));
	json_object_set_new(json, "priority", json_integer(rule->priority));
	json_object_set_new(json, "direction", json_string(directions[rule->direction]));
	json_object_set_new(json, "action", json_string(actions[rule->action]));
	json_object_set_new(json, "from", peers_encode(&rule->from));
	json_object_set_new(json, "to", peers_encode(&rule->to));
	if (rule->ports.items)
		json_object_set_new(json, "ports",
			list_encode(&services_element, (const struct list *)&rule->ports));
	if (rule->source_ports.items)
		json_object_set_new(json, "source_ports",
			list_encode(&services_element, (const struct list *)&rule->source_ports));
	if (rule->log)
		json_object_set_new(json, "log", json_true());
	return json;
}

static bool services_equal(const struct service_list *a, const struct service_list *b)
{
	return list_equal(&services_element, (const struct list *)a, (const struct list *)b);
}

static bool peers_equal(const struct peer_list *a, const struct peer_list *b)
{
	return list_equal(&peers_element, (const struct list *)a, (const struct list *)b);
}

static bool names_equal(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool rule_equal(const void *a, const void *b)
{
	const struct policy_rule *left = a, *right = b;
	return names_equal(left->name, right->name) && left->priority == right->priority &&
	       left->direction == right->direction && left->action == right->action &&
	       left->log == right->log && peers_equal(&left->from, &right->from) &&
	       peers_equal(&left->to, &right->to) && services_equal(&left->ports, &right->ports) &&
	       services_equal(&left->source_ports, &right->source_ports);
}

// Names are unique. Rules without one never repeat each other: they differ by where they stand.
static int rule_order(const void *a, const void *b)
{
	const char *left = ((const struct policy_rule *)a)->name;
	const char *right = ((const struct policy_rule *)b)->name;
	if (left && right)
		return strcmp(left, right);
	if (!left && !right)
		return a < b ? -1 : a > b;
	return left ? 1 : -1;
}

static void rule_copy(void *to, const void *from)
{
	const struct policy_rule *rule = from;
	struct policy_rule *copy = to;
	*copy = (struct policy_rule){.name = memory_text(rule->name),
		.priority = rule->priority,
		.direction = rule->direction,
		.action = rule->action,
		.log = rule->log};
	list_copy(&peers_element, (struct list *)&copy->from, (const struct list *)&rule->from);
	list_copy(&peers_element, (struct list *)&copy->to, (const struct list *)&rule->to);
	list_copy(
		&services_element, (struct list *)&copy->ports, (const struct list *)&rule->ports);
	list_copy(&services_element, (struct list *)&copy->source_ports,
		(const struct list *)&rule->source_ports);
}

static const struct element rules_element = {
	.size = sizeof(struct policy_rule),
	.what = "a list of rules like [{\"to\": \"tier=web\", \"from\": \"any\", \"ports\": "
		"[\"tcp/80\"], \"action\": \"allow\"}]",
	.decode = rule_decode,
	.encode = rule_encode,
	.equal = rule_equal,
	.order = rule_order,
	.repeats = "has the name of",
	.copy = rule_copy,
	.done = rule_done,
};

LIST_VALUE(rules)

static json_t *words_openapi(const char *const *words)
{
	json_t *list = json_array();
	for (; *words; words++)
		json_array_append_new(list, json_string(*words));
	return json_pack("{s:s, s:o}", "type", "string", "enum", list);
}

static json_t *peers_openapi(void)
{
	return json_pack("{s:[{s:s}, {s:s, s:i, s:i, s:{s:s}}], s:s}", "oneOf", "type", "string",
		"type", "array", "minItems", 1, "maxItems", PEERS_MAXIMUM, "items", "type",
		"string", "default", "any");
}

static json_t *services_openapi(void)
{
	return json_pack("{s:s, s:i, s:i, s:{s:s}}", "type", "array", "minItems", 1, "maxItems",
		SERVICES_MAXIMUM, "items", "$ref", "#/components/schemas/Service");
}

static json_t *rules_openapi(const struct field *field)
{
	json_t *properties = json_pack(
		"{s:{s:s}, s:{s:s, s:i, s:i, s:i}, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:s, s:b}}",
		"name", "$ref", "#/components/schemas/Name", "priority", "type", "integer",
		"minimum", 0, "maximum", PRIORITY_MAXIMUM, "default", PRIORITY_DEFAULT, "direction",
		words_openapi(directions), "action", words_openapi(actions), "from",
		peers_openapi(), "to", peers_openapi(), "ports", services_openapi(), "source_ports",
		services_openapi(), "log", "type", "boolean", "default", 0);
	json_t *schema = list_openapi(
		field, json_pack("{s:s, s:b, s:[s], s:o}", "type", "object", "additionalProperties",
			       0, "required", "action", "properties", properties));
	json_object_del(schema, "uniqueItems");
	return schema;
}

static int visit_sets(const struct peer_list *peers, const char *path, const struct object *object,
	object_reference_visit visit, void *context)
{
	int result = 0;
	for (size_t i = 0; !result && i < peers->count; i++) {
		if (peers->items[i].kind != PEER_SET)
			continue;
		char item[64];
		snprintf(item, sizeof(item), peers->count > 1 ? "%s[%zu]" : "%s", path, i);
		result = visit(
			context, item, MODEL_ADDRESS_SET, object->tenant, peers->items[i].name);
	}
	return result;
}

static int rules_references(const struct field *field, const struct object *object,
	object_reference_visit visit, void *context)
{
	const struct policy_rule_list *list = field_value(field, object);
	int result = 0;
	for (size_t i = 0; !result && i < list->count; i++) {
		char path[48];
		snprintf(path, sizeof(path), "%s[%zu].from", field->name, i);
		result = visit_sets(&list->items[i].from, path, object, visit, context);
		snprintf(path, sizeof(path), "%s[%zu].to", field->name, i);
		if (!result)
			result = visit_sets(&list->items[i].to, path, object, visit, context);
	}
	return result;
}

static const struct field_member rule_members[] = {
	{"action", "`allow`; `allow-stateless`, whose replies need a rule of their own; `drop`; or "
		   "`reject`, which tells the sender. Required"},
	{"direction", "`ingress`, to the ports of the policy, the default; or `egress`, from them"},
	{"from", "Who sends: `any`, the default; a selector of ports, `tier=web`; a prefix; "
		 "`set:NAME`, an address set; or a list of these"},
	{"to", "Who receives, likewise"},
	{"ports", "Services: `tcp/80`, `udp/1000-2000`, `tcp`, `icmp/8`, `47`; absent: all"},
	{"source_ports", "Services that packets come from: `tcp/1024-65535`; absent: all"},
	{"priority", "0 to 65535, higher first, default 1000"},
	{"name", "Once in the policy; counters and traces show it"},
	{"log", "Tell what it decides: of a rule that allows, each new connection; of one that "
		"does not, each "
		"packet; of each rule and host 10 at once and 10 a second. In the log of the "
		"host's agent, and the newest "
		"in the status of the policy"},
	{0},
};

const struct field_type field_type_rules = {LIST_OPERATIONS(rules), LIST_ITEMS(rules),
	.name = "list of rules",
	.help = "Objects, like `[{\"from\": \"tier=web\", \"ports\": [\"tcp/80\"], \"action\": "
		"\"allow\"}]`.",
	.members = rule_members, .references = rules_references};
