// SPDX-License-Identifier: Apache-2.0
#include "related.h"

#include <string.h>
#include <utstring.h>

#include "base/clock.h"
#include "base/memory.h"
#include "output.h"
#include "table.h"
#include "view.h"

// Of more rows than that, the rest is only counted.
enum { ROWS_SHOWN = 50 };

// ---- what several need ----

static const char *text(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

// Objects of a kind in the tenant (NULL: in all). A new reference.
static int list(struct client *client, enum model_kind kind, const char *tenant, json_t **items,
	struct error *error)
{
	cleanup_free char *path = client_path(kind, tenant, NULL);
	json_t *answer;
	int rc = client_request(client, "GET", path, NULL, CLIENT_TIMEOUT_MS, &answer, error);

	if (rc)
		return rc;
	*items = json_incref(json_object_get(answer, "items"));
	json_decref(answer);
	return 0;
}

static struct object *decode(enum model_kind kind, const json_t *item)
{
	struct error ignored = {0};
	struct object *object = NULL;
	const char *name = text(item, "name");

	object_decode(&object, kind, text(item, "tenant"), name ? name : "", item, true, &ignored);
	return object;
}

// "a", or the texts of a list joined with commas; NULL if there is nothing. Owned by the caller (free).
static char *join(const json_t *value)
{
	UT_string joined;
	size_t index;
	json_t *item;

	if (json_is_string(value))
		return memory_text(json_string_value(value));
	if (!json_array_size(value))
		return NULL;
	utstring_init(&joined);
	json_array_foreach ((json_t *)value, index, item)
		utstring_printf(&joined, "%s%s", index ? "," : "", json_string_value(item));
	return utstring_body(&joined);
}

static void cell(struct table *table, const json_t *value)
{
	cleanup_free char *joined = join(value);

	table_cell(table, joined, TABLE_PLAIN);
}

static void cell_number(struct table *table, const json_t *value)
{
	cleanup_free char *number =
		memory_format("%" JSON_INTEGER_FORMAT, json_integer_value(value));

	table_cell(table, json_is_integer(value) ? number : NULL, TABLE_PLAIN);
}

static struct table *open_table(const char *const *columns)
{
	struct table *table;

	table_new(&table, output_coloured(stdout));
	for (; *columns; columns++)
		table_column(table, *columns);
	return table;
}

// "Ports: none", or the table under its heading. `count` is how many there would be. Frees the table.
static void close_table(const char *heading, struct table *table, size_t count)
{
	if (!count) {
		printf("%-20s none\n", heading);
	} else {
		printf("%s\n", heading);
		table_print(table, stdout);
		if (count > table_rows(table))
			printf("and %zu more\n", count - table_rows(table));
	}
	table_free(table);
}

// ---- ports, of a network, a host or a policy ----

typedef bool (*port_judge)(const struct object *owner, const struct port *port);

static bool on_network(const struct object *owner, const struct port *port)
{
	return !strcmp(owner->name, port->network);
}

static bool on_host(const struct object *owner, const struct port *port)
{
	return port->host && !strcmp(owner->name, port->host);
}

static bool is_protected(const struct object *owner, const struct port *port)
{
	return selector_matches(&((const struct policy *)owner)->applies_to, &port->labels);
}

static int print_ports(
	struct client *client, const struct object *owner, port_judge judge, struct error *error)
{
	static const char *const columns[] = {"NAME", "ADDRESSES", "HOST", "DEVICE", "STATE", NULL};
	struct table *table;
	json_t *items, *item;
	size_t index, count = 0;
	int rc = list(client, MODEL_PORT, owner->tenant, &items, error);

	if (rc)
		return rc;
	table = open_table(columns);
	json_array_foreach (items, index, item) {
		cleanup_object struct object *port = decode(MODEL_PORT, item);
		if (!port || !judge(owner, (struct port *)port) || count++ >= ROWS_SHOWN)
			continue;
		cleanup_free char *path = memory_format("%s/%s", port->tenant, port->name);
		table_row(table);
		table_cell(table, owner->tenant ? port->name : path, TABLE_PLAIN);
		cell(table, json_object_get(item, "addresses"));
		cell(table, json_object_get(item, "host"));
		cell(table, json_object_get(item, "device"));
		table_cell(table, view_state(item), view_state_colour(view_state(item)));
	}
	close_table("Ports:", table, count);
	json_decref(items);
	return 0;
}

// ---- routers ----

// The addresses of the router on the network, given or as they follow from the subnets.
static void cell_addresses(
	struct table *table, const struct router_network *joined, const struct network *network)
{
	struct address_list addresses =
		network ? router_addresses(joined, network) : (struct address_list){0};
	UT_string joined_text;
	char one[ADDRESS_TEXT];

	utstring_init(&joined_text);
	for (size_t i = 0; i < addresses.count; i++)
		utstring_printf(&joined_text, "%s%s", i ? "," : "",
			address_format(&addresses.items[i], one));
	table_cell(table, utstring_body(&joined_text), TABLE_PLAIN);
	utstring_done(&joined_text);
	free(addresses.items);
}

static struct object *find(const json_t *items, enum model_kind kind, const char *name)
{
	size_t index;
	json_t *item;

	json_array_foreach ((json_t *)items, index, item)
		if (text(item, "name") && !strcmp(text(item, "name"), name))
			return decode(kind, item);
	return NULL;
}

static void print_routes(const json_t *routes)
{
	static const char *const columns[] = {"TO", "VIA", "FROM", "PORTS", "PRIORITY", NULL};
	struct table *table = open_table(columns);
	size_t index;
	json_t *route;

	json_array_foreach ((json_t *)routes, index, route) {
		const json_t *via = json_object_get(route, "via");
		if (index >= ROWS_SHOWN)
			break;
		table_row(table);
		cell(table, json_object_get(route, "to"));
		cell(table, via ? via : json_object_get(route, "action"));
		cell(table, json_object_get(route, "from"));
		cell(table, json_object_get(route, "ports"));
		cell_number(table, json_object_get(route, "priority"));
	}
	close_table("Routes:", table, json_array_size(routes));
}

static int print_router(
	struct client *client, const struct object *object, const json_t *json, struct error *error)
{
	static const char *const columns[] = {"NETWORK", "ADDRESSES", "SUBNETS", NULL};
	const struct router *router = (const struct router *)object;
	struct table *table;
	json_t *networks;
	int rc = list(client, MODEL_NETWORK, object->tenant, &networks, error);

	if (rc)
		return rc;
	table = open_table(columns);
	for (size_t i = 0; i < router->networks.count && i < ROWS_SHOWN; i++) {
		const struct router_network *joined = &router->networks.items[i];
		cleanup_object struct object *network =
			find(networks, MODEL_NETWORK, joined->network);
		cleanup_free char *subnets = network ? object_field_text(network, "subnets") : NULL;
		table_row(table);
		table_cell(table, joined->network, TABLE_PLAIN);
		cell_addresses(table, joined, (struct network *)network);
		table_cell(table, subnets, TABLE_PLAIN);
	}
	close_table("Networks:", table, router->networks.count);
	print_routes(json_object_get(json, "routes"));
	json_decref(networks);
	return 0;
}

// The routers that join the network, and their addresses there.
static int print_routers(struct client *client, const struct network *network, struct error *error)
{
	static const char *const columns[] = {"NAME", "ADDRESSES", NULL};
	struct table *table;
	json_t *items, *item;
	size_t index, count = 0;
	int rc = list(client, MODEL_ROUTER, network->object.tenant, &items, error);

	if (rc)
		return rc;
	table = open_table(columns);
	json_array_foreach (items, index, item) {
		cleanup_object struct object *object = decode(MODEL_ROUTER, item);
		const struct router *router = (const struct router *)object;
		for (size_t i = 0; router && i < router->networks.count; i++) {
			const struct router_network *joined = &router->networks.items[i];
			if (strcmp(joined->network, network->object.name))
				continue;
			count++;
			table_row(table);
			table_cell(table, object->name, TABLE_PLAIN);
			cell_addresses(table, joined, network);
		}
	}
	close_table("Routers:", table, count);
	json_decref(items);
	return 0;
}

// ---- policies ----

// What a rule says and what it has counted; the counts come in the order of the rules, the default last.
static void print_rules(const json_t *json)
{
	static const char *const columns[] = {"RULE", "PRIORITY", "DIRECTION", "ACTION", "FROM",
		"TO", "PORTS", "PACKETS", "BYTES", NULL};
	const json_t *rules = json_object_get(json, "rules"), *count;
	struct table *table = open_table(columns);
	size_t index;

	json_array_foreach (
		json_object_get(json_object_get(json, "status"), "rules"), index, count) {
		const json_t *rule = json_array_get(rules, index);
		cleanup_free char *place = memory_format("rules[%zu]", index);
		const char *name = text(count, "name");
		table_row(table);
		table_cell(table, name ? name : place, TABLE_PLAIN);
		cell_number(table, json_object_get(rule, "priority"));
		cell(table, json_object_get(count, "direction"));
		cell(table, json_object_get(count, "action"));
		cell(table, json_object_get(rule, "from"));
		cell(table, json_object_get(rule, "to"));
		cell(table, json_object_get(rule, "ports"));
		cell_number(table, json_object_get(count, "packets"));
		cell_number(table, json_object_get(count, "bytes"));
	}
	close_table("Rules:", table, table_rows(table));
}

// What rules decided of late that are logged.
static void print_log(const json_t *json)
{
	static const char *const columns[] = {
		"TIME", "RULE", "HOST", "PORT", "ACTION", "PACKET", NULL};
	const json_t *count, *entry;
	struct table *table = open_table(columns);
	size_t index, place;

	json_array_foreach (
		json_object_get(json_object_get(json, "status"), "rules"), index, count) {
		cleanup_free char *number = memory_format("rules[%zu]", index);
		const char *name = text(count, "name");
		json_array_foreach (json_object_get(count, "log"), place, entry) {
			char time[CLOCK_TEXT];
			json_int_t at = json_integer_value(json_object_get(entry, "at"));
			table_row(table);
			table_cell(table, clock_format(at / 1000, time), TABLE_PLAIN);
			table_cell(table, name ? name : number, TABLE_PLAIN);
			cell(table, json_object_get(entry, "host"));
			cell(table, json_object_get(entry, "port"));
			cell(table, json_object_get(entry, "action"));
			cell(table, json_object_get(entry, "packet"));
		}
	}
	if (table_rows(table))
		close_table("Log:", table, table_rows(table));
	else
		table_free(table);
}

typedef bool (*policy_judge)(const struct object *subject, const struct object *policy);

static bool protects(const struct object *subject, const struct object *policy)
{
	return is_protected(policy, (const struct port *)subject);
}

static int is_set(void *context, const char *field, enum model_kind kind, const char *tenant,
	const char *name)
{
	(void)field;
	(void)tenant;
	return kind == MODEL_ADDRESS_SET && !strcmp(name, context);
}

static bool names_set(const struct object *subject, const struct object *policy)
{
	return object_references(policy, is_set, (void *)subject->name) != 0;
}

static int print_policies(struct client *client, const struct object *subject, policy_judge judge,
	struct error *error)
{
	static const char *const columns[] = {"NAME", "TIER", "RULES", "DEFAULT", NULL};
	struct table *table;
	json_t *items, *item;
	size_t index, count = 0;
	int rc = list(client, MODEL_POLICY, subject->tenant, &items, error);

	if (rc)
		return rc;
	table = open_table(columns);
	json_array_foreach (items, index, item) {
		cleanup_object struct object *policy = decode(MODEL_POLICY, item);
		if (!policy || !judge(subject, policy) || count++ >= ROWS_SHOWN)
			continue;
		cleanup_free char *rules = view_cell(item, "rules", false);
		table_row(table);
		table_cell(table, policy->name, TABLE_PLAIN);
		cell_number(table, json_object_get(item, "tier"));
		table_cell(table, rules, TABLE_PLAIN);
		cell(table, json_object_get(item, "default"));
	}
	close_table("Policies:", table, count);
	json_decref(items);
	return 0;
}

// ---- tenants ----

static int print_contents(struct client *client, const char *tenant, struct error *error)
{
	int rc = 0;

	for (enum model_kind kind = 0; !rc && kind < MODEL_KIND_COUNT; kind++) {
		json_t *items;
		if (!model_kind_in_tenant(kind))
			continue;
		rc = list(client, kind, tenant, &items, error);
		if (rc)
			break;
		cleanup_free char *name = memory_format("%s:", model_kind_plural(kind));
		*name = (char)(*name - 32);
		if (strchr(name, '_'))
			*strchr(name, '_') = ' ';
		printf("%-20s %zu\n", name, json_array_size(items));
		json_decref(items);
	}
	return rc;
}

int related_print(
	struct client *client, const struct object *object, const json_t *json, struct error *error)
{
	int rc;

	switch (object->kind) {
	case MODEL_TENANT:
		return print_contents(client, object->name, error);
	case MODEL_HOST:
		return print_ports(client, object, on_host, error);
	case MODEL_NETWORK:
		rc = print_routers(client, (const struct network *)object, error);
		return rc ? rc : print_ports(client, object, on_network, error);
	case MODEL_PORT:
		return print_policies(client, object, protects, error);
	case MODEL_ROUTER:
		return print_router(client, object, json, error);
	case MODEL_ADDRESS_SET:
		return print_policies(client, object, names_set, error);
	case MODEL_POLICY:
		print_rules(json);
		print_log(json);
		return print_ports(client, object, is_protected, error);
	case MODEL_TOKEN:
	case MODEL_ENROLMENT:
	case MODEL_KIND_COUNT:
		break;
	}
	return 0;
}
